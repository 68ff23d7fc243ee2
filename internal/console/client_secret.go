package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
)

// endRotation is how a rotation ends: a method of manage.Manager.
type endRotation func(ctx context.Context, by manage.By, tenant, client string) (*mintage.Client, error)

func (c *console) completeRotation(ctx context.Context, q *request) (*answer, error) {
	return c.rotationEnds(ctx, q, c.manager.CompleteRotation, "The old secrets have ended.")
}

func (c *console) cancelRotation(ctx context.Context, q *request) (*answer, error) {
	return c.rotationEnds(ctx, q, c.manager.CancelRotation, "The rotation is cancelled: the new secret is revoked, and the old ones stay.")
}

func (c *console) rotationEnds(ctx context.Context, q *request, end endRotation, done string) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	if _, err := end(ctx, q.by(), cl.Tenant, cl.ID); err != nil {
		return nil, err
	}
	return gone(link(q.tenant.ID, "clients", cl.ID, "credentials"), done), nil
}

// secretOf finds the secret that an address names.
func (c *console) secretOf(ctx context.Context, q *request) (*mintage.Client, *mintage.Secret, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(cl.Secrets, func(s mintage.Secret) bool { return s.ID == q.value("secret") })
	if i < 0 {
		return nil, nil, mintage.ErrNotFound
	}
	return cl, &cl.Secrets[i], nil
}

// revokeQuestion asks before a secret is revoked, and says when it is the last
// one.
func (c *console) revokeQuestion(ctx context.Context, q *request, cl *mintage.Client, s *mintage.Secret) (k *ask, last bool) {
	at := link(q.tenant.ID, "clients", cl.ID)
	k = &ask{
		Title: "Revoke the secret " + s.Name, Nav: "clients", Button: "Revoke", Back: at + "/credentials", Type: q.typed(cl.Name),
		Action: at + "/secrets/" + url.PathEscape(s.ID) + "/revoke",
		Text:   "Whoever uses it is refused from now on. Tokens that it got live on until they end.",
	}
	now := c.cfg.Now()
	if s.LastUsed.After(now.Add(-day)) {
		k.Text = "It was used " + momentOf(s.LastUsed, now).Said + " by " + s.LastUsedFrom + ": that program is refused from now on. Tokens that it got live on until they end."
	}
	last = !slices.ContainsFunc(cl.Secrets, func(o mintage.Secret) bool { return o.ID != s.ID && o.Live(now) })
	words := []string{"client", "secret", "revoke", cl.ID, "--secret", s.Name, "--tenant", cl.Tenant}
	path := clientPath(cl, "secrets", s.ID)
	if last {
		k.Button = "Revoke it and lock the client out"
		k.Text = "It is the client's only active secret: without it the client is locked out. Rotating replaces it without an outage. " + k.Text
		words = append(words, "--last")
		path += "?allow_last=true"
	}
	k.Copy = &copyAs{CLI: command(words...), Curl: c.call(ctx, http.MethodDelete, path, nil)}
	return k, last
}

func (c *console) askRevokeSecret(ctx context.Context, q *request) (*answer, error) {
	cl, s, err := c.secretOf(ctx, q)
	if err != nil {
		return nil, err
	}
	k, _ := c.revokeQuestion(ctx, q, cl, s)
	return k.page(), nil
}

func (c *console) revokeSecret(ctx context.Context, q *request) (*answer, error) {
	cl, s, err := c.secretOf(ctx, q)
	if err != nil {
		return nil, err
	}
	k, last := c.revokeQuestion(ctx, q, cl, s)
	if a := k.unconfirmed(q); a != nil {
		return a, nil
	}
	if err := c.manager.RevokeSecret(ctx, q.by(), cl.Tenant, cl.ID, s.ID, last); err != nil {
		if a := k.failing(err); a != nil {
			return a, nil
		}
		return nil, err
	}
	return gone(k.Back, "The secret "+s.Name+" is revoked."), nil
}

// pauseSecret refuses a secret for a while, or lets it work again.
func (c *console) pauseSecret(ctx context.Context, q *request) (*answer, error) {
	cl, s, err := c.secretOf(ctx, q)
	if err != nil {
		return nil, err
	}
	minutes, err := strconv.Atoi(q.text("minutes"))
	if err != nil || minutes < 0 || minutes > 24*60 {
		return nil, &mintage.FieldError{Message: "a brown-out has 0 to 1440 minutes"}
	}
	if _, err := c.manager.BrownOut(ctx, q.by(), cl.Tenant, cl.ID, s.ID, time.Duration(minutes)*time.Minute); err != nil {
		return nil, err
	}
	done := "The secret " + s.Name + " is refused for " + count(minutes) + " minutes. Who still uses it shows in the requests."
	if minutes == 0 {
		done = "The secret " + s.Name + " works again."
	}
	return gone(link(q.tenant.ID, "clients", cl.ID, "credentials"), done), nil
}
