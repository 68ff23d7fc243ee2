package mintagetest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/mintagetest"
)

// A client that proves its key gets a bound token, in each dialect; one that has
// to and does not gets none; and APIURL does not take it for a bearer token.
func TestDPoP(t *testing.T) {
	t.Parallel()
	s := mintagetest.New(t, mintagetest.Options{DPoPBound: true, DPoPNonces: true})
	for target, auth := range map[string]consume.Auth{s.TokenURL: consume.Basic, s.MyParcelURL: consume.JSON, s.DoorkeeperURL: consume.Query} {
		c := agent(s, target, auth)
		if tok, err := c.Token(t.Context()); err == nil || !strings.Contains(err.Error(), "invalid_dpop_proof") {
			t.Errorf("%s: without a proof %v, %v", auth, tok, err)
		}
		c = agent(s, target, auth)
		c.DPoP = &consume.DPoP{}
		tok := mustToken(t, c)
		if tok.Type != "DPoP" {
			t.Errorf("%s: a token of the type %s", auth, tok.Type)
		}
		jkt, err := c.DPoP.Thumbprint()
		if info := introspect(t, s, s.IntrospectURL, tok.Value); err != nil || !info.Active || info.TokenType != "DPoP" || info.Confirmation.Key != jkt {
			t.Errorf("%s: introspection says %+v (%v)", auth, info, err)
		}
		if status, body := call(t, s, s.APIURL, tok.Value); status != http.StatusUnauthorized || !strings.Contains(body, "invalid_token") {
			t.Errorf("%s: the API answers %d %s", auth, status, body)
		}
	}
}
