package enforce

import (
	"cmp"
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
// time, which no caller's cancellation ends.
//
// Keys are fetched again when four fifths of the life that the answer's
// Cache-Control gave them is over (1 minute to 24 hours; 5 minutes where it
// does not say), without anybody waiting; and when a token names a key that is
// not there, at most once in 30 seconds whatever tokens name, so that made-up
// kids cost nothing. A signature that does not match is no reason to fetch.
// While the issuer is away the keys that are there go on, for MaxStale at most.
// A key that is gone from the set is refused from the next fetch on.
//
// Set the fields before the first use and not after. A RemoteKeySet is safe for
// concurrent use and must not be copied.
type RemoteKeySet struct {
	// URL is where the issuer publishes its keys: the jwks_uri of its metadata,
	// from the configuration and never from a token. It must be https, but for
	// loopback addresses.
	URL string

	// Issuer is the identifier of the issuer whose metadata say where its keys
	// are (RFC 8414 §3). It is for issuers whose URL is not known, and not read
	// where URL is set.
	Issuer string

	// Client makes the requests. It must be set. Its cookies are not used, and
	// redirects are not followed.
	Client *http.Client

	// InsecureHTTP allows a URL of plain http on any host: whoever is on the
	// way can then replace the keys.
	InsecureHTTP bool

	// Timeout bounds one fetch; zero means 10 seconds.
	Timeout time.Duration

	// MaxStale is how long after the last fetch keys are used while the issuer
	// is away; zero means 24 hours.
	MaxStale time.Duration

	// Log, where it is set, is told when keys cannot be fetched.
	Log *slog.Logger

	// Fetched, where it is set, is called after each fetch with how it went,
	// for metrics. It must not call the RemoteKeySet.
	Fetched func(took time.Duration, err error)

	mu     sync.Mutex
	keys   StaticKeySet // nil: never fetched
	at     time.Time    // of the last fetch that succeeded
	life   time.Duration
	tried  time.Time // when the last fetch ended
	err    error     // of the last fetch
	flight *flight
	again  bool // another fetch has to follow the one under way
	closed bool
}

// KeySetStatus is how the keys of an issuer are, for metrics and pages of
// operators.
type KeySetStatus struct {
	Keys    int       // how many are there
	Fetched time.Time // when they were, the last time; zero: never
	Until   time.Time // when they are used no more, if none can be fetched
	Err     error     // of the last fetch; nil: it succeeded, or there was none
}

// Stale returns for how long the keys could not be fetched anew although their
// life is over: zero while all is well.
func (s *RemoteKeySet) Stale() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil || s.err == nil {
		return 0
	}
	return max(time.Since(s.at)-s.life, 0)
}

// Status returns how the keys are.
func (s *RemoteKeySet) Status() KeySetStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := KeySetStatus{Keys: len(s.keys), Fetched: s.at, Err: s.err}
	if s.keys != nil {
		st.Until = s.at.Add(s.maxStale())
	}
	return st
}

func (s *RemoteKeySet) maxStale() time.Duration {
	if s.MaxStale <= 0 {
		return longestStale
	}
	return s.MaxStale
}

// Refetch fetches the keys at once, whenever that was done before, and without
// waiting for it. A Feed calls it when a key was killed.
func (s *RemoteKeySet) Refetch(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.again = s.flight != nil // what is under way may have been answered before
	_, _, _ = s.flyLocked(ctx)
}

// flight is one fetch that any number of callers wait for.
type flight struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when the result is in the RemoteKeySet
}

// errClosed is what a closed RemoteKeySet answers where it would have to fetch.
var errClosed = errors.New("the key set is closed")

// Key returns the key with this kid. It waits for the issuer only when the key
// is not there, or has not been fetched for longer than its life because nobody
// asked.
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
	age := time.Since(s.at)
	switch {
	case err == nil && age >= s.life && s.err == nil && !s.closed:
		return s.flyLocked(ctx) // nobody asked for so long that the key may be gone
	case err == nil && age >= s.life/5*4 && since >= pause:
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
	return s.keys != nil && time.Since(s.at) < s.maxStale()
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
		timeout = defaultTimeout
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
	if s.Fetched != nil {
		s.Fetched(time.Since(began), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Log != nil && err != nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "the keys of an issuer cannot be fetched",
			slog.String("url", cmp.Or(s.URL, s.Issuer)), slog.Any("error", err), slog.Bool("have_keys", s.usableLocked()))
	}
	s.err, s.tried = err, time.Now()
	if err == nil {
		s.keys, s.at, s.life = keys, began, life
	}
	s.flight = nil
	close(f.done)
	if s.again && !s.closed {
		s.again = false
		_, _, _ = s.flyLocked(ctx)
	}
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
