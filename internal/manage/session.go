package manage

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// Acceptance is what somebody makes of an invitation.
type Acceptance struct {
	Token string // what the link carries
	ID    string // that a new operator gets
	// Email is theirs where the invitation does not say it, and Name what they
	// want to be called; empty: as the invitation says.
	Email, Name string
	// SignedIn is the operator whose session it is; empty: nobody's.
	SignedIn string
	// Credentials are how a new operator signs in; Operator is set here.
	Credentials []*mintage.OperatorCredential
}

// InvitationOf returns the invitation whose link carries token. It is
// mintage.ErrNotFound once it was used or has ended, and for a setup link as
// soon as there is an operator.
func (m *Manager) InvitationOf(ctx context.Context, token string) (*mintage.Invitation, error) {
	return m.invitationOf(ctx, m.Store, token)
}

func (m *Manager) invitationOf(ctx context.Context, r store.Reader, token string) (*mintage.Invitation, error) {
	i, err := r.InvitationByHash(ctx, LinkHash(token))
	if err != nil {
		return nil, err
	}
	if !m.now().Before(i.Expires) {
		return nil, fmt.Errorf("the invitation has ended: %w", mintage.ErrNotFound)
	}
	if i.Kind == mintage.InvitationSetup {
		list, err := r.Operators(ctx, store.OperatorQuery{Page: store.Page{Limit: 1}})
		if err != nil {
			return nil, err
		}
		if len(list) > 0 {
			return nil, fmt.Errorf("there is an operator: %w", mintage.ErrNotFound)
		}
	}
	return i, nil
}

