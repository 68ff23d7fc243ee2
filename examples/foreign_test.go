package examples_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/jose"
)

// counting counts the requests that go through it.
type counting struct {
	http.RoundTripper

	n atomic.Int64
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.RoundTripper.RoundTrip(r)
}

// calls sends n requests with a body at once and reports what does not come back
// as it should.
func calls(t *testing.T, name string, api *http.Client, target string, n int) {
	t.Helper()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			res, err := api.Post(fmt.Sprintf("%s/orders/%d", target, i), "text/plain", strings.NewReader("hello"))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Errorf("%s: call %d was answered %d", name, i, res.StatusCode)
			}
		})
	}
	all.Wait()
}

// refuseOnce stands before an API and refuses the first token that it sees, as
// an API does that knows more of a token than its end.
func refuseOnce(api http.Handler) http.Handler {
	var first atomic.Pointer[string]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := r.Header.Get("Authorization")
		if first.CompareAndSwap(nil, &sent) || *first.Load() == sent {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		api.ServeHTTP(w, r)
	})
}

var ok = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })

// transport returns a client of an API that keeps its token in a Source.
func transport(t *testing.T, cc *consume.ClientCredentials, origin string) (*http.Client, *counting) {
	t.Helper()
	asked := &counting{RoundTripper: &http.Transport{}}
	cc.HTTPClient = &http.Client{Transport: asked, Timeout: 30 * time.Second}
	src := &consume.Source{Fetcher: cc}
	t.Cleanup(src.Close)
	return &http.Client{
		Transport: &consume.Transport{Source: src, Origins: []string{origin}, Base: &http.Transport{MaxIdleConnsPerHost: 50}}, Timeout: 30 * time.Second,
	}, asked
}

// m2mSecret is the secret of the client of testdata/consume.
const m2mSecret = "a-secret-that-was-brought-along-0123456789" // #nosec G101 -- of a test

// TestConsumeServe has Source and Transport keep tokens of mintage serve in its
// four dialects: twenty calls at once, whose first token is refused, need two
// requests for a token.
func TestConsumeServe(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a server and makes RSA keys")
	}
	ex := start(t, "testdata/consume", "M2M_SECRET="+m2mSecret)
	for _, d := range []struct {
		name, issuer, path string
		auth               consume.Auth
		scope              []string
	}{
		{"rfc", "", "/oauth2/token", consume.Basic, []string{"orders/read"}},
		{"rfc", "", "/oauth2/token", consume.Post, []string{"orders/read"}},
		{"cognito", "/cognito", "/oauth2/token", consume.Basic, []string{"orders/read"}},
		{"myparcel", "", "/access-token", consume.JSON, []string{"*"}},
		{"doorkeeper", "", "/oauth/token", consume.Query, nil},
	} {
		name := d.name + " " + string(d.auth)
		var seen sync.Map
		api := httptest.NewServer(refuseOnce(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); found {
				seen.Store(token, true)
				ok(w, r)
			}
		})))
		client, asked := transport(t, &consume.ClientCredentials{
			TokenURL: ex.base + d.issuer + d.path, ClientID: "m2m-client", Secret: consume.SecretValue(m2mSecret), Auth: d.auth, Scope: d.scope,
		}, api.URL)
		calls(t, name, client, api.URL, 20)
		if n := asked.n.Load(); n != 2 {
			t.Errorf("%s: %d requests for a token, want 2", name, n)
		}
		seen.Range(func(token, _ any) bool {
			info := ex.introspect(d.issuer, fmt.Sprint(token))
			if !strings.Contains(info, `"active":true`) {
				t.Errorf("%s: the API saw a token of which the server says %s", name, info)
			}
			return true
		})
		api.Close()
	}
}

// introspect asks the server about a token, as the token's own client.
func (ex *example) introspect(issuer, token string) string {
	ex.t.Helper()
	file := filepath.Join(ex.t.TempDir(), "curl")
	if err := os.WriteFile(file, fmt.Appendf(nil, "user = \"m2m-client:%s\"\ndata = \"token=%s\"\n", m2mSecret, token), 0o600); err != nil {
		ex.t.Fatal(err)
	}
	return ex.run("curl", "-sS", "-K", file, ex.base+issuer+"/oauth2/introspect")
}

