package console_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/console"
	"github.com/mintage-auth/mintage/internal/manage"
)

func TestWhoMaySeeWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tc := range []struct {
		who, path string
		code      int
		to        string
	}{
		{nobody, "/console/", 303, "/console/sign-in"},
		{stranger, "/console/", 303, "/console/sign-in"},
		{nobody, "/console/t/hotel/clients?q=a&b", 303, "/console/sign-in?next=%2Fconsole%2Ft%2Fhotel%2Fclients%3Fq%3Da%26b"},
		{owner, "/console/", 303, "/console/t/hotel/overview"},
		{ada, "/console/", 303, "/console/t/hotel/clients"},
		{owner, "/console/t/hotel/clients", 200, ""},
		{owner, "/console/t/nowhere/clients", 404, ""},
		{owner, "/console/nowhere", 404, ""},
		{nobody, "/console/nowhere", 404, ""},
		{ada, "/console/t/hotel/clients", 200, ""},
		{ada, "/console/t/other/clients", 404, ""},
		{ada, "/console/t/mintage/clients", 404, ""},
	} {
		r := w.get(t, tc.who, tc.path)
		if r.Code != tc.code || r.To != tc.to {
			t.Errorf("%s of %q: got %d to %q, want %d to %q", tc.path, tc.who, r.Code, r.To, tc.code, tc.to)
		}
	}
}

// TL-07: browsers that came by TLS come by nothing else for a year or more, and
// those on this machine are not told so.
func TestStrictTransport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for target, want := range map[string]string{
		"https://console.example/console/": "max-age=63072000", "http://console.example/console/": "max-age=63072000", // TLS ends at a proxy
		"https://127.0.0.1/console/": "max-age=63072000", "http://127.0.0.1:9401/console/": "", "http://localhost:9401/console/": "", "http://[::1]:9401/console/": "",
	} {
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, target, http.NoBody))
		if got := rec.Header().Get("Strict-Transport-Security"); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
}

// TestHeaders holds checklist AD-04 to AD-08 for every kind of answer.
func TestHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, r := range []*reply{
		w.get(t, owner, "/console/t/hotel/clients"), w.get(t, nobody, "/console/"), w.get(t, owner, "/console/none"),
		w.post(t, owner, "/console/theme", url.Values{"theme": {"dark"}}),
	} {
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%d: %s is %q, want %q", r.Code, name, got, want)
			}
		}
		policy := r.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%d: the policy %q lacks %s", r.Code, policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("the policy %q allows too much", policy)
		}
		if r.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Error("another origin may read it")
		}
		for _, c := range r.cookie {
			if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" {
				t.Errorf("the cookie %v is open to others", c)
			}
		}
	}
}

// TestCrossSite holds AD-06 and AD-07: what another site sends changes nothing.
func TestCrossSite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.client(t, "hotel", "", "Victim")
	form := url.Values{"id": {made.Client.ID}, "sure": {"1"}}
	for name, header := range map[string][]string{
		"cross-site":       {"Sec-Fetch-Site", "cross-site"},
		"same-site":        {"Sec-Fetch-Site", "same-site"},
		"an old browser":   {"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
		"a null origin":    {"Sec-Fetch-Site", "", "Origin", "null"},
		"a lookalike host": {"Sec-Fetch-Site", "", "Origin", "https://example.com.evil.example"},
	} {
		r := w.post(t, owner, "/console/t/hotel/clients/disable", form, header...)
		if r.Code != http.StatusForbidden || r.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: got %d, want 403 with the usual headers", name, r.Code)
		}
	}
	// A method in the query or a trailing dot changes nothing about it (GO-2025-3955).
	for _, path := range []string{"/console/t/hotel/clients/disable/", "/console//t/hotel/clients/disable", "/console/t/hotel/clients/disable?_method=GET"} {
		if r := w.post(t, owner, path, form, "Sec-Fetch-Site", "cross-site"); r.Code != http.StatusForbidden {
			t.Errorf("%s: got %d, want 403", path, r.Code)
		}
	}
	// A GET changes nothing.
	w.get(t, owner, "/console/t/hotel/clients/disable?id="+made.Client.ID)
	c, err := w.manager.Client(t.Context(), "hotel", made.Client.ID)
	if err != nil || c.Disabled {
		t.Fatalf("the client was disabled from elsewhere: %v", err)
	}
	if r := w.post(t, owner, "/console/t/hotel/clients/disable", form); r.Code != http.StatusSeeOther {
		t.Errorf("from the console itself: got %d, want 303", r.Code)
	}
	if c, err = w.manager.Client(t.Context(), "hotel", made.Client.ID); err != nil || !c.Disabled {
		t.Errorf("the client was not disabled: %v", err)
	}
}