// Accept carries out an invitation, once: it makes the operator, or adds a
// membership to the one that is signed in, or gives one other credentials.
func (m *Manager) Accept(ctx context.Context, by By, a Acceptance) (*mintage.Operator, error) {
	var out *mintage.Operator
	err := m.update(ctx, func(tx store.Tx) error {
		i, err := m.invitationOf(ctx, tx, a.Token)
		if err != nil {
			return err
		}
		if err := tx.DeleteInvitation(ctx, i.ID); err != nil {
			return err
		}
		switch {
		case i.Kind == mintage.InvitationRecover:
			out, err = m.acceptRecovery(ctx, tx, by, i, a)
		case a.SignedIn != "" && i.Kind == mintage.InvitationInvite:
			out, err = m.acceptMembership(ctx, tx, by, i, a)
		default:
			out, err = m.acceptNew(ctx, tx, by, i, a)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("accept an invitation: %w", err)
	}
	return out, nil
}

// acceptNew makes an operator.
func (m *Manager) acceptNew(
	ctx context.Context, tx store.Tx, by By, i *mintage.Invitation, a Acceptance,
) (*mintage.Operator, error) {
	o := &mintage.Operator{ID: a.ID, Email: i.Email, Name: i.Name, Role: invitedRole(i), Version: 1, Created: m.now(), Updated: m.now()}
	if o.Email == "" {
		o.Email = mintage.NormalEmail(a.Email)
	}
	if a.Name != "" {
		o.Name = a.Name
	}
	if i.Organization != "" {
		o.Memberships = []mintage.Membership{memberOf(i)}
	}
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := tx.CreateOperator(ctx, o); err != nil {
		return nil, err
	}
	if err := dropSetupLinks(ctx, tx); err != nil {
		return nil, err
	}
	if i.Kind == mintage.InvitationSetup { // after the write, which waits for others at the same time
		switch list, err := tx.Operators(ctx, store.OperatorQuery{Page: store.Page{Limit: 2}}); {
		case err != nil:
			return nil, err
		case len(list) != 1:
			return nil, fmt.Errorf("there is an operator: %w", mintage.ErrNotFound)
		}
	}
	return o, m.writeCredentials(ctx, tx, by, o, a.Credentials, "create")
}

// dropSetupLinks deletes the links by which the first owner could be made, which
// lead nowhere once there is somebody.
func dropSetupLinks(ctx context.Context, tx store.Tx) error {
	list, err := tx.Invitations(ctx, store.Page{})
	if err != nil {
		return err
	}
	for _, i := range list {
		if i.Kind == mintage.InvitationSetup {
			if err := tx.DeleteInvitation(ctx, i.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// acceptMembership adds what an invitation gives to who is signed in, if it is
// for them.
func (m *Manager) acceptMembership(ctx context.Context, tx store.Tx, by By, i *mintage.Invitation, a Acceptance) (*mintage.Operator, error) {
	old, err := tx.Operator(ctx, a.SignedIn)
	if err != nil {
		return nil, err
	}
	if old.Email != i.Email {
		return nil, &Refusal{
			Reason: "invitation.other_person", Denied: true,
			Message: "the invitation is for another address than the one that you are signed in with: sign out first",
		}
	}
	fresh := *old
	fresh.Memberships = nil
	for _, m := range old.Memberships {
		if m.Tenant != i.Tenant || m.Organization != i.Organization {
			fresh.Memberships = append(fresh.Memberships, m)
		}
	}
	if i.Organization == "" {
		fresh.Role = i.Role
	} else {
		fresh.Memberships = append(fresh.Memberships, memberOf(i))
		sortMemberships(&fresh)
	}
	fresh.Updated, fresh.Version = m.now(), old.Version+1
	by.Actor.OperatorID, by.Actor.OperatorEmail = old.ID, old.Email
	e, err := m.event(by, ofOperator(By{}, &fresh), "update", viewOperator(By{}, old), viewOperator(By{}, &fresh))
	if err != nil {
		return nil, err
	}
	if err := tx.UpdateOperator(ctx, &fresh); err != nil {
		return nil, err
	}
	return &fresh, errors.Join(keepOwner(ctx, tx, old, &fresh), tx.AppendEvent(ctx, e))
}

// acceptRecovery gives an operator other credentials: what was lost works no
// more, and whoever is signed in has to do so again.
func (m *Manager) acceptRecovery(ctx context.Context, tx store.Tx, by By, i *mintage.Invitation, a Acceptance) (*mintage.Operator, error) {
	o, err := tx.Operator(ctx, i.OperatorID)
	if err != nil {
		return nil, err
	}
	if o.Disabled {
		return nil, fmt.Errorf("the operator is disabled: %w", mintage.ErrNotFound)
	}
	old, err := tx.OperatorCredentials(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	for _, c := range old {
		if err := tx.DeleteOperatorCredential(ctx, o.ID, c.Kind, c.ID); err != nil {
			return nil, err
		}
	}
	if err := endSessions(ctx, tx, o.ID); err != nil {
		return nil, err
	}
	return o, m.writeCredentials(ctx, tx, by, o, a.Credentials, "recover")
}

// writeCredentials writes the first credentials of an operator, and who became
// one.
func (m *Manager) writeCredentials(
	ctx context.Context, tx store.Tx, by By, o *mintage.Operator, cs []*mintage.OperatorCredential, verb string,
) error {
	after := viewOperator(By{}, o)
	var kinds []string
	for _, c := range cs {
		fresh := *c
		fresh.Operator, fresh.Created = o.ID, m.now()
		if err := tx.CreateOperatorCredential(ctx, &fresh); err != nil {
			return err
		}
		kinds = append(kinds, string(c.Kind))
	}
	if len(kinds) == 0 {
		return errors.New("an operator without credentials could not sign in")
	}
	after["credentials"] = kinds
	by.Actor.OperatorID, by.Actor.OperatorEmail = o.ID, o.Email
	e, err := m.event(by, ofOperator(By{}, o), verb, nil, after)
	if err != nil {
		return err
	}
	return tx.AppendEvent(ctx, e)
}

// SignIn writes a session, in the transaction in which use marks what proved who
// it is: a code that was used before, or an operator who was disabled meanwhile,
// is mintage.ErrNotFound and leaves nothing.
func (m *Manager) SignIn(ctx context.Context, by By, o *mintage.Operator, s *mintage.Session, use func(store.Tx) error) error {
	what := view{"method": s.Method, "tenant": s.Tenant, "organization": s.Organization}
	return m.own(ctx, by, o, "session", "create", what, func(tx store.Tx) error {
		if err := use(tx); err != nil {
			return err
		}
		return tx.CreateSession(ctx, s)
	})
}

// endSessions ends all sessions of an operator, and those that a command line
// could still come for.
func endSessions(ctx context.Context, tx store.Tx, operator string) error {
	if err := tx.DeletePairings(ctx, operator); err != nil {
		return err
	}
	return tx.DeleteSessions(ctx, operator)
}

// DecidePairing writes that an operator signs a command line in, or with Denied
// does not. It is mintage.ErrNotFound when somebody decided already.
func (m *Manager) DecidePairing(ctx context.Context, by By, o *mintage.Operator, p *mintage.Pairing) error {
	verb := "approve"
	if p.Denied {
		verb = "deny"
	}
	what := view{"host": p.Host, "address": p.Address, "tenant": p.Tenant, "organization": p.Organization}
	return m.own(ctx, by, o, "pairing", verb, what, func(tx store.Tx) error { return tx.DecidePairing(ctx, p) })
}

// ChangeCredentials writes what an operator changes of how they sign in, or
// moves; what is for the audit row.
func (m *Manager) ChangeCredentials(
	ctx context.Context, by By, o *mintage.Operator, verb string, what map[string]string, write func(store.Tx) error,
) error {
	after := view{}
	for k, v := range what {
		after[k] = v
	}
	return m.own(ctx, by, o, "credential", verb, after, write)
}

// own is a change that an operator makes of what is theirs, which takes no
// scope.
func (m *Manager) own(ctx context.Context, by By, o *mintage.Operator, noun, verb string, after view, write func(store.Tx) error) error {
	by.Organization = OrganizationKey{}
	by.Actor.OperatorID, by.Actor.OperatorEmail = o.ID, o.Email
	return m.update(ctx, func(tx store.Tx) error {
		of := ofOperator(by, o)
		of.noun = noun
		e, err := m.event(by, of, verb, nil, after)
		if err != nil {
			return err
		}
		if err := write(tx); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, e)
	})
}

// Sessions lists where an operator is signed in: one's own, or with
// operators:read that of others. To a member, those of others are not there:
// they may belong to other organizations too.
func (m *Manager) Sessions(ctx context.Context, by By, operator string) ([]*mintage.Session, error) {
	if by.Actor.OperatorID != operator || operator == "" {
		if by.confined() {
			return nil, fmt.Errorf("sessions of operator %q: %w", operator, mintage.ErrNotFound)
		}
		if err := needs(by, "operators:read"); err != nil {
			return nil, err
		}
		if _, err := m.Store.Operator(ctx, operator); err != nil {
			return nil, err
		}
	}
	return m.Store.Sessions(ctx, operator)
}

// EndSession ends a session of an operator, or all with an empty id: one's own,
// or with operators:write that of others who have no more rights.
func (m *Manager) EndSession(ctx context.Context, by By, operator, id string) error {
	err := m.update(ctx, func(tx store.Tx) error {
		o, err := tx.Operator(ctx, operator)
		if err != nil {
			return err
		}
		if err := mayEndSessions(by, o); err != nil {
			return err
		}
		by := by
		by.Organization = OrganizationKey{}
		of := ofOperator(by, o)
		of.noun = "session"
		e, err := m.event(by, of, "end", view{"session": id}, nil)
		if err != nil {
			return err
		}
		if id == "" {
			err = endSessions(ctx, tx, operator)
		} else if s, lookup := tx.Session(ctx, id); lookup != nil || s.OperatorID != operator {
			err = errors.Join(lookup, mintage.ErrNotFound)
		} else {
			err = tx.DeleteSession(ctx, id)
		}
		if err != nil {
			return err
		}
		return tx.AppendEvent(ctx, e)
	})
	if err != nil {
		return fmt.Errorf("sessions of operator %q: %w", operator, err)
	}
	return nil
}

func mayEndSessions(by By, o *mintage.Operator) error {
	switch {
	case by.Actor.OperatorID == o.ID:
		return nil
	case by.confined():
		return mintage.ErrNotFound
	}
	return cmp.Or(needs(by, "operators:write"), mayChange(by, o, &mintage.Operator{Email: o.Email}))
}
