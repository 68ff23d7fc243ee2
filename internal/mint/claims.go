package mint

import (
	"errors"
	"strconv"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/strictjson"
)

// profile is a claims profile: the header's members and the payload.
type profile struct {
	header jose.HeaderForm
	append func(dst []byte, o *order) ([]byte, error)
}

var profiles = map[mintage.ClaimsProfile]profile{
	mintage.ClaimsRFC: {
		header: jose.HeaderForm{{Name: "alg"}, {Name: "kid"}, {Name: "typ", Value: "at+jwt"}}, // RFC 9068 §2.1
		append: appendRFC,
	},
	mintage.ClaimsCognito: {
		header: jose.HeaderForm{{Name: "kid"}, {Name: "alg"}},
		append: appendCognito,
	},
	mintage.ClaimsMyParcel: {
		header: jose.HeaderForm{{Name: "typ", Value: "JWT"}, {Name: "alg"}, {Name: "kid"}},
		append: appendMyParcel,
	},
}

var errNoAudience = errors.New("the decision names no audience")

// appendRFC appends the claims of RFC 9068 §2.2.
func appendRFC(dst []byte, o *order) ([]byte, error) {
	dst, err := appendOpenRFC(dst, o)
	return append(dst, '}'), err
}

// appendMyParcel appends the claims of RFC 9068 and the scopes once more, as
// League's servers write them.
func appendMyParcel(dst []byte, o *order) ([]byte, error) {
	dst, err := appendOpenRFC(dst, o)
	dst = append(dst, `,"scopes":`...)
	dst = appendStrings(dst, o.az.Scope)
	return append(dst, '}'), err
}

// appendOpenRFC appends the claims of RFC 9068 without the closing brace.
func appendOpenRFC(dst []byte, o *order) ([]byte, error) {
	az := o.az
	if len(az.Audience) == 0 {
		return dst, errNoAudience
	}
	dst = append(dst, `{"iss":`...)
	dst = strictjson.AppendString(dst, az.Tenant.Issuer)
	dst = append(dst, `,"sub":`...)
	dst = strictjson.AppendString(dst, az.Subject)
	dst = append(dst, `,"aud":`...)
	if len(az.Audience) == 1 {
		dst = strictjson.AppendString(dst, az.Audience[0])
	} else {
		dst = appendStrings(dst, az.Audience)
	}
	dst = append(dst, `,"client_id":`...)
	dst = strictjson.AppendString(dst, az.Client.ID)
	dst = appendScope(dst, az.Scope)
	dst = append(dst, `,"iat":`...)
	dst = strconv.AppendInt(dst, o.tok.IssuedAt.Unix(), 10)
	dst = append(dst, `,"exp":`...)
	dst = strconv.AppendInt(dst, o.tok.Expires.Unix(), 10)
	dst = append(dst, `,"jti":`...)
	return appendConfirmation(strictjson.AppendString(dst, o.tok.JTI), az), nil
}

// appendConfirmation appends the claim cnf of a token that is bound to a key
// (RFC 9449 §6.1).
func appendConfirmation(dst []byte, az *mintage.Authorization) []byte {
	if az.KeyThumbprint == "" {
		return dst
	}
	dst = append(dst, `,"cnf":{"jkt":`...)
	return append(strictjson.AppendString(dst, az.KeyThumbprint), '}')
}

// appendCognito appends the claims of a Cognito access token for a machine, in
// Cognito's order. It has no aud.
func appendCognito(dst []byte, o *order) ([]byte, error) {
	issued := o.tok.IssuedAt.Unix()
	dst = append(dst, `{"sub":`...)
	dst = strictjson.AppendString(dst, o.az.Subject)
	dst = append(dst, `,"token_use":"access"`...)
	dst = appendScope(dst, o.az.Scope)
	dst = append(dst, `,"auth_time":`...)
	dst = strconv.AppendInt(dst, issued, 10)
	dst = append(dst, `,"iss":`...)
	dst = strictjson.AppendString(dst, o.az.Tenant.Issuer)
	dst = append(dst, `,"exp":`...)
	dst = strconv.AppendInt(dst, o.tok.Expires.Unix(), 10)
	dst = append(dst, `,"iat":`...)
	dst = strconv.AppendInt(dst, issued, 10)
	dst = append(dst, `,"version":2,"jti":`...)
	dst = strictjson.AppendString(dst, o.tok.JTI)
	dst = append(dst, `,"client_id":`...)
	dst = appendConfirmation(strictjson.AppendString(dst, o.az.Client.ID), o.az)
	return append(dst, '}'), nil
}

// appendScope appends the member scope, which an empty scope has not: its
// grammar knows no empty string (RFC 6749 §3.3).
func appendScope(dst []byte, scope []string) []byte {
	if len(scope) == 0 {
		return dst
	}
	dst = append(dst, `,"scope":"`...)
	for i, s := range scope {
		if i > 0 {
			dst = append(dst, ' ')
		}
		start := len(dst)
		dst = strictjson.AppendString(dst, s) // with quotes, of which the first is
		dst = append(dst[:start], dst[start+1:len(dst)-1]...)
	}
	return append(dst, '"')
}

func appendStrings(dst []byte, ss []string) []byte {
	dst = append(dst, '[')
	for i, s := range ss {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strictjson.AppendString(dst, s)
	}
	return append(dst, ']')
}
