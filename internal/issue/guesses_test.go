package issue_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/clientauth"
	"github.com/mintage-auth/mintage/internal/issue"
	"github.com/mintage-auth/mintage/internal/limit"
)

// asker asks the token endpoint from any address at any time.
type asker struct {
	*fixture
	at time.Time
}

// newAsker returns one whose server bounds guesses.
func newAsker(t *testing.T) *asker {
	t.Helper()
	a := &asker{at: epoch}
	a.fixture = newFixture(t).with(t, func(h *issue.Handler) {
		auth, _ := h.Auth.(*clientauth.Authenticator)
		h.Auth = &clientauth.Authenticator{
			Clients: auth.Clients, Secrets: auth.Secrets, Guesses: limit.NewGuesses(), Now: func() time.Time { return a.at },
		}
		h.Peer = func(r *http.Request) issue.Peer {
			return issue.Peer{Addr: netip.MustParseAddr(r.RemoteAddr), Secure: true}
		}
	})
	return a
}

func (a *asker) ask(from netip.Addr, id, secret string) *httptest.ResponseRecorder {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
	r := httptest.NewRequest(http.MethodPost, "https://auth.example/oauth2/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = from.String()
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

// TE-11: of 10,000 wrong secrets few are looked at, from one address as from
// 500, and for a client that does not exist as for one that does; the client
// itself is served all the time.
func TestGuesses(t *testing.T) {
	t.Parallel()
	first, elsewhere := netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("198.51.100.7")
	for _, c := range []struct {
		name      string
		addresses int
		most      int
	}{{"one address", 1, 20}, {"500 addresses", 500, 1600}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := newAsker(t)
			looked := map[string]int{}
			var refused [2]string
			for i := range 10_000 {
				from := first.As4()
				from[2], from[3] = byte(i%c.addresses/250), byte(i%c.addresses%250+1)
				for j, id := range []string{"orders", "no such client"}[:1+min(1, 2000/(i+1))] { // nobody for the first 2,000
					w := a.ask(netip.AddrFrom4(from), id, fmt.Sprint(wrong, i))
					switch w.Code {
					case http.StatusBadRequest:
						looked[id]++
					case http.StatusTooManyRequests:
						refused[j] = masked(w)
					default:
						t.Fatalf("guess %d at %s: %d", i, id, w.Code)
					}
				}
				if i%1000 == 0 {
					for _, at := range []netip.Addr{first, elsewhere} {
						if w := a.ask(at, "orders", secretOf("orders")); w.Code != http.StatusOK {
							t.Fatalf("after %d guesses the client itself gets %d at %s", i, w.Code, at)
						}
					}
				}
			}
			if looked["orders"] > c.most || looked["orders"] != looked["no such client"] || looked["orders"] < min(c.addresses, c.most) {
				t.Errorf("looked at %v, want at most %d, and as many for both", looked, c.most)
			}
			if refused[0] != refused[1] || refused[0] == "" {
				t.Errorf("refused with\n%s\nand for nobody\n%s", refused[0], refused[1])
			}
		})
	}
}

// IN-08: a caller that scans for tokens is bounded, if its limits say so, and
// each answer that is given says the same.
func TestScan(t *testing.T) {
	t.Parallel()
	f := newFixture(t).with(t, func(h *issue.Handler) { h.Limits = limit.NewRequests() })
	statuses, bodies := map[int]int{}, map[string]int{}
	for i := range 2000 {
		form := url.Values{"client_id": {"bounded"}, "client_secret": {secretOf("bounded")}, "token": {fmt.Sprint("guess", i)}}
		r := httptest.NewRequest(http.MethodPost, "https://auth.example/oauth2/introspect", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		statuses[w.Code]++
		if w.Code == http.StatusOK {
			bodies[w.Body.String()]++
		}
	}
	if statuses[http.StatusOK] != 1 || statuses[http.StatusTooManyRequests] != 1999 || bodies[`{"active":false}`] != 1 {
		t.Errorf("2,000 tokens were scanned with %v %v, want the one of this minute", statuses, bodies)
	}
}

// masked is a whole answer without what differs from request to request.
func masked(w *httptest.ResponseRecorder) string {
	trace := w.Header().Get("X-Request-Id")
	w.Header().Set("X-Request-Id", "")
	var b bytes.Buffer
	fmt.Fprintln(&b, w.Code)
	_ = w.Header().Write(&b) // memory
	return b.String() + strings.ReplaceAll(w.Body.String(), trace, "")
}
