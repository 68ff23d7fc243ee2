package issue_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/issue"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/store"
)

func (f *fixture) active(tb testing.TB, client, token string) bool {
	tb.Helper()
	w := f.post(tb, issue.IntrospectPath, client, url.Values{"token": {token}})
	var res struct {
		Active bool `json:"active"`
	}
	must(tb, json.Unmarshal(w.Body.Bytes(), &res))
	if w.Code != http.StatusOK || !res.Active && w.Body.String() != `{"active":false}` { // IN-02
		tb.Errorf("got %d %s", w.Code, w.Body)
	}
	return res.Active
}

// TestTampered is TE-24: a token of any kind that was changed anywhere is no
// token.
func TestTampered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, kind := range []struct{ client, dialect string }{{"orders", "rfc"}, {"orders", "cognito"}, {"orders", "doorkeeper"}, {"stored", "rfc"}, {"sealed", "rfc"}} {
		token := f.mintAt(t, "acme", kind.client, kind.dialect, epoch)
		if !f.active(t, kind.client, token) {
			t.Fatalf("%s: not active", kind.dialect)
		}
		try := func(what, changed string) {
			if changed != token && changed != "" && f.active(t, kind.client, changed) {
				t.Errorf("TE-24: %s token of %s: %s: still active", kind.dialect, kind.client, what)
			}
		}
		for i := range token {
			for _, c := range []byte{token[i] ^ 1, token[i] ^ 0x20, 'A'} {
				try("a changed byte", token[:i]+string(rune(c&0x7f))+token[i+1:])
			}
			try("cut short", token[:i])
			try("cut in front", token[i:])
		}
		for _, extra := range []string{"=", "A", ".", " ", "\n", "%00"} {
			try("made longer", token+extra)
			try("made longer in front", extra+token)
		}
		try("in capitals", strings.ToUpper(token))
		try("in small letters", strings.ToLower(token))
	}
}

// signed returns a JWT that the tenant's own key signed.
func (f *fixture) signed(tb testing.TB, typ, claims string) string {
	tb.Helper()
	ring, err := f.dir.Ring(tb.Context(), "acme")
	must(tb, err)
	key, err := ring.Signer("ES256", epoch)
	must(tb, err)
	headers := jose.HeaderForm{{Name: "alg"}, {Name: "kid"}}
	if typ != "" {
		headers = append(headers, jose.Param{Name: "typ", Value: typ})
	}
	signer, err := jose.NewSigner(key.Private, jose.ES256, key.ID, headers)
	must(tb, err)
	token, err := signer.AppendSign(nil, []byte(claims))
	must(tb, err)
	return string(token)
}

// TestOtherJWTs: what the tenant's keys signed and is no access token is not
// taken for one, and cannot be revoked (RFC 7009 §2.2.1; RV-05).
func TestOtherJWTs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const good = `"iss":"https://auth.example","sub":"orders","client_id":"orders","jti":"j1","iat":1795262400,"exp":1795266000,"aud":"https://orders.example","scope":"a"`
	for _, tt := range []struct {
		name, typ, claims string
		active            bool
		revoke            int
	}{
		{"access token", "at+jwt", "{" + good + "}", true, http.StatusOK},
		{"its type in full, in capitals", "application/AT+JWT", "{" + good + "}", true, http.StatusOK},
		{"two audiences", "at+jwt", strings.Replace("{"+good+"}", `"https://orders.example"`, `["a","b"]`, 1), true, http.StatusOK},
		{"no type, no use", "", "{" + good + "}", false, http.StatusBadRequest},
		{"cognito", "", "{" + good + `,"token_use":"access"}`, true, http.StatusOK},
		{"cognito's id token", "", "{" + good + `,"token_use":"id"}`, false, http.StatusBadRequest},
		{"JWT without scopes", "JWT", "{" + good + "}", false, http.StatusBadRequest},
		{"introspection answer", "token-introspection+jwt", "{" + good + "}", false, http.StatusBadRequest},
		{"assertion", "client-authentication+jwt", "{" + good + "}", false, http.StatusBadRequest},
		{"proof", "dpop+jwt", "{" + good + "}", false, http.StatusBadRequest},
		{"no claims", "at+jwt", "{}", false, http.StatusOK}, // of no issuer: of no use already
		{"no JSON", "at+jwt", "x", false, http.StatusBadRequest},
		{"other issuer", "at+jwt", strings.Replace("{"+good+"}", "auth.example", "old.example", 1), false, http.StatusOK},
		{"no jti", "at+jwt", strings.Replace("{"+good+"}", `"jti":"j1",`, "", 1), false, http.StatusBadRequest},
		{"exp no number", "at+jwt", strings.Replace("{"+good+"}", "1795266000", `"1795266000"`, 1), false, http.StatusBadRequest},
		{"scope no scope", "at+jwt", strings.Replace("{"+good+"}", `"scope":"a"`, `"scope":"\""`, 1), false, http.StatusBadRequest},
		{"claim twice", "at+jwt", "{" + good + `,"sub":"x"}`, false, http.StatusBadRequest},
	} {
		token := f.signed(t, tt.typ, tt.claims)
		f.note(&f.tokens, token)
		if got := f.active(t, "orders", token); got != tt.active {
			t.Errorf("%s: active %v, want %v", tt.name, got, tt.active)
		}
		h := f.with(t, func(h *issue.Handler) { h.Revoker = ignorant{} })
		w := h.post(t, issue.RevokePath, "orders", url.Values{"token": {token}})
		if w.Code != tt.revoke || w.Code == http.StatusBadRequest && errorOf(t, w) != "unsupported_token_type" {
			t.Errorf("%s: revocation: got %d %s, want %d", tt.name, w.Code, w.Body, tt.revoke)
		}
	}
}

