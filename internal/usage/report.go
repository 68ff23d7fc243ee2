package usage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// Reports makes sums of what was counted: the Store is a store.Usage.
type Reports struct {
	Store interface {
		Usage(ctx context.Context, q store.UsageQuery) ([]*mintage.UsageCount, error)
	}
	Now func() time.Time
}

// Query asks for sums. Empty members ask for all.
type Query struct {
	Tenant string
	// Organization of the tenant, which owns the clients; empty: of all clients.
	Organization string
	ClientID     string
	Clients      []string // nil: all
	Reason       string
	Issued       bool // only issued tokens
	Refused      bool // only refusals
	API          string
	Scope        string
	Since        time.Time
	Until        time.Time
	Step         time.Duration // by spans of this length; zero: not by time

	ByTenant, ByClient, ByReason, ByAPI, ByScope bool
}

// Sum is a sum of what a Query asks for. Members that the query does not group
// by are zero.
type Sum struct {
	Start                                time.Time
	Tenant, ClientID, Reason, API, Scope string
	Issued, Refused                      int64
}

// MaxSums bounds the sums of one answer.
const MaxSums = 10_000

// ErrTooMany is what a query of more than MaxSums fails with.
var ErrTooMany = errors.New("usage: the query has too many sums")

// key is what a sum is of.
func (s *Sum) key() Sum {
	k := *s
	k.Issued, k.Refused = 0, 0
	return k
}

// Sums returns the sums that q asks for, sorted by what they are grouped by. A
// token for several APIs, or of several scopes, counts for each of them where
// they are grouped by that.
func (r *Reports) Sums(ctx context.Context, q Query) ([]Sum, error) {
	counts, err := r.Store.Usage(ctx, store.UsageQuery{
		Tenant: q.Tenant, Organization: q.Organization, ClientID: q.ClientID, Clients: q.Clients, Reason: q.Reason, Issued: q.Issued, Refused: q.Refused,
		Since: q.Since, Until: q.Until, Step: q.Step, ByTenant: q.ByTenant, ByClient: q.ByClient, ByReason: true,
		ByAudience: q.ByAPI || q.API != "", ByScope: q.ByScope || q.Scope != "", Limit: 10*MaxSums + 1,
	})
	if err != nil {
		return nil, err
	}
	if len(counts) > 10*MaxSums {
		return nil, ErrTooMany
	}
	sums := map[Sum]*Sum{}
	for _, u := range counts {
		for _, api := range parts(u.Audience, q.API, q.ByAPI) {
			for _, scope := range parts(u.Scope, q.Scope, q.ByScope) {
				add(sums, &q, u, api, scope)
			}
		}
	}
	if len(sums) > MaxSums {
		return nil, ErrTooMany
	}
	out := make([]Sum, 0, len(sums))
	for _, s := range sums {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Sum) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.ClientID, b.ClientID),
			cmp.Compare(a.API, b.API), cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Reason, b.Reason))
	})
	return out, nil
}

// ScopeUse is how much a scope was used.
type ScopeUse struct {
	Tokens  int64
	Clients int // that got them
}

// Scopes returns how much each scope of a resource server was used since then,
// by its name on the wire. A scope that two resource servers of a token have
// counts for both.
func (r *Reports) Scopes(ctx context.Context, tenant, api string, since time.Time) (map[string]ScopeUse, error) {
	sums, err := r.Sums(ctx, Query{Tenant: tenant, API: api, Issued: true, Since: since, ByClient: true, ByScope: true})
	if err != nil {
		return nil, err
	}
	out := map[string]ScopeUse{}
	for _, s := range sums {
		u := out[s.Scope]
		u.Tokens, u.Clients = u.Tokens+s.Issued, u.Clients+1
		out[s.Scope] = u
	}
	return out, nil
}

// parts returns the words of a list that a query is about, or one empty word
// for all when it does not tell them apart; nothing when it is about none.
func parts(list, only string, apart bool) []string {
	words := strings.Fields(list)
	switch {
	case only != "" && !slices.Contains(words, only):
		return nil
	case !apart:
		return []string{""}
	case only != "":
		return []string{only}
	case len(words) == 0:
		return []string{""} // refusals are of none
	}
	return words
}

func add(sums map[Sum]*Sum, q *Query, u *mintage.UsageCount, api, scope string) {
	s := Sum{Start: u.Start, Tenant: u.Tenant, ClientID: u.ClientID, API: api, Scope: scope}
	if q.ByReason {
		s.Reason = u.Reason
	}
	at := sums[s.key()]
	if at == nil {
		at = &s
		sums[s.key()] = at
	}
	if u.Reason == "" {
		at.Issued += u.Count
	} else {
		at.Refused += u.Count
	}
}

// Advice names a client that seems not to keep its tokens.
type Advice struct {
	ClientID string
	Tokens   int64         // that it got for one set of APIs and scopes
	Window   time.Duration // in this time
	Lifetime time.Duration // how long each lives
}

// String says it as a sentence.
func (a Advice) String() string {
	return fmt.Sprintf("asked %d times in %s for a token that lives %s: it does not cache", a.Tokens, span(a.Window), span(a.Lifetime))
}

// span returns a duration as people say it.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == time.Hour:
		return "an hour"
	case d%day == 0 && d > day:
		return fmt.Sprintf("%d days", d/day)
	case d%time.Hour == 0:
		return fmt.Sprintf("%d hours", d/time.Hour)
	case d == time.Minute:
		return "a minute"
	case d%time.Minute == 0:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return fmt.Sprintf("%d seconds", d/time.Second)
}

// Bounds of what is told: a client that keeps its tokens asks once in a
// lifetime, and one of a few processes as often as it has of them.
const (
	adviceWindow = time.Hour
	fewTokens    = 12
	fewProcesses = 6
)

// Advice returns the clients of a tenant that got many more tokens in the last
// hour than they need, the worst first.
func (r *Reports) Advice(ctx context.Context, tenant string) ([]Advice, error) {
	counts, err := r.Store.Usage(ctx, store.UsageQuery{
		Tenant: tenant, Issued: true, Since: r.Now().Add(-adviceWindow).Truncate(time.Minute),
		ByClient: true, ByAudience: true, ByScope: true,
	})
	if err != nil {
		return nil, err
	}
	worst := map[string]Advice{}
	for _, u := range counts {
		life := time.Duration(u.Lifetime) * time.Second
		if life <= 0 || u.ClientID == "" {
			continue
		}
		needed := int64((adviceWindow + life - 1) / life) // rounded up
		if u.Count < fewTokens || u.Count < fewProcesses*needed || u.Count <= worst[u.ClientID].Tokens {
			continue
		}
		worst[u.ClientID] = Advice{ClientID: u.ClientID, Tokens: u.Count, Window: adviceWindow, Lifetime: life}
	}
	out := make([]Advice, 0, len(worst))
	for _, a := range worst {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b Advice) int {
		return cmp.Or(cmp.Compare(b.Tokens, a.Tokens), cmp.Compare(a.ClientID, b.ClientID))
	})
	return out, nil
}
