package issue_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/issue"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/oauth"
)

// prove sends a token request with proofs to a token endpoint.
func (f *fixture) prove(tb testing.TB, tokenURL, client string, proofs ...string) *httptest.ResponseRecorder {
	tb.Helper()
	body := url.Values{"grant_type": {"client_credentials"}, "scope": {"orders/read"}}
	r := httptest.NewRequestWithContext(tb.Context(), http.MethodPost, tokenURL, strings.NewReader(body.Encode()))
	r.RemoteAddr = "127.0.0.1:40000"
	r.Header.Set("Content-Type", form)
	r.Header.Set("Authorization", oauth.BasicHeader(client, secretOf(client)))
	r.Header["Dpop"] = proofs
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

// toldOf returns status, error code and, with a token, its type.
func toldOf(tb testing.TB, w *httptest.ResponseRecorder) string {
	tb.Helper()
	var res struct {
		Code string `json:"error"`
		Type string `json:"token_type"`
	}
	must(tb, json.Unmarshal(w.Body.Bytes(), &res))
	return fmt.Sprintf("%d %s%s", w.Code, res.Code, res.Type)
}

// DP-17, RFC 9449 §11.1: of a hundred copies of one proof at the same time, at
// two nodes with one database, one gets a token; and none when all is over.
func TestDPoPOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	nodes := []*fixture{f.with(t, func(*issue.Handler) {}), f.with(t, func(*issue.Handler) {})}
	p := proof(t, "once")
	var mu sync.Mutex
	got := map[string]int{}
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			told := toldOf(t, nodes[i%2].prove(t, tokenURL, "orders", p))
			mu.Lock()
			defer mu.Unlock()
			got[told]++
		})
	}
	wg.Wait()
	if got["200 DPoP"] != 1 || got["400 invalid_dpop_proof"] != 99 {
		t.Errorf("got %v, want one token", got)
	}
	for i, node := range nodes {
		if told := toldOf(t, node.prove(t, tokenURL, "orders", p)); told != "400 invalid_dpop_proof" {
			t.Errorf("node %d, later: %s", i, told)
		}
	}
	// The jti is the key's own: another client may come to the same.
	same := "jti=" + rand.Text()
	for _, key := range []string{"a", "b"} {
		if told := toldOf(t, f.prove(t, tokenURL, "orders", proof(t, key, same))); told != "200 DPoP" {
			t.Errorf("the jti of another key: %s", told)
		}
	}
}

// DP-10: a nonce is taken for its life and the next, at all nodes that share the
// key and at no other; it is not that of another tenant; and each answer brings
// the newest, once.
func TestTokenNonce(t *testing.T) {
	t.Parallel()
	const at = "https://fresh.example/oauth2/token"
	now := epoch
	node := func(key byte) *fixture {
		return newFixture(t).with(t, func(h *issue.Handler) {
			h.Now, h.NonceKey = func() time.Time { return now }, [32]byte{key}
		})
	}
	one, two, other := node(1), node(1), node(2)
	send := func(f *fixture, nonce string) string {
		t.Helper()
		iat := fmt.Sprintf("iat=%s", now.Sub(epoch))
		w := f.prove(t, at, "orders", proof(t, "a", "htu="+at, iat, "nonce="+nonce))
		if n := len(w.Header().Values("DPoP-Nonce")); n != 1 {
			t.Errorf("%d headers DPoP-Nonce", n)
		}
		return toldOf(t, w)
	}
	nonceOf := func(f *fixture) string { return f.prove(t, at, "orders").Header().Get("DPoP-Nonce") }
	first := nonceOf(one)
	if nonceOf(two) != first || nonceOf(other) == first || len(first) < 40 {
		t.Errorf("nonces %q, %q and %q", first, nonceOf(two), nonceOf(other))
	}
	for _, tt := range []struct {
		after time.Duration
		at    *fixture
		nonce string
		want  string
	}{
		{0, one, first, "200 DPoP"},
		{0, two, first, "200 DPoP"},
		{0, other, first, "400 use_dpop_nonce"},
		{0, one, "-", "400 use_dpop_nonce"},
		{0, one, "", "400 use_dpop_nonce"},
		{0, one, first[:len(first)-1], "400 use_dpop_nonce"},
		{3 * time.Minute, one, first, "200 DPoP"},
		{6 * time.Minute, one, first, "400 use_dpop_nonce"},
	} {
		now = epoch.Add(tt.after)
		if got := send(tt.at, tt.nonce); got != tt.want {
			t.Errorf("%q after %s: %s, want %s", tt.nonce, tt.after, got, tt.want)
		}
	}
	if w := one.post(t, "/oauth2/token", "orders", url.Values{"grant_type": {"client_credentials"}}); w.Header().Get("DPoP-Nonce") != "" {
		t.Error("a tenant that wants no nonces gives one")
	}
}

