package admin

import (
	"context"
	"net/url"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/manage"
)

// operatorOperations are about the people who administer. They belong to the
// whole server: each handler asks overPeople who may.
func operatorOperations() []operation {
	const people, person, invitations = "/operators", "/operators/{operator}", "/invitations"
	return []operation{
		row("list-operators", get, people, "operators:read", "List operators", 200, at((*Handler).operators)),
		row("show-operator", get, person, "operators:read", "Show an operator", 200, at((*Handler).operator)),
		row("update-operator", patch, person, "operators:write", "Change an operator", 200, at((*Handler).updateOperator), mediaPatch, mediaJSON),
		row("delete-operator", del, person, "operators:write", "Delete an operator, and end their sessions", 204, at((*Handler).deleteOperator)),
		row("recover-operator", post, person+"/recovery", "operators:write", "Make a one-time link that gives an operator other credentials", 201, at((*Handler).recoverOperator)),
		row("list-sessions", get, person+"/sessions", "operators:read", "List where an operator is signed in", 200, at((*Handler).sessions)),
		row("end-sessions", del, person+"/sessions", "operators:write", "End all sessions of an operator", 204, at((*Handler).endSessions)),
		row("end-session", del, person+"/sessions/{session}", "operators:write", "End a session of an operator", 204, at((*Handler).endSession)),
		row("list-invitations", get, invitations, "operators:read", "List the one-time links that still work", 200, at((*Handler).invitations)),
		row("create-invitation", post, invitations, "operators:write", "Make a one-time link by which somebody becomes an operator", 201, at((*Handler).createInvitation), mediaJSON),
		row("delete-invitation", del, invitations+"/{invitation}", "operators:write", "Take a one-time link back", 204, at((*Handler).deleteInvitation)),
	}
}

// overPeople returns who asks, and refuses a client that administers one tenant:
// people belong to none. An operator who is confined to an organization sees its
// members, as internal/manage holds.
func overPeople(ctx context.Context) (manage.By, error) {
	who := callerOf(ctx)
	if !who.sees(mintage.BuiltInTenant) && who.viewer == nil {
		return manage.By{}, &manage.Refusal{
			Reason: "token.other_tenant", Denied: true, Message: "people are administered by an administrator of the whole server",
		}
	}
	return who.by, nil
}

// OperatorPath is the part of an input that names an operator.
type OperatorPath struct {
	Operator string `path:"operator" maxLength:"63" doc:"The operator's identifier."`
}

type listOperators struct{ Paged }

func (h *Handler) operators(ctx context.Context, in *listOperators) (*answer[adminclient.Page[adminclient.Operator]], error) {
	by, err := overPeople(ctx)
	if err != nil {
		return nil, err
	}
	l, err := h.listing(ctx, "operators", in.Paged)
	if err != nil {
		return nil, err
	}
	list, err := h.manager.Operators(ctx, by, l.after, l.fetch())
	if err != nil {
		return nil, err
	}
	id := func(o *mintage.Operator) string { return o.ID }
	return &answer[adminclient.Page[adminclient.Operator]]{Body: page(l, list, operatorDocument, id)}, nil
}

func (h *Handler) operator(ctx context.Context, in *OperatorPath) (*tagged[adminclient.Operator], error) {
	by, err := overPeople(ctx)
	if err != nil {
		return nil, err
	}
	o, err := h.manager.Operator(ctx, by, in.Operator)
	if err != nil {
		return nil, err
	}
	return &tagged[adminclient.Operator]{ETag: etag(o.Version), Body: operatorDocument(o)}, nil
}

type updateOperator struct {
	OperatorPath
	Versioned
	Body raw[adminclient.OperatorSettings]
}

