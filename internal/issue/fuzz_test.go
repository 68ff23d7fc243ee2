package issue_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/oauth"
)

// descriptions are all that an answer may say, a scope's name being the one
// thing of the caller's in it. A description that is not here fails the test.
var descriptions = regexp.MustCompile(`^(` + strings.Join([]string{
	`grant_type is missing`, `client_id is missing`, `token is missing`,
	`grant_type is not one that this server serves; it serves client_credentials`,
	`client authentication failed`, `client authentication is missing`, `more than one client authentication method`,
	`client_id mismatch: the Authorization header and the parameter differ`,
	`the Authorization header is not well-formed Basic`, `the Authorization header is repeated`,
	`client_id is longer than 256 bytes`, `client_secret is longer than 512 bytes`,
	`credentials in the URL are not accepted`,
	`the parameter [a-z_]+ is (repeated|too long)`, `more than 64 parameters`,
	`the member [a-z_]+ is not a string`, `the JSON body is not an object`, `the body is not acceptable JSON: [a-zA-Z0-9 ,-]+`,
	`a parameter is not form-encoded UTF-8`, `the body is larger than 65536 bytes`, `the header is larger than 16384 bytes`,
	`the body is compressed: send it as it is`, `the charset of the body is not UTF-8`, `the body ended early`,
	`(no Content-Type was received|the Content-Type received cannot be read|another Content-Type was received|` +
		`(application/json|text/plain|multipart/form-data|application/xml|text/xml|text/html|application/octet-stream|` +
		`application/vnd\.api\+json|application/jwt) was received); ` +
		`send application/x-www-form-urlencoded( or application/json)?`,
	`scope has a character that is not allowed at byte [0-9]+`, `scope is required`,
	`the scope [\x21\x23-\x5b\x5d-\x7e]+ is not one that this client may have`,
	`the scope [\x21\x23-\x5b\x5d-\x7e]+ is one of several resources: name the resource`,
	`the scope [\x21\x23-\x5b\x5d-\x7e]+ means something else at another resource`,
	`the scope spans several resources: name the resource`, `the client may have a token for one resource only: name one`,
	`resource is not an absolute URI without a fragment`, `the resource or audience is not one that this client may use`,
	`the client may not use this (grant|token endpoint)`, `the token was issued to another client`,
	`only access tokens can be revoked`,
}, "|") + `)$`)

// FuzzEndpoints is TE-20 over everything that reads a request: an answer is
// JSON, says one of our own sentences in the alphabet of RFC 6749 §5.2, nobody
// may keep it, and it is never our fault.
func FuzzEndpoints(f *testing.F) {
	s := secretOf("orders")
	basic := oauth.BasicHeader("orders", s)
	for i, seed := range []struct{ query, auth, kind, body string }{
		{"", basic, form, "grant_type=client_credentials&scope=orders%2Fread"},
		{"", basic, form, "grant_type=client_credentials&scope=orders%2Fnope%22"},
		{"", "", form, "grant_type=client_credentials&client_id=orders&client_secret=" + s},
		{"", "", "application/json", `{"grant_type":"client_credentials","client_id":"orders","client_secret":"` + s + `","scope":["*"]}`},
		{"grant_type=client_credentials&client_id=sessionm&client_secret=" + secretOf("sessionm"), "", "", ""},
		{"x=%zz&client_secret=1", "Basic \r\n", "text/plain; charset=\"", "a=b;c=d&&=&%"},
		{"", "Bearer x", form, "token=e30.e30.AA&token_type_hint=\x00&client_id=\xff"},
		{"", basic, form, "token=e30.e30.AA&grant_type=client_credentials&resource=https://orders.example&audience=%23"},
		{"", basic, form, "scaope=\"\\&grant_type=\u00e9&scope=\t"},
	} {
		for path := range 6 {
			f.Add(uint8(path+i), seed.query, seed.auth, seed.kind, seed.body)
		}
	}
	fx := newFixture(f)
	paths := append(tokenPaths(), "/oauth2/introspect", "/oauth2/revoke")
	f.Fuzz(func(t *testing.T, path uint8, query, auth, kind, body string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		r.URL = &url.URL{Path: paths[int(path)%len(paths)], RawQuery: query}
		r.Host, r.RemoteAddr = "auth.example", "127.0.0.1:40000"
		for name, value := range map[string]string{"Authorization": auth, "Content-Type": kind} {
			if value != "" {
				r.Header[name] = []string{value}
			}
		}
		w := httptest.NewRecorder()
		fx.ServeHTTP(w, r)
		checkAnswer(t, w)
	})
}

func checkAnswer(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Pragma") != "no-cache" {
		t.Errorf("TE-17: %v", w.Header())
	}
	if w.Code >= http.StatusInternalServerError {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if w.Code == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") != `Basic realm="https://auth.example"` { // TE-19
		t.Errorf("TE-19: challenge %q", w.Header().Get("WWW-Authenticate"))
	}
	for _, warning := range w.Header().Values("Mintage-Warning") {
		name, ok := strings.CutPrefix(warning, "param.ignored; name=")
		if !ok || !regexp.MustCompile(`^[A-Za-z_-]{1,32}$`).MatchString(name) {
			t.Errorf("warning %q", warning)
		}
	}
	if w.Code == http.StatusOK {
		return
	}
	var res map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &res); err != nil {
		t.Fatalf("%q is no JSON: %v", w.Body, err)
	}
	for name, value := range res {
		if !slices.Contains([]string{"error", "error_description", "error_uri", "trace_id", "errors"}, name) {
			t.Errorf("member %q", name)
		}
		if s, ok := value.(string); ok && !plain(s) {
			t.Errorf("TE-20: %s is %q", name, s)
		}
	}
	if d, ok := res["error_description"].(string); ok && !descriptions.MatchString(d) {
		t.Errorf("TE-20: %q is none of our sentences", d)
	}
}

// plain is the alphabet of RFC 6749 §5.2.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
