package issue_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/explain"
	"github.com/mintage-auth/mintage/internal/issue"
	"github.com/mintage-auth/mintage/oauth"
)

// TestMetadataFromConfigurationAlone is MD-06: whatever a request says of hosts
// and proxies, all documents are the same, byte for byte.
func TestMetadataFromConfigurationAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	acme, err := f.dir.Tenant(t.Context(), "acme")
	must(t, err)
	want := ""
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"} {
		for _, host := range []string{"auth.example", "evil.example", "auth.example:8443"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
			r.Host = host
			for _, name := range []string{
				"Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server",
				"X-Host", "X-Original-Host", "X-Original-Url", "X-Rewrite-Url", "Origin", "Referer", "Via",
			} {
				r.Header.Set(name, "evil.example")
			}
			w := httptest.NewRecorder()
			f.Metadata(w, r, acme)
			if want == "" {
				want = w.Body.String()
			}
			if got := w.Body.String(); got != want || strings.Contains(got, "evil") {
				t.Errorf("MD-06: %s at %s\ngot:  %s\nwant: %s", path, host, got, want)
			}
		}
	}
	var doc oauth.Metadata
	must(t, json.Unmarshal([]byte(want), &doc))
	if doc.Issuer != acme.Issuer || !slices.Contains(doc.GrantTypesSupported, oauth.ClientCredentials) { // MD-02, MD-04
		t.Errorf("got %s", want)
	}
	for _, scope := range doc.ScopesSupported { // MD-03
		if !oauth.ValidScopeToken(scope) {
			t.Errorf("MD-03: scope %q", scope)
		}
	}
}

// TestJWKSIsPublic is MD-07 for keys that were made here.
func TestJWKSIsPublic(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	acme, err := f.dir.Tenant(t.Context(), "acme")
	must(t, err)
	w := httptest.NewRecorder()
	f.JWKS(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody), acme)
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	must(t, json.Unmarshal(w.Body.Bytes(), &set))
	kids := map[string]bool{}
	for _, k := range set.Keys {
		for name := range k {
			if slices.Contains([]string{"d", "p", "q", "dp", "dq", "qi", "k"}, name) {
				t.Errorf("MD-07: a key with %s", name)
			}
		}
		if k["kid"] == "" || kids[k["kid"]] || k["alg"] == "" || k["use"] != "sig" {
			t.Errorf("MD-07: key %v", k)
		}
		kids[k["kid"]] = true
	}
	if len(kids) != 2 {
		t.Errorf("%d keys, want 2: %s", len(kids), w.Body)
	}
}

// MD-05, TE-26: metadata promises what there is. Assertions are signed by the
// algorithms that TestAssertionAlgs of clientauth tries, none not among them; the
// one grant is client_credentials; and tokens are bound to no certificate, so mTLS
// is not offered. DP-18: the algorithms of DPoP proofs are.
func TestMetadataIsHonest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "https://auth.example/.well-known/oauth-authorization-server", nil))
	var doc map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	for member, want := range map[string]string{
		"grant_types_supported": "[client_credentials]", "response_types_supported": "[]",
		"dpop_signing_alg_values_supported":                        "[ES256 EdDSA PS256 RS256]",
		"token_endpoint_auth_methods_supported":                    "[client_secret_basic client_secret_post private_key_jwt]",
		"token_endpoint_auth_signing_alg_values_supported":         "[ES256 ES384 ES512 EdDSA PS256 RS256]",
		"introspection_endpoint_auth_methods_supported":            "[client_secret_basic client_secret_post private_key_jwt]",
		"introspection_endpoint_auth_signing_alg_values_supported": "[ES256 ES384 ES512 EdDSA PS256 RS256]",
		"revocation_endpoint_auth_methods_supported":               "[client_secret_basic client_secret_post private_key_jwt]",
		"revocation_endpoint_auth_signing_alg_values_supported":    "[ES256 ES384 ES512 EdDSA PS256 RS256]",
	} {
		if got := fmt.Sprint(doc[member]); got != want {
			t.Errorf("%s is %s, want %s", member, got, want)
		}
	}
	for _, member := range []string{
		"tls_client_certificate_bound_access_tokens",
		"mtls_endpoint_aliases", "introspection_signing_alg_values_supported",
	} {
		if doc[member] != nil {
			t.Errorf("%s is %v, and nothing here does that", member, doc[member])
		}
	}
}

