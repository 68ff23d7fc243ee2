package issue

import (
	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/oauth"
)

// dialectRFC is RFC 6749 as it is written, and a JSON body, which integrators
// ask of every server.
var dialectRFC = Dialect{
	Name: mintage.DialectRFC, Rules: rules(mintage.DialectRFC), JSON: true,
	Write: writeRFC, Fail: failRFC, Status: statusRFC,
}

// writeRFC is RFC 6749 §5.1. The scope is always there, so that no client has
// to remember what it asked for.
func writeRFC(dst []byte, tok *mintage.AccessToken) []byte {
	dst = appendMember(dst, `{"access_token":`, tok.Value)
	dst = appendMember(dst, `,"token_type":`, tok.Type())
	dst = appendExpiresIn(dst, tok)
	dst = appendMember(dst, `,"scope":`, tok.Scope.String())
	return append(dst, '}')
}

// failRFC is RFC 6749 §5.2 with the trace id.
func failRFC(dst []byte, f *Failure) []byte { return append(appendFailure(dst, f), '}') }

// appendFailure appends all but the closing brace.
func appendFailure(dst []byte, f *Failure) []byte {
	dst = appendMember(dst, `{"error":`, f.Code)
	dst = appendMember(dst, `,"error_description":`, f.Description)
	if f.URI != "" {
		dst = appendMember(dst, `,"error_uri":`, f.URI)
	}
	dst = appendMember(dst, `,"trace_id":`, f.TraceID)
	if f.Debug != "" {
		dst = appendMember(dst, `,"error_debug":`, f.Debug)
	}
	return dst
}

func statusRFC(e *oauth.Error) int { return e.Status }
