package enforce_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/jose"
)

// RS-18, MD-01, MD-06: where the document is, what it says, and that challenges
// point to it, whatever the request says of the host.
func TestResourceMetadata(t *testing.T) {
	t.Parallel()
	for resource, want := range map[string]string{
		"https://api.example":          "https://api.example/.well-known/oauth-protected-resource",
		"https://api.example/":         "https://api.example/.well-known/oauth-protected-resource",
		"https://api.example/v1":       "https://api.example/.well-known/oauth-protected-resource/v1",
		"https://api.example/v1/?k=v":  "https://api.example/.well-known/oauth-protected-resource/v1?k=v",
		"https://api.example:8443/a/b": "https://api.example:8443/.well-known/oauth-protected-resource/a/b",
	} {
		m := enforce.ResourceMetadata{Resource: resource}
		if err := m.Validate(); err != nil || m.URL() != want {
			t.Errorf("%s: got %s, %v, want %s", resource, m.URL(), err, want)
		}
	}
	for _, resource := range []string{"", "api", "http://api.example", "https://api.example/#x", "https://u@api.example", "urn:api"} {
		if err := (&enforce.ResourceMetadata{Resource: resource}).Validate(); err == nil {
			t.Errorf("%q is accepted", resource)
		}
	}

	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	v := s.verifier()
	v.DPoP = &enforce.DPoP{}
	v.Metadata = &enforce.ResourceMetadata{
		Resource: "https://api.example/v1", AuthorizationServers: []string{issuerName}, ScopesSupported: []string{"orders.read"},
	}
	mux := http.NewServeMux()
	mux.Handle(v.Metadata.Path(), v.Metadata)
	mux.Handle("/", v.Require(http.NotFoundHandler(), "orders.read"))
	get := func(method, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, nil)
		r.Host = "evil.example"
		r.Header.Set("X-Forwarded-Host", "evil.example")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w
	}
	refused := get(http.MethodGet, "/orders")
	const place = `resource_metadata="https://api.example/.well-known/oauth-protected-resource/v1"`
	want := []string{
		`Bearer realm="https://api.example", scope="orders.read", ` + place,
		`DPoP realm="https://api.example", scope="orders.read", algs="ES256 RS256 PS256 EdDSA", ` + place,
	}
	if got := refused.Header().Values("WWW-Authenticate"); refused.Code != http.StatusUnauthorized || !reflect.DeepEqual(got, want) {
		t.Errorf("got %d\n%q, want\n%q", refused.Code, got, want)
	}
	w := get(http.MethodGet, v.Metadata.Path())
	var doc map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("got %d %v, %v", w.Code, w.Header(), err)
	}
	if expect := map[string]any{
		"resource": "https://api.example/v1", "authorization_servers": []any{issuerName},
		"scopes_supported": []any{"orders.read"}, "bearer_methods_supported": []any{"header"},
	}; !reflect.DeepEqual(doc, expect) {
		t.Errorf("got %v, want %v", doc, expect)
	}
	if w := get(http.MethodPost, v.Metadata.Path()); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: got %d %v", w.Code, w.Header())
	}
	bad := s.verifier()
	bad.Metadata = &enforce.ResourceMetadata{}
	if bad.Validate() == nil {
		t.Error("metadata without a resource are accepted")
	}
}
