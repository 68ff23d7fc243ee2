package enforce

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

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

// parsePayload reads the payload of a JWT, or an introspection answer.
func parsePayload(b []byte) (strictjson.Value, error) {
	doc, err := strictjson.Parse(b, strictjson.Options{})
	if err != nil || doc.Kind() != strictjson.Object {
		return strictjson.Value{}, errors.New("it is not a JSON object with each name once")
	}
	return doc, nil
}

// parseClaims reads a document into a Token, as profile says. A claim that is
// there has to have its type, even where it could be missing.
func parseClaims(doc strictjson.Value, profile *Profile) (*Token, error) {
	c := claims{doc: doc}
	t := &Token{
		Claims: oauth.Claims{
			Issuer: c.text("iss"), Subject: c.text("sub"), Audience: c.audience(),
			Expires: c.time("exp"), IssuedAt: c.time("iat"),
			ID: c.text("jti"), ClientID: profile.client(&c), Scope: c.scope(),
		},
		NotBefore: c.time("nbf"), Confirmation: c.confirmation(),
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

// confirmation reads cnf (RFC 7800 §3.1). A token that is bound in a way that
// we cannot check is refused: whoever bound it did not mean it for everybody.
func (c *claims) confirmation() Confirmation {
	v, ok := c.doc.Lookup("cnf")
	if !ok {
		return Confirmation{}
	}
	member := claims{doc: v}
	cnf := Confirmation{Certificate: member.text("x5t#S256"), Key: member.text("jkt")}
	if v.Kind() != strictjson.Object || member.bad != "" || !cnf.Bound() ||
		cnf.Certificate != "" && !isSHA256(cnf.Certificate) || cnf.Key != "" && !isSHA256(cnf.Key) {
		c.fail("cnf")
	}
	return cnf
}

// isSHA256 says whether s is the base64url form of 32 bytes.
func isSHA256(s string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(b) == sha256.Size
}
