package manage

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
)

// How long one-time links live. What leads to all rights lives for a day.
const (
	InvitationLifetime = 7 * 24 * time.Hour
	SetupLifetime      = 24 * time.Hour

	// linkLength is how many base62 digits a link carries: more than 256 bits.
	linkLength = 43
)

// Link is an invitation and what its link carries, which is in no other place.
type Link struct {
	*mintage.Invitation
	Token string
}

// String hides the token.
func (l *Link) String() string { return "invitation " + l.ID }

// LinkHash returns how the token of a link is found.
func LinkHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Invite makes a one-time link by which somebody becomes an operator: with a
// role over everything, or as a member of the organization that i names. Of i,
// Email, Name, Role, Tenant and Organization count. A member invites into their
// organization alone.
func (m *Manager) Invite(ctx context.Context, by By, i mintage.Invitation) (*Link, error) {
	if by.confined() {
		i.Tenant, i.Organization = cmp.Or(i.Tenant, by.Organization.Tenant), cmp.Or(i.Organization, by.Organization.ID)
	}
	i.Kind, i.OperatorID = mintage.InvitationInvite, ""
	i.Email = mintage.NormalEmail(i.Email)
	l := m.drawLink(by, i, InvitationLifetime)
	err := m.update(ctx, func(tx store.Tx) error {
		if err := cmp.Or(needs(by, "operators:write"), validateInvitation(l.Invitation)); err != nil {
			return err
		}
		if err := mayAppoint(by, invitedRole(l.Invitation), memberOf(l.Invitation)); err != nil {
			return err
		}
		// Who is there already is given the role; to a member, who else is there
		// is not told, and whoever accepts proves to be them.
		switch _, err := tx.OperatorByEmail(ctx, l.Email); {
		case err == nil && !by.confined():
			return fmt.Errorf("an operator with that address: %w", mintage.ErrExists)
		case err != nil && !errors.Is(err, mintage.ErrNotFound):
			return err
		}
		if err := m.createInvitation(ctx, tx, by, l.Invitation); err != nil {
			return err
		}
		return m.keep(ctx, tx, by, l)
	})
	if err != nil {
		return nil, fmt.Errorf("invite: %w", err)
	}
	return l, nil
}

// setupID is the identifier of the one invitation that makes the first owner: of
// nodes that start at the same time, one makes it.
const setupID = "inv_FirstOwnerSetup1"

// setupLeft is how long a setup link has to live yet to be given out again.
const setupLeft = time.Hour

// SetupLink returns the one-time link by which the first owner is made: the same
// one on every node and at every start, until it has ended. It is nil when there
// is an operator already: there is no other way to the first one.
func (m *Manager) SetupLink(ctx context.Context) (*Link, error) {
	switch list, err := m.Store.Operators(ctx, store.OperatorQuery{Page: store.Page{Limit: 1}}); {
	case err != nil:
		return nil, err
	case len(list) > 0:
		return nil, nil //nolint:nilnil // nothing to set up is an answer
	}
	key, err := m.Vault.Value(ctx, "setup-link", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("setup link: %w", err)
	}
	l, err := m.setupLink(ctx, key)
	if errors.Is(err, mintage.ErrExists) || errors.Is(err, mintage.ErrNotFound) { // another node was faster
		l, err = m.setupLink(ctx, key)
	}
	if err != nil {
		return nil, fmt.Errorf("setup link: %w", err)
	}
	return l, nil
}

func (m *Manager) setupLink(ctx context.Context, key []byte) (l *Link, err error) {
	err = m.update(ctx, func(tx store.Tx) error {
		i, err := tx.Invitation(ctx, setupID)
		switch {
		case errors.Is(err, mintage.ErrNotFound):
		case err != nil:
			return err
		case i.Expires.Sub(m.now()) > setupLeft:
			l = &Link{Invitation: i, Token: setupToken(key, i.Created)}
			return nil
		default:
			if err := tx.DeleteInvitation(ctx, setupID); err != nil {
				return err
			}
		}
		l = m.drawLink(Server(), mintage.Invitation{Kind: mintage.InvitationSetup, Role: mintage.RoleOwner}, SetupLifetime)
		l.ID, l.Token = setupID, setupToken(key, l.Created)
		l.Hash = LinkHash(l.Token)
		return m.createInvitation(ctx, tx, Server(), l.Invitation)
	})
	return l, err
}

// setupToken is what the setup link carries that was made at an instant. It is
// kept nowhere: whoever has the master key makes it again.
func setupToken(key []byte, made time.Time) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "setup link of %d", made.Unix())
	const base = 62
	return fmt.Sprintf("%0*s", linkLength, new(big.Int).SetBytes(mac.Sum(nil)).Text(base))
}

