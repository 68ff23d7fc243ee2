package enforce

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Times of a Feed.
const (
	defaultPoll   = 2 * time.Second
	longPoll      = 25 * time.Second
	pollGrace     = 10 * time.Second // how much longer than it asked for a long poll may take
	firstEvent    = 10 * time.Second // a proxy that keeps events back is noticed after this long
	streamSilence = 30 * time.Second // docs/reference/revocation-feed.md: a comment comes every 15 s
	streamAgain   = 5 * time.Minute  // how long another way is taken before the stream is tried again
	firstBackoff  = 250 * time.Millisecond
	longestPause  = 5 * time.Second
	tooOften      = 3 // failures in a row until another way is taken
)

// Feed follows the revocations of a Mintage issuer (docs/reference/revocation-feed.md),
// so that a token, a client or a key that was revoked is refused within a
// second, although the issuer is not asked about each token. It is a
// Revocations for one Issuer.
//
// Run it in a goroutine. It follows an event stream; where that does not come
// through, a long poll; where that does not either, it asks every Poll. Nothing
// is written to disk.
//
// Set the fields before the first use and not after. A Feed is safe for
// concurrent use and must not be copied.
type Feed struct {
	// Issuer is the issuer identifier. It must be set: tokens of others are
	// none of the feed's.
	Issuer string

	// URL is where the feed is; empty means /oauth2/revocations below Issuer.
	// It must be https, but for loopback addresses.
	URL string

	// Client makes the requests. It must be set. Its Timeout is not used, for a
	// stream takes as long as it takes, and redirects are not followed.
	Client *http.Client

	// Token returns an access token with the scope mintage/revocations:read; it
	// is called for each request, so let it keep what it has. Nil where Client
	// adds one by itself.
	Token func(ctx context.Context) (string, error)

	// Rejected, where it is set, is told of a token that the issuer answered with
	// 401, so that Token returns another one, with which the request is made again
	// once. A token can end before its time: with the key that signed it.
	Rejected func(ctx context.Context, token string)

	// InsecureHTTP allows a URL of plain http on any host.
	InsecureHTTP bool

	// MaxStale is how long Ended answers with what the feed last heard, while
	// the issuer is away. Longer after that it returns an error, and tokens are
	// refused for the time being. Zero means for ever: tokens go on, and
	// Staleness shows it. Before the feed has heard anything, Ended always
	// returns an error.
	MaxStale time.Duration

	// Poll is how often the issuer is asked where neither the stream nor a long
	// poll comes through; zero means 2 seconds.
	Poll time.Duration

	// PollOnly asks every Poll and nothing else, for networks that cut what
	// takes long.
	PollOnly bool

	// Keys, where it is set, is fetched anew at once when a key was killed.
	Keys *RemoteKeySet

	// Log, where it is set, is told when the feed cannot be read, and when it
	// can again.
	Log *slog.Logger

	mu      sync.RWMutex
	ended   endings
	cursor  string
	tag     string    // entity tag of the last whole document
	heard   time.Time // when the issuer last said that we know everything; zero: never
	way     way
	err     error // of the last request; nil: it succeeded
	running bool
	changed chan struct{} // closed when something ended; nil: nobody waits
	swept   time.Time
}

// way is how the feed is read.
type way uint8

const (
	byStream way = iota
	byLongPoll
	byPoll
)

func (w way) String() string {
	return [...]string{byStream: "stream", byLongPoll: "long poll", byPoll: "poll"}[w]
}

// FeedStatus is how a Feed is, for metrics and pages of operators.
type FeedStatus struct {
	Way         string        // stream, long poll or poll
	Heard       time.Time     // when the issuer was last heard of; zero: never
	Staleness   time.Duration // since then; zero while it was never heard of
	Revocations int           // how many are in force
	Err         error         // why it cannot be read now; nil: it can
}

// errSilent says that the feed has heard nothing yet, or not for too long.
var errSilent = errors.New("the revocation feed was not heard of for too long")

// Ended reports whether t was revoked, as far as the feed knows.
func (f *Feed) Ended(_ context.Context, t *Token) (bool, error) {
	if t.Issuer != f.Issuer {
		return false, nil
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	switch {
	case f.ended.has(t):
		return true, nil
	case f.heard.IsZero(), f.MaxStale > 0 && time.Since(f.heard) > f.MaxStale:
		return false, errSilent
	}
	return false, nil
}

// Changed returns a channel that is closed when something ended, of whomever.
func (f *Feed) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	return f.changed
}