func (h *Handler) updateOperator(ctx context.Context, in *updateOperator) (*tagged[adminclient.Operator], error) {
	by, err := overPeople(ctx)
	if err != nil {
		return nil, err
	}
	version, err := h.version(ctx, in.Versioned)
	if err != nil {
		return nil, err
	}
	o, err := h.manager.UpdateOperator(ctx, by, in.Operator, version, func(o *mintage.Operator) error {
		settings := operatorSettings(by.View(o))
		doc, err := applyPatch(&settings, in.Body.data)
		if err != nil {
			return err
		}
		hidden := *o
		setOperator(o, doc)
		if by.Organization != (manage.OrganizationKey{}) { // what they do not see stays
			keepHidden(o, &hidden, by)
		}
		return nil
	})
	if err != nil {
		return nil, h.failAt(ctx, version, err)
	}
	return &tagged[adminclient.Operator]{ETag: etag(o.Version), Body: operatorDocument(o)}, nil
}

// keepHidden gives an operator back what by does not see of them.
func keepHidden(o, was *mintage.Operator, by manage.By) {
	if o.Role == "" {
		o.Role = was.Role
	}
	for _, m := range was.Memberships {
		if !by.Reaches(m.Tenant, m.Organization) {
			o.Memberships = append(o.Memberships, m)
		}
	}
}

type deleteOperator struct {
	OperatorPath
	Versioned
}

func (h *Handler) deleteOperator(ctx context.Context, in *deleteOperator) (*nothing, error) {
	by, err := overPeople(ctx)
	if err != nil {
		return nil, err
	}
	version, err := h.version(ctx, in.Versioned)
	if err != nil {
		return nil, err
	}
	if err := h.manager.DeleteOperator(ctx, by, in.Operator, version); err != nil {
		return nil, h.failAt(ctx, version, err)
	}
	return &nothing{}, nil
}

// linked is the answer with a one-time link.
type linked struct {
	Location string `header:"Location" doc:"Where the object is."`
	Body     adminclient.Invitation
}

func (h *Handler) linked(l *manage.Link) *linked {
	doc := invitationDocument(l.Invitation)
	doc.Link = h.linkURL(l)
	return &linked{Location: Prefix + "/invitations/" + url.PathEscape(l.ID), Body: doc}
}

func (h *Handler) recoverOperator(ctx context.Context, in *OperatorPath) (*linked, error) {
	by, err := overPeople(ctx)
	if err != nil {
		return nil, err
	}
	by.Once = keeping(ctx, h.linked).Once
	l, err := h.manager.RecoverOperator(ctx, by, in.Operator)
	if err != nil {
		return nil, err
	}
	return h.linked(l), nil
}

type listSessions struct {
	OperatorPath
	Paged
}

func (h *Handler) sessions(ctx context.Context, in *listSessions) (*answer[adminclient.Page[adminclient.Session]], error) {
	by, err := overPeople(ctx)
	if err != nil {
		return nil, err
	}
	l, err := h.listing(ctx, "sessions "+in.Operator, in.Paged)
	if err != nil {
		return nil, err
	}
	list, err := h.manager.Sessions(ctx, by, in.Operator)
	if err != nil {
		return nil, err
	}
	id := func(s *mintage.Session) string { return s.ID }
	if list, err = tail(ctx, l, list, id); err != nil {
		return nil, err
	}
	return &answer[adminclient.Page[adminclient.Session]]{Body: page(l, list, sessionDocument, id)}, nil
}

func sessionDocument(s *mintage.Session) adminclient.Session {
	return adminclient.Session{
		ID: s.ID, Method: s.Method, CreatedAt: s.Created, LastSeenAt: s.LastSeen, ExpiresAt: s.Expires, Address: s.Address, UserAgent: s.UserAgent,
	}
}

func (h *Handler) endSessions(ctx context.Context, in *OperatorPath) (*nothing, error) {
	by, err := overPeople(ctx)
	if err != nil {
		return nil, err
	}
	return &nothing{}, h.manager.EndSession(ctx, by, in.Operator, "")
}

// SessionPath is the part of an input that names a session.
type SessionPath struct {
	OperatorPath
	Session string `path:"session" minLength:"64" maxLength:"64" doc:"The session's identifier."`
}

