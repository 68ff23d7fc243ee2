package clientkeys

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/jose"
)

// Times of the keys of a jwks_uri.
const (
	// pause is how long after a fetch an unknown kid, or the end of the keys'
	// life, causes another: a stranger who makes up kids cannot make us ask more
	// often, and can delay a new key by no more than this.
	pause = 30 * time.Second
	// longestStale is how long keys are used while their endpoint is away.
	longestStale = 24 * time.Hour

	defaultLife  = 5 * time.Minute // of an answer that does not say
	shortestLife = time.Minute
	longestLife  = time.Hour // a key that was taken away is refused after that

	fetchTimeout = 5 * time.Second
	maxFetches   = 32     // at a time; more wait, within their time-out
	maxEntries   = 10_000 // clients whose keys are kept in memory
)

// ErrUnavailable is wrapped by errors about keys that could not be fetched.
var ErrUnavailable = errors.New("the client's keys could not be fetched")

// Source finds keys and keeps them. Set the fields before the first use and not
// after. It is safe for concurrent use and must not be copied.
type Source struct {
	HTTP *http.Client // see NewHTTPClient
	Now  func() time.Time
	Log  *slog.Logger // is told when keys cannot be fetched

	mu      sync.Mutex
	entries map[clientKey]*entry
	slots   chan struct{} // one for each fetch under way; nil before the first
	fetches sync.WaitGroup
	closed  bool
}

type clientKey struct{ tenant, id string }

// entry is what is known of the keys of one client. Its fields are guarded by
// Source.mu.
type entry struct {
	jwks, uri string // the registration that it is of
	keys      []*jose.Key
	at        time.Time // of the last fetch that succeeded; zero: none did
	life      time.Duration
	tried     time.Time // when the last fetch ended; zero: none did
	err       error     // of the last fetch
	flight    *flight   // the fetch under way
	used      time.Time
}

// flight is one fetch that any number of callers wait for.
type flight struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when the result is in the entry
}

// Keys returns the keys of c. Those of a jwks_uri are fetched when they are not
// there, are too old, or lack one named kid, at most once in 30 seconds; a fetch
// is shared by all who wait for it, and ends with no caller. While the endpoint is
// away the keys that are there go on, for a day at most. Errors wrap
// ErrUnavailable, or are the context's. A client without keys has none.
func (s *Source) Keys(ctx context.Context, c *mintage.Client, kid string) ([]*jose.Key, error) {
	s.mu.Lock()
	e, err := s.entryLocked(c)
	if err != nil || e.uri == "" {
		s.mu.Unlock()
		return e.keys, err
	}
	f := s.lookLocked(ctx, c, e, kid)
	keys, err := s.resultLocked(e)
	s.mu.Unlock()
	if f == nil {
		return keys, err
	}
	select {
	case <-f.done:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the client's keys: %w", ctx.Err())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resultLocked(e)
}

// entryLocked returns the entry of c as it is registered now.
func (s *Source) entryLocked(c *mintage.Client) (*entry, error) {
	now := s.Now()
	id := clientKey{c.Tenant, c.ID}
	if e := s.entries[id]; e != nil && e.jwks == c.JWKS && e.uri == c.JWKSURI {
		e.used = now
		return e, nil
	}
	e := &entry{jwks: c.JWKS, uri: c.JWKSURI, used: now}
	if c.JWKS != "" {
		var err error
		if e.keys, err = readKeys([]byte(c.JWKS)); err != nil {
			return &entry{}, err // what was registered has been checked: a fault of ours
		}
	}
	if s.entries == nil {
		s.entries, s.slots = map[clientKey]*entry{}, make(chan struct{}, maxFetches)
	}
	if old := s.entries[id]; old != nil {
		old.cancel()
	} else if len(s.entries) >= maxEntries {
		s.evictLocked()
	}
	s.entries[id] = e
	return e, nil
}

// evictLocked forgets, of a handful of entries, the one that was not used for
// the longest time.
func (s *Source) evictLocked() {
	const handful = 8
	var oldest clientKey
	var at time.Time
	n := 0
	for id, e := range s.entries { // in no order
		if n == 0 || e.used.Before(at) {
			oldest, at = id, e.used
		}
		if n++; n == handful {
			break
		}
	}
	s.entries[oldest].cancel()
	delete(s.entries, oldest)
}

func (e *entry) cancel() {
	if e.flight != nil {
		e.flight.cancel()
	}
}

// lookLocked returns the fetch that the caller has to wait for, nil when what is
// there is the answer.
func (s *Source) lookLocked(ctx context.Context, c *mintage.Client, e *entry, kid string) *flight {
	now := s.Now()
	usable := e.usable(now)
	has := usable && (kid == "" || slices.ContainsFunc(e.keys, func(k *jose.Key) bool { return k.ID() == kid }))
	switch {
	case has && now.Sub(e.at) < e.life:
		return nil
	case e.flight == nil && !e.tried.IsZero() && now.Sub(e.tried) < pause:
		return nil // asked a moment ago, whatever came of it
	case e.flight == nil && s.closed:
		return nil
	case e.flight == nil:
		s.flyLocked(ctx, c, e)
	}
	if has && e.err != nil {
		return nil // the endpoint is away: nobody waits for it as long as the old keys do
	}
	return e.flight
}

func (e *entry) usable(now time.Time) bool { return !e.at.IsZero() && now.Sub(e.at) < longestStale }

// resultLocked returns what the caller gets of an entry.
func (s *Source) resultLocked(e *entry) ([]*jose.Key, error) {
	switch {
	case e.usable(s.Now()):
		return e.keys, nil
	case e.err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, e.err)
	}
	return nil, fmt.Errorf("%w: nobody asked yet", ErrUnavailable)
}

// flyLocked begins a fetch.
func (s *Source) flyLocked(ctx context.Context, c *mintage.Client, e *entry) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout) // others wait for it too
	e.flight = &flight{cancel: cancel, done: make(chan struct{})}
	tenant, id, f := c.Tenant, c.ID, e.flight
	s.fetches.Go(func() {
		defer cancel()
		began := s.Now()
		keys, life, err := s.fetch(ctx, e.uri)
		s.mu.Lock()
		defer s.mu.Unlock()
		e.err, e.tried, e.flight = err, s.Now(), nil
		if err == nil {
			e.keys, e.at, e.life = keys, began, life
		}
		close(f.done)
		if err != nil {
			s.Log.LogAttrs(ctx, slog.LevelWarn, "the keys of a client cannot be fetched",
				slog.String("tenant", tenant), slog.String("client_id", id), slog.String("jwks_uri", e.uri),
				slog.Any("err", err), slog.Bool("have_keys", e.usable(e.tried)))
		}
	})
}

// Close ends the fetches under way and waits for them. No others are made.
func (s *Source) Close() {
	s.mu.Lock()
	s.closed = true
	for _, e := range s.entries {
		e.cancel()
	}
	s.mu.Unlock()
	s.fetches.Wait()
}