// ignorant takes a revocation and forgets it.
type ignorant struct{}

func (ignorant) RevokeToken(context.Context, issue.RevokedToken) error { return nil }

// TestRevokedOtherwise: revocations of a client and of a key end tokens here
// too, of both kinds (RV-09: by their iat).
func TestRevokedOtherwise(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	jwt := f.mintAt(t, "acme", "ended", "cognito", epoch.Add(-3*time.Minute))
	stored := f.mintAt(t, "acme", "ended too", "doorkeeper", epoch.Add(-3*time.Minute))
	after := f.mintAt(t, "acme", "ended", "rfc", epoch.Add(-time.Minute))
	for _, client := range []string{"ended", "ended too"} {
		must(t, f.store.Update(ctx, func(tx store.Tx) error {
			return tx.CreateRevocation(ctx, &mintage.Revocation{
				Tenant: "acme", ID: "client:" + client, ClientID: client, Before: epoch.Add(-2 * time.Minute), Created: epoch, Expires: epoch.Add(time.Hour),
			})
		}))
	}
	must(t, f.dir.Sync(ctx))
	for client, token := range map[string]string{"ended": jwt, "ended too": stored} {
		if f.active(t, client, token) {
			t.Errorf("a token of %s from before the revocation is active", client)
		}
	}
	if !f.active(t, "ended", after) {
		t.Error("RV-09: a token from after the revocation is not active")
	}
}

// TestRevokedToken is what the Revoker is told.
func TestRevokedToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var got issue.RevokedToken
	f.Revoker = recorder(func(tok issue.RevokedToken) { got = tok })
	f.Peer = func(*http.Request) issue.Peer {
		return issue.Peer{Addr: netip.MustParseAddr("2001:db8::1"), Secure: true}
	}
	w := f.post(t, issue.RevokePath, "orders", url.Values{"token": {f.mintAt(t, "acme", "orders", "rfc", epoch)}})
	if got.Tenant != "acme" || got.ClientID != "orders" || len(got.JTI) != 36 || !got.Expires.Equal(epoch.Add(time.Hour)) ||
		got.Address != "2001:db8::1" || got.TraceID != w.Header().Get("X-Request-Id") {
		t.Errorf("got %+v", got)
	}
}

type recorder func(issue.RevokedToken)

func (r recorder) RevokeToken(_ context.Context, tok issue.RevokedToken) error {
	r(tok)
	return nil
}

// TestOverTheNetwork sends what no transcript can: bodies without a length, to
// a real server.
func TestOverTheNetwork(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = "auth.example"
		f.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	for body, want := range map[string]int{
		"grant_type=client_credentials":                                      http.StatusOK,
		"grant_type=client_credentials&x=" + strings.Repeat("a", 64<<10):     http.StatusRequestEntityTooLarge,
		"grant_type=client_credentials&x=" + strings.Repeat("a", 64<<10-100): http.StatusOK,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/oauth2/token", struct{ *strings.Reader }{strings.NewReader(body)})
		must(t, err)
		r.SetBasicAuth("orders", secretOf("orders"))
		r.Header.Set("Content-Type", form)
		res, err := server.Client().Do(r)
		must(t, err)
		must(t, res.Body.Close())
		if res.StatusCode != want || res.Header.Get("Date") == "" {
			t.Errorf("TE-28: a body of %d bytes: got %d, want %d", len(body), res.StatusCode, want)
		}
	}
}
