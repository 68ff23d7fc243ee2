package mintagetest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/oauth"
)

// TokenOptions say what a token of Server.Token says. The zero value is one that
// Server.ClientID could have got: all scopes, for an hour.
type TokenOptions struct {
	// Life is from now to the claim exp; zero: an hour. A negative one has ended.
	Life time.Duration
	// Claims replace claims of RFC 9068 §2.2 or add others; a nil value leaves one
	// out.
	Claims map[string]any
	// Type is the header parameter typ; empty: at+jwt (RFC 9068 §2.1).
	Type string
	// Alg is the algorithm, one that the issuer has a key of; empty: ES256.
	Alg string
}

// Token returns a signed token with these claims, which nobody asked for: the
// issuer signs what the test says, whether it makes sense or not.
func (s *Server) Token(o TokenOptions) string {
	s.t.Helper()
	var tok string
	s.do("Token", func(ctx context.Context) (err error) {
		tok, err = s.sign(ctx, o)
		return err
	})
	return tok
}

func (s *Server) sign(ctx context.Context, o TokenOptions) (string, error) {
	now := s.front.Now()
	life, typ, alg := o.Life, o.Type, o.Alg
	if life == 0 {
		life = time.Hour
	}
	if typ == "" {
		typ = "at+jwt"
	}
	if alg == "" {
		alg = "ES256"
	}
	claims := map[string]any{
		"iss": s.Issuer, "sub": s.ClientID, "aud": s.Audience, "client_id": s.ClientID, "scope": strings.Join(s.opts.Scopes, " "),
		"iat": now.Unix(), "exp": now.Add(life).Unix(), "jti": rand.Text(),
	}
	if life < 0 {
		claims["iat"] = now.Add(life - time.Hour).Unix()
	}
	maps.Copy(claims, o.Claims)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	ring, err := s.server.Ring(ctx, tenant)
	if err != nil {
		return "", err
	}
	key, err := ring.Signer(alg, now)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(key.Private, jose.Alg(alg), key.ID, jose.HeaderForm{{Name: "alg"}, {Name: "kid"}, {Name: "typ", Value: typ}})
	if err != nil {
		return "", err
	}
	tok, err := signer.AppendSign(nil, payload)
	return string(tok), err
}

// Refuse makes the API and introspection refuse a good token of any format from
// now on, as Hostility does: the issuer itself still thinks that it is good, and
// the next token of the same client and scope is.
func (s *Server) Refuse(token string) {
	s.t.Helper()
	s.do("Refuse", func(ctx context.Context) error {
		info, id, err := s.inspect(ctx, token)
		if err == nil {
			s.front.Refuse(info, id)
		}
		return err
	})
}

// Revoke ends a good token of any format, as its client could (RFC 7009): the
// revocation feed tells it, and introspection knows no more of it.
func (s *Server) Revoke(token string) {
	s.t.Helper()
	s.do("Revoke", func(ctx context.Context) error {
		info, id, err := s.inspect(ctx, token)
		if err != nil {
			return err
		}
		return s.server.Manager().RevokeToken(ctx, manage.Server(), id, info.ID, info.ClientID, time.Unix(info.Expires, 0))
	})
}

// inspect returns what the issuer knows of a token, and which tenant's it is.
func (s *Server) inspect(ctx context.Context, token string) (oauth.Introspection, string, error) {
	info, err := s.opinion.Introspect(ctx, token)
	switch {
	case err != nil:
		return info, "", err
	case !info.Active:
		return info, "", errors.New("the token has ended, or is none of this issuer")
	case info.Issuer == s.CognitoIssuer:
		return info, cognitoTenant, nil
	}
	return info, tenant, nil
}
