package enforce

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Times of a RemoteKeySet.
const (
	// unknownKeyPause is how long after a fetch an unknown kid causes another:
	// a stranger who makes up kids cannot make us ask more often, and can delay
	// a new key by no more than this.
	unknownKeyPause = 30 * time.Second
	// failurePause is how long after a fetch that failed another is tried.
	failurePause = 5 * time.Second
	// firstPause is the same while there are no keys at all.
	firstPause = time.Second
	// longestStale is how long keys are used while the issuer is away.
	longestStale = 24 * time.Hour

	defaultKeyLife  = 5 * time.Minute // of an answer that does not say
	shortestKeyLife = time.Minute
	longestKeyLife  = 24 * time.Hour
)

// RemoteKeySet is the keys that an issuer publishes as a JWK Set, fetched when
// they are first needed and kept. Any number of callers cause one fetch at a
// time, which no caller's cancellation ends. Keys are fetched again when four
// fifths of the life that the answer's Cache-Control gave them is over (1
// minute to 24 hours; 5 minutes where it does not say), and when a token names
// a key that is not there, at most once in 30 seconds. While the issuer is away
// the keys that are there go on, for 24 hours at most. A key that is gone from
// the set is refused from the next fetch on.
//
// Set the fields before the first use and not after. A RemoteKeySet is safe for
// concurrent use and must not be copied.
type RemoteKeySet struct {
	// URL is where the issuer publishes its keys: the jwks_uri of its metadata,
	// from the configuration and never from a token. It must be https, but for
	// loopback addresses.
	URL string

	// Client makes the requests. It must be set. Its cookies are not used, and
	// redirects are followed on the same host only.
	Client *http.Client

	// InsecureHTTP allows a URL of plain http on any host: whoever is on the
	// way can then replace the keys.
	InsecureHTTP bool

	// Timeout bounds one fetch; zero means 10 seconds.
	Timeout time.Duration

	// Log, where it is set, is told when keys cannot be fetched.
	Log *slog.Logger

	mu     sync.Mutex
	keys   StaticKeySet // nil: never fetched
	at     time.Time    // of the last fetch that succeeded
	life   time.Duration
	tried  time.Time // when the last fetch ended
	err    error     // of the last fetch
	flight *flight
	closed bool
}

// flight is one fetch that any number of callers wait for.
type flight struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when the result is in the RemoteKeySet
}

// errClosed is what a closed RemoteKeySet answers where it would have to fetch.
var errClosed = errors.New("the key set is closed")

// Key returns the key with this kid. It waits for the issuer only when the key
// is not there.
func (s *RemoteKeySet) Key(ctx context.Context, kid string) (*Key, error) {
	s.mu.Lock()
	key, f, err := s.lookLocked(ctx, kid)
	s.mu.Unlock()
	if f == nil {
		return key, err
	}
	select {
	case <-f.done:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the issuer's keys: %w", ctx.Err())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.foundLocked(ctx, kid)
}

// lookLocked returns the key or what is known of it, or a fetch to wait for.
func (s *RemoteKeySet) lookLocked(ctx context.Context, kid string) (*Key, *flight, error) {
	usable, since := s.usableLocked(), time.Since(s.tried)
	if !usable {
		if s.tried.IsZero() || s.flight != nil || since >= firstPause {
			return s.flyLocked(ctx)
		}
		return nil, nil, s.trouble()
	}
	pause := unknownKeyPause
	if s.err != nil {
		pause = failurePause
	}
	key, err := s.foundLocked(ctx, kid)
	switch {
	case err == nil && time.Since(s.at) >= s.life/5*4 && since >= pause:
		_, _, _ = s.flyLocked(ctx) // in the background: the key is good for a while yet
		return key, nil, nil
	case err == nil, s.flight == nil && since < pause:
		return key, nil, err
	}
	return s.flyLocked(ctx)
}

// foundLocked returns the key with this kid. Where it is not there and the last
// fetch failed, nobody can say whether the issuer has it.
func (s *RemoteKeySet) foundLocked(ctx context.Context, kid string) (*Key, error) {
	if !s.usableLocked() {
		return nil, s.trouble()
	}
	key, err := s.keys.Key(ctx, kid)
	if err != nil && s.err != nil {
		return nil, s.trouble()
	}
	return key, err
}

// usableLocked says whether there are keys that are not too old.
func (s *RemoteKeySet) usableLocked() bool {
	return s.keys != nil && time.Since(s.at) < longestStale
}

func (s *RemoteKeySet) trouble() error {
	if s.err == nil {
		return errors.New("the issuer's keys are too old")
	}
	return fmt.Errorf("the issuer's keys: %w", s.err)
}

// flyLocked joins the fetch under way or starts one.
func (s *RemoteKeySet) flyLocked(ctx context.Context) (*Key, *flight, error) {
	switch {
	case s.closed:
		return nil, nil, errClosed
	case s.flight != nil:
		return nil, s.flight, nil
	}
	timeout := s.Timeout
	if timeout <= 0 {
		timeout = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout) // others wait for it too
	f := &flight{cancel: cancel, done: make(chan struct{})}
	s.flight = f
	go s.fly(ctx, f)
	return nil, f, nil
}

func (s *RemoteKeySet) fly(ctx context.Context, f *flight) {
	defer f.cancel()
	began := time.Now()
	keys, life, err := s.fetch(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Log != nil && err != nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "the keys of an issuer cannot be fetched",
			slog.String("url", s.URL), slog.Any("error", err), slog.Bool("have_keys", s.usableLocked()))
	}
	s.err, s.tried = err, time.Now()
	if err == nil {
		s.keys, s.at, s.life = keys, began, life
	}
	s.flight = nil
	close(f.done)
}

// Close ends a fetch under way and waits for it. The keys that are there can
// still be used; no others are fetched. A program that keeps its keys for as
// long as it runs need not call it.
func (s *RemoteKeySet) Close() {
	s.mu.Lock()
	s.closed = true
	f := s.flight
	s.mu.Unlock()
	if f != nil {
		f.cancel()
		<-f.done
	}
}