func TestTheme(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.post(t, owner, "/console/theme", url.Values{"theme": {"dark"}, "back": {"/console/t/hotel/clients?q=x"}})
	if r.Code != 303 || r.To != "/console/t/hotel/clients?q=x" || len(r.cookie) != 1 || r.cookie[0].Value != "dark" {
		t.Errorf("got %d to %q with %v", r.Code, r.To, r.cookie)
	}
	w.get(t, owner, "/console/t/hotel/clients", "Cookie", console.SessionCookie+"=owner; __Host-mintage-theme=dark").want(t, 200, `data-theme="dark"`)
	for _, back := range []string{"//evil.example/", "https://evil.example/console/", `/console/\evil`, "/elsewhere", "javascript:alert(1)", "/console/\r\nX: y"} {
		if r := w.post(t, owner, "/console/theme", url.Values{"back": {back}}); r.To != "/console/" {
			t.Errorf("back to %q leads to %q", back, r.To)
		}
	}
}

func TestFragment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	whole := w.get(t, owner, "/console/t/hotel/clients")
	whole.want(t, 200, "<!doctype html>", "<nav")
	part := w.get(t, owner, "/console/t/hotel/clients", "X-Fragment", "1")
	part.want(t, 200, "<h1>API clients</h1>")
	part.lacks(t, "<html", "<nav class")
	if title := part.Header.Get("X-Title"); title != "API%20clients" || !strings.Contains(part.Header.Get("Vary"), "X-Fragment") {
		t.Errorf("title %q, vary %q", title, part.Header.Get("Vary"))
	}
	if r := w.get(t, nobody, "/console/t/hotel/clients", "X-Fragment", "1"); r.Code != http.StatusUnauthorized {
		t.Errorf("a fragment for nobody: got %d, want 401", r.Code)
	}
}

// TestReadOnly holds that a viewer sees that they are one, and can do nothing.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.client(t, "hotel", "", "Watched")
	page := w.get(t, reader, "/console/t/hotel/clients")
	page.want(t, 200, "You are a viewer", "Watched")
	page.lacks(t, "Add Client", "Disable the ticked ones")
	w.post(t, reader, "/console/t/hotel/clients/disable", url.Values{"id": {made.Client.ID}}).want(t, 403, "Your role does not allow this")
	if c, err := w.manager.Client(t.Context(), "hotel", made.Client.ID); err != nil || c.Disabled {
		t.Errorf("a viewer disabled a client: %v", err)
	}
}

var assetPath = regexp.MustCompile(`/console/static/[a-z]+\.[0-9a-f]{12}\.(css|js|svg)`)

