package console_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/console"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/store/sqlstore"
)

// watcher is a browser that follows the request log.
type watcher struct {
	mu     sync.Mutex
	header http.Header
	status int
	text   strings.Builder
	ended  bool
}

func (b *watcher) Header() http.Header    { return b.header }
func (b *watcher) WriteHeader(status int) { b.status = status }
func (b *watcher) Flush()                 {}

func (b *watcher) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// rows are the trace ids of the rows that came, and beats how many signs of life.
func (b *watcher) rows(tb testing.TB) (traces []string, beats int) {
	tb.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := bufio.NewScanner(strings.NewReader(b.text.String())); s.Scan(); {
		if s.Text() == ": still here" {
			beats++
		}
		if data, ok := strings.CutPrefix(s.Text(), "data: "); ok {
			var row string
			if err := json.Unmarshal([]byte(data), &row); err != nil || !strings.HasPrefix(row, `<tr id="req_`) {
				tb.Fatalf("the row is %q: %v", data, err)
			}
			traces = append(traces, row[len(`<tr id="`):strings.IndexByte(row, '>')-1])
		}
	}
	return traces, beats
}

func (b *watcher) over() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ended
}

// shared are sessions that a test takes away while somebody follows.
type shared struct {
	mu sync.Mutex
	people
}

func (s *shared) Viewer(ctx context.Context, cookie string) (*console.Viewer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.people.Viewer(ctx, cookie)
}

func (s *shared) set(cookie string, v *console.Viewer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.people[cookie] = v; v == nil {
		delete(s.people, cookie)
	}
}

// tailing is a world in which time passes by itself.
type tailing struct {
	*world
	sessions *shared
	n        int
}

// follow has somebody follow the log.
func (w *tailing) follow(t *testing.T, who, query string) *watcher {
	t.Helper()
	b := &watcher{header: http.Header{}, status: http.StatusOK}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/console/t/hotel/requests/tail"+query, http.NoBody)
	r.AddCookie(&http.Cookie{Name: console.SessionCookie, Value: who})
	go func() {
		w.handler.ServeHTTP(b, r)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.ended = true
	}()
	synctest.Wait()
	return b
}

// happens puts a refusal of a client into the log, and returns its trace id.
func (w *tailing) happens(t *testing.T, tenant, client string) string {
	t.Helper()
	w.n++
	trace, now := fmt.Sprintf("req_%016d", w.n), time.Now()
	if err := w.manager.Store.WriteRequests(t.Context(), []*mintage.RequestRecord{{
		TraceID: trace, Tenant: tenant, Time: now, Last: now, Count: 1, ClientID: client, Endpoint: "token", Error: "invalid_client", Reason: "secret.mismatch", Status: 401,
	}}, nil); err != nil {
		t.Fatal(err)
	}
	return trace
}

// inTime runs a test in a bubble, whose clock the console reads. It is always on
// SQLite: time does not pass in a bubble while something waits for a network.
func inTime(t *testing.T, test func(t *testing.T, w *tailing)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		st, err := sqlstore.OpenSQLite(t.Context(), sqlstore.SQLite{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = st.Close() })
		w := &tailing{world: newWorldOn(t, st)}
		w.sessions = &shared{people: w.people}
		w.configure(t, func(cfg *console.Config) { cfg.Now, cfg.People = time.Now, w.sessions })
		test(t, w)
	})
}

