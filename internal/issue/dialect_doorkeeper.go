package issue

import (
	"strconv"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/oauth"
)

// dialectDoorkeeper is the token endpoint of SessionM and of others made with
// Doorkeeper. Parameters may come in the query, credentials too, which RFC 6749
// §2.3.1 forbids: the client's ladder decides.
var dialectDoorkeeper = Dialect{
	Name: mintage.DialectDoorkeeper, Rules: rules(mintage.DialectDoorkeeper), JSON: true, Query: true,
	Write: writeDoorkeeper, Fail: failRFC, Status: statusRFC,
}

func writeDoorkeeper(dst []byte, tok *mintage.AccessToken) []byte {
	dst = appendMember(dst, `{"access_token":`, tok.Value)
	kind := tok.Type()
	if kind == oauth.TokenTypeBearer {
		kind = "bearer"
	}
	dst = appendMember(dst, `,"token_type":`, kind)
	dst = appendExpiresIn(dst, tok)
	dst = appendMember(dst, `,"scope":`, tok.Scope.String())
	dst = append(dst, `,"created_at":`...)
	dst = strconv.AppendInt(dst, tok.IssuedAt.Unix(), 10)
	return append(dst, '}')
}