// DP-09: what the URL of a proof is compared with is configured: the issuer and
// the aliases, and never the Host or what a proxy says.
func TestTokenURLs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	acme, err := f.dir.Tenant(t.Context(), "acme")
	must(t, err)
	tenant := *acme
	tenant.Issuer, tenant.Aliases = "https://Auth.example:443/eu", []string{"inside:9400", "localhost:9400", "[::1]:9400"}
	for htu, want := range map[string]string{
		"https://auth.example/eu/oauth2/token":      "200 DPoP",
		"https://inside:9400/eu/oauth2/token":       "200 DPoP",
		"http://localhost:9400/eu/oauth2/token":     "200 DPoP",
		"https://localhost:9400/eu/oauth2/token":    "200 DPoP",
		"http://[::1]:9400/eu/oauth2/token":         "200 DPoP",
		"http://inside:9400/eu/oauth2/token":        "400 invalid_dpop_proof",
		"https://inside/eu/oauth2/token":            "400 invalid_dpop_proof",
		"https://auth.example/oauth2/token":         "400 invalid_dpop_proof",
		"https://auth.example/eu":                   "400 invalid_dpop_proof",
		"https://evil.example/eu/oauth2/token":      "400 invalid_dpop_proof",
		"https://auth.example/eu/oauth2/token/":     "400 invalid_dpop_proof",
		"https://u@auth.example/eu/oauth2/token":    "400 invalid_dpop_proof",
		"https://auth.example:8443/eu/oauth2/token": "400 invalid_dpop_proof",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/eu/oauth2/token", strings.NewReader("grant_type=client_credentials"))
		r.Host, r.RemoteAddr = "evil.example", "127.0.0.1:40000"
		r.Header.Set("Content-Type", form)
		r.Header.Set("Authorization", oauth.BasicHeader("orders", secretOf("orders")))
		r.Header.Set("X-Forwarded-Host", "evil.example")
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("DPoP", proof(t, "a", "htu="+htu))
		w := httptest.NewRecorder()
		f.Token(w, r, &tenant, "rfc")
		if got := toldOf(t, w); got != want {
			t.Errorf("%s: %s, want %s", htu, got, want)
		}
	}
}

// DP-12, RFC 9449 §6: whatever the format and the claims, the token says whose
// key it is bound to, at introspection too; and every algorithm that metadata
// lists is taken.
func TestBoundTokens(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	want := `"cnf":{"jkt":"` + thumbprint(t, "a") + `"}`
	for path := range everyPath {
		for _, client := range []string{"orders", "sealed", "stored", "rsa"} {
			at := "https://auth.example" + path
			w := f.prove(t, at, client, proof(t, "a", "htu="+at))
			var res oauth.TokenResponse
			must(t, json.Unmarshal(w.Body.Bytes(), &res))
			if w.Code != http.StatusOK || res.TokenType != "DPoP" {
				t.Errorf("%s at %s: %d %s", client, path, w.Code, w.Body)
				continue
			}
			if parts := strings.Split(res.AccessToken, "."); len(parts) == 3 {
				claims, err := base64.RawURLEncoding.DecodeString(parts[1])
				if err != nil || strings.Count(string(claims), want) != 1 {
					t.Errorf("%s at %s: claims %s", client, path, claims)
				}
			}
			for range 2 { // a JWT that was verified before is remembered
				w = f.post(t, issue.IntrospectPath, client, url.Values{"token": {res.AccessToken}})
				if got := w.Body.String(); strings.Count(got, want) != 1 || strings.Count(got, `"token_type":"DPoP"`) != 1 {
					t.Errorf("%s at %s: introspection says %s", client, path, got)
				}
			}
		}
	}
	for _, alg := range mintage.SigningAlgs() {
		name, _ := jose.ParseAlg(alg)
		priv, err := jose.GenerateKey(name)
		must(t, err)
		if told := toldOf(t, f.prove(t, tokenURL, "orders", proofWith(t, priv, name))); told != "200 DPoP" {
			t.Errorf("%s: %s", alg, told)
		}
	}
}

// proofWith makes a proof for the token endpoint of acme with a key of any kind.
func proofWith(t *testing.T, priv crypto.Signer, alg jose.Alg) string {
	t.Helper()
	s, err := jose.NewSigner(priv, alg, "", jose.HeaderForm{{Name: "typ", Value: "dpop+jwt"}, {Name: "alg"}, {Name: "jwk"}})
	must(t, err)
	payload, err := json.Marshal(map[string]any{"jti": rand.Text(), "htm": "POST", "htu": tokenURL, "iat": epoch.Unix()})
	must(t, err)
	jwt, err := s.AppendSign(nil, payload)
	must(t, err)
	return string(jwt)
}

// A refusal is logged with its reason, and a token with its type.
func TestDPoPOutcome(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var last issue.Outcome
	f.Observe = func(_ context.Context, o *issue.Outcome) { last = *o }
	p := proof(t, "a")
	for _, tt := range []struct {
		client string
		proofs []string
		want   string
	}{
		{"orders", nil, " Bearer"},
		{"orders", []string{p}, " DPoP"},
		{"orders", []string{p}, "dpop.replayed "},
		{"orders", []string{proof(t, "a", "htm=GET")}, "dpop.invalid "},
		{"proves", nil, "dpop.required "},
		{"proves", []string{proof(t, "b")}, " DPoP"},
	} {
		f.prove(t, tokenURL, tt.client, tt.proofs...)
		if got := last.Reason + " " + last.TokenType; got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
	f.prove(t, "https://fresh.example/oauth2/token", "orders", proof(t, "a", "htu=https://fresh.example/oauth2/token"))
	if last.Reason != "dpop.nonce" {
		t.Errorf("got %q, want dpop.nonce", last.Reason)
	}
	if log := f.log.String(); strings.Count(log, `"token_type":"DPoP"`) != 2 || strings.Contains(log, p) {
		t.Errorf("the log is\n%s", log)
	}
}

// FuzzDPoP: whatever comes as a proof is an answer to the client, and never a
// bearer token.
func FuzzDPoP(f *testing.F) {
	fix := newFixture(f)
	f.Add(proof(f, "a"))
	f.Add(proof(f, "a", "jwk=oct"))
	f.Add("a.b.c")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		w := fix.prove(t, tokenURL, "orders", text)
		if told := toldOf(t, w); told != "400 invalid_dpop_proof" && told != "200 DPoP" {
			t.Errorf("%q: %s", text, told)
		}
	})
}