// TestTail holds that rows arrive, each once, to those who may see them and to
// nobody else, with signs of life between.
func TestTail(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, w *tailing) { //nolint:thelper // it is the test
		acme, zenith := w.client(t, "hotel", "acme", "Ours").Client.ID, w.client(t, "hotel", "zenith", "Theirs").Client.ID
		all, ours, theirs, one := w.follow(t, owner, ""), w.follow(t, ada, ""), w.follow(t, zoe, ""), w.follow(t, owner, "?client="+zenith)
		if all.header.Get("Content-Type") != "text/event-stream" || all.header.Get("Cache-Control") != "no-store" {
			t.Errorf("the headers are %v", all.header)
		}
		a, z, ghost := w.happens(t, "hotel", acme), w.happens(t, "hotel", zenith), w.happens(t, "hotel", "ghost")
		w.happens(t, "other", acme)
		time.Sleep(time.Second)
		for _, b := range []struct {
			name string
			*watcher
			want []string
		}{{"the operator", all, []string{a, z, ghost}}, {"Acme", ours, []string{a}}, {"Zenith", theirs, []string{z}}, {"of one client", one, []string{z}}} {
			if got, _ := b.rows(t); fmt.Sprint(got) != fmt.Sprint(b.want) {
				t.Errorf("%s saw %v, want %v", b.name, got, b.want)
			}
		}
		time.Sleep(time.Minute)
		if got, beats := ours.rows(t); len(got) != 1 || beats < 3 {
			t.Errorf("after a minute: %d rows and %d signs of life", len(got), beats)
		}
		// A client that moves to another organization moves out of sight.
		if _, err := w.manager.UpdateClient(t.Context(), manage.Server(), "hotel", acme, 0, func(c *mintage.Client) error {
			c.Organization = "zenith"
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		moved := w.happens(t, "hotel", acme)
		time.Sleep(time.Second)
		if got, _ := ours.rows(t); len(got) != 1 {
			t.Errorf("Acme saw %v", got)
		}
		if got, _ := theirs.rows(t); got[len(got)-1] != moved {
			t.Errorf("Zenith saw %v, want %s last", got, moved)
		}
		time.Sleep(10 * time.Minute) // then the browser connects again
		if !all.over() {
			t.Error("it never ends")
		}
	})
}

// TestTailEnds holds that nobody follows on who may not, and that no row comes
// in between.
func TestTailEnds(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, w *tailing) { //nolint:thelper // it is the test
		client := w.client(t, "hotel", "acme", "Ours").Client.ID
		less := *w.people[reader]
		less.Scope = less.Scope.Without(manage.AdminScope())
		moved := *w.people[ada]
		moved.Membership = &console.Membership{Tenant: "hotel", Organization: "zenith"}
		demoted := *w.people[owner]
		demoted.Membership = &console.Membership{Tenant: "hotel", Organization: "zenith"}
		for _, change := range []struct {
			name, who string
			to        *console.Viewer
		}{{"the session is revoked", ada, nil}, {"the role is less", reader, &less}, {"they moved to another organization", ada, &moved}, {"they are no operator any more", owner, &demoted}} {
			w.sessions.set("watcher", w.people[change.who])
			b := w.follow(t, "watcher", "")
			w.sessions.set("watcher", change.to)
			w.happens(t, "hotel", client)
			time.Sleep(time.Second)
			if got, _ := b.rows(t); len(got) > 0 {
				t.Errorf("%s: they saw %v", change.name, got)
			}
			time.Sleep(20 * time.Second)
			if !b.over() {
				t.Errorf("%s: the stream goes on", change.name)
			}
		}
	})
}

// TestTailBounds holds how many may follow: of one session, and in all; and that
// whoever goes makes room.
func TestTailBounds(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, w *tailing) { //nolint:thelper // it is the test
		refused := func(who string) bool { return w.follow(t, who, "").status == http.StatusServiceUnavailable }
		for range 8 {
			w.follow(t, owner, "")
		}
		if !refused(owner) {
			t.Error("one session has nine")
		}
		for i := range 7 {
			who := fmt.Sprintf("guest %d", i)
			w.sessions.set(who, w.people[reader])
			for range 8 {
				w.follow(t, who, "")
			}
		}
		if !refused(reader) {
			t.Error("there are more than 64 in all")
		}
		w.sessions.set("guest 0", nil)
		time.Sleep(20 * time.Second)
		if refused(reader) {
			t.Error("who went left no room")
		}
	})
}
