package issue_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/issue"
	"github.com/mintage-auth/mintage/oauth"
)

// discard is an http.ResponseWriter that keeps nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

// BenchmarkToken is one token request without the network, from the header map
// to the last byte, one log line included.
func BenchmarkToken(b *testing.B) {
	for _, bm := range []struct{ name, path, client string }{
		{"ES256", "/oauth2/token", "orders"},
		{"stored", "/oauth2/token", "stored"},
	} {
		b.Run(bm.name, func(b *testing.B) {
			f := newFixture(b).with(b, func(h *issue.Handler) {
				h.Log = slog.New(slog.NewJSONHandler(io.Discard, nil)) //nolint:sloglint // the line is to be written, and then thrown away
			})
			f.Minter = f.minter
			acme, err := f.dir.Tenant(b.Context(), "acme")
			must(b, err)
			body := strings.NewReader("grant_type=client_credentials&scope=orders%2Fread")
			r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, bm.path, io.NopCloser(body))
			r.ContentLength, r.RemoteAddr = body.Size(), "127.0.0.1:40000"
			r.Header.Set("Content-Type", form)
			r.Header.Set("Authorization", oauth.BasicHeader(bm.client, secretOf(bm.client)))
			w := discard{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				_, _ = body.Seek(0, io.SeekStart)
				clear(w.header)
				f.Token(w, r, acme, "rfc")
			}
		})
	}
}
