package issue_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/issue"
	"github.com/mintage-auth/mintage/oauth"
)

// tokenPaths are the token endpoints of the tenant acme.
func tokenPaths() []string {
	var paths []string
	for path := range everyPath {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

const form = "application/x-www-form-urlencoded"

// post sends a form. Auth is a client whose right secret goes into the header,
// empty for none.
func (f *fixture) post(tb testing.TB, path, auth string, body url.Values) *httptest.ResponseRecorder {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), http.MethodPost, path, strings.NewReader(body.Encode()))
	r.Host, r.RemoteAddr = "auth.example", "127.0.0.1:40000"
	r.Header.Set("Content-Type", form)
	if auth != "" {
		r.Header.Set("Authorization", oauth.BasicHeader(auth, secretOf(auth)))
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

func errorOf(tb testing.TB, w *httptest.ResponseRecorder) string {
	tb.Helper()
	var res oauth.ErrorResponse
	if err := json.Unmarshal(w.Body.Bytes(), &res); err != nil {
		tb.Fatalf("%d %q is no JSON: %v", w.Code, w.Body, err)
	}
	return res.Code
}

// TestMethods is TE-01 at every token endpoint, and the same for the neighbours.
func TestMethods(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, path := range append(tokenPaths(), issue.IntrospectPath, issue.RevokePath) {
		for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "post", "PROPFIND"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, http.NoBody)
			r.Method, r.Host, r.RemoteAddr = method, "auth.example", "127.0.0.1:40000"
			w := httptest.NewRecorder()
			f.ServeHTTP(w, r)
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST, OPTIONS" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("TE-01: %s %s: got %d %v", method, path, w.Code, w.Header())
			}
		}
	}
}

// TestRepeated is TE-03: every known parameter twice, wherever it is read.
func TestRepeated(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	known := map[string]string{
		"grant_type": "client_credentials", "scope": "orders/read", "client_id": "orders", "client_secret": "x",
		"client_assertion": "x", "client_assertion_type": "x",
	}
	for name, value := range known {
		for _, path := range tokenPaths() {
			body := url.Values{"grant_type": {"client_credentials"}}
			body[name] = []string{value, value}
			if w := f.post(t, path, "orders", body); w.Code != http.StatusBadRequest || errorOf(t, w) != "invalid_request" {
				t.Errorf("TE-03: %s twice in the body at %s: got %d %s", name, path, w.Code, w.Body)
			}
		}
		body := url.Values{"grant_type": {"client_credentials"}}
		body.Set(name, value)
		query := url.Values{name: {value}}.Encode()
		if w := f.post(t, "/oauth/token?"+query, "orders", body); w.Code != http.StatusBadRequest || errorOf(t, w) != "invalid_request" {
			t.Errorf("TE-03: %s in body and query: got %d %s", name, w.Code, w.Body)
		}
		doc := fmt.Sprintf(`{"grant_type":"client_credentials",%q:%q,%q:%q}`, name, value, name, value)
		w := f.send(t, []byte("POST /oauth2/token HTTP/1.1\nHost: auth.example\nContent-Type: application/json\n\n"+doc))
		if w.Code != http.StatusBadRequest || errorOf(t, w) != "invalid_request" {
			t.Errorf("TE-03: %s twice in JSON: got %d %s", name, w.Code, w.Body)
		}
	}
}

// TestTwoMethods is TE-09: every pair of ways to authenticate, all with the
// right secret.
func TestTwoMethods(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := secretOf("sessionm") // whose ladder allows the query
	ways := []struct {
		name                string
		header, query, body string
		json                bool
	}{
		{name: "basic", header: "Authorization: " + oauth.BasicHeader("sessionm", s) + "\n"},
		{name: "post", body: "&client_id=sessionm&client_secret=" + s},
		{name: "json", body: `,"client_id":"sessionm","client_secret":"` + s + `"`, json: true},
		{name: "query", query: "?client_id=sessionm&client_secret=" + s},
		{name: "assertion", body: "&client_assertion_type=x&client_assertion=e30.e30.AA"},
	}
	for i, a := range ways {
		for _, b := range ways[i+1:] {
			if a.body != "" && b.body != "" && a.json != b.json {
				continue // one body has one form
			}
			start, end, kind := "grant_type=client_credentials", "", form
			if a.json || b.json {
				start, end, kind = `{"grant_type":"client_credentials"`, "}", "application/json"
			}
			raw := "POST /oauth/token" + a.query + b.query + " HTTP/1.1\nHost: auth.example\nContent-Type: " + kind + "\n" +
				a.header + b.header + "\n" + start + a.body + b.body + end
			w := f.in(t, "").send(t, []byte(raw))
			if w.Code != http.StatusBadRequest || errorOf(t, w) != "invalid_request" {
				t.Errorf("TE-09: %s and %s: got %d %s", a.name, b.name, w.Code, w.Body)
			}
		}
	}
}