// RecoverOperator makes a one-time link that gives an operator other
// credentials, for when theirs are lost. Until it is used, the old ones work.
func (m *Manager) RecoverOperator(ctx context.Context, by By, id string) (*Link, error) {
	var l *Link
	err := m.update(ctx, func(tx store.Tx) error {
		o, err := operatorOf(ctx, tx, by, id)
		if err != nil {
			return err
		}
		// The link is a way to all that the operator may do, in other
		// organizations too.
		if by.confined() {
			return &Refusal{Reason: "organization.not_granted", Denied: true, Message: "ask an operator: the person may belong to others too"}
		}
		if err := cmp.Or(needs(by, "operators:write"), mayChange(by, o, &mintage.Operator{})); err != nil {
			return err
		}
		l = m.drawLink(by, mintage.Invitation{Kind: mintage.InvitationRecover, OperatorID: id, Email: o.Email}, SetupLifetime)
		if err := m.createInvitation(ctx, tx, by, l.Invitation); err != nil {
			return err
		}
		return m.keep(ctx, tx, by, l)
	})
	if err != nil {
		return nil, fmt.Errorf("operator %q: %w", id, err)
	}
	return l, nil
}

// DeleteInvitation takes a link back.
func (m *Manager) DeleteInvitation(ctx context.Context, by By, id string) error {
	err := m.update(ctx, func(tx store.Tx) error {
		i, err := tx.Invitation(ctx, id)
		if err != nil {
			return err
		}
		if !by.Reaches(i.Tenant, i.Organization) {
			return mintage.ErrNotFound
		}
		if err := needs(by, "operators:write"); err != nil {
			return err
		}
		e, err := m.event(by, ofInvitation(i), "delete", viewInvitation(i), nil)
		if err != nil {
			return err
		}
		if err := tx.DeleteInvitation(ctx, id); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, e)
	})
	if err != nil {
		return fmt.Errorf("invitation %q: %w", id, err)
	}
	return nil
}

// Invitations lists the links that still work; a member sees those into their
// organization.
func (m *Manager) Invitations(ctx context.Context, by By) ([]*mintage.Invitation, error) {
	all, err := m.Store.Invitations(ctx, store.Page{})
	var list []*mintage.Invitation
	for _, i := range all {
		if by.Reaches(i.Tenant, i.Organization) && m.now().Before(i.Expires) {
			list = append(list, i)
		}
	}
	return list, err
}

func (m *Manager) createInvitation(ctx context.Context, tx store.Tx, by By, i *mintage.Invitation) error {
	e, err := m.event(by, ofInvitation(i), "create", nil, viewInvitation(i))
	if err != nil {
		return err
	}
	if err := tx.CreateInvitation(ctx, i); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, e)
}

func (m *Manager) drawLink(by By, i mintage.Invitation, life time.Duration) *Link {
	token := secret.Random(linkLength)
	i.ID, i.Hash = "inv_"+secret.Random(idLength), LinkHash(token)
	i.CreatedBy, i.Created, i.Expires = by.name(), m.now(), m.now().Add(life)
	return &Link{Invitation: &i, Token: token}
}

// idLength is how many base62 digits an identifier has: it is no secret.
const idLength = 16

func validateInvitation(i *mintage.Invitation) error {
	o := mintage.Operator{Email: i.Email, Name: i.Name, Role: i.Role}
	if (i.Tenant == "") != (i.Organization == "") {
		return &mintage.FieldError{Pointer: "/organization", Message: "tenant and organization go together"}
	}
	if i.Organization != "" {
		o.Role = ""
		return errors.Join(o.Validate(), mintage.Under("/role", mintage.ValidateMemberRole(i.Role)))
	}
	if i.Role == "" {
		return errors.Join(o.Validate(), &mintage.FieldError{Pointer: "/role", Message: "write owner, admin, developer or viewer"})
	}
	return o.Validate()
}

// invitedRole and memberOf say what an invitation gives.
func invitedRole(i *mintage.Invitation) mintage.Role {
	if i.Organization != "" {
		return ""
	}
	return i.Role
}

func memberOf(i *mintage.Invitation) mintage.Membership {
	if i.Organization == "" {
		return mintage.Membership{}
	}
	return mintage.Membership{Tenant: i.Tenant, Organization: i.Organization, Role: i.Role}
}

func ofInvitation(i *mintage.Invitation) object {
	return object{
		tenant: cmp.Or(i.Tenant, mintage.BuiltInTenant), organization: i.Organization, noun: "invitation", id: i.ID, name: i.Email,
	}
}

func viewInvitation(i *mintage.Invitation) view {
	return view{
		"kind": string(i.Kind), "email": i.Email, "role": string(i.Role), "organization": i.Organization,
		"operator": i.OperatorID, "expires_at": at(i.Expires),
	}
}
