package console

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
)

const (
	indexAge     = time.Minute // last uses are written each minute, and move no feed
	indexTenants = 4           // kept at one time
	indexClients = 10_000      // of one tenant that are kept: some ten megabytes
	indexStep    = 500         // clients or changes read at one time
)

// clientRow is what the list of clients knows of one.
type clientRow struct {
	ID, Name, Organization string
	ManagedBy              string
	Disabled               bool
	APIs                   []string            // identifiers
	Scopes                 map[string][]string // by identifier, bare names
	Labels                 []string            // name=value, sorted
	Secrets                int                 // that are live
	Retiring               bool                // whether one of them is
	LastUsed, Created      time.Time
	Expires                time.Time // of the live secret that ends first
	text                   string    // what a search looks in, in lower case
}

// clientIndex keeps the rows of the tenants that were looked at last, so that
// a list of many clients can be searched and sorted by whatever it shows. It
// follows the change feed: what it shows is what is. Of a tenant that has very
// many it keeps nothing; large.go shows those.
type clientIndex struct {
	manager *manage.Manager
	now     func() time.Time
	most    int // clients of one tenant

	mu      sync.Mutex
	tenants map[string]*tenantIndex
}

// tenantIndex holds the rows of one tenant.
type tenantIndex struct {
	mu   sync.Mutex
	seq  int64 // up to which the feed is followed
	read time.Time
	rows map[string]*clientRow
	list []*clientRow // by name; nil: to be made anew
}

// errMany says that a tenant has more clients than are kept.
var errMany = errors.New("the tenant has too many clients to keep in memory")

// clients returns the rows of a tenant by name, or errMany. They must not be
// changed.
func (x *clientIndex) clients(ctx context.Context, tenant string) ([]*clientRow, error) {
	t := x.tenant(tenant)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := x.update(ctx, tenant, t); err != nil {
		return nil, err
	}
	if t.list == nil {
		t.list = make([]*clientRow, 0, len(t.rows))
		for _, r := range t.rows {
			t.list = append(t.list, r)
		}
		slices.SortFunc(t.list, func(a, b *clientRow) int {
			return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.ID, b.ID))
		})
	}
	return t.list, nil
}

// tenant returns the index of a tenant, and lets go of another when there are
// too many.
func (x *clientIndex) tenant(id string) *tenantIndex {
	x.mu.Lock()
	defer x.mu.Unlock()
	t := x.tenants[id]
	if t == nil {
		for other := range x.tenants {
			if len(x.tenants) < indexTenants {
				break
			}
			delete(x.tenants, other)
		}
		t = &tenantIndex{}
		x.tenants[id] = t
	}
	return t
}

// update brings t up to date: by the feed, or by reading all clients where that
// is new, old or has a gap.
func (x *clientIndex) update(ctx context.Context, tenant string, t *tenantIndex) error {
	if t.rows == nil || x.now().Sub(t.read) >= indexAge {
		return x.readAll(ctx, tenant, t)
	}
	changes, err := x.manager.Changes(ctx, t.seq, indexStep)
	if err != nil {
		return err
	}
	if len(changes) == indexStep || len(changes) > 0 && changes[0].Seq != t.seq+1 {
		return x.readAll(ctx, tenant, t)
	}
	for _, ch := range changes {
		if ch.Kind == mintage.ChangeClient && ch.Tenant == tenant {
			c, err := x.manager.Client(ctx, tenant, ch.ID)
			switch {
			case errors.Is(err, mintage.ErrNotFound):
				delete(t.rows, ch.ID)
			case err != nil:
				return err
			default:
				t.rows[ch.ID] = rowOf(c, x.now())
			}
			t.list = nil
		}
		t.seq = ch.Seq
	}
	return nil
}

func (x *clientIndex) readAll(ctx context.Context, tenant string, t *tenantIndex) error {
	seq, err := x.manager.LastChange(ctx)
	if err != nil {
		return err
	}
	t.rows, t.list = nil, nil
	n, err := x.manager.CountFound(ctx, manage.ClientQuery{Tenant: tenant, Limit: x.most + 1})
	if err != nil {
		return err
	}
	if n > x.most {
		return errMany
	}
	rows, now := map[string]*clientRow{}, x.now()
	for after := ""; ; {
		cs, err := x.manager.Clients(ctx, tenant, after, indexStep)
		if err != nil {
			return err
		}
		for _, c := range cs {
			rows[c.ID] = rowOf(c, now)
		}
		if len(cs) < indexStep {
			break
		}
		after = cs[len(cs)-1].ID
	}
	t.seq, t.read, t.rows, t.list = seq, now, rows, nil
	return nil
}

func rowOf(c *mintage.Client, now time.Time) *clientRow {
	r := &clientRow{
		ID: strings.Clone(c.ID), Name: strings.Clone(c.Name), Organization: strings.Clone(c.Organization), ManagedBy: c.ManagedBy,
		Disabled: c.Disabled, Created: c.Created,
	}
	for _, g := range c.Grants {
		r.APIs = append(r.APIs, strings.Clone(g.ResourceServer))
		if r.Scopes == nil {
			r.Scopes = map[string][]string{}
		}
		r.Scopes[g.ResourceServer] = g.Scopes
	}
	for k, v := range c.Labels {
		r.Labels = append(r.Labels, k+"="+v)
	}
	slices.Sort(r.Labels)
	for i := range c.Secrets {
		s := &c.Secrets[i]
		if s.LastUsed.After(r.LastUsed) {
			r.LastUsed = s.LastUsed
		}
		if !s.Live(now) {
			continue
		}
		r.Secrets++
		r.Retiring = r.Retiring || s.Retires(now)
		if !s.Expires.IsZero() && !s.Retires(now) && (r.Expires.IsZero() || s.Expires.Before(r.Expires)) {
			r.Expires = s.Expires
		}
	}
	r.text = strings.ToLower(strings.Join(append([]string{c.ID, c.Name, c.Organization}, r.Labels...), "\n"))
	return r
}
