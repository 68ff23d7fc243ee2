package enforce_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/jose"
)

// RS-01 to RS-06: how a request is answered that does not get through.
func TestRequire(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	good, narrow := s.with(nil), s.with(map[string]any{"scope": "orders.read"})
	bad := newSigner(t, jose.ES256, "k1", "at+jwt").with(nil)
	const realm = `Bearer realm="https://api.example", `
	const need = `scope="orders.read orders.write"`
	const invalid = realm + `error="invalid_token", error_description=`
	h := s.verifier().Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, enforce.FromContext(r.Context()).ClientID)
	}), "orders.write", "orders.read")
	for _, tt := range []struct {
		name      string
		auth      []string
		query     string
		status    int
		challenge string
		body      string
	}{
		{"good", []string{"Bearer " + good}, "", 200, "", "agent"},
		{"scheme in another case", []string{"bEARER " + good}, "", 200, "", "agent"},
		{"two spaces", []string{"Bearer  " + good}, "", 200, "", "agent"},
		{"tab", []string{"Bearer\t" + good}, "", 401, realm + need, `{"error":"invalid_token",`},
		{"no token", nil, "", 401, realm + need, `{"error":"invalid_token",`},
		{"another scheme", []string{"Basic YTpi"}, "", 401, realm + need, ""},
		{"in the query", nil, "access_token=" + good, 401, realm + need, ""},
		{"in the header and the query", []string{"Bearer " + good}, "access_token=" + good, 400, realm + `error="invalid_request", `, ""},
		{"other things in the query", []string{"Bearer " + good}, "token=1", 200, "", "agent"},
		{"two headers", []string{"Bearer " + good, "Bearer " + good}, "", 400, realm + `error="invalid_request", `, `{"error":"invalid_request",`},
		{"empty token", []string{"Bearer "}, "", 400, realm + `error="invalid_request", `, ""},
		{"strange character", []string{"Bearer a\x01b"}, "", 400, realm + `error="invalid_request", `, ""},
		{"no JWT", []string{"Bearer abc"}, "", 401, invalid + `"the access token is malformed", `, ""},
		{"wrong signature", []string{"Bearer " + bad}, "", 401, invalid, `{"error":"invalid_token",`},
		{"too little scope", []string{"Bearer " + narrow}, "", 403, realm + `error="insufficient_scope", `, `{"error":"insufficient_scope",`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "/orders?"+tt.query, nil)
			r.Header["Authorization"] = tt.auth
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			got := w.Header().Get("WWW-Authenticate")
			if w.Code != tt.status || !strings.HasPrefix(got, tt.challenge) || (tt.challenge == "") != (got == "") {
				t.Errorf("got %d %s, want %d %s", w.Code, got, tt.status, tt.challenge)
			}
			if got != "" && !strings.HasSuffix(got, need) {
				t.Errorf("challenge %s does not end with %s", got, need)
			}
			if !strings.HasPrefix(w.Body.String(), tt.body) || strings.Contains(w.Body.String(), good[:40]) {
				t.Errorf("body %q, want %q", w.Body, tt.body)
			}
			if w.Code != http.StatusOK && w.Header().Get("Cache-Control") != "no-store" {
				t.Error("a refusal may be cached")
			}
		})
	}
}

// RS-21: 503 with Retry-After and without a challenge.
func TestRequireKeysAway(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	v := s.verifier()
	v.Issuers = &enforce.Issuer{Name: issuerName, Keys: keyFunc(func(context.Context, string) (*enforce.Key, error) {
		return nil, errors.New("dial tcp 10.0.0.7: refused")
	})}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+s.with(nil))
	w := httptest.NewRecorder()
	v.Require(http.NotFoundHandler()).ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || w.Header().Get("WWW-Authenticate") != "" {
		t.Errorf("got %d %v", w.Code, w.Header())
	}
	if strings.Contains(w.Body.String(), "10.0.0.7") {
		t.Errorf("the cause is in the answer: %s", w.Body)
	}
}

// RS-05: at least one parameter, whatever is configured.
func TestChallengeHasAParameter(t *testing.T) {
	t.Parallel()
	v := &enforce.Verifier{AnyAudience: true, Issuers: enforce.Issuers{}}
	_, err := v.Authenticate(httptest.NewRequest(http.MethodGet, "/", nil))
	if got := v.Challenge(err); got != `Bearer realm="api"` {
		t.Errorf("got %s", got)
	}
	v.Realm = `a"b`
	if got := v.Challenge(err); got != `Bearer realm="a\"b"` {
		t.Errorf("got %s", got)
	}
	if got := v.Challenge(errors.New("ours")); got != "" {
		t.Errorf("an error that is no caller's: got %s", got)
	}
}

func TestRequirePanics(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	for name, make := range map[string]func() http.Handler{
		"no audience": func() http.Handler {
			return (&enforce.Verifier{Issuers: enforce.Issuers{}}).Require(http.NotFoundHandler())
		},
		"two scopes in one": func() http.Handler { return s.verifier().Require(http.NotFoundHandler(), "a b") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			make()
		}()
	}
	if enforce.FromContext(t.Context()) != nil {
		t.Error("a token out of nowhere")
	}
}
