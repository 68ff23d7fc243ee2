package clientauth

import (
	"errors"
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/strictjson"
)

// AssertionType is the only client_assertion_type that is taken (RFC 7523 §2.2).
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// maxAssertionID bounds a jti, in bytes: what is kept of it is a digest.
const maxAssertionID = 512

// assertion is what a client assertion says. Nothing of it may be believed
// before its signature was checked.
type assertion struct {
	jws      *jose.JWS
	client   string // iss and sub, which are the same
	audience []string
	single   bool // whether aud is one string, and no list
	id       string

	expires           time.Time
	issued, notBefore time.Time // zero: not said
}

// assertionError says why an assertion was refused. It shows nothing of what was
// in it.
type assertionError struct{ reason, why string }

func (e assertionError) Error() string  { return e.why }
func (e assertionError) Reason() string { return e.reason }

func malformedAssertion(why string) error { return assertionError{"assertion.malformed", why} }

// readAssertion reads the assertion of a request (RFC 7523 §3). Errors are
// reasoned.
func readAssertion(r *Request) (*assertion, error) {
	switch {
	case r.AssertionType != AssertionType:
		return nil, malformedAssertion("client_assertion_type is not " + AssertionType)
	case r.Assertion == "":
		return nil, malformedAssertion("client_assertion is missing")
	}
	jws, err := jose.Parse(r.Assertion)
	if je, ok := errors.AsType[*jose.Error](err); ok && je.Reason == jose.BadAlgorithm {
		return nil, assertionError{"assertion.alg", je.Msg}
	}
	if err != nil {
		return nil, malformedAssertion(err.Error())
	}
	// draft-ietf-oauth-rfc7523bis §4 names the type; a token of another kind is
	// never taken for an assertion (RFC 8725 §3.12).
	if jws.Type != "" && !jose.TypeIs(jws.Type, "JWT") && !jose.TypeIs(jws.Type, "client-authentication+jwt") {
		return nil, malformedAssertion("its typ is that of another kind of token")
	}
	claims, err := strictjson.Parse(jws.Payload, strictjson.Options{})
	if err != nil || claims.Kind() != strictjson.Object {
		return nil, malformedAssertion("the claims are not a JSON object with each name once")
	}
	as := &assertion{jws: jws}
	if err := as.readParties(claims, r.ClientID); err != nil {
		return nil, err
	}
	return as, as.readTimes(claims)
}

// readParties reads iss, sub and aud.
func (as *assertion) readParties(claims strictjson.Value, clientID string) error {
	iss, err := textClaim(claims, "iss")
	if err != nil {
		return err
	}
	sub, err := textClaim(claims, "sub")
	if err != nil {
		return err
	}
	// RFC 7523 §3(1) and (2): both are the client_id; RFC 7521 §4.2: and the
	// parameter is, where it is sent.
	if iss != sub || clientID != "" && clientID != sub {
		return assertionError{"assertion.subject", "iss, sub and the client_id of the request are not one and the same"}
	}
	as.client = sub
	aud, _ := claims.Lookup("aud")
	if s, ok := aud.Str(); ok {
		as.audience, as.single = []string{s}, true
		return nil
	}
	list, ok := aud.Strings()
	if !ok || len(list) == 0 {
		return malformedAssertion("aud is missing, or no text")
	}
	as.audience = list
	return nil
}

// readTimes reads exp, iat, nbf and jti.
func (as *assertion) readTimes(claims strictjson.Value) (err error) {
	if as.id, err = textClaim(claims, "jti"); err != nil {
		return err
	}
	if len(as.id) > maxAssertionID {
		return malformedAssertion("jti is longer than 512 bytes")
	}
	for _, c := range []struct {
		name   string
		at     *time.Time
		needed bool
	}{{"exp", &as.expires, true}, {"iat", &as.issued, false}, {"nbf", &as.notBefore, false}} {
		if *c.at, err = timeClaim(claims, c.name, c.needed); err != nil {
			return err
		}
	}
	return nil
}

// textClaim reads a claim that is text and not empty.
func textClaim(claims strictjson.Value, name string) (string, error) {
	v, _ := claims.Lookup(name)
	s, ok := v.Str()
	if !ok || s == "" {
		return "", malformedAssertion(name + " is missing, or no text")
	}
	return s, nil
}

// timeClaim reads a NumericDate (RFC 7519 §2), in whole seconds.
func timeClaim(claims strictjson.Value, name string, needed bool) (time.Time, error) { //nolint:revive // RFC 7523 has both kinds
	v, ok := claims.Lookup(name)
	if !ok && !needed {
		return time.Time{}, nil
	}
	const last = 1 << 40 // seconds: in 36,000 years
	n, ok := v.Float64()
	if !ok || n < 1 || n > last {
		return time.Time{}, malformedAssertion(name + " is missing, or no time in seconds")
	}
	return time.Unix(int64(n), 0), nil
}

// checkAudience holds the audience to the issuer alone
// (draft-ietf-oauth-rfc7523bis §4): an assertion that names a token endpoint
// could have been made for another issuer that named ours. The client's ladder
// may let it through all the same.
func (as *assertion) checkAudience(t *mintage.Tenant, c *mintage.Client, now time.Time) ([]mintage.Rung, error) {
	if as.single && as.audience[0] == t.Issuer {
		return nil, nil
	}
	refused := assertionError{"assertion.audience", "aud is not the issuer and nothing else"}
	if c.Rung(mintage.RungAssertionAudience, now) == mintage.LadderRefuse {
		return nil, refused
	}
	if slices.ContainsFunc(as.audience, func(aud string) bool { return aud != t.Issuer && !t.HasTokenEndpoint(aud) }) {
		return nil, refused
	}
	return []mintage.Rung{mintage.RungAssertionAudience}, nil
}

// checkTimes checks when the assertion is good (RFC 7523 §3(4) to (6)).
func (as *assertion) checkTimes(now time.Time) error {
	switch {
	case !now.Before(as.expires.Add(assertionLeeway)):
		return assertionError{"assertion.expired", "the assertion expired " + since(now, as.expires) + " ago"}
	case as.expires.Sub(now) > assertionLife+assertionLeeway:
		return assertionError{"assertion.expired", "the assertion lives " + since(as.expires, now) + " more, and five minutes are the most"}
	case as.issued.After(now.Add(assertionLeeway)):
		return assertionError{"assertion.not_yet", "iat is " + since(as.issued, now) + " ahead of the server's clock"}
	case as.notBefore.After(now.Add(assertionLeeway)):
		return assertionError{"assertion.not_yet", "nbf is " + since(as.notBefore, now) + " ahead of the server's clock"}
	}
	return nil
}

// since is a time that lies between two others, in whole seconds.
func since(later, earlier time.Time) string { return later.Sub(earlier).Truncate(time.Second).String() }