// Staleness returns how long ago the feed last heard that it knows everything:
// a few seconds while all is well, and less than 0 when it never did.
func (f *Feed) Staleness() time.Duration {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.heard.IsZero() {
		return -1
	}
	return time.Since(f.heard)
}

// Status returns how the feed is.
func (f *Feed) Status() FeedStatus {
	f.mu.RLock()
	defer f.mu.RUnlock()
	s := FeedStatus{Way: f.way.String(), Heard: f.heard, Revocations: f.ended.len(), Err: f.err}
	if !f.heard.IsZero() {
		s.Staleness = time.Since(f.heard)
	}
	return s
}

// Run follows the feed until ctx ends, and returns why it did. It gives up on
// nothing else: trouble is logged and tried again. It fails at once when it
// cannot work, or runs already.
func (f *Feed) Run(ctx context.Context) error {
	if err := f.begin(); err != nil {
		return err
	}
	defer func() {
		f.mu.Lock()
		f.running = false
		f.mu.Unlock()
	}()
	failures := 0
	var again time.Time // when the stream is tried again
	for ctx.Err() == nil {
		if f.now() != byStream && !f.PollOnly && !time.Now().Before(again) {
			f.take(byStream)
		}
		began := time.Now()
		err := f.follow(ctx, again)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			continue // it is time to try the stream again
		}
		f.fail(ctx, err)
		if f.hears(began) {
			failures = 0
		}
		failures++
		// Is it the way, or the issuer? What can be learned is learned at once.
		whole := f.askOnce(ctx)
		noStream := errors.Is(err, errNoStream)
		if whole == nil && f.now() != byPoll && (noStream || failures >= tooOften) {
			f.take(f.now() + 1)
			again, failures = time.Now().Add(streamAgain), 0
			continue
		}
		if whole != nil {
			f.fail(ctx, whole)
			err = whole
		}
		f.pause(ctx, failures, err)
	}
	return context.Cause(ctx)
}

func (f *Feed) begin() error {
	switch {
	case f.Issuer == "":
		return errors.New("enforce: the Feed has no Issuer")
	case f.Client == nil:
		return errors.New("enforce: the Feed has no Client")
	}
	if err := checkURL(f.url(), f.InsecureHTTP); err != nil {
		return fmt.Errorf("enforce: the Feed's URL: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running {
		return errors.New("enforce: the Feed runs already")
	}
	f.running = true
	f.way = byStream
	if f.PollOnly {
		f.way = byPoll
	}
	return nil
}

func (f *Feed) url() string {
	if f.URL != "" {
		return f.URL
	}
	return strings.TrimSuffix(f.Issuer, "/") + "/oauth2/revocations"
}

func (f *Feed) now() way {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.way
}

func (f *Feed) take(w way) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.way = w
}

// hears says whether anything was heard since.
func (f *Feed) hears(since time.Time) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.heard.After(since)
}

// follow reads the feed in the way of now. Without an error it is time to try
// the stream again.
func (f *Feed) follow(ctx context.Context, again time.Time) error {
	switch f.now() {
	case byStream:
		return f.stream(ctx)
	case byLongPoll:
		for ctx.Err() == nil && time.Now().Before(again) {
			began := time.Now()
			news, err := f.ask(ctx, longPoll)
			if err != nil {
				return err
			}
			if !news && time.Since(began) < time.Second { // it does not know how to wait, or what was before
				f.sleep(ctx, f.interval())
			}
		}
		return nil
	case byPoll:
	}
	for f.PollOnly || time.Now().Before(again) {
		if err := f.askOnce(ctx); err != nil {
			return err
		}
		if f.sleep(ctx, f.interval()); ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func (f *Feed) interval() time.Duration {
	if f.Poll <= 0 {
		return defaultPoll
	}
	return f.Poll
}

// pause waits before the next attempt: longer each time, and as long as the
// issuer says.
func (f *Feed) pause(ctx context.Context, failures int, err error) {
	d := min(firstBackoff<<min(failures-1, 10), longestPause)
	if e, ok := errors.AsType[*statusError](err); ok {
		d = max(d, e.after)
	}
	f.sleep(ctx, d/2+rand.N(d/2+1)) //nolint:gosec // no secret: it spreads those who start at the same time
}

func (f *Feed) sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// fail keeps and logs why the feed cannot be read.
func (f *Feed) fail(ctx context.Context, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.Log != nil && f.err == nil { // once, and not at every attempt
		f.Log.LogAttrs(ctx, slog.LevelWarn, "the revocation feed cannot be read",
			slog.String("url", f.url()), slog.String("way", f.way.String()), slog.Any("error", err))
	}
	f.err = err
}
