package examples_test

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/mintagetest"
)

// TestForeignDPoP has a client library that is not ours, oauth4webapi, get tokens
// that are bound to its key (RFC 9449) from an issuer that wants nonces and gives
// that client no other, and call an API that wants nonces of its own.
func TestForeignDPoP(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("installs packages")
	}
	is := mintagetest.New(t, mintagetest.Options{DPoPBound: true, DPoPNonces: true})
	keys := &enforce.RemoteKeySet{URL: is.JWKSURL, Client: &http.Client{Timeout: 30 * time.Second}}
	t.Cleanup(keys.Close)
	v := &enforce.Verifier{
		Issuers: &enforce.Issuer{Name: is.Issuer, Keys: keys}, Audience: is.Audience, DPoP: &enforce.DPoP{Nonces: true},
	}
	api := httptest.NewServer(v.Require(ok, "orders/read"))
	t.Cleanup(api.Close)
	dir, env := npmFolder(t, "dpop-client", "client.mjs")
	node := exec.CommandContext(t.Context(), "env", "node", "client.mjs")
	node.Dir = dir
	node.Env = append(env, "ISSUER="+is.Issuer, "CLIENT_ID="+is.ClientID, "CLIENT_SECRET="+is.ClientSecret, "API_URL="+api.URL+"/orders")
	out, err := node.CombinedOutput()
	want := `{"types":["dpop","dpop"],"statuses":[200,200],"nonces":2,"refused":"invalid_dpop_proof","algs":["ES256","EdDSA","PS256","RS256"]}`
	if got := strings.TrimSpace(string(out)); err != nil || got != want {
		t.Errorf("%v\ngot  %s\nwant %s", err, got, want)
	}
}
