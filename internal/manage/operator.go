package manage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// Operator reads an operator. To a member, one who is in another organization
// alone is not there, and nothing else of one who is in theirs.
func (m *Manager) Operator(ctx context.Context, by By, id string) (*mintage.Operator, error) {
	o, err := operatorOf(ctx, m.Store, by, id)
	if err != nil {
		return nil, err
	}
	return by.View(o), nil
}

// Operators lists operators by their identifiers; see Operator.
func (m *Manager) Operators(ctx context.Context, by By, after string, limit int) ([]*mintage.Operator, error) {
	return m.operators(ctx, by, store.OperatorQuery{Page: store.Page{After: after, Limit: limit}})
}

// OperatorsByEmail lists operators by their addresses, of which after is one;
// see Operator.
func (m *Manager) OperatorsByEmail(ctx context.Context, by By, after string, limit int) ([]*mintage.Operator, error) {
	return m.operators(ctx, by, store.OperatorQuery{ByEmail: true, Page: store.Page{After: after, Limit: limit}})
}

func (m *Manager) operators(ctx context.Context, by By, q store.OperatorQuery) ([]*mintage.Operator, error) {
	q.Tenant, q.Organization = by.Organization.Tenant, by.Organization.ID
	list, err := m.Store.Operators(ctx, q)
	for i := range list {
		list[i] = by.View(list[i])
	}
	return list, err
}

func operatorOf(ctx context.Context, r store.Operators, by By, id string) (*mintage.Operator, error) {
	o, err := r.Operator(ctx, id)
	if err != nil {
		return nil, err
	}
	if by.confined() && o.Member(by.Organization.Tenant, by.Organization.ID) == nil {
		return nil, fmt.Errorf("operator %q: %w", id, mintage.ErrNotFound)
	}
	return o, nil
}

// View returns what by may see of an operator.
func (by By) View(o *mintage.Operator) *mintage.Operator {
	if !by.confined() {
		return o
	}
	out := *o
	out.Role, out.Memberships = "", nil
	if m := o.Member(by.Organization.Tenant, by.Organization.ID); m != nil {
		out.Memberships = []mintage.Membership{*m}
	}
	return &out
}

// UpdateOperator changes an operator; see UpdateOrganization for change and
// version. Nobody gives or takes rights that they have not; a member changes
// memberships in their organization and nothing else. Disabling an operator ends
// their sessions. One owner is always left.
func (m *Manager) UpdateOperator(
	ctx context.Context, by By, id string, version int64, change func(*mintage.Operator) error,
) (*mintage.Operator, error) {
	var out *mintage.Operator
	err := m.update(ctx, func(tx store.Tx) error {
		old, err := operatorOf(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if err := atVersion(version, old.Version); err != nil {
			return err
		}
		fresh := *old
		fresh.Memberships = slices.Clone(old.Memberships)
		if err := change(&fresh); err != nil {
			return err
		}
		fresh.ID, fresh.Created, fresh.LastSignIn = old.ID, old.Created, old.LastSignIn
		out = &fresh
		return m.writeOperator(ctx, tx, by, old, out)
	})
	if err != nil {
		return nil, fmt.Errorf("operator %q: %w", id, err)
	}
	return by.View(out), nil
}

func (m *Manager) writeOperator(ctx context.Context, tx store.Tx, by By, old, fresh *mintage.Operator) error {
	sortMemberships(fresh)
	if err := cmp.Or(fresh.Validate(), needs(by, "operators:write"), mayChange(by, old, fresh)); err != nil {
		return err
	}
	fresh.Updated, fresh.Version = m.now(), old.Version+1
	e, err := m.event(by, ofOperator(by, fresh), "update", viewOperator(by, old), viewOperator(by, fresh))
	if err != nil {
		return err
	}
	if err := tx.UpdateOperator(ctx, fresh); err != nil {
		return err
	}
	if fresh.Disabled && !old.Disabled {
		if err := endSessions(ctx, tx, fresh.ID); err != nil {
			return err
		}
	}
	if err := keepOwner(ctx, tx, old, fresh); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, e)
}

