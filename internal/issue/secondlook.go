package issue

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/clientauth"
	"github.com/mintage-auth/mintage/internal/secret"
)

// Bounds of the second look, which nobody waits for.
const (
	maxLooks       = 4               // at a time; more are not made
	lookTimeout    = 5 * time.Second // enough for a slow hash under load
	looksPerSecond = 10              // of all
	looksPerPeer   = 3               // of one address in a second, so that a guesser leaves some to others
)

// Owners says whose something is, whatever the tenant. Nothing of it ever gets
// into an answer. Errors are mintage.ErrNotFound, wrapped, or the store's
// trouble.
type Owners interface {
	// SecretOwner returns whose a secret is that we generated.
	SecretOwner(ctx context.Context, candidate string) (*mintage.SecretOwner, error)
	// ClientTenants returns at most limit tenants that have a client with this
	// identifier.
	ClientTenants(ctx context.Context, id string, limit int) ([]string, error)
}

// Finding is what a second look at refused credentials found.
type Finding struct {
	Reason string
	// OwnerTenant and OwnerClient say whose the credentials are, where they are
	// somebody else's.
	OwnerTenant string
	OwnerClient string
}

// secondLook finds out for the operator what the credentials of a refused
// request were meant to be, and whether a secret in a URL opens anything. It
// runs after the answer, so that neither the answer nor its time tells.
type secondLook struct {
	done sync.WaitGroup

	mu      sync.Mutex
	running int
	second  int64              // in which the looks below were begun
	made    int                // in this second
	byPeer  map[netip.Addr]int // in this second
}

func (s *secondLook) wait() { s.done.Wait() }

// begin reports whether a look may begin now.
func (s *secondLook) begin(peer netip.Addr, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if second := now.Unix(); second != s.second || s.byPeer == nil {
		s.second, s.made, s.byPeer = second, 0, make(map[netip.Addr]int, looksPerSecond)
	}
	if s.running >= maxLooks || s.made >= looksPerSecond || s.byPeer[peer] >= looksPerPeer {
		return false
	}
	s.running++
	s.made++
	s.byPeer[peer]++
	return true
}

func (s *secondLook) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
}

// look starts a second look at x, if there is anything to look at.
func (s *secondLook) look(ctx context.Context, h *Handler, x *exchange) {
	exposed, puzzling := x.exposes(h), x.puzzles(h)
	if !exposed && !puzzling {
		return
	}
	if x.shown == nil || !s.begin(x.peer.Addr, x.start) {
		if puzzling {
			h.Found(x.out.TraceID, Finding{})
		}
		return
	}
	l := &look{
		h: h, t: x.t, traceID: x.out.TraceID, claimed: x.out.ClientID, reason: x.out.Reason, shown: *x.shown, peer: x.peer.Addr,
	}
	ctx = context.WithoutCancel(ctx)
	s.done.Go(func() {
		defer s.end()
		ctx, cancel := context.WithTimeout(ctx, lookTimeout)
		defer cancel()
		if exposed {
			l.expose(ctx)
		}
		if puzzling {
			h.Found(l.traceID, l.solve(ctx))
		}
	})
}

// puzzles reports whether somebody wants to know more of x.
func (x *exchange) puzzles(h *Handler) bool {
	return h.Found != nil && x.out.Puzzling()
}

// look is one second look.
type look struct {
	h       *Handler
	t       *mintage.Tenant
	traceID string
	claimed string // as it may be shown
	reason  string
	shown   clientauth.Request
	peer    netip.Addr
}

// solve finds what the credentials were meant to be, and logs it.
func (l *look) solve(ctx context.Context) Finding {
	for _, shown := range clientauth.AllShown(&l.shown) {
		f, ok := l.find(ctx, shown)
		if !ok {
			continue
		}
		l.h.Log.LogAttrs(ctx, slog.LevelInfo, "second look",
			slog.String("trace_id", l.traceID), slog.String("tenant", l.t.ID), slog.String("client_id", l.claimed),
			slog.String("reason", l.reason), slog.String("found", f.Reason),
			slog.String("owner_tenant", f.OwnerTenant), slog.String("owner_client", f.OwnerClient))
		return f
	}
	return Finding{}
}

