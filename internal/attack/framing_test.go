package attack_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/attack"
)

// TestSeen checks what is called ambiguous.
func TestSeen(t *testing.T) {
	t.Parallel()
	const host = "Host: a\r\n"
	for name, tt := range map[string]struct {
		request string
		plain   bool
		body    int
	}{
		"plain":            {"GET /a HTTP/1.1\r\n" + host + "\r\n", true, 0},
		"length":           {"POST /a HTTP/1.1\r\n" + host + "Content-Length: 3\r\n\r\na=b", true, 3},
		"chunked":          {"POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n", true, 3},
		"two lengths":      {"POST /a HTTP/1.1\r\n" + host + "Content-Length: 3\r\nContent-Length: 3\r\n\r\na=b", false, 3},
		"both":             {"POST /a HTTP/1.1\r\n" + host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, 0},
		"old chunked":      {"POST /a HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, 0},
		"no host":          {"GET /a HTTP/1.1\r\n\r\n", false, 0},
		"two hosts":        {"GET /a HTTP/1.1\r\n" + host + host + "\r\n", false, 0},
		"two tokens":       {"GET /a HTTP/1.1\r\n" + host + "Authorization: a\r\nauthorization: b\r\n\r\n", false, 0},
		"bare line feed":   {"GET /a HTTP/1.1\n" + host + "\r\n", false, 0},
		"folded":           {"GET /a HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n", false, 0},
		"space in name":    {"GET /a HTTP/1.1\r\n" + host + "X : a\r\n\r\n", false, 0},
		"null":             {"GET /a HTTP/1.1\r\n" + host + "X: a\x00\r\n\r\n", false, 0},
		"four words":       {"GET /a b HTTP/1.1\r\n" + host + "\r\n", false, 0},
		"trace":            {"TRACE /a HTTP/1.1\r\n" + host + "\r\n", false, 0},
		"other host":       {"GET http://b/a HTTP/1.1\r\n" + host + "\r\n", false, 0},
		"same host":        {"GET http://a/a HTTP/1.1\r\n" + host + "\r\n", true, 0},
		"fragment":         {"GET /a#b HTTP/1.1\r\n" + host + "\r\n", false, 0},
		"bad percent":      {"GET /a%z HTTP/1.1\r\n" + host + "\r\n", false, 0},
		"percent":          {"GET /a%20b?c=%2F HTTP/1.1\r\n" + host + "\r\n", true, 0},
		"h2c":              {"GET /a HTTP/1.1\r\n" + host + "Upgrade: h2c\r\n\r\n", false, 0},
		"chunk size":       {"POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0x3\r\na=b\r\n0\r\n\r\n", false, 0},
		"chunk extension":  {"POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n3;a\r\na=b\r\n0\r\n\r\n", false, 0},
		"chunk too long":   {"POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n3\r\na=bc\r\n0\r\n\r\n", false, 3},
		"two plain lines":  {"\r\nGET /a HTTP/1.1\r\n" + host + "\r\n", true, 0},
		"a colon is not":   {"GET /a HTTP/1.1\r\n" + host + "X\r\n\r\n", false, 0},
		"another protocol": {"GET /a HTTP/2.0\r\n" + host + "\r\n", false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _, err := attack.ReadSeen(bufio.NewReader(strings.NewReader(tt.request)), io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(s.Ambiguous) == 0; got != tt.plain || s.Body != tt.body {
				t.Errorf("%q: ambiguous: %v, body of %d; want plain %t, body of %d", tt.request, s.Ambiguous, s.Body, tt.plain, tt.body)
			}
		})
	}
}

// FuzzReadSeen holds that what is called plain reads alike with net/http.
func FuzzReadSeen(f *testing.F) {
	f.Add("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
	f.Add("POST /a%20b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\nX: y\r\n\r\n")
	f.Add("POST http://a/ HTTP/1.0\r\nContent-Length: 3\r\n\r\na=b")
	f.Add("OPTIONS * HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n")
	for _, c := range attack.DesyncSet() {
		if len(c.Raw) > 1<<10 {
			continue // long, and no more than that
		}
		f.Add(strings.NewReplacer("{path}", "/a", "{host}", "a", "{id}", "x", "{good}", "t").Replace(c.Raw))
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, whole, err := attack.ReadSeen(bufio.NewReader(strings.NewReader(text)), io.Discard)
		if err != nil || !whole || len(s.Ambiguous) > 0 {
			return
		}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.TrimLeft(text, "\r\n"))))
		if err != nil {
			t.Fatalf("called plain: %.500q: %v", text, err)
		}
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil || int(n) != s.Body || r.Method != s.Method || r.RequestURI != s.Target {
			t.Fatalf("%.500q: %s %s and %d bytes, and net/http reads %s %s and %d bytes, %v", text, s.Method, s.Target, s.Body, r.Method, r.RequestURI, n, err)
		}
	})
}
