// Package lastuse remembers when and from where client secrets were used, and
// writes that once a minute.
//
// One thing is always true of it: a request never waits for the database.
// Noting a use is a write to a map in memory, which is bounded; one writer
// empties the map. What was noted since may be lost with the process, and what
// is written never goes back.
package lastuse

import (
	"cmp"
	"context"
	"hash/maphash"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mintage-auth/mintage/internal/store"
)

// Interval is how often uses are written.
const Interval = time.Minute

const (
	// shards keep cores that note uses at the same time apart.
	shards = 16
	// perShard bounds the secrets that are kept in mind: 64 K in all, about
	// 10 MB. When a shard is full, what it has is written early, and until then
	// uses of other secrets are not noted.
	perShard = 4 << 10
	// batch is how many uses one transaction writes, so that no other writer
	// waits long.
	batch = 200
	// lastWords bounds the write at shutdown.
	lastWords = 5 * time.Second
)

// Store writes uses; store.Upkeep has more to say of it.
type Store interface {
	MarkUsed(ctx context.Context, uses []store.SecretUse) error
}

// Recorder notes uses and writes them. Make one with New. It is safe for
// concurrent use.
type Recorder struct {
	// Every is how often uses are written; zero: once an Interval. Set it before
	// Run.
	Every time.Duration

	store  Store
	log    *slog.Logger
	seed   maphash.Seed
	full   chan struct{} // holds one element when a shard is full
	shards [shards]shard
}

type shard struct {
	mu   sync.Mutex
	uses map[key]use
	_    [48]byte // the next shard is in another cache line
}

// key names a secret. Its strings are those of the cached client, so that
// nothing is copied.
type key struct{ tenant, client, secret string }

type use struct {
	at   int64 // Unix seconds
	from netip.Addr
}

// New returns a Recorder that writes to st.
func New(st Store, log *slog.Logger) *Recorder {
	r := &Recorder{store: st, log: log, seed: maphash.MakeSeed(), full: make(chan struct{}, 1)}
	for i := range r.shards {
		r.shards[i].uses = map[key]use{}
	}
	return r
}

// Note remembers that a secret was used. It neither waits nor, for a secret
// that was noted in the same interval, allocates.
func (r *Recorder) Note(tenant, client, secret string, at time.Time, from netip.Addr) {
	k := key{tenant: tenant, client: client, secret: secret}
	s := &r.shards[maphash.String(r.seed, secret)%shards]
	u := use{at: at.Unix(), from: from}
	s.mu.Lock()
	old, known := s.uses[k]
	room := known || len(s.uses) < perShard
	if room && old.at <= u.at {
		s.uses[k] = u
	}
	s.mu.Unlock()
	if !room {
		select {
		case r.full <- struct{}{}:
		default:
		}
	}
}

// Run writes what was noted once an Interval until ctx ends, and then what is
// left.
func (r *Recorder) Run(ctx context.Context) {
	ticker := time.NewTicker(cmp.Or(r.Every, Interval))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
			defer cancel()
			r.flush(last)
			return
		case <-ticker.C:
		case <-r.full:
		}
		r.flush(ctx)
	}
}

// flush writes all that was noted. What cannot be written is noted again.
func (r *Recorder) flush(ctx context.Context) {
	var uses []store.SecretUse
	for i := range r.shards {
		uses = r.shards[i].take(uses)
	}
	slices.SortFunc(uses, func(a, b store.SecretUse) int { // as the rows are
		if c := strings.Compare(a.Tenant, b.Tenant); c != 0 {
			return c
		}
		if c := strings.Compare(a.Client, b.Client); c != 0 {
			return c
		}
		return strings.Compare(a.Secret, b.Secret)
	})
	for len(uses) > 0 {
		n := min(batch, len(uses))
		if err := r.store.MarkUsed(ctx, uses[:n]); err != nil {
			r.log.LogAttrs(ctx, slog.LevelWarn, "the last use of secrets is not written yet", slog.Any("err", err), slog.Int("secrets", len(uses)))
			r.again(uses)
			return
		}
		uses = uses[n:]
	}
}

// take appends what the shard has to uses, and empties it.
func (s *shard) take(uses []store.SecretUse) []store.SecretUse {
	s.mu.Lock()
	taken := s.uses
	s.uses = make(map[key]use, len(taken))
	s.mu.Unlock()
	for k, u := range taken {
		out := store.SecretUse{Tenant: k.tenant, Client: k.client, Secret: k.secret, At: time.Unix(u.at, 0).UTC()}
		if u.from.IsValid() {
			out.From = u.from.Unmap().WithZone("").String()
		}
		uses = append(uses, out)
	}
	return uses
}

func (r *Recorder) again(uses []store.SecretUse) {
	for _, u := range uses {
		from, _ := netip.ParseAddr(u.From) // the zero Addr where there was none
		r.Note(u.Tenant, u.Client, u.Secret, u.At, from)
	}
}