// TestNoOracle is TE-29: whoever does not know a secret sees no difference
// between clients that exist, exist no more, may not ask, or never existed.
func TestNoOracle(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	trace := varying[0].form
	for _, path := range append(tokenPaths(), issue.IntrospectPath, issue.RevokePath) {
		for _, way := range []string{"basic", "post", "query"} {
			want := ""
			for _, id := range []string{"orders", "nobody", "disabled", "empty", "aged", "inside", "gateway", "rfconly", "doubles", "unset", "Orders", "orders "} {
				body, header, query := "grant_type=client_credentials&token=x", "", ""
				credentials := "client_id=" + url.QueryEscape(id) + "&client_secret=" + wrong
				switch way {
				case "basic":
					header = "Authorization: " + oauth.BasicHeader(id, wrong) + "\n"
				case "post":
					body += "&" + credentials
				case "query":
					query = "?" + credentials
				}
				w := f.in(t, "").send(t, []byte("POST "+path+query+" HTTP/1.1\nHost: auth.example\nContent-Type: "+form+"\n"+header+"\n"+body))
				var b strings.Builder
				fmt.Fprintln(&b, w.Code)
				must(t, w.Header().Write(&b))
				got := trace.ReplaceAllString(b.String()+w.Body.String(), "ID")
				if want == "" {
					want = got
				}
				if got != want || w.Code < http.StatusBadRequest {
					t.Errorf("TE-29: %s by %s: client %q\ngot:\n%s\nwant:\n%s", path, way, id, got, want)
				}
			}
		}
	}
}

// TestClientIDAlone is TE-07, TE-08 and TE-25: no identifier proves anything.
func TestClientIDAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, c := range clients() {
		for _, body := range []url.Values{
			{"grant_type": {"client_credentials"}, "client_id": {c.ID}},
			{"grant_type": {"client_credentials"}, "client_id": {c.ID}, "client_secret": {""}},
		} {
			w := f.post(t, "/oauth2/token", "", body)
			if w.Code != http.StatusUnauthorized || errorOf(t, w) != "invalid_client" || w.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("TE-07: client_id %q alone: got %d %s", c.ID, w.Code, w.Body)
			}
		}
	}
}

// TestBounds is TE-28: each bound exactly, and one more.
func TestBounds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ask := func(more url.Values) int {
		body := url.Values{"grant_type": {"client_credentials"}}
		maps.Copy(body, more)
		return f.post(t, "/oauth2/token", "orders", body).Code
	}
	long := func(n int) string { return strings.Repeat("a", n) }
	for _, tt := range []struct {
		name, param string
		most        int
	}{
		{"client_id", "client_id", 256},
		{"client_secret", "client_secret", 512},
		{"scope", "scope", 4096},
		{"assertion", "client_assertion", 16384},
	} {
		// Both are refused; which code says whether it was for the length.
		body := url.Values{"grant_type": {"client_credentials"}, "client_id": {"x"}, "client_secret": {"x"}}
		body.Set(tt.param, long(tt.most))
		if w := f.post(t, "/oauth2/token", "", body); strings.Contains(w.Body.String(), "too long") {
			t.Errorf("TE-28: %s of %d bytes: got %s", tt.name, tt.most, w.Body)
		}
		body.Set(tt.param, long(tt.most+1))
		if w := f.post(t, "/oauth2/token", "", body); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "too long") {
			t.Errorf("TE-28: %s of %d bytes: got %d %s", tt.name, tt.most+1, w.Code, w.Body)
		}
	}
	const fixed = len("filler=&grant_type=client_credentials")
	if got := ask(url.Values{"filler": {long(64<<10 - fixed)}}); got != http.StatusOK {
		t.Errorf("TE-28: a body of 64 KiB: got %d", got)
	}
	if got := ask(url.Values{"filler": {long(64<<10 - fixed + 1)}}); got != http.StatusRequestEntityTooLarge {
		t.Errorf("TE-28: a body of 64 KiB and a byte: got %d", got)
	}
}

