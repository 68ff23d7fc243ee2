package clientauth

import (
	"errors"

	"github.com/mintage-auth/mintage/oauth"
)

// basicMethod is HTTP Basic (RFC 6749 §2.3.1).
var basicMethod = method{name: oauth.AuthBasic, needs: oauth.AuthBasic, find: findBasic, refuse: refuseHeader}

// findBasic reads the Authorization header. Other schemes are ignored: some
// clients attach an old bearer token to every request.
func findBasic(r *Request) (*claim, *oauth.Error) {
	switch len(r.Authorization) {
	case 0:
		return nil, nil
	case 1:
	default: // RFC 9110 §11.6.2: one field line
		return nil, oauth.InvalidRequest("auth.two_methods", "the Authorization header is repeated")
	}
	sent, err := oauth.ParseBasic(r.Authorization[0])
	switch {
	case errors.Is(err, oauth.ErrNoBasic):
		return nil, nil
	case err != nil:
		return nil, oauth.InvalidRequest("auth.basic_malformed", "the Authorization header is not well-formed Basic")
	}
	c := &claim{}
	readings := c.room[:0]
	if decoded, ok := sent.Decoded(); ok {
		readings = append(readings, reading{id: decoded.ID, secret: decoded.Secret})
	}
	// RFC 6749 §2.3.1 has both halves form-encoded, and many clients do not
	// encode. Where both readings agree there is one.
	if len(readings) == 0 || readings[0].id != sent.ID || readings[0].secret != sent.Secret {
		readings = append(readings, reading{id: sent.ID, secret: sent.Secret, raw: true})
	}
	for _, rd := range readings {
		if err := bounded(rd.id, rd.secret); err != nil {
			return nil, err
		}
	}
	if r.ClientID == "" {
		c.readings = readings
		return c, nil
	}
	// RFC 6749 §3.2.1: a client_id beside the header names the same client.
	var named []reading
	for _, rd := range readings {
		if rd.id == r.ClientID {
			named = append(named, rd)
		}
	}
	if len(named) == 0 {
		return nil, oauth.InvalidRequest("auth.two_methods", "client_id mismatch: the Authorization header and the parameter differ")
	}
	return &claim{readings: named}, nil
}
