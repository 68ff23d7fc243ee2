package gateway_test

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/gateway"
)

// TestCanonicalPath is RS-19: one spelling, or none.
func TestCanonicalPath(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"/": "/", "/a": "/a", "/a/": "/a/", "/a/b.c": "/a/b.c", "/a...": "/a...", "/...": "/...", "/.well-known/x": "/.well-known/x",
		"/%41%7e%5f": "/A~_", "/caf%c3%a9": "/caf%C3%A9", "/a%20b": "/a%20b", "/100%25": "/100%25", "/100%25x": "/100%25x",
		"/a!$&'()*+,=:@": "/a!$&'()*+,=:@", "/%3f%23": "/%3F%23", "/%5B": "/%5B",
	} {
		if got, err := gateway.CanonicalPath(in); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "*", "a", "http://x/a", "/a//b", "//", "//a", "/.", "/..", "/./a", "/a/..", "/a/../b", "/a/.",
		"/%2e", "/%2E%2e/b", "/a%2fb", "/a%2Fb", "/a%5cb", `/a\b`, "/a;b", "/a%3bb", "/a%00", "/a%0d%0a", "/a%7f", "/a\x00", "/a#b", "/a?b",
		"/a%", "/a%2", "/a%zz", "/a%252e", "/a%252fb", "/a%25%32%65", "/a%%32e", "/\xff", "/%ff", "/%c0%ae", "/é", "/a b", "/a|b", `/"`, "/<", "/[", "/^", "/..%20/b", "/.%20", "/a/..%23", "/`", "/{a}",
		"/" + strings.Repeat("a", 9000),
	} {
		if got, err := gateway.CanonicalPath(in); err == nil {
			t.Errorf("%q: got %q, want an error", in, got)
		}
	}
}

// FuzzCanonicalPath: what passes is canonical itself, and the usual ways to
// clean, split and decode a path agree on it.
func FuzzCanonicalPath(f *testing.F) {
	for _, s := range []string{"/a/b", "/%41", "/a%2fb", "/..", "/a//b", "/%25%32%65", "/caf%c3%a9", "/a;b", "/100%25"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := gateway.CanonicalPath(in)
		if err != nil {
			return
		}
		again, err := gateway.CanonicalPath(got)
		if err != nil || again != got {
			t.Fatalf("%q: %q becomes %q, %v", in, got, again, err)
		}
		decoded, err := url.PathUnescape(got)
		if err != nil {
			t.Fatalf("%q: %q: %v", in, got, err)
		}
		original, err := url.PathUnescape(in)
		if err != nil || original != decoded {
			t.Fatalf("%q means %q and became %q", in, original, decoded)
		}
		if strings.Count(decoded, "/") != strings.Count(got, "/") {
			t.Fatalf("%q: decoding adds a slash", got)
		}
		clean := path.Clean(decoded)
		if strings.HasSuffix(decoded, "/") && clean != "/" {
			clean += "/"
		}
		if clean != decoded {
			t.Fatalf("%q: cleaning makes %q of it", decoded, clean)
		}
		twice, err := url.PathUnescape(decoded)
		if err == nil && twice != decoded {
			t.Fatalf("%q: decoding again makes %q of it", decoded, twice)
		}
		if strings.ContainsAny(decoded, "\\;\x00\r\n") {
			t.Fatalf("%q has a sign that is read in two ways", decoded)
		}
		if u, err := url.ParseRequestURI(got); err != nil || u.EscapedPath() != got {
			t.Fatalf("%q: net/url has another path, %v", got, err)
		}
	})
}
