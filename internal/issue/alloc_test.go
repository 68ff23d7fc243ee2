//go:build !race

package issue_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/issue"
	"github.com/mintage-auth/mintage/oauth"
)

// TestAllocations is the gate of the hot paths: how much is allocated for one
// request, from the header map to the last byte and with the log line. The
// bounds are what it is today, with some room where the database library does
// work of its own at the same time. Raise one only with a reason in the commit, and
// lower it when the code got better; make gates runs it without the race
// detector, which allocates on its own account.
func TestAllocations(t *testing.T) { //nolint:paralleltest // what others allocate is counted too
	f := newFixture(t).with(t, func(h *issue.Handler) {
		h.Log = slog.New(slog.NewJSONHandler(io.Discard, nil)) //nolint:sloglint // the line is to be written, and then thrown away
	})
	f.Minter = f.minter
	acme, err := f.dir.Tenant(t.Context(), "acme")
	must(t, err)
	token := func(w http.ResponseWriter, r *http.Request, t *mintage.Tenant) { f.Token(w, r, t, "rfc") }
	ask := url.Values{"grant_type": {"client_credentials"}, "scope": {"orders/read"}}
	about := func(client string) url.Values {
		w := httptest.NewRecorder()
		r, _ := formRequest(t, client, ask)
		f.Token(w, r, acme, "rfc")
		var answer struct {
			AccessToken string `json:"access_token"`
		}
		must(t, json.Unmarshal(w.Body.Bytes(), &answer))
		return url.Values{"token": {answer.AccessToken}}
	}
	for _, tt := range []struct {
		name   string
		do     func(http.ResponseWriter, *http.Request, *mintage.Tenant)
		client string
		form   url.Values
		atMost float64
	}{
		{"token ES256", token, "orders", ask, 82},
		{"token ES256, imported secret", token, "imported", ask, 94},
		{"token RS256", token, "rsa", ask, 26},
		{"token sealed", token, "sealed", ask, 22},
		{"token stored", token, "stored", ask, 90},
		{"introspection of a JWT", f.Introspect, "orders", about("orders"), 9},
		{"introspection of a sealed token", f.Introspect, "sealed", about("sealed"), 18},
		{"introspection of a stored token", f.Introspect, "stored", about("stored"), 74},
	} {
		r, body := formRequest(t, tt.client, tt.form)
		w := discard{header: http.Header{}}
		got := math.Inf(1)
		for range 3 { // what else runs in the process allocates too: the least is ours
			got = min(got, testing.AllocsPerRun(100, func() {
				_, _ = body.Seek(0, io.SeekStart)
				clear(w.header)
				tt.do(w, r, acme)
			}))
		}
		t.Logf("%s: %.0f allocations", tt.name, got)
		if got > tt.atMost {
			t.Errorf("%s: %.0f allocations, want at most %.0f", tt.name, got, tt.atMost)
		}
	}
}

// formRequest is a request that can be sent again when its body is wound back.
func formRequest(t *testing.T, client string, values url.Values) (*http.Request, *strings.Reader) {
	t.Helper()
	body := strings.NewReader(values.Encode())
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth2/token", io.NopCloser(body))
	r.ContentLength, r.RemoteAddr = body.Size(), "127.0.0.1:40000"
	r.Header.Set("Content-Type", form)
	r.Header.Set("Authorization", oauth.BasicHeader(client, secretOf(client)))
	return r, body
}
