package console

import (
	"cmp"
	"context"
	"strings"

	"github.com/mintage-auth/mintage"
)

const (
	bulkMost  = 500 // clients that one form disables
	bulkNamed = 10  // of them that the question names
)

// disableClients disables the clients that were ticked in the list, once that
// is agreed to.
func (c *console) disableClients(ctx context.Context, q *request) (*answer, error) {
	ids := q.form["id"]
	back := link(q.tenant.ID, "clients")
	switch {
	case len(ids) == 0:
		return gone(back, "No client was ticked, so nothing was changed."), nil
	case len(ids) > bulkMost:
		return nil, &mintage.FieldError{Message: "at most " + count(bulkMost) + " clients are disabled at one time"}
	}
	var clients []*mintage.Client
	for _, id := range ids {
		cl, err := c.ownClient(ctx, q, id)
		if err != nil {
			return nil, err
		}
		clients = append(clients, cl)
	}
	k := c.bulkQuestion(ctx, q, clients)
	if !q.ticked("sure") {
		return k.page(), nil
	}
	return k.carriedOut(q, count(len(ids))+" disabled. Their tokens have ended.", func() error {
		for _, cl := range clients {
			if _, err := c.manager.UpdateClient(ctx, q.by(), cl.Tenant, cl.ID, 0, func(cl *mintage.Client) error {
				cl.Disabled, cl.DisabledReason = true, cmp.Or(q.text("reason"), cl.DisabledReason, "disabled in the console with others")
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

// bulkQuestion asks before clients are disabled.
func (c *console) bulkQuestion(ctx context.Context, q *request, clients []*mintage.Client) *ask {
	at := link(q.tenant.ID, "clients")
	k := &ask{
		Title: "Disable " + count(len(clients)) + " clients", Nav: "clients", Action: at + "/disable", Button: "Disable them", Back: at,
		Type: q.typed(q.tenant.ID), Reason: true, Given: q.text("reason"), Hidden: []hidden{{"sure", "1"}}, Copy: &copyAs{},
	}
	var names []string
	for _, cl := range clients {
		names = append(names, cl.Name)
		k.Hidden = append(k.Hidden, hidden{"id", cl.ID})
		one := c.asDisabled(ctx, cl, q.text("reason"))
		k.Copy.CLI += one.CLI
		k.Copy.Curl += one.Curl
	}
	more := ""
	if n := len(names) - bulkNamed; n > 0 {
		names, more = names[:bulkNamed], " and "+count(n)+" others"
	}
	k.Text = "They are refused everywhere from now on, and their tokens end: " + strings.Join(names, ", ") + more + ". They can be enabled again, one by one."
	return k
}
