package manage

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/store"
)

// appliedPrefix begins the names of the states that were applied last, sealed
// as other values are.
const appliedPrefix = "applied/"

// appliedState is what was applied last from a source, without secrets. Tenant
// is that of an administrator of one tenant, whose source is another one than
// that of the same name elsewhere.
type appliedState struct {
	Source string       `json:"source"`
	Tenant string       `json:"tenant,omitempty"`
	State  *apply.State `json:"state"`
}

func appliedName(tenant, source string) string {
	sum := sha256.Sum256([]byte(tenant + "\x00" + source))
	return appliedPrefix + base64.RawURLEncoding.EncodeToString(sum[:])
}

// remember returns how to keep d as what was applied last, for Drift, or nil
// where that is what is kept.
func (m *Manager) remember(ctx context.Context, by By, d Declared) (func(context.Context, store.Tx) error, error) {
	own, _ := ownTenant(by)
	if own == mintage.BuiltInTenant {
		own = ""
	}
	name := appliedName(own, d.Source)
	doc, err := json.Marshal(appliedState{Source: d.Source, Tenant: own, State: withoutSecrets(d.State)})
	if err != nil {
		return nil, fmt.Errorf("encode the applied state: %w", err)
	}
	before, err := m.Store.DataKey(ctx, name)
	switch {
	case errors.Is(err, mintage.ErrNotFound):
	case err != nil:
		return nil, err
	default:
		if old, err := m.Vault.Open(name, before.Sealed); err == nil && string(old) == string(doc) {
			return nil, nil //nolint:nilnil // nothing is to be done
		}
	}
	sealed, err := m.Vault.Seal(name, doc)
	if err != nil {
		return nil, err
	}
	row := &store.DataKey{Name: name, Sealed: sealed, Created: m.now()}
	return func(ctx context.Context, tx store.Tx) error {
		err := tx.ReplaceDataKey(ctx, row)
		if errors.Is(err, mintage.ErrNotFound) {
			return tx.CreateDataKey(ctx, row)
		}
		return err
	}, nil
}

// withoutSecrets returns a copy of s without the secrets of clients, which are
// not for keeping and never drift: what is made or revoked by hand is work, and
// no edit.
func withoutSecrets(s *apply.State) *apply.State {
	out := *s
	out.Clients = slices.Clone(s.Clients)
	for i := range out.Clients {
		out.Clients[i].Secrets = nil
	}
	return &out
}

// Drifted is an object that is not as the file says that was applied last.
type Drifted struct {
	Source string // the file
	Tenant string
	// Change is what applying the file again would do; nil where it could not be
	// applied again, and Problem says what keeps it from that.
	Change  *apply.Change
	Problem string
}

// Drift says for each tenant that an applied file declares anything of, how
// many of those objects are not as the file says any more. What another file
// took over since is that one's. A file that could not be applied again counts
// by what keeps it from that, but for clients that it does not declare: those
// are not read, however many there are.
func (m *Manager) Drift(ctx context.Context) (map[string]int, error) {
	drift := map[string]int{}
	err := m.eachApplied(ctx, func(tenants []string, found []Drifted) {
		for _, id := range tenants {
			drift[id] += 0
		}
		for _, d := range found {
			drift[d.Tenant]++
		}
	})
	return drift, err
}

// Drifts returns what Drift counts, file by file.
func (m *Manager) Drifts(ctx context.Context) ([]Drifted, error) {
	var all []Drifted
	err := m.eachApplied(ctx, func(_ []string, found []Drifted) { all = append(all, found...) })
	return all, err
}

// eachApplied tells of each applied file which tenants it is about, and what
// drifted.
func (m *Manager) eachApplied(ctx context.Context, tell func(tenants []string, found []Drifted)) error {
	rows, err := m.Store.DataKeys(ctx, appliedPrefix)
	if err != nil {
		return err
	}
	var errs []error
	for _, row := range rows {
		tenants, found, err := m.driftOf(ctx, row)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		tell(tenants, found)
	}
	return errors.Join(errs...)
}

func (m *Manager) driftOf(ctx context.Context, row *store.DataKey) (tenants []string, found []Drifted, err error) {
	doc, err := m.Vault.Open(row.Name, row.Sealed)
	if err != nil {
		return nil, nil, err
	}
	var last appliedState
	if err := json.Unmarshal(doc, &last); err != nil {
		return nil, nil, fmt.Errorf("an applied state: %w", err)
	}
	managed, err := m.Store.ManagedTenants(ctx, last.Source)
	if err != nil || len(managed) == 0 { // the file has another name by now
		return nil, nil, err
	}
	by := Server()
	by.Actor.Tenant = last.Tenant
	tenants = last.State.TenantIDs()
	p, err := m.plan(ctx, m.Store, by, Declared{State: last.State, Source: last.Source, ownOnly: true})
	if broken := mintage.FieldErrors(err); len(broken) > 0 && len(tenants) > 0 {
		for _, b := range broken {
			found = append(found, Drifted{Source: last.Source, Tenant: tenants[0], Problem: b.Error()})
		}
		return nil, found, nil
	}
	if err != nil {
		return nil, nil, err
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		moved := slices.ContainsFunc(c.Diffs, func(d apply.Diff) bool { return d.Path == "managed_by" && d.Before != "" })
		if c.Op != apply.OpLeft && !moved {
			found = append(found, Drifted{Source: last.Source, Tenant: c.Tenant, Change: c})
		}
	}
	return tenants, found, nil
}
