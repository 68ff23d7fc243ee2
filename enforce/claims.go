package enforce

import (
	"fmt"

	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/strictjson"
	"github.com/mintage-auth/mintage/oauth"
)

// latestTime is the end of the year 9999, the last that RFC 3339 can write.
const latestTime = 253402300799

// claims reads members of a payload and keeps the first that is wrong.
type claims struct {
	doc strictjson.Value
	bad string // name of the claim that has the wrong form
}

// parseClaims reads the payload of j into a Token. A claim that is there has to
// have its type, even where it could be missing.
func parseClaims(j *jose.JWS) (*Token, error) {
	doc, err := strictjson.Parse(j.Payload, strictjson.Options{})
	if err != nil || doc.Kind() != strictjson.Object {
		return nil, fmt.Errorf("the payload is not a JSON object with each name once")
	}
	c := claims{doc: doc}
	t := &Token{
		Claims: oauth.Claims{
			Issuer: c.text("iss"), Subject: c.text("sub"), Audience: c.audience(),
			Expires: c.time("exp"), IssuedAt: c.time("iat"),
			ID: c.text("jti"), ClientID: c.text("client_id"), Scope: c.scope(),
		},
		NotBefore: c.time("nbf"), KeyID: j.KeyID, Algorithm: string(j.Alg), payload: j.Payload,
	}
	if c.bad != "" {
		return nil, fmt.Errorf("claim %s has the wrong form", c.bad)
	}
	return t, nil
}

func (c *claims) fail(name string) {
	if c.bad == "" {
		c.bad = name
	}
}

func (c *claims) text(name string) string {
	v, ok := c.doc.Lookup(name)
	if !ok {
		return ""
	}
	s, ok := v.Str()
	if !ok {
		c.fail(name)
	}
	return s
}

// time reads a NumericDate (RFC 7519 §2) of whole seconds. Zero stands for one
// that is missing.
func (c *claims) time(name string) int64 {
	v, ok := c.doc.Lookup(name)
	if !ok {
		return 0
	}
	n, ok := v.Int64()
	if !ok || n <= 0 || n > latestTime {
		c.fail(name)
	}
	return n
}

// audience reads one string or an array of them (RFC 7519 §4.1.3).
func (c *claims) audience() oauth.Audience {
	v, ok := c.doc.Lookup("aud")
	if !ok {
		return nil
	}
	if s, ok := v.Str(); ok {
		return oauth.Audience{s}
	}
	many, ok := v.Strings()
	if !ok {
		c.fail("aud")
	}
	return many
}

// scope reads the scope claim (RFC 9068 §2.2.3), or the array scopes that some
// issuers have instead.
func (c *claims) scope() oauth.Scope {
	if v, ok := c.doc.Lookup("scope"); ok {
		s, ok := v.Str()
		sc, err := oauth.ParseScope(s)
		if !ok || err != nil {
			c.fail("scope")
		}
		return sc
	}
	v, ok := c.doc.Lookup("scopes")
	if !ok {
		return nil
	}
	tokens, ok := v.Strings()
	for _, s := range tokens {
		ok = ok && oauth.ValidScopeToken(s)
	}
	if !ok {
		c.fail("scopes")
		return nil
	}
	return oauth.NewScope(tokens...)
}

// missing returns the name of a claim that RFC 9068 §2.2 demands and t lacks.
func (t *Token) missing() string {
	switch {
	case t.Subject == "":
		return "sub"
	case t.ClientID == "":
		return "client_id"
	case t.IssuedAt == 0:
		return "iat"
	case t.ID == "":
		return "jti"
	}
	return ""
}