// TestWeight holds the budgets of the first view, over the wire.
func TestWeight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 60 {
		w.client(t, "hotel", "", "Client x"+strings.Repeat("x", i))
	}
	page := w.get(t, owner, "/console/t/hotel/clients", "Accept-Encoding", "gzip")
	if page.Header.Get("Content-Encoding") != "gzip" {
		t.Fatal("the page is not packed")
	}
	z, err := gzip.NewReader(strings.NewReader(page.Body))
	if err != nil {
		t.Fatal(err)
	}
	html, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	sum := len(page.Body)
	paths := assetPath.FindAllString(string(html), -1)
	if len(paths) != 3 {
		t.Fatalf("the page names %v", paths)
	}
	for _, p := range paths {
		packed := w.get(t, nobody, p, "Accept-Encoding", "br, gzip")
		plain := w.get(t, nobody, p)
		if packed.Code != 200 || packed.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(packed.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", p, packed.Code, packed.Header)
		}
		if plain.Header.Get("Content-Encoding") != "" || plain.Header.Get("Content-Type") == "" {
			t.Errorf("%s without gzip: %v", p, plain.Header)
		}
		if strings.HasSuffix(p, ".js") && len(plain.Body) > 15<<10 {
			t.Errorf("the script has %d bytes, and may have 15 KB", len(plain.Body))
		}
		sum += len(packed.Body)
	}
	t.Logf("first view with 50 clients: %d bytes packed (page %d)", sum, len(page.Body))
	if sum > 40<<10 {
		t.Errorf("the first view weighs %d bytes, and may weigh 40 KB", sum)
	}
	if r := w.get(t, nobody, "/console/static/console.000000000000.js"); r.Code != 404 || strings.Contains(r.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("an asset of another release: %d %v", r.Code, r.Header)
	}
}

// TestMethods holds that a page has one method, and that nothing answers TRACE.
func TestMethods(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodTrace, http.MethodOptions} {
		r := w.do(t, owner, httptest.NewRequestWithContext(t.Context(), method, "/console/t/hotel/clients", http.NoBody), "Sec-Fetch-Site", "same-origin")
		if r.Code < 400 {
			t.Errorf("%s: got %d", method, r.Code)
		}
	}
	big := url.Values{"id": {strings.Repeat("x", 2<<20)}}
	if r := w.post(t, owner, "/console/t/hotel/clients/disable", big); r.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("two megabytes: got %d, want 413", r.Code)
	}
}

// TestPagesParse: no page fails when it is first shown.
func TestPagesParse(t *testing.T) {
	t.Parallel()
	if err := console.ParsePages(); err != nil {
		t.Error(err)
	}
}

// AD-06: whatever a page does with a form, it does nothing with one of another
// site, and nothing with a GET.
func TestNoFormOfAnotherSite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.withAccounts(t)
	_, boss := w.first(t, s)
	rows := func() int {
		t.Helper()
		n := 0
		for _, tenant := range []string{"hotel", mintage.BuiltInTenant} {
			es, err := w.manager.Events(t.Context(), manage.EventQuery{Tenant: tenant, Limit: 1000})
			if err != nil {
				t.Fatal(err)
			}
			n += len(es)
		}
		return n
	}
	forms, before := console.Forms(), rows()
	if len(forms) < 40 {
		t.Fatalf("only %d forms", len(forms))
	}
	for _, form := range forms {
		path := "/console" + strings.ReplaceAll(strings.TrimPrefix(form.Pattern, "POST "), "{tenant}", "hotel")
		path = regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(path, "x")
		for name, header := range map[string][]string{
			"another site": {"Sec-Fetch-Site", "cross-site"}, "a sister site": {"Sec-Fetch-Site", "same-site"},
			"an old browser": {"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
		} {
			r := w.post(t, boss, path, url.Values{"name": {"x"}}, header...)
			if r.Code != http.StatusForbidden || r.Header.Get("X-Frame-Options") != "DENY" || r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s from %s: %d", path, name, r.Code)
			}
		}
		w.get(t, boss, path)
	}
	if n := rows(); n != before {
		t.Errorf("%d changes were made", n-before)
	}
	if r := w.get(t, boss, "/console/account"); r.Code != http.StatusOK {
		t.Errorf("the session is gone: %d", r.Code)
	}
}