// mayChange refuses what by may not make of old, which is nil for a new one.
func mayChange(by By, old, fresh *mintage.Operator) error {
	if old == nil {
		old = &mintage.Operator{Email: fresh.Email, Name: fresh.Name}
	}
	if by.confined() && (old.Email != fresh.Email || old.Name != fresh.Name || old.Role != fresh.Role || old.Disabled != fresh.Disabled) {
		return &Refusal{
			Reason: "organization.not_granted", Denied: true,
			Message: "of a person, an organization changes the membership alone",
		}
	}
	// Who has more rights is nobody's to change.
	if !by.confined() {
		for _, r := range []mintage.Role{old.Role, fresh.Role} {
			if err := mayAppoint(by, r, mintage.Membership{}); err != nil {
				return err
			}
		}
	}
	for _, m := range slices.Concat(old.Memberships, fresh.Memberships) {
		was, is := old.Member(m.Tenant, m.Organization), fresh.Member(m.Tenant, m.Organization)
		if was != nil && is != nil && *was == *is {
			continue
		}
		if err := mayAppoint(by, "", m); err != nil {
			return err
		}
	}
	return nil
}

// keepOwner refuses a change after which there would be no owner who can sign
// in. It looks after the write, which waits for others at the same time.
func keepOwner(ctx context.Context, tx store.Tx, old, fresh *mintage.Operator) error {
	owns := func(o *mintage.Operator) bool { return o != nil && o.Role == mintage.RoleOwner && !o.Disabled }
	if !owns(old) || owns(fresh) {
		return nil
	}
	list, err := tx.Operators(ctx, store.OperatorQuery{Role: mintage.RoleOwner})
	if err != nil || slices.ContainsFunc(list, owns) {
		return err
	}
	return &Refusal{Reason: "operator.last_owner", Message: "there would be no owner any more: make another one first"}
}

// DeleteOperator deletes an operator with how they sign in, and ends their
// sessions. A member takes them out of the organization and no more.
func (m *Manager) DeleteOperator(ctx context.Context, by By, id string, version int64) error {
	if by.confined() {
		_, err := m.UpdateOperator(ctx, by, id, version, func(o *mintage.Operator) error {
			o.Memberships = slices.DeleteFunc(o.Memberships, func(m mintage.Membership) bool { return by.Reaches(m.Tenant, m.Organization) })
			return nil
		})
		return err
	}
	err := m.update(ctx, func(tx store.Tx) error {
		old, err := tx.Operator(ctx, id)
		if err != nil {
			return err
		}
		if err := atVersion(version, old.Version); err != nil {
			return err
		}
		if err := cmp.Or(needs(by, "operators:write"), mayChange(by, old, &mintage.Operator{})); err != nil {
			return err
		}
		e, err := m.event(by, ofOperator(by, old), "delete", viewOperator(by, old), nil)
		if err != nil {
			return err
		}
		if err := tx.DeleteOperator(ctx, id); err != nil {
			return err
		}
		if err := keepOwner(ctx, tx, old, nil); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, e)
	})
	if err != nil {
		return fmt.Errorf("operator %q: %w", id, err)
	}
	return nil
}

func sortMemberships(o *mintage.Operator) {
	slices.SortFunc(o.Memberships, func(a, b mintage.Membership) int {
		return cmp.Or(strings.Compare(a.Tenant, b.Tenant), strings.Compare(a.Organization, b.Organization))
	})
}

// ofOperator is about a person: of the tenant that administers all, or of the
// organization whose member changes them.
func ofOperator(by By, o *mintage.Operator) object {
	return object{
		tenant: cmp.Or(by.Organization.Tenant, mintage.BuiltInTenant), organization: by.Organization.ID,
		noun: "operator", id: o.ID, name: o.Email,
	}
}

func viewOperator(by By, o *mintage.Operator) view {
	o = by.View(o)
	members := map[string]string{}
	for _, m := range o.Memberships {
		members[m.Tenant+"/"+m.Organization] = string(m.Role)
	}
	return view{"email": o.Email, "name": o.Name, "role": string(o.Role), "memberships": members, "disabled": o.Disabled}
}