func (h *Handler) endSession(ctx context.Context, in *SessionPath) (*nothing, error) {
	by, err := overPeople(ctx)
	if err != nil {
		return nil, err
	}
	return &nothing{}, h.manager.EndSession(ctx, by, in.Operator, in.Session)
}

type listInvitations struct{ Paged }

func (h *Handler) invitations(ctx context.Context, in *listInvitations) (*answer[adminclient.Page[adminclient.Invitation]], error) {
	by, err := overPeople(ctx)
	if err != nil {
		return nil, err
	}
	l, err := h.listing(ctx, "invitations", in.Paged)
	if err != nil {
		return nil, err
	}
	list, err := h.manager.Invitations(ctx, by)
	if err != nil {
		return nil, err
	}
	id := func(i *mintage.Invitation) string { return i.ID }
	return &answer[adminclient.Page[adminclient.Invitation]]{Body: page(l, sortedTail(l, list, id), invitationDocument, id)}, nil
}

type createInvitation struct {
	Body body[adminclient.NewInvitation]
}

func (h *Handler) createInvitation(ctx context.Context, in *createInvitation) (*linked, error) {
	by, err := overPeople(ctx)
	if err != nil {
		return nil, err
	}
	doc, err := in.Body.value()
	if err != nil {
		return nil, err
	}
	by.Once = keeping(ctx, h.linked).Once
	l, err := h.manager.Invite(ctx, by, mintage.Invitation{
		Email: doc.Email, Name: doc.Name, Role: mintage.Role(doc.Role), Tenant: doc.Tenant, Organization: doc.Organization,
	})
	if err != nil {
		return nil, err
	}
	return h.linked(l), nil
}

// InvitationPath is the part of an input that names an invitation.
type InvitationPath struct {
	Invitation string `path:"invitation" maxLength:"63" doc:"The invitation's identifier."`
}

func (h *Handler) deleteInvitation(ctx context.Context, in *InvitationPath) (*nothing, error) {
	by, err := overPeople(ctx)
	if err != nil {
		return nil, err
	}
	return &nothing{}, h.manager.DeleteInvitation(ctx, by, in.Invitation)
}

func operatorDocument(o *mintage.Operator) adminclient.Operator {
	return adminclient.Operator{
		ID: o.ID, OperatorSettings: operatorSettings(o), LastSignIn: instantOf(o.LastSignIn),
		Version: o.Version, CreatedAt: o.Created, UpdatedAt: o.Updated,
	}
}

func instantOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func operatorSettings(o *mintage.Operator) adminclient.OperatorSettings {
	s := adminclient.OperatorSettings{Email: o.Email, Name: o.Name, Role: string(o.Role), Disabled: o.Disabled}
	for _, m := range o.Memberships {
		s.Memberships = append(s.Memberships, adminclient.Membership{Tenant: m.Tenant, Organization: m.Organization, Role: string(m.Role)})
	}
	return s
}

// setOperator gives an operator the settings of a document.
func setOperator(o *mintage.Operator, d *adminclient.OperatorSettings) {
	o.Email, o.Name, o.Role, o.Disabled, o.Memberships = mintage.NormalEmail(d.Email), d.Name, mintage.Role(d.Role), d.Disabled, nil
	for _, m := range d.Memberships {
		o.Memberships = append(o.Memberships, mintage.Membership{Tenant: m.Tenant, Organization: m.Organization, Role: mintage.Role(m.Role)})
	}
}

func invitationDocument(i *mintage.Invitation) adminclient.Invitation {
	return adminclient.Invitation{
		ID: i.ID, Kind: string(i.Kind), Email: i.Email, Role: string(i.Role), Tenant: i.Tenant, Organization: i.Organization,
		OperatorID: i.OperatorID, CreatedBy: i.CreatedBy, CreatedAt: i.Created, ExpiresAt: i.Expires,
	}
}
