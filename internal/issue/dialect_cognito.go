package issue

import (
	"net/http"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/oauth"
)

// dialectCognito is the token endpoint of an AWS Cognito user pool.
var dialectCognito = Dialect{
	Name: mintage.DialectCognito, Rules: rules(mintage.DialectCognito),
	Write: writeCognito, Fail: failCognito, Status: statusCognito,
}

func writeCognito(dst []byte, tok *mintage.AccessToken) []byte {
	dst = appendMember(dst, `{"access_token":`, tok.Value)
	dst = appendExpiresIn(dst, tok)
	return append(appendMember(dst, `,"token_type":`, tok.Type()), '}')
}

// failCognito says the code and no more; the trace id is in X-Request-Id.
func failCognito(dst []byte, f *Failure) []byte {
	dst = appendMember(dst, `{"error":`, f.Code)
	if f.Debug != "" {
		dst = appendMember(dst, `,"error_debug":`, f.Debug)
	}
	return append(dst, '}')
}

// statusCognito answers failed authentication like any other error of RFC 6749
// §5.2, and without a challenge.
func statusCognito(e *oauth.Error) int {
	if e.Status == http.StatusUnauthorized {
		return http.StatusBadRequest
	}
	return e.Status
}
