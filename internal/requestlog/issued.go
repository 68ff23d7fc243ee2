package requestlog

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mintage-auth/mintage"
)

// ReasonIssued is the reason of a record of tokens that were issued as asked.
const ReasonIssued = "ok"

const (
	// shards keep cores that issue tokens at the same time apart.
	shards = 16
	// perShard bounds the different tokens of one interval.
	perShard = 1 << 10
	// tracesAtOnce is how many trace ids of equal tokens are kept of an interval.
	tracesAtOnce = 1
)

// Issued is a token that was issued as asked.
type Issued struct {
	TraceID, Tenant, ClientID, ClientName string
	Dialect, AuthMethod, GrantType        string
	Address                               netip.Addr
	ScopeAsked, ScopeGranted              []string
	Status                                int
}

// issuedKey is how equal ones are looked for.
type issuedKey struct {
	tenant, client string
	address        netip.Addr
}

// issuedSum is one Issued and how many equal ones followed; those of one key
// are a list.
type issuedSum struct {
	Issued
	first, last int64 // Unix seconds
	count       int64
	traces      []string
	next        *issuedSum
}

// shard collects until the next writing.
type shard struct {
	mu      sync.Mutex
	sums    map[issuedKey]*issuedSum
	n       int
	dropped int64
	_       [32]byte // the next shard is in another cache line
}

// same reports whether i is equal to s in all but its trace id.
func (s *issuedSum) same(i *Issued) bool {
	return s.Dialect == i.Dialect && s.AuthMethod == i.AuthMethod && s.GrantType == i.GrantType && s.ClientName == i.ClientName &&
		slices.Equal(s.ScopeGranted, i.ScopeGranted) && slices.Equal(s.ScopeAsked, i.ScopeAsked)
}

// Issued notes one token. It keeps nothing of i but its strings, waits for no
// other request, and allocates nothing for most of equal ones.
func (l *Log) Issued(i *Issued, at time.Time) {
	if l.RefusedOnly {
		return
	}
	sh := &l.shards[i.TraceID[len(i.TraceID)-1]%shards]
	k := issuedKey{tenant: i.Tenant, client: i.ClientID, address: i.Address}
	now := at.Unix()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for s := sh.sums[k]; s != nil; s = s.next {
		if s.last/60 == now/60 && s.same(i) {
			s.count++
			s.last = now
			if len(s.traces) < tracesAtOnce {
				s.traces = append(s.traces, i.TraceID)
			}
			return
		}
	}
	if sh.n >= perShard {
		sh.dropped++
		return
	}
	sh.n++
	s := &issuedSum{Issued: *i, first: now, last: now, count: 1, next: sh.sums[k]}
	s.ScopeAsked, s.ScopeGranted = slices.Clone(i.ScopeAsked), slices.Clone(i.ScopeGranted)
	sh.sums[k] = s
}

// take empties the shard.
func (sh *shard) take() (sums map[issuedKey]*issuedSum, dropped int64) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sums, dropped = sh.sums, sh.dropped
	sh.sums, sh.n, sh.dropped = make(map[issuedKey]*issuedSum, len(sums)), 0, 0
	return sums, dropped
}

// collect makes records of what the shards have.
func (l *Log) collect() {
	for i := range l.shards {
		sums, dropped := l.shards[i].take()
		l.mu.Lock()
		l.dropped += dropped
		for _, s := range sums {
			for ; s != nil; s = s.next {
				l.add(s.record(), s.count, s.traces, s.detail())
			}
		}
		l.mu.Unlock()
	}
}

// detail is what makes tokens of one client from one address different.
func (s *issuedSum) detail() string {
	return strings.Join([]string{
		s.Dialect, s.AuthMethod, s.GrantType, s.ClientName, strings.Join(s.ScopeAsked, " "), strings.Join(s.ScopeGranted, " "),
	}, "\n")
}

func (s *issuedSum) record() *mintage.RequestRecord {
	r := &mintage.RequestRecord{
		TraceID: s.TraceID, Tenant: s.Tenant, Time: time.Unix(s.first, 0).UTC(), Last: time.Unix(s.last, 0).UTC(),
		ClientID: s.ClientID, ClientName: s.ClientName, Endpoint: "token", Dialect: s.Dialect, AuthMethod: s.AuthMethod, GrantType: s.GrantType,
		Reason: ReasonIssued, Status: s.Status, ScopeAsked: strings.Join(s.ScopeAsked, " "), ScopeGranted: strings.Join(s.ScopeGranted, " "),
	}
	if s.Address.IsValid() {
		r.Address = s.Address.String()
	}
	return r
}
