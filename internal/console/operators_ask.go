package console

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/people"
)

// Questions about a person, by their last word in an address.
const (
	askDisable = "disable"
	askEnable  = "enable"
	askLeave   = "leave"
	askRecover = "recover"
	askSignOut = "sign-out"
	askDelete  = "delete"
)

// askOperator asks before something becomes of a person.
func (c *console) askOperator(ctx context.Context, q *request, _ *people.Service) (*answer, error) {
	k, err := c.operatorQuestion(ctx, q, q.value("what"))
	if err != nil {
		return nil, err
	}
	return k.page(), nil
}

// operatorQuestion makes the question. Members of an organization have but one:
// whether somebody leaves it.
func (c *console) operatorQuestion(ctx context.Context, q *request, what string) (*ask, error) {
	o, err := c.manager.Operator(ctx, q.by(), q.value("operator"))
	if err != nil {
		return nil, err
	}
	at := link(q.tenant.ID, "operators", o.ID)
	k := &ask{Nav: "operators", Action: at, Back: at}
	path := "/operators/" + url.PathEscape(o.ID)
	switch what {
	case askDelete:
		c.deleteOperatorQuestion(ctx, q, k, o)
		return k, nil
	case askDisable, askEnable:
		c.stateQuestion(ctx, k, o, what)
	case askLeave:
		return c.leaveQuestion(ctx, q, k, o)
	case askRecover:
		k.Title, k.Button, k.Action = "Recovery link for "+o.Email, "Make the link", at+"/recover"
		k.Text = "It works once, for a day. When it is used, how they signed in before works no more. Give it to nobody else: whoever has it is them."
		k.Copy = &copyAs{Curl: c.call(ctx, http.MethodPost, path+"/recovery", nil)}
	case askSignOut:
		c.signOutQuestion(ctx, q, k, o)
	default:
		return nil, mintage.ErrNotFound
	}
	if !q.viewer.Operator() {
		return nil, mintage.ErrNotFound
	}
	return k, nil
}

func (c *console) deleteOperatorQuestion(ctx context.Context, q *request, k *ask, o *mintage.Operator) {
	k.Action, k.Version = k.Action+"/delete", o.Version
	if m := q.viewer.Membership; m != nil {
		k.Title, k.Button = "Take "+o.Email+" out of the organization", "Take out"
		k.Text = "They see nothing of your organization any more."
		k.Copy = c.asLeft(ctx, o, m.Tenant, m.Organization)
		return
	}
	k.Title, k.Button = "Delete "+o.Email, "Delete"
	k.Text = "All their sessions end, and they cannot sign in any more. What they did stays in the audit log."
	k.Copy = &copyAs{
		CLI:  command("operator", "delete", o.Email),
		Curl: c.call(ctx, http.MethodDelete, "/operators/"+url.PathEscape(o.ID), nil),
	}
}

// stateQuestion asks before somebody may sign in no more, or again.
func (c *console) stateQuestion(ctx context.Context, k *ask, o *mintage.Operator, what string) {
	disable := what == askDisable
	k.Title, k.Button, k.Safe, k.Hidden = "Enable "+o.Email, "Enable", true, []hidden{{askEnable, "1"}}
	k.Text = "They can sign in again, in the ways that they have."
	if disable {
		k.Title, k.Button, k.Safe, k.Hidden = "Disable "+o.Email, "Disable", false, []hidden{{askDisable, "1"}}
		k.Text = "Their sessions end, and they can sign in no more until they are enabled."
	}
	k.Copy = &copyAs{
		CLI:  command("operator", what, o.Email),
		Curl: c.call(ctx, http.MethodPatch, "/operators/"+url.PathEscape(o.ID), map[string]any{"disabled": disable}),
	}
}

// leaveQuestion asks before somebody leaves the organization that the address
// names.
func (c *console) leaveQuestion(ctx context.Context, q *request, k *ask, o *mintage.Operator) (*ask, error) {
	place := cmp.Or(q.query("of"), q.text("leave"))
	tenant, organization, _ := strings.Cut(place, "/")
	if !q.viewer.Operator() || o.Member(tenant, organization) == nil {
		return nil, mintage.ErrNotFound
	}
	k.Title, k.Button, k.Hidden = "Take "+o.Email+" out of "+organization, "Take out", []hidden{{"leave", place}}
	k.Text = "They see nothing of that organization any more."
	k.Copy = c.asLeft(ctx, o, tenant, organization)
	return k, nil
}