// TestForeignIssuer has Source and Transport keep tokens of an issuer that is not
// ours, node-oidc-provider, and enforce verify them by that issuer's keys.
func TestForeignIssuer(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("installs packages")
	}
	const audience, secret = "https://api.foreign.example", "a-secret-of-the-foreign-issuer-0123456789"
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := jose.NewKey(key.Public(), "client-key", "ES256")
	if err != nil {
		t.Fatal(err)
	}
	issuer := foreign(t, "CLIENT_SECRET="+secret, "CLIENT_JWK="+string(public.AppendJWK(nil)), "LIFE=3", "AUDIENCE="+audience)
	hc := &http.Client{Timeout: 30 * time.Second}
	meta, err := consume.Discover(t.Context(), hc, issuer)
	if err != nil {
		t.Fatal(err)
	}
	keys := &enforce.RemoteKeySet{URL: meta.JWKSURI, Client: hc}
	t.Cleanup(keys.Close)
	v := &enforce.Verifier{Issuers: &enforce.Issuer{Name: issuer, Keys: keys}, Audience: audience}
	for _, auth := range []consume.Auth{consume.Basic, consume.Post, consume.PrivateKeyJWT} {
		api := httptest.NewServer(refuseOnce(v.Require(ok, "orders/read")))
		cc := &consume.ClientCredentials{
			TokenURL: meta.TokenEndpoint, Auth: auth, Scope: []string{"orders/read"}, Resource: []string{audience},
		}
		if auth == consume.PrivateKeyJWT {
			cc.ClientID, cc.Issuer = "private_key_jwt", issuer
			cc.Key = consume.KeyValue(&consume.SigningKey{Signer: key, ID: "client-key"})
		} else {
			cc.ClientID = map[consume.Auth]string{consume.Basic: "client_secret_basic", consume.Post: "client_secret_post"}[auth]
			cc.Secret = consume.SecretValue(secret)
		}
		client, asked := transport(t, cc, api.URL)
		calls(t, string(auth), client, api.URL, 20)
		if n := asked.n.Load(); n != 2 {
			t.Errorf("%s: %d requests for a token, want 2", auth, n)
		}
		// And through the end of a life: no call fails.
		tick := time.NewTicker(100 * time.Millisecond)
		for range 40 {
			if t.Failed() {
				return
			}
			calls(t, string(auth), client, api.URL, 2)
			<-tick.C
		}
		tick.Stop()
		if n := asked.n.Load(); n < 3 || n > 6 {
			t.Errorf("%s: %d requests for a token in four seconds of lives of three", auth, n)
		}
		api.Close()
	}
}

// foreign starts node-oidc-provider with npm's packages and returns its issuer.
func foreign(t *testing.T, env ...string) string {
	t.Helper()
	dir, all := npmFolder(t, "oidc-provider", "server.mjs")
	env = append(all, env...)
	node := exec.CommandContext(t.Context(), "env", "node", "server.mjs")
	node.Dir, node.Env = dir, env
	var stderr strings.Builder
	node.Stderr = &stderr
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = node.Process.Kill()
		_ = node.Wait()
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "http://127.0.0.1:") {
			return lines.Text()
		}
	}
	_ = node.Wait()
	t.Fatalf("oidc-provider did not start:\n%s", stderr.String())
	return ""
}

// npmFolder makes a folder with a program of testdata and the packages that it
// needs, and returns it with an environment in which node runs there.
func npmFolder(t *testing.T, name, program string) (dir string, env []string) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(cache, "mintage-examples", name)
	if err := os.RemoveAll(filepath.Join(dir, program)); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{program, "package.json"} {
		data, err := os.ReadFile(filepath.Join("testdata", name, file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env = append(os.Environ(), "PATH="+nodeFolder(t)+os.Getenv("PATH"))
	install := exec.CommandContext(t.Context(), "env", "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline")
	install.Dir, install.Env = dir, env
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("the packages of %s cannot be installed: %v\n%s", name, err, out)
	}
	return dir, env
}
