package clientkeys_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/clientkeys"
	"github.com/mintage-auth/mintage/internal/jose"
)

// endpoint is a jwks_uri.
type endpoint struct {
	asked  atomic.Int64
	answer func(*http.Request) (status int, header, body string, err error)
}

func (e *endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	e.asked.Add(1)
	status, header, body, err := e.answer(r)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Cache-Control": {header}}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

// set is a JWK Set of keys made of their kids.
func set(t *testing.T, kids ...string) string {
	t.Helper()
	var keys []*jose.Key
	for _, kid := range kids {
		priv, err := jose.GenerateKey(jose.EdDSA)
		if err != nil {
			t.Fatal(err)
		}
		k, err := jose.NewKey(priv.Public(), kid, jose.EdDSA)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	return string(jose.AppendKeySet(nil, keys))
}

func newSource(e *endpoint) *clientkeys.Source {
	return &clientkeys.Source{HTTP: &http.Client{Transport: e}, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
}

var far = &mintage.Client{Tenant: "acme", ID: "far", JWKSURI: "https://billing.example.com/jwks.json"}

// kids returns the kids of what a source answers, or its error.
func kids(t *testing.T, s *clientkeys.Source, c *mintage.Client, kid string) string {
	t.Helper()
	keys, err := s.Keys(t.Context(), c, kid)
	if err != nil {
		return "error"
	}
	var all []string
	for _, k := range keys {
		all = append(all, k.ID())
	}
	return strings.Join(all, " ")
}

// TestRollover is CJ-17: a new key is taken as soon as it is there, an unknown
// kid asks at most once in 30 seconds, and a key that is gone is refused when
// the life of the answer is over.
func TestRollover(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := set(t, "old")
		e := &endpoint{answer: func(*http.Request) (int, string, string, error) { return 200, "max-age=600", now, nil }}
		s := newSource(e)
		defer s.Close()
		step := func(what, kid, want string, asked int64) {
			t.Helper()
			if got := kids(t, s, far, kid); got != want || e.asked.Load() != asked {
				t.Errorf("CJ-17: %s: got %q after %d fetches, want %q after %d", what, got, e.asked.Load(), want, asked)
			}
		}
		step("first", "old", "old", 1)
		step("again", "old", "old", 1)
		step("without a kid", "", "old", 1)
		now = set(t, "old", "new")
		step("unknown, a moment later", "new", "old", 1)
		time.Sleep(30 * time.Second)
		step("unknown, after the pause", "new", "old new", 2)
		for i := range 100 {
			step("made up", fmt.Sprint("x", i), "old new", 2)
		}
		now = set(t, "new")
		time.Sleep(9 * time.Minute)
		step("gone, within the life", "old", "old new", 2)
		time.Sleep(2 * time.Minute)
		step("gone, after the life", "old", "new", 3)
	})
}

// TestAway is CJ-17: old keys go on while the endpoint is away, for a day, and
// nobody waits for it; what it answers is bounded.
func TestAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		good, hang := set(t, "a"), false
		var fail error
		e := &endpoint{answer: func(r *http.Request) (int, string, string, error) {
			if hang {
				<-r.Context().Done()
				return 0, "", "", r.Context().Err()
			}
			return 200, "", good, fail
		}}
		s := newSource(e)
		defer s.Close()
		if got := kids(t, s, far, "a"); got != "a" {
			t.Fatal(got)
		}
		fail = errors.New("away")
		time.Sleep(6 * time.Minute)
		for range 3 {
			if got := kids(t, s, far, "a"); got != "a" || e.asked.Load() != 2 {
				t.Errorf("while away: %q after %d fetches", got, e.asked.Load())
			}
		}
		hang = true
		time.Sleep(time.Minute)
		began := time.Now()
		if got := kids(t, s, far, "a"); got != "a" || time.Since(began) != 0 {
			t.Errorf("while it hangs: %q after %v", got, time.Since(began))
		}
		time.Sleep(25 * time.Hour)
		began = time.Now()
		if _, err := s.Keys(t.Context(), far, "a"); !errors.Is(err, clientkeys.ErrUnavailable) || time.Since(began) != 5*time.Second {
			t.Errorf("after a day: %v after %v", err, time.Since(began))
		}
		hang, fail = false, nil
		time.Sleep(30 * time.Second)
		if got := kids(t, s, far, "a"); got != "a" {
			t.Errorf("back again: %q", got)
		}
	})
}

// TestOneFetch says that all who wait share one fetch, that no caller ends it,
// and that a registration that changes is asked anew.
func TestOneFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		doc := set(t, "a")
		e := &endpoint{answer: func(*http.Request) (int, string, string, error) {
			time.Sleep(time.Second)
			return 200, "", doc, nil
		}}
		s := newSource(e)
		defer s.Close()
		gone, cancel := context.WithCancel(t.Context())
		go func() {
			if _, err := s.Keys(gone, far, ""); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		}()
		synctest.Wait()
		cancel()
		for range 10 {
			go func() {
				if got := kids(t, s, far, "a"); got != "a" {
					t.Errorf("got %q", got)
				}
			}()
		}
		time.Sleep(2 * time.Second)
		moved := *far
		moved.JWKSURI += "?v=2"
		if got := kids(t, s, &moved, "a"); got != "a" || e.asked.Load() != 2 {
			t.Errorf("%q after %d fetches", got, e.asked.Load())
		}
		byValue := &mintage.Client{Tenant: "acme", ID: "far", JWKS: set(t, "v1", "v2")}
		if got := kids(t, s, byValue, "x"); got != "v1 v2" || e.asked.Load() != 2 {
			t.Errorf("by value: %q", got)
		}
	})
}

// TestAnswers says what is taken from a jwks_uri and what is not.
func TestAnswers(t *testing.T) {
	t.Parallel()
	many := make([]string, 17)
	for i := range many {
		many[i] = fmt.Sprint("k", i)
	}
	one := set(t, "a")
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"as many as may be", 200, set(t, many[:16]...), strings.Join(many[:16], " ")},
		{"one more", 200, set(t, many...), "error"},
		{"a redirect", 302, one, "error"},
		{"not found", 404, one, "error"},
		{"no JSON", 200, "<html>", "error"},
		{"too long", 200, one + strings.Repeat(" ", 128<<10), "error"},
		{"two of one kid", 200, `{"keys":[` + one[9:len(one)-2] + "," + one[9:len(one)-2] + `]}`, "error"},
		{"one for something else", 200, `{"keys":[{"kty":"oct","k":"AA"},` + one[9:], "a"},
		{"none", 200, `{"keys":[]}`, ""},
	} {
		s := newSource(&endpoint{answer: func(*http.Request) (int, string, string, error) { return tt.status, "", tt.body, nil }})
		if got := kids(t, s, far, ""); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		s.Close()
	}
}