// asLeft says how somebody leaves an organization elsewhere.
func (c *console) asLeft(ctx context.Context, o *mintage.Operator, tenant, organization string) *copyAs {
	left := slices.DeleteFunc(slices.Clone(o.Memberships), func(m mintage.Membership) bool { return m.Tenant == tenant && m.Organization == organization })
	return &copyAs{
		CLI:  command("operator", "edit", o.Email, "--organization", tenant+"/"+organization, "--leave"),
		Curl: c.call(ctx, http.MethodPatch, "/operators/"+url.PathEscape(o.ID), map[string]any{"memberships": adminMemberships(left)}),
	}
}

// adminMemberships are memberships as the admin API takes them.
func adminMemberships(list []mintage.Membership) []adminclient.Membership {
	out := []adminclient.Membership{}
	for _, m := range list {
		out = append(out, adminclient.Membership{Tenant: m.Tenant, Organization: m.Organization, Role: string(m.Role)})
	}
	return out
}

// signOutQuestion asks before one session of somebody ends, or all of them.
func (c *console) signOutQuestion(ctx context.Context, q *request, k *ask, o *mintage.Operator) {
	id := cmp.Or(q.query("id"), q.text("id"))
	words, path := []string{"operator", "sessions", o.Email, "--end-all"}, "/operators/"+url.PathEscape(o.ID)+"/sessions"
	k.Title, k.Text = "Sign "+o.Email+" out", "All their sessions end. They can sign in again."
	if id != "" {
		words = []string{"operator", "sessions", o.Email, "--end", id}
		path += "/" + url.PathEscape(id)
		k.Text = "That session ends. They can sign in again."
	}
	k.Button, k.Action, k.Hidden = "Sign out", k.Action+"/sessions", []hidden{{"id", id}}
	k.Copy = &copyAs{CLI: command(words...), Curl: c.call(ctx, http.MethodDelete, path, nil)}
}

// asInvited says how somebody is invited elsewhere.
func (c *console) asInvited(ctx context.Context, i *mintage.Invitation) *copyAs {
	words := []string{"operator", "invite", i.Email, "--role", string(i.Role)}
	if i.Name != "" {
		words = append(words, "--name", i.Name)
	}
	if i.Organization != "" {
		words = append(words, "--organization", i.Tenant+"/"+i.Organization)
	}
	return &copyAs{CLI: command(words...), Curl: c.call(ctx, http.MethodPost, "/invitations", adminclient.NewInvitation{
		Email: i.Email, Name: i.Name, Role: string(i.Role), Tenant: i.Tenant, Organization: i.Organization,
	})}
}

// asEdited says how somebody's name and role are changed elsewhere; of a member
// of the viewer's organization, the role there.
func (c *console) asEdited(ctx context.Context, q *request, o *mintage.Operator, name, role string) *copyAs {
	path := "/operators/" + url.PathEscape(o.ID)
	if m := q.viewer.Membership; m != nil {
		list := slices.Clone(o.Memberships)
		for i := range list {
			if list[i].Tenant == m.Tenant && list[i].Organization == m.Organization {
				list[i].Role = mintage.Role(role)
			}
		}
		return &copyAs{
			CLI:  command("operator", "edit", o.Email, "--role", role, "--organization", m.Tenant+"/"+m.Organization),
			Curl: c.call(ctx, http.MethodPatch, path, map[string]any{"memberships": adminMemberships(list)}),
		}
	}
	patch := map[string]any{"name": name, "role": role}
	if role == "" {
		patch["role"] = nil
	}
	return &copyAs{
		CLI:  command("operator", "edit", o.Email, "--name", name, "--role", role),
		Curl: c.call(ctx, http.MethodPatch, path, patch),
	}
}

// askDropInvitation asks before a link is taken back.
func (c *console) askDropInvitation(ctx context.Context, q *request, _ *people.Service) (*answer, error) {
	k, err := c.invitationQuestion(ctx, q)
	if err != nil {
		return nil, err
	}
	return k.page(), nil
}

func (c *console) invitationQuestion(ctx context.Context, q *request) (*ask, error) {
	list, err := c.manager.Invitations(ctx, q.by())
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(i *mintage.Invitation) bool { return i.ID == q.value("invitation") })
	if i < 0 {
		return nil, mintage.ErrNotFound
	}
	at, id := link(q.tenant.ID, "operators"), list[i].ID
	return &ask{
		Title: "Take the link for " + cmp.Or(list[i].Email, "the first owner") + " back", Nav: "operators", Button: "Take back", Back: at,
		Action: link(q.tenant.ID, "operators", "invitations", id, "delete"), Text: "It works no more.",
		Copy: &copyAs{
			CLI:  command("operator", "invitations", "--take-back", id),
			Curl: c.call(ctx, http.MethodDelete, "/invitations/"+url.PathEscape(id), nil),
		},
	}, nil
}
