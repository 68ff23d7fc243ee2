package issue

import (
	"strconv"

	"github.com/mintage-auth/mintage"
)

// dialectMyParcel is the token endpoint of MyParcel.com, and of others made
// with the same PHP library: a JSON body, and scope * for everything.
var dialectMyParcel = Dialect{
	Name: mintage.DialectMyParcel, Rules: rules(mintage.DialectMyParcel), JSON: true,
	Write: writeMyParcel, Fail: failMyParcel, Status: statusRFC,
}

// writeMyParcel has the members in the order of the family's servers. Its SDK
// pastes token_type into a header that is compared letter by letter.
func writeMyParcel(dst []byte, tok *mintage.AccessToken) []byte {
	dst = appendMember(dst, `{"token_type":`, tok.Type())
	dst = appendExpiresIn(dst, tok)
	dst = appendMember(dst, `,"access_token":`, tok.Value)
	return append(dst, '}')
}

// failMyParcel adds a JSON:API error object, whose code the SDK reads.
func failMyParcel(dst []byte, f *Failure) []byte {
	dst = appendFailure(dst, f)
	dst = append(dst, `,"errors":[{"status":"`...)
	dst = strconv.AppendInt(dst, int64(f.Status), 10)
	dst = append(dst, '"')
	if code := myParcelCode(f.Code); code != "" {
		dst = appendMember(dst, `,"code":`, code)
	}
	dst = appendMember(dst, `,"title":`, f.Code)
	dst = appendMember(dst, `,"detail":`, f.Description)
	return append(dst, `}]}`...)
}

// myParcelCode returns the family's own code of an error; most have none.
func myParcelCode(code string) string {
	switch code {
	case "invalid_client":
		return "14000"
	case "invalid_scope":
		return "14001"
	case "invalid_token":
		return "14002"
	}
	return ""
}