// TestBasicVector is TE-10 with the published example, which is in CI.
func TestBasicVector(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../../shared/vectors/rfc-examples/client_secret_basic_encoding.json")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("shared/vectors is not here")
	}
	var vectors []struct {
		ID            string `json:"client_id"`
		Secret        string `json:"client_secret"`
		Authorization string `json:"authorization"`
	}
	must(t, json.Unmarshal(data, &vectors))
	f := newFixture(t)
	right := 0
	for _, v := range vectors {
		if v.ID != vectorID || v.Secret != vectorSecret {
			t.Fatalf("the fixture has no client %q with this secret", v.ID)
		}
		raw := "Basic " + base64.StdEncoding.EncodeToString([]byte(v.ID+":"+v.Secret))
		for _, header := range []string{v.Authorization, raw, oauth.BasicHeader(v.ID, v.Secret)} {
			w := f.in(t, "").send(t, []byte("POST /oauth2/token HTTP/1.1\nHost: auth.example\nContent-Type: "+form+
				"\nAuthorization: "+header+"\n\ngrant_type=client_credentials"))
			if w.Code != http.StatusOK {
				t.Errorf("TE-10: %s: got %d %s", header, w.Code, w.Body)
				continue
			}
			right++
		}
	}
	t.Logf("%d of %d", right, 3*len(vectors))
}

// TestScopeOrder is TE-12: order, case and spaces.
func TestScopeOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, tt := range []struct{ scope, want string }{
		{"orders/read orders/write", "orders/read orders/write"},
		{"orders/write orders/read", "orders/read orders/write"},
		{" orders/write  orders/write ", "orders/write"},
		{"orders/Read", ""},
		{"orders/read\torders/write", ""},
		{`orders\read`, ""},
	} {
		w := f.post(t, "/oauth2/token", "orders", url.Values{"grant_type": {"client_credentials"}, "scope": {tt.scope}})
		if tt.want == "" {
			if w.Code != http.StatusBadRequest || errorOf(t, w) != "invalid_scope" {
				t.Errorf("TE-12: scope %q: got %d %s", tt.scope, w.Code, w.Body)
			}
			continue
		}
		var res map[string]any
		must(t, json.Unmarshal(w.Body.Bytes(), &res))
		if res["scope"] != tt.want {
			t.Errorf("TE-12: scope %q: got %v, want %q", tt.scope, res["scope"], tt.want)
		}
	}
}

// TestAnswerShape is TE-14, TE-16 to TE-18 for every dialect: strings and
// integers, no null, no member that no answer has, nobody may keep it.
func TestAnswerShape(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, path := range tokenPaths() {
		w := f.post(t, path, "orders", url.Values{"grant_type": {"client_credentials"}})
		if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Pragma") != "no-cache" ||
			w.Header().Get("Content-Type") != "application/json;charset=UTF-8" {
			t.Errorf("TE-17: %s: got %d %v", path, w.Code, w.Header())
		}
		var res map[string]any
		must(t, json.Unmarshal(w.Body.Bytes(), &res))
		for name, value := range res {
			switch value := value.(type) {
			case string:
				if !slices.Contains([]string{"access_token", "token_type", "scope"}, name) {
					t.Errorf("TE-18: %s: a member %s", path, name)
				}
			case float64:
				if value != float64(int64(value)) || name != "expires_in" && name != "created_at" {
					t.Errorf("TE-16: %s: %s is %v", path, name, value)
				}
			default:
				t.Errorf("TE-16: %s: %s is a %T", path, name, value)
			}
		}
		for _, name := range []string{"access_token", "token_type", "expires_in"} {
			if res[name] == nil {
				t.Errorf("TE-16: %s: no %s", path, name)
			}
		}
	}
}

// TestGrantTypes is TE-21: none but ours, in none but our spelling.
func TestGrantTypes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, grant := range []string{
		"password", "authorization_code", "refresh_token", "implicit", "Client_Credentials", "client_credentials ",
		"urn:ietf:params:oauth:grant-type:jwt-bearer", strings.Repeat("x", 10<<10), "\"\\\r\n",
	} {
		w := f.post(t, "/oauth2/token", "orders", url.Values{"grant_type": {grant}})
		if w.Code != http.StatusBadRequest || errorOf(t, w) != "unsupported_grant_type" {
			t.Errorf("TE-21: grant_type %.40q: got %d %s", grant, w.Code, w.Body)
		}
		if w.Body.Len() > 512 {
			t.Errorf("TE-21: grant_type %.40q: an answer of %d bytes", grant, w.Body.Len())
		}
	}
}