// TestExposed follows a secret from a URL to whoever is told of it.
func TestExposed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, path, auth, body string
		want                   []string
	}{
		{"right, in a dialect without", "/oauth2/token?client_id=orders&client_secret=" + secretOf("orders"), "", "", []string{"acme orders s1"}},
		{"right, the id in the body", "/oauth2/token?client_secret=" + secretOf("orders"), "", "client_id=orders", []string{"acme orders s1"}},
		{"right, the id in the header", "/oauth2/token?client_secret=" + secretOf("orders"), "orders", "", []string{"acme orders s1"}},
		{"right, beside Basic", "/oauth2/token?client_id=orders&client_secret=" + secretOf("orders"), "orders", "grant_type=client_credentials", []string{"acme orders s1"}},
		{"right, at a neighbour", "/oauth2/introspect?client_id=orders&client_secret=" + secretOf("orders"), "orders", "token=x", []string{"acme orders s1"}},
		{"right, refused by the ladder", "/oauth/token?grant_type=client_credentials&client_id=orders&client_secret=" + secretOf("orders"), "", "", []string{"acme orders s1"}},
		{"right, allowed by the ladder", "/oauth/token?grant_type=client_credentials&client_id=sessionm&client_secret=" + secretOf("sessionm"), "", "", nil},
		{"wrong", "/oauth2/token?client_id=orders&client_secret=" + wrong, "", "", nil},
		{"expired", "/oauth2/token?client_id=aged&client_secret=" + secretOf("aged"), "", "", nil},
		{"unknown client", "/oauth2/token?client_id=nobody&client_secret=" + wrong, "", "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			values, err := url.ParseQuery(tt.body)
			must(t, err)
			f.post(t, tt.path, tt.auth, values)
			f.Wait()
			if !slices.Equal(f.exposed, tt.want) {
				t.Errorf("got %q, want %q", f.exposed, tt.want)
			}
		})
	}
}

// TestKeyWanted: a missing key is asked for, once per request, and the answer
// says when to come back.
func TestKeyWanted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.post(t, "/eu/b", "orders", url.Values{"grant_type": {"client_credentials"}})
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	f.post(t, "/eu/token", "sealed", url.Values{"grant_type": {"client_credentials"}})
	if want := []string{"eu RS256", "eu XC20P"}; !slices.Equal(f.wanted, want) {
		t.Errorf("got %q, want %q", f.wanted, want)
	}
}

