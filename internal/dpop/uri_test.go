package dpop_test

import (
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/dpop"
)

func TestNormalURI(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://a.example":                   "https://a.example/",
		"https://a.example/":                  "https://a.example/",
		"HTTPS://A.Example:443/x":             "https://a.example/x",
		"http://a.example:80/x":               "http://a.example/x",
		"http://a.example:443/x":              "http://a.example:443/x",
		"https://a.example:/x":                "https://a.example/x",
		"https://[::1]:443/x":                 "https://[::1]/x",
		"https://a.example/%7euser/%2f%2F%c3": "https://a.example/~user/%2F%2F%C3",
		"https://a.example/a/./b/../c":        "https://a.example/a/c",
		"https://a.example/../a":              "https://a.example/a",
		"https://a.example/a/..":              "https://a.example/",
		"https://a.example/a/.":               "https://a.example/a/",
		"https://a.example/%2e%2e/a":          "https://a.example/a",
		"https://a.example//a":                "https://a.example//a",
		"https://a.example/a?b#c":             "https://a.example/a",
		"https://a.example?b":                 "https://a.example/",
		"https://a.example/a;b=c":             "https://a.example/a;b=c",
	} {
		if got, ok := dpop.NormalURI(raw); !ok || got != want {
			t.Errorf("%s: got %q, %v, want %q", raw, got, ok, want)
		}
	}
	for _, raw := range []string{
		"", "/a", "a.example/x", "ftp://a.example/", "https://", "https:a.example", "https://u@a.example/", "https://u:p@a.example/",
		"https://a.example/%", "https://a.example/%zz", "https://a.example/a b", "https://a.example/\n", "http://:", "http://:80/", "https://ä.example/", "javascript:x",
	} {
		if got, ok := dpop.NormalURI(raw); ok {
			t.Errorf("%q: got %q, want none", raw, got)
		}
	}
}

// FuzzNormalURI: what is normal stays as it is, and has no query, fragment or
// dot segment.
func FuzzNormalURI(f *testing.F) {
	for _, s := range []string{"https://a.example/%7eb/../c?d#e", "http://[::1]:80/", "https://a.example//.//..//x", "https://a.example/%2e/%2E%2e/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		once, ok := dpop.NormalURI(raw)
		if !ok {
			if once != "" && !strings.HasPrefix(once, "http") {
				t.Errorf("%q: refused with %q", raw, once)
			}
			return
		}
		twice, ok := dpop.NormalURI(once)
		if !ok || twice != once {
			t.Errorf("%q: %q becomes %q, %v", raw, once, twice, ok)
		}
		if strings.ContainsAny(once, "?#") || strings.Contains(once+"/", "/../") {
			t.Errorf("%q: got %q", raw, once)
		}
	})
}
