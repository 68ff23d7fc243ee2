package manage_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
)

// lockOuts are the changes that end what a client can do.
func (w *world) lockOuts(ctx context.Context, client, label string) map[string]func() error {
	update := func(change func(*mintage.Client)) func() error {
		return func() error {
			_, err := w.UpdateClient(ctx, admin(), mintage.BuiltInTenant, client, 0, func(c *mintage.Client) error { change(c); return nil })
			return err
		}
	}
	return map[string]func() error{
		"disable": update(func(c *mintage.Client) { c.Disabled = true }),
		"no grant": update(func(c *mintage.Client) {
			c.Grants, c.DefaultScope = nil, mintage.DefaultScope{Mode: mintage.DefaultScopeNone}
		}),
		"less grant": update(func(c *mintage.Client) { c.Grants[0].Scopes = []string{"clients:write"} }),
		"revoke": func() error {
			return w.RevokeSecret(ctx, admin(), mintage.BuiltInTenant, client, label, true)
		},
		"delete": func() error { return w.DeleteClient(ctx, admin(), mintage.BuiltInTenant, client, 0) },
	}
}

// AD-09: nobody can take the last administrator away.
func TestLastAdministrator(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"disable", "no grant", "less grant", "revoke", "delete"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, ctx := newWorld(t), t.Context()
			first, err := w.Bootstrap(ctx, "https://admin.example", nil)
			if err != nil {
				t.Fatal(err)
			}
			lockOut := func() error { return w.lockOuts(ctx, first.Client.ID, first.Label.Name)[name]() }
			refused := func(when string) {
				t.Helper()
				rows := len(w.events(t))
				rule, ok := errors.AsType[*manage.Refusal](lockOut())
				if !ok || rule.Reason != "admin.last" || rule.Denied {
					t.Errorf("%s: got %v, want admin.last", when, rule)
				}
				if err := w.verify(t, mintage.BuiltInTenant, first.Client.ID, first.Secret); err != nil || len(w.events(t)) != rows {
					t.Errorf("%s: the refused change did something: %v", when, err)
				}
			}
			refused("alone")

			second, err := w.CreateClient(ctx, admin(), &mintage.Client{
				Tenant: mintage.BuiltInTenant, Name: "Second",
				Grants: []mintage.Grant{{ResourceServer: mintage.AdminResource, Scopes: []string{"clients:read"}}},
			}, manage.NewSecret{Lifetime: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			refused("beside a client with less")
			_, err = w.UpdateClient(ctx, admin(), mintage.BuiltInTenant, second.Client.ID, 0, func(c *mintage.Client) error {
				c.Grants[0].Scopes = []string{mintage.AllScopes}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			w.now = w.now.Add(2 * time.Hour)
			refused("beside one whose secret has ended")
			w.now = w.now.Add(-2 * time.Hour)
			if err := lockOut(); err != nil {
				t.Errorf("beside another administrator: %v", err)
			}
		})
	}
}

// A rotation of the last administrator's secret is no lock-out.
func TestLastAdministratorRotates(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	first, err := w.Bootstrap(ctx, "https://admin.example", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.RotateSecret(ctx, admin(), mintage.BuiltInTenant, first.Client.ID, manage.Rotation{}); err != nil {
		t.Error(err)
	}
	if _, err := w.CompleteRotation(ctx, admin(), mintage.BuiltInTenant, first.Client.ID); err != nil {
		t.Error(err)
	}
}

func TestRecoverAdministrator(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	keep := func(string, *manage.Credentials) error { return nil }
	if err := w.RecoverAdministrator(ctx, keep); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("before the first start: got %v, want ErrNotFound", err)
	}
	first, err := w.Bootstrap(ctx, "https://admin.example", nil)
	if err != nil {
		t.Fatal(err)
	}
	rows := len(w.events(t))
	if err := w.RecoverAdministrator(ctx, func(string, *manage.Credentials) error { return errors.New("disk full") }); err == nil || len(w.events(t)) != rows {
		t.Errorf("credentials that cannot be kept: got %v and %d rows more", err, len(w.events(t))-rows)
	}
	var made *manage.Credentials
	if err := w.RecoverAdministrator(ctx, func(url string, c *manage.Credentials) error {
		if made = c; url != "https://admin.example" {
			t.Errorf("admin URL %s", url)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := w.verify(t, mintage.BuiltInTenant, made.Client.ID, made.Secret); err != nil {
		t.Error(err)
	}
	if e := w.last(t); e.Action != "client.create" || e.Via != "server" || e.Target != made.Client.ID {
		t.Errorf("audit row %+v", e)
	}
	// It is an administrator, so that the first one can go.
	if err := w.DeleteClient(ctx, admin(), mintage.BuiltInTenant, first.Client.ID, 0); err != nil {
		t.Error(err)
	}
}