// TestLog looks at the lines of a few requests. That no secret is in any of
// them is looked at after every test.
func TestLog(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		send func(*testing.T, *fixture)
		want map[string]any
		not  []string
	}{
		{
			"issued",
			func(t *testing.T, f *fixture) {
				t.Helper()
				f.post(t, "/oauth2/token", "orders", url.Values{"grant_type": {"client_credentials"}, "scope": {"orders/read"}, "scaope": {"x"}})
			},
			map[string]any{
				"level": "INFO", "msg": "request", "endpoint": "token", "tenant": "acme", "dialect": "rfc", "client_id": "orders",
				"client_name": "Client orders", "secret_hint": "s3c…hint", "auth_method": "client_secret_basic",
				"grant_type": "client_credentials", "scope_asked": "orders/read", "scope_granted": "orders/read", "status": 200.0,
				"remote_ip": "127.0.0.1", "expires_in": 3600.0, "ignored_params": "scaope", "did_you_mean": "scope", "notes": "param.ignored",
			},
			[]string{"error", "reason", "cause"},
		},
		{
			"refused",
			func(t *testing.T, f *fixture) {
				t.Helper()
				f.post(t, "/cognito/token", "", url.Values{"grant_type": {"password"}, "client_id": {"orders\n"}, "client_secret": {wrong}})
			},
			map[string]any{"level": "INFO", "error": "unsupported_grant_type", "reason": "grant.unsupported", "status": 400.0, "dialect": "cognito"},
			[]string{"grant_type", "token_id", "client_id"},
		},
		{
			"identifier that none has",
			func(t *testing.T, f *fixture) {
				t.Helper()
				f.post(t, "/oauth2/token", "", url.Values{"grant_type": {"client_credentials"}, "client_id": {"a\nb"}, "client_secret": {wrong}})
			},
			map[string]any{"client_id": "(not a client id)", "reason": "client.unknown"},
			[]string{"client_name"},
		},
		{
			"identifier and secret swapped",
			func(t *testing.T, f *fixture) {
				t.Helper()
				f.post(t, "/oauth2/token", "", url.Values{"grant_type": {"client_credentials"}, "client_id": {"mint_test_canary"}, "client_secret": {"orders"}})
			},
			map[string]any{"client_id": "(a secret)", "reason": "client.unknown"},
			nil,
		},
		{
			"raw Basic",
			func(t *testing.T, f *fixture) {
				t.Helper()
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth2/token", strings.NewReader("grant_type=client_credentials"))
				r.Host, r.RemoteAddr = "auth.example", "127.0.0.1:4"
				r.Header.Set("Content-Type", form)
				r.Header.Set("User-Agent", "evil\x1b[31m\nlevel=ERROR")
				r.SetBasicAuth("percent", secretOf("percent"))
				f.ServeHTTP(httptest.NewRecorder(), r)
			},
			map[string]any{"notes": "auth.not_urlencoded", "status": 200.0, "user_agent": "evil?[31m?level=ERROR"},
			nil,
		},
		{
			"query credentials",
			func(t *testing.T, f *fixture) {
				t.Helper()
				f.post(t, "/oauth/token?client_id=sessionm&client_secret="+secretOf("sessionm"), "", url.Values{"grant_type": {"client_credentials"}})
			},
			map[string]any{"notes": "query.credentials", "auth_method": "client_secret_query", "status": 200.0},
			nil,
		},
		{
			"downscoped",
			func(t *testing.T, f *fixture) {
				t.Helper()
				f.post(t, "/oauth2/token", "downscopes", url.Values{"grant_type": {"client_credentials"}, "scope": {"orders/read orders/admin"}})
			},
			map[string]any{"notes": "scope.not_granted", "scope_asked": "orders/admin orders/read", "scope_granted": "orders/read"},
			nil,
		},
		{
			"our fault",
			func(t *testing.T, f *fixture) {
				t.Helper()
				f.with(t, func(h *issue.Handler) { h.Minter = brokenMinter{} }).post(t, "/oauth2/token", "orders", url.Values{"grant_type": {"client_credentials"}})
			},
			map[string]any{"level": "ERROR", "error": "server_error", "reason": "internal", "cause": "the signature came out wrong"},
			nil,
		},
		{
			"introspection",
			func(t *testing.T, f *fixture) {
				t.Helper()
				f.post(t, issue.IntrospectPath, "orders", url.Values{"token": {"nothing"}})
			},
			map[string]any{"endpoint": "introspect", "reason": "token.unknown", "status": 200.0},
			[]string{"error", "dialect"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			tt.send(t, f)
			lines := strings.Split(strings.TrimSpace(f.log.String()), "\n")
			if len(lines) != 1 {
				t.Fatalf("%d lines, want 1:\n%s", len(lines), f.log)
			}
			var got map[string]any
			must(t, json.Unmarshal([]byte(lines[0]), &got))
			for name, want := range tt.want {
				if got[name] != want {
					t.Errorf("%s: got %v, want %v\n%s", name, got[name], want, lines[0])
				}
			}
			for _, name := range append(tt.not, "Authorization") {
				if v, ok := got[name]; ok {
					t.Errorf("%s: got %v, want none", name, v)
				}
			}
			if id, _ := got["trace_id"].(string); !strings.HasPrefix(id, "req_") || len(id) != 20 {
				t.Errorf("trace_id: got %q", id)
			}
			if reason, ok := got["reason"].(string); ok {
				if _, known := explain.Lookup(reason); !known {
					t.Errorf("the reason %q is in no table", reason)
				}
			}
		})
	}
}

