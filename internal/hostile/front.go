package hostile

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/issue"
	"github.com/mintage-auth/mintage/oauth"
)

// Front stands before an issuer. Put Handler around what the issuer serves, tell
// it of each answer with Observe, and let the issuer's clock be Now. The zero
// value misbehaves in nothing. It is safe for concurrent use.
type Front struct {
	mu        sync.Mutex
	h         Hostility
	plan      plan
	turn      int       // of plan
	waitUntil time.Time // what the last Retry-After of the token endpoint came to
	gone      chan struct{}
	changed   chan struct{} // closed when h changes

	offset atomic.Int64 // of the clock, in nanoseconds
	fates  fates
	counts counts
}

// Set changes how the issuer misbehaves, from now on. The error is that of
// Validate, and changes nothing.
func (f *Front) Set(h Hostility) error {
	if err := h.Validate(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.h, f.plan, f.turn = h, h.plan(), 0
	f.offset.Store(int64(h.ClockOffset))
	f.fates.restart()
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
	return nil
}

// Hostility returns what was set.
func (f *Front) Hostility() Hostility {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.h
}

// Now is the issuer's clock.
func (f *Front) Now() time.Time { return time.Now().Add(time.Duration(f.offset.Load())) }

// SetClock makes the clock wrong until Set says otherwise.
func (f *Front) SetClock(offset time.Duration) { f.offset.Store(int64(offset)) }

// Stop makes the issuer go away: requests under way are cut off, and the others
// have their connections reset, until Start.
func (f *Front) Stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.goneLocked():
	default:
		close(f.gone)
	}
}

// Start brings the issuer back.
func (f *Front) Start() {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.goneLocked():
		f.gone = nil
	default:
	}
}

// goneLocked returns what is closed once the issuer is away.
func (f *Front) goneLocked() <-chan struct{} {
	if f.gone == nil {
		f.gone = make(chan struct{})
	}
	return f.gone
}

// away returns a channel that is closed when the issuer goes away.
func (f *Front) away() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.goneLocked()
}

// Observe notes what the issuer answered.
func (f *Front) Observe(o *issue.Outcome) {
	if o.Endpoint != "token" || o.TokenID == "" || o.Error != "" || o.Tenant == mintage.BuiltInTenant {
		return // administration has no enemies
	}
	f.counts.add(&f.counts.s.Tokens)
	now := time.Now()
	h := f.Hostility()
	f.fates.mint(minted{
		tenant: o.Tenant, client: o.ClientID, scope: o.ScopeGranted.String(), jti: o.TokenID,
		at: now, expires: now.Add(time.Duration(o.ExpiresIn) * time.Second),
	}, h.RefusePercent, h.RefuseAfter)
}

// tokenPaths are where token endpoints are, below an issuer.
var tokenPaths = []string{"/oauth2/token", "/access-token", "/oauth/token"}

func isToken(r *http.Request) bool {
	for _, p := range tokenPaths {
		if strings.HasSuffix(r.URL.Path, p) {
			return r.Method == http.MethodPost
		}
	}
	return false
}

// Handler stands before next.
func (f *Front) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gone := f.away()
		token := isToken(r)
		if token {
			f.counts.add(&f.counts.s.TokenRequests)
		}
		if isClosed(gone) {
			f.reset(w)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		served := make(chan struct{})
		defer close(served)
		go func() {
			select {
			case <-gone:
				cancel()
			case <-served:
			}
		}()
		if !f.misbehave(ctx, w, token) {
			f.pass(next, w, r.WithContext(ctx))
		}
		if isClosed(gone) { // whatever was answered is cut off
			panic(http.ErrAbortHandler)
		}
	})
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// misbehave reports whether it answered, in one way or another.
func (f *Front) misbehave(ctx context.Context, w http.ResponseWriter, token bool) bool {
	h, fault := f.next(token)
	if h.Delay > 0 {
		wait := time.NewTimer(h.Delay)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-ctx.Done():
			return true
		}
	}
	if h.ClockOffset != 0 {
		w.Header().Set("Date", f.Now().UTC().Format(http.TimeFormat))
	}
	switch fault {
	case faultReset:
		f.reset(w)
	case faultTooMany:
		f.counts.add(&f.counts.s.TooMany)
		refuse(w, http.StatusTooManyRequests, "too_many_requests", h.RetryAfter)
	case faultUnavailable:
		f.counts.add(&f.counts.s.Unavailable)
		refuse(w, http.StatusServiceUnavailable, "temporarily_unavailable", h.RetryAfter)
	case faultNone:
		return false
	}
	return true
}

// next says what happens to the next request.
func (f *Front) next(token bool) (Hostility, fault) { //nolint:revive // what the request is
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if token && now.Before(f.waitUntil) {
		f.counts.add(&f.counts.s.Early)
	}
	hit := f.plan[f.turn]
	f.turn = (f.turn + 1) % len(f.plan)
	if token && (hit == faultTooMany || hit == faultUnavailable) && f.h.RetryAfter > 0 {
		f.waitUntil = now.Add(f.h.Delay + f.h.RetryAfter)
	}
	return f.h, hit
}

// refuse answers as a server that is busy.
func refuse(w http.ResponseWriter, status int, code string, after time.Duration) {
	header := w.Header()
	header.Set("Content-Type", "application/json;charset=UTF-8")
	header.Set("Cache-Control", "no-store")
	if after > 0 {
		header.Set("Retry-After", strconv.Itoa(int(after/time.Second))) // RFC 9110 §10.2.3
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(oauth.ErrorResponse{Code: code, Description: "the issuer is hostile on purpose"}) // the caller is gone if this fails
}

// pass lets the issuer answer. What introspection says of a token that is to be
// refused is changed.
func (f *Front) pass(next http.Handler, w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, introspectPath) || r.Method != http.MethodPost {
		next.ServeHTTP(w, r)
		return
	}
	rec := &recorder{header: w.Header()}
	next.ServeHTTP(rec, r)
	var info oauth.Introspection
	if rec.status == http.StatusOK && json.Unmarshal(rec.body.Bytes(), &info) == nil && info.Active && f.refuses(info.ID) {
		rec.body.Reset()
		rec.body.WriteString(`{"active":false}`)
		w.Header().Del("Content-Length")
	}
	w.WriteHeader(rec.status)
	_, _ = rec.body.WriteTo(w) // the caller is gone if this fails
}

// refuses reports whether a token is refused now, and counts it.
func (f *Front) refuses(jti string) bool {
	if !f.fates.refuses(jti, time.Now()) {
		return false
	}
	f.counts.add(&f.counts.s.Refusals)
	return true
}
