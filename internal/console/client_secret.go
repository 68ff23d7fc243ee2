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

// rotationEnd is a way in which a rotation ends, and what is said of it.
type rotationEnd struct {
	verb, title, text, button, done string
	end                             func(m *manage.Manager, ctx context.Context, by manage.By, tenant, client string) (*mintage.Client, error)
}

// rotationEnds are the two ways, by their last word in an address.
var rotationEnds = map[string]rotationEnd{
	"complete": {
		verb: "--complete", title: "Complete the rotation of ", button: "Complete now", done: "The old secrets have ended.",
		text: "The old secrets end now. Whoever still uses one is refused.", end: (*manage.Manager).CompleteRotation,
	},
	"cancel": {
		verb: "--cancel", title: "Cancel the rotation of ", button: "Cancel the rotation", done: "The rotation is cancelled: the new secret is revoked, and the old ones stay.",
		text: "The new secret is revoked: whoever uses it already is refused. The old ones stay, with the end that they had.", end: (*manage.Manager).CancelRotation,
	},
}

func (c *console) askCompleteRotation(ctx context.Context, q *request) (*answer, error) {
	return c.askRotationEnd(ctx, q, "complete")
}

func (c *console) askCancelRotation(ctx context.Context, q *request) (*answer, error) {
	return c.askRotationEnd(ctx, q, "cancel")
}

func (c *console) completeRotation(ctx context.Context, q *request) (*answer, error) {
	return c.rotationEnds(ctx, q, "complete")
}

func (c *console) cancelRotation(ctx context.Context, q *request) (*answer, error) {
	return c.rotationEnds(ctx, q, "cancel")
}

func (c *console) rotationQuestion(ctx context.Context, q *request, cl *mintage.Client, how string) *ask {
	at, e := link(q.tenant.ID, "clients", cl.ID), rotationEnds[how]
	return &ask{
		Title: e.title + cl.Name, Text: e.text, Button: e.button, Nav: "clients", Action: at + "/rotate/" + how, Back: at + "/credentials", Type: q.typed(cl.Name),
		Copy: &copyAs{
			CLI:  command("client", "rotate", cl.ID, e.verb, "--tenant", cl.Tenant),
			Curl: c.call(ctx, http.MethodPost, clientPath(cl, "rotate", how), nil),
		},
	}
}

func (c *console) askRotationEnd(ctx context.Context, q *request, how string) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	return c.rotationQuestion(ctx, q, cl, how).page(), nil
}

func (c *console) rotationEnds(ctx context.Context, q *request, how string) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	e := rotationEnds[how]
	return c.rotationQuestion(ctx, q, cl, how).carriedOut(q, e.done, func() error {
		_, err := e.end(c.manager, ctx, q.by(), cl.Tenant, cl.ID)
		return err
	})
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
	return k.carriedOut(q, "The secret "+s.Name+" is revoked.", func() error {
		return c.manager.RevokeSecret(ctx, q.by(), cl.Tenant, cl.ID, s.ID, last)
	})
}

// pauseMost is the longest brown-out, in minutes.
const pauseMost = 24 * 60

// pauseQuestion asks before a secret is refused for a while, or works again.
func (c *console) pauseQuestion(ctx context.Context, q *request, cl *mintage.Client, s *mintage.Secret, minutes int) *ask {
	at := link(q.tenant.ID, "clients", cl.ID)
	seconds := minutes * 60
	lasts := "0s"
	if minutes > 0 {
		lasts = fileDuration(time.Duration(minutes) * time.Minute)
	}
	k := &ask{
		Nav: "clients", Back: at + "/credentials", Action: at + "/secrets/" + url.PathEscape(s.ID) + "/pause", Type: q.typed(cl.Name),
		Copy: &copyAs{
			CLI:  command("client", "secret", "pause", cl.ID, "--secret", s.Name, "--for", lasts, "--tenant", cl.Tenant),
			Curl: c.call(ctx, http.MethodPost, clientPath(cl, "secrets", s.ID, "pause"), map[string]int{"seconds": seconds}),
		},
	}
	if minutes == 0 {
		k.Title, k.Button, k.Safe, k.Type, k.Hidden = "Let the secret "+s.Name+" work", "Let it work", true, "", []hidden{{"minutes", "0"}}
		k.Text = "The brown-out ends now."
		return k
	}
	k.Title, k.Button = "Pause the secret "+s.Name, "Pause it"
	k.Text = "It is refused for a while, to see who still uses it, and then works again by itself. Another secret of the client has to work meanwhile."
	k.Choice = &askChoice{
		Name: "minutes", Label: "For",
		Options: options(strconv.Itoa(minutes), "5", "5 minutes", "15", "15 minutes", "60", "an hour", "480", "8 hours", "1440", "a day"),
	}
	return k
}

func (c *console) askPauseSecret(ctx context.Context, q *request) (*answer, error) {
	cl, s, err := c.secretOf(ctx, q)
	if err != nil {
		return nil, err
	}
	minutes := 5
	if s.Paused(c.cfg.Now()) {
		minutes = 0
	}
	return c.pauseQuestion(ctx, q, cl, s, minutes).page(), nil
}

// pauseSecret refuses a secret for a while, or lets it work again.
func (c *console) pauseSecret(ctx context.Context, q *request) (*answer, error) {
	cl, s, err := c.secretOf(ctx, q)
	if err != nil {
		return nil, err
	}
	minutes, err := strconv.Atoi(q.text("minutes"))
	if err != nil || minutes < 0 || minutes > pauseMost {
		return nil, &mintage.FieldError{Message: "a brown-out has 0 to 1440 minutes"}
	}
	done := "The secret " + s.Name + " is refused for " + count(minutes) + " minutes. Who still uses it shows in the requests."
	if minutes == 0 {
		done = "The secret " + s.Name + " works again."
	}
	return c.pauseQuestion(ctx, q, cl, s, minutes).carriedOut(q, done, func() error {
		_, err := c.manager.BrownOut(ctx, q.by(), cl.Tenant, cl.ID, s.ID, time.Duration(minutes)*time.Minute)
		return err
	})
}