// find tries what goes wrong most often, the most certain first.
func (l *look) find(ctx context.Context, s clientauth.Shown) (Finding, bool) {
	id, candidate := tidy(s.ID), tidy(s.Secret)
	switch {
	case (id != s.ID || candidate != s.Secret) && l.opens(ctx, id, candidate):
		return Finding{Reason: "auth.whitespace"}, true
	case s.Form && strings.Contains(s.Secret, " ") && l.opens(ctx, id, strings.ReplaceAll(s.Secret, " ", "+")):
		return Finding{Reason: "auth.not_urlencoded"}, true
	case l.encodedTwice(ctx, s):
		return Finding{Reason: "auth.encoded_twice"}, true
	case candidate != "" && l.opens(ctx, candidate, id):
		return Finding{Reason: "auth.swapped"}, true
	}
	if f, ok := l.owned(ctx, id, candidate); ok {
		return f, true
	}
	return l.elsewhere(ctx, id)
}

// encodedTwice reports whether the credentials are right once they are
// form-decoded again.
func (l *look) encodedTwice(ctx context.Context, s clientauth.Shown) bool {
	id, idErr := url.QueryUnescape(s.ID)
	candidate, err := url.QueryUnescape(s.Secret)
	return err == nil && idErr == nil && (id != s.ID || candidate != s.Secret) && l.opens(ctx, id, candidate)
}

// opens reports whether a pair is that of a client of the tenant.
func (l *look) opens(ctx context.Context, id, candidate string) bool {
	client, found := l.h.Auth.Match(ctx, l.t, l.peer, id, candidate)
	return client != nil && found != nil
}

// owned looks at a secret that looks as if we had made it, in either place.
func (l *look) owned(ctx context.Context, id, candidate string) (Finding, bool) {
	ours := candidate
	if !secret.LooksGenerated(ours) {
		ours = id
	}
	switch {
	case !secret.LooksGenerated(ours):
		return Finding{}, false
	case !secret.WellFormed(ours):
		return Finding{Reason: "secret.truncated"}, true
	case l.h.Owners == nil:
		return Finding{}, false
	}
	owner, err := l.h.Owners.SecretOwner(ctx, ours)
	switch {
	case err != nil:
		l.troubled(ctx, err)
		return Finding{}, false
	case owner.Tenant != l.t.ID:
		return Finding{Reason: "client.other_tenant", OwnerTenant: owner.Tenant, OwnerClient: owner.ClientID}, true
	}
	return Finding{Reason: "secret.other_client", OwnerTenant: owner.Tenant, OwnerClient: owner.ClientID}, true
}

// elsewhere looks for a client of the same identifier in other tenants.
func (l *look) elsewhere(ctx context.Context, id string) (Finding, bool) {
	if l.reason != "client.unknown" || l.h.Owners == nil || !clientauth.ValidClientID(id) {
		return Finding{}, false
	}
	tenants, err := l.h.Owners.ClientTenants(ctx, id, 2)
	if err != nil {
		l.troubled(ctx, err)
		return Finding{}, false
	}
	tenants = slices.DeleteFunc(tenants, func(t string) bool { return t == l.t.ID })
	if len(tenants) == 0 {
		return Finding{}, false
	}
	return Finding{Reason: "client.other_tenant", OwnerTenant: tenants[0], OwnerClient: id}, true
}

func (l *look) troubled(ctx context.Context, err error) {
	if !errors.Is(err, mintage.ErrNotFound) {
		l.h.Log.LogAttrs(ctx, slog.LevelWarn, "a second look failed", slog.String("trace_id", l.traceID), slog.Any("err", err))
	}
}

// tidy takes away what is pasted along with credentials: line breaks anywhere,
// and blanks, quotes and invisible characters at both ends.
func tidy(s string) string {
	s = strings.NewReplacer("\r", "", "\n", "").Replace(s)
	return strings.TrimFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.In(r, unicode.Cf, unicode.Cc) || strings.ContainsRune("\"'`\u2018\u2019\u201c\u201d", r)
	})
}