// TestTraceID: the answer, its header, the log and whoever counts have the same
// one, and no two requests do.
func TestTraceID(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var seen []string
	f.Observe = func(_ context.Context, o *issue.Outcome) { seen = append(seen, o.TraceID) }
	for range 3 {
		w := f.post(t, "/oauth2/token", "", url.Values{})
		var res oauth.ErrorResponse
		must(t, json.Unmarshal(w.Body.Bytes(), &res))
		id := seen[len(seen)-1]
		if res.TraceID != id || w.Header().Get("X-Request-Id") != id || !strings.Contains(f.log.String(), id) {
			t.Errorf("%s: answer %s, header %s", id, res.TraceID, w.Header().Get("X-Request-Id"))
		}
	}
	if slices.Sort(seen); len(slices.Compact(seen)) != 3 {
		t.Errorf("got %v", seen)
	}
}

// TestObserve looks at what is counted.
func TestObserve(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var got []issue.Outcome
	f.Observe = func(_ context.Context, o *issue.Outcome) { got = append(got, *o) }
	f.post(t, "/oauth2/token", "orders", url.Values{"grant_type": {"client_credentials"}})
	f.post(t, "/oauth/token", "orders", url.Values{"grant_type": {"client_credentials"}})
	token := f.mintAt(t, "acme", "orders", "rfc", epoch)
	f.post(t, issue.IntrospectPath, "orders", url.Values{"token": {token}})
	f.post(t, issue.IntrospectPath, "other", url.Values{"token": {token}})
	want := []issue.Outcome{
		{Endpoint: "token", Dialect: "rfc", Format: mintage.FormatJWT, Alg: "ES256", Status: 200},
		{Endpoint: "token", Dialect: "doorkeeper", Format: mintage.FormatStored, Status: 200},
		{Endpoint: "introspect", Active: true, Status: 200},
		{Endpoint: "introspect", Reason: "token.audience", Status: 200},
	}
	if len(got) != len(want) {
		t.Fatalf("%d outcomes, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if g.Endpoint != w.Endpoint || g.Dialect != w.Dialect || g.Format != w.Format || g.Alg != w.Alg || g.Status != w.Status ||
			g.Active != w.Active || g.Reason != w.Reason || g.Tenant != "acme" || g.AuthMethod != oauth.AuthBasic {
			t.Errorf("got  %+v\nwant %+v", g, w)
		}
	}
}

// TestPeer: what the connection says counts, and an address that cannot be read
// is no loopback.
func TestPeer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, tt := range []struct {
		remote string
		want   int
	}{
		{"127.0.0.1:4", http.StatusOK},
		{"[::1]:4", http.StatusOK},
		{"[::ffff:127.0.0.1]:4", http.StatusOK},
		{"192.0.2.1:4", http.StatusBadRequest},
		{"[2001:db8::1%eth0]:4", http.StatusBadRequest},
		{"@", http.StatusBadRequest},
		{"", http.StatusBadRequest},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth2/token", strings.NewReader("grant_type=client_credentials"))
		r.Host, r.RemoteAddr = "auth.example", tt.remote
		r.Header.Set("Content-Type", form)
		r.Header.Set("Authorization", oauth.BasicHeader("orders", secretOf("orders")))
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%q: got %d, want %d", tt.remote, w.Code, tt.want)
		}
	}
}

// TestUnknownDialect: configuration may name a dialect that a later release has.
func TestUnknownDialect(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := httptest.NewRecorder()
	f.Token(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody), &mintage.Tenant{ID: "acme"}, "later")
	if w.Code != http.StatusNotFound {
		t.Errorf("got %d", w.Code)
	}
}

// TestZeroHandlerHooks: the hooks may all be left out.
func TestZeroHandlerHooks(t *testing.T) {
	t.Parallel()
	f := newFixture(t).with(t, func(h *issue.Handler) {
		h.KeyWanted, h.Exposed, h.Observe, h.Peer, h.DocsURL = nil, nil, nil, nil, nil
		h.Log = slog.New(slog.DiscardHandler)
	})
	if w := f.post(t, "/eu/b", "orders", url.Values{"grant_type": {"client_credentials"}}); w.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d", w.Code)
	}
	w := f.post(t, "/oauth2/token?client_secret="+wrong, "", url.Values{})
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"error_uri":"https://auth.example/docs/errors/invalid_request"`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if got := (issue.Peer{Addr: netip.Addr{}}); got.Secure {
		t.Error("the zero Peer is secure")
	}
}
