package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// unmoved fails the test when the feed moved from what it was.
func unmoved(t *testing.T, s store.Store, last int64) {
	t.Helper()
	if now, err := s.LastChange(t.Context()); err != nil || now != last {
		t.Errorf("the feed moved from %d to %d (%v)", last, now, err)
	}
}

func markUsed(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx := t.Context()
	c := otherClient("acme", "x")
	must(t, change(ctx, s, clientNoun().create, c))
	must(t, change(ctx, s, clientNoun().create, otherClient("other", "x")))
	last, err := s.LastChange(ctx)
	must(t, err)
	for _, step := range []struct {
		mark, want     int
		from, wantFrom string
	}{{10, 10, "192.0.2.1", "192.0.2.1"}, {5, 10, "192.0.2.2", "192.0.2.1"}, {10, 10, "192.0.2.3", "192.0.2.1"}, {11, 11, "", ""}} {
		must(t, s.MarkUsed(ctx, []store.SecretUse{
			{Tenant: "acme", Client: "x", Secret: "gone", At: at(20)}, // passed over
			{Tenant: "none", Client: "x", Secret: "s3", At: at(20)},
			{Tenant: "acme", Client: "x", Secret: "s3", At: at(step.mark), From: step.from},
		}))
		c.Secrets[0].LastUsed, c.Secrets[0].LastUsedFrom = at(step.want), step.wantFrom
		got, err := s.Client(ctx, "acme", "x")
		must(t, err)
		diff(t, "client with a secret in use", got, c) // the version is as it was
	}
	must(t, s.MarkUsed(ctx, nil))
	unmoved(t, s, last)
	got, err := s.Client(ctx, "other", "x")
	must(t, err)
	if !got.Secrets[0].LastUsed.IsZero() {
		t.Error("another tenant's secret is in use too")
	}
}

// A change of a client that was read before its secret was used writes the
// client, and not the marks as they were.
func marksNeverGoBack(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx := t.Context()
	must(t, change(ctx, s, clientNoun().create, otherClient("acme", "x")))
	read, err := s.Client(ctx, "acme", "x")
	must(t, err)
	must(t, s.MarkUsed(ctx, []store.SecretUse{{Tenant: "acme", Client: "x", Secret: "s3", At: at(10), From: "192.0.2.1"}}))
	must(t, s.MarkExposed(ctx, "acme", "x", "s3", at(11)))
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Announce(ctx, "acme", "x", "s3", at(12))
		return err
	})
	read.Name = "changed"
	read.Secrets = append(read.Secrets, mintage.Secret{ID: "s4", Name: "fourth"})
	must(t, change(ctx, s, clientNoun().update, read))
	got, err := s.Client(ctx, "acme", "x")
	must(t, err)
	marked := got.Secrets[0]
	if marked.LastUsed != at(10) || marked.LastUsedFrom != "192.0.2.1" || marked.Exposed != at(11) || marked.Announced != at(12) {
		t.Errorf("the marks after a change of what was read before them: %+v", marked)
	}
	diff(t, "the argument of the update and what is stored", read, got)
}

func announce(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx := t.Context()
	must(t, change(ctx, s, clientNoun().create, otherClient("acme", "x")))
	last, err := s.LastChange(ctx)
	must(t, err)
	for _, step := range []struct {
		id   string
		at   int
		want bool
	}{{"s3", 10, true}, {"s3", 10, false}, {"s3", 9, false}, {"s3", 11, true}, {"gone", 12, false}} {
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			moved, err := tx.Announce(ctx, "acme", "x", step.id, at(step.at))
			if moved != step.want {
				t.Errorf("announce %s at %d: %t, want %t", step.id, step.at, moved, step.want)
			}
			return err
		})
	}
	unmoved(t, s, last)
}

func expiringSecrets(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx := t.Context()
	secret := func(id string, end int) mintage.Secret {
		return mintage.Secret{ID: id, Name: "name " + id, Hint: "…" + id, CreatedBy: "mc_a", Created: at(0), Expires: at(end), LastUsed: at(1), LastUsedFrom: "192.0.2.1", Retiring: at(2), Announced: at(3)}
	}
	revoked, never := secret("revoked", 20), secret("never", 0)
	revoked.Revoked, never.Expires = at(1), time.Time{}
	for _, c := range []*mintage.Client{
		{Tenant: "acme", ID: "b", Name: "B", Secrets: []mintage.Secret{secret("late", 31), secret("second", 20), revoked, never, secret("over", 10)}},
		{Tenant: "other", ID: "a", Name: "A", Secrets: []mintage.Secret{secret("first", 15), secret("third", 30)}},
		{Tenant: "acme", ID: "off", Disabled: true, Secrets: []mintage.Secret{secret("off", 20)}},
	} {
		must(t, change(ctx, s, clientNoun().create, c))
	}
	of := func(tenant, client, name string, sec mintage.Secret) *store.ExpiringSecret {
		return &store.ExpiringSecret{Tenant: tenant, Client: client, ClientName: name, Secret: sec}
	}
	want := []*store.ExpiringSecret{
		of("other", "a", "A", secret("first", 15)), of("acme", "b", "B", secret("second", 20)), of("other", "a", "A", secret("third", 30)),
	}
	for _, limit := range []int{1, 2, 3, 0} {
		var got []*store.ExpiringSecret
		page := store.ExpiryPage{Until: at(30), Limit: limit}
		page.After.Expires = at(11)
		for {
			part, err := s.ExpiringSecrets(ctx, page)
			must(t, err)
			got = append(got, part...)
			if len(part) == 0 || len(got) > 10 {
				break
			}
			page.After = *part[len(part)-1]
		}
		diff(t, "expiring secrets", got, want)
	}
}
