package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/gateway"
)

// introspected is an issuer's introspection endpoint.
type introspected struct {
	asked   atomic.Int64
	mu      sync.Mutex
	active  map[string]time.Time // the exp of each token that is
	aud     string
	hold    chan struct{} // closed when answers may be given; nil: at once
	refused bool          // the credentials
}

func (in *introspected) serve(w http.ResponseWriter, r *http.Request) {
	if in.hold != nil {
		<-in.hold
	}
	in.asked.Add(1)
	id, secret, _ := r.BasicAuth()
	in.mu.Lock()
	defer in.mu.Unlock()
	if r.URL.Path != "/introspect" || r.Method != http.MethodPost || id != "api" || secret != "s3cret" || in.refused {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	answer := map[string]any{"active": false}
	if exp, ok := in.active[r.PostFormValue("token")]; ok {
		answer = map[string]any{"active": true, "client_id": "client-1", "sub": "client-1", "scope": "x", "aud": in.aud, "exp": exp.Unix()}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

func (in *introspected) set(change func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	change()
}

// asking adds the endpoint to the issuer of a Config.
func (in *introspected) asking(t *testing.T, is *authServer, c *gateway.Config) {
	t.Helper()
	is.serve = in.serve
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Issuers[0].Introspection = &gateway.Introspection{URL: is.URL + "/introspect", ClientID: "api", SecretFile: secret}
}

// IN-05 and R24, through the gateway: what an issuer says of an opaque token is
// asked once for any number of callers, kept for five seconds and never past the
// token's end; a revoked token is refused after those, one of another API at
// once; and while the issuer is away the answer is 503, which sends nobody for a
// new token.
func TestOpaqueTokens(t *testing.T) {
	t.Parallel()
	is, b := newIssuer(t), newBackend(t, nil)
	c := is.config(&gateway.Route{Name: "a", Paths: []string{"/a"}, Scopes: []string{"x"}, Upstream: b.URL},
		&gateway.Route{Name: "w", Paths: []string{"/w"}, Scopes: []string{"y"}, Upstream: b.URL})
	in := &introspected{active: map[string]time.Time{}, aud: audience, hold: make(chan struct{})}
	in.asking(t, is, c)
	start := time.Now()
	var offset atomic.Int64
	now := func() time.Time { return start.Add(time.Duration(offset.Load())) }
	after := func(d time.Duration) { offset.Add(int64(d)) }
	in.active["good"], in.active["short"] = start.Add(time.Hour), start.Add(3*time.Second)
	srv := front(t, newGateway(t, c, gateway.Deps{Now: now}))
	ask := func(path, token string) (int, string) {
		res, _ := call(t, "GET", srv.URL+path, token, "", nil)
		return res.StatusCode, res.Header.Get("Www-Authenticate")
	}
	var callers sync.WaitGroup
	var began atomic.Int64
	for range 50 {
		callers.Go(func() {
			began.Add(1)
			if status, _ := ask("/a", "good"); status != 200 {
				t.Errorf("got %d", status)
			}
		})
	}
	await(t, "all have begun", func() bool { return began.Load() == 50 })
	close(in.hold)
	callers.Wait()
	if n := in.asked.Load(); n != 1 {
		t.Errorf("50 callers with one token caused %d questions", n)
	}
	if req, _ := b.last(); req.Header.Get("X-Client-Id") != "client-1" || req.Header.Get("Authorization") != "" {
		t.Errorf("the backend got %v", req.Header)
	}
	if status, challenge := ask("/w", "good"); status != 403 || challenge == "" || in.asked.Load() != 1 {
		t.Errorf("without the scope: %d %s, %d questions", status, challenge, in.asked.Load())
	}
	if status, _ := ask("/a", "unknown"); status != 401 {
		t.Errorf("a made-up token: %d", status)
	}

	// What is known is never used past the token's end, whatever its own life.
	if status, _ := ask("/a", "short"); status != 200 {
		t.Errorf("a token of three seconds: %d", status)
	}
	in.set(func() { delete(in.active, "short") })
	after(4 * time.Second)
	asked := in.asked.Load()
	if status, _ := ask("/a", "short"); status != 401 || in.asked.Load() != asked+1 {
		t.Errorf("past its end: %d, %d more questions", status, in.asked.Load()-asked)
	}

	// A revoked one is refused when the answer is five seconds old.
	in.set(func() { delete(in.active, "good") })
	if status, _ := ask("/a", "good"); status != 200 {
		t.Errorf("within the life of the answer: %d", status)
	}
	after(2 * time.Second)
	if status, _ := ask("/a", "good"); status != 401 {
		t.Errorf("a revoked token: %d", status)
	}
	in.set(func() { in.active["foreign"], in.aud = start.Add(time.Hour), "https://other.example" })
	if status, _ := ask("/a", "foreign"); status != 401 {
		t.Errorf("a token of another API: %d", status)
	}
	in.set(func() { in.refused, in.aud, in.active["late"] = true, audience, start.Add(time.Hour) })
	if status, challenge := ask("/a", "late"); status != 503 || challenge != "" {
		t.Errorf("with the wrong secret: %d %s", status, challenge)
	}
	is.Close()
	after(time.Minute)
	if status, challenge := ask("/a", "late"); status != 503 || challenge != "" {
		t.Errorf("with the issuer away: %d %s", status, challenge)
	}
}

// TestOpaqueFlood is R24 and IN-08 at the gateway: of ten thousand made-up
// opaque tokens from one address, few are shown to the issuer, and the token of
// another caller there goes on.
func TestOpaqueFlood(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	c := is.config(&gateway.Route{Name: "a", Paths: []string{"/a"}})
	in := &introspected{active: map[string]time.Time{"good": time.Now().Add(time.Hour)}, aud: audience}
	in.asking(t, is, c)
	g := newGateway(t, c, gateway.Deps{})
	ask := func(token string) string {
		return g.Decide(context.WithoutCancel(t.Context()), gateway.Call{
			Method: "GET", Host: "x", Path: "/a", Header: bearer(token), RemoteAddr: mustPrefix(t, "192.0.2.7").Addr(),
		}).Reason
	}
	got := map[string]int{}
	for i := range 10_000 {
		got[ask(fmt.Sprint("made-up-", i))]++
		if i%100 == 0 && ask("good") != "ok" {
			t.Fatalf("%d: the good token is refused", i)
		}
	}
	if got["token.unknown"] > 500 || got["token.unknown"]+got["limit.guess"] != 10_000 || in.asked.Load() > 600 {
		t.Errorf("got %v, %d questions", got, in.asked.Load())
	}
}
