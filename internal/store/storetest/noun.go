package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

func roundTrip(t *testing.T, s store.Store) {
	prepare(t, s)
	for _, n := range append(nouns(), tenantNoun()) {
		ctx, tenant, id := t.Context(), "acme", "x-1"
		_, err := n.read(ctx, s, tenant, id)
		wantErr(t, n.name+" before it is created", err, mintage.ErrNotFound)
		wantErr(t, n.name+": update of none", change(ctx, s, n.update, n.b(tenant, id)), mintage.ErrNotFound)

		a := n.a(tenant, id)
		*n.version(a) = 77
		must(t, change(ctx, s, n.create, a))
		if got := *n.version(a); got != 1 {
			t.Errorf("%s: create set version %d, want 1", n.name, got)
		}
		got, err := n.read(ctx, s, tenant, id)
		must(t, err)
		diff(t, n.name+" created", got, a)

		b := n.b(tenant, id)
		for want := range int64(3) {
			*n.version(b) = 99
			must(t, change(ctx, s, n.update, b))
			if got := *n.version(b); got != want+2 {
				t.Errorf("%s: update set version %d, want %d", n.name, got, want+2)
			}
		}
		got, err = n.read(ctx, s, tenant, id)
		must(t, err)
		diff(t, n.name+" updated", got, b)

		must(t, s.Update(ctx, func(tx store.Tx) error { return n.remove(ctx, tx, tenant, id) }))
		_, err = n.read(ctx, s, tenant, id)
		wantErr(t, n.name+" after its deletion", err, mintage.ErrNotFound)
		err = s.Update(ctx, func(tx store.Tx) error { return n.remove(ctx, tx, tenant, id) })
		wantErr(t, n.name+" deleted twice", err, mintage.ErrNotFound)
	}
}

// change writes v in a transaction of its own.
func change(ctx context.Context, s store.Store, write func(context.Context, store.Tx, any) error, v any) error {
	return s.Update(ctx, func(tx store.Tx) error { return write(ctx, tx, v) })
}

func uniqueness(t *testing.T, s store.Store) {
	prepare(t, s)
	for _, n := range append(nouns(), tenantNoun()) {
		ctx := t.Context()
		a := n.a("acme", "x-1")
		must(t, change(ctx, s, n.create, a))
		last, err := s.LastChange(ctx)
		must(t, err)
		wantErr(t, n.name+" created twice", change(ctx, s, n.create, n.b("acme", "x-1")), mintage.ErrExists)
		got, err := n.read(ctx, s, "acme", "x-1")
		must(t, err)
		diff(t, n.name+" after the second creation", got, a)
		if now, err := s.LastChange(ctx); err != nil || now != last {
			t.Errorf("%s: the refused creation moved the feed from %d to %d (%v)", n.name, last, now, err)
		}
	}
}

// isolation is AD-01 of the checklist at the level of rows: no method sees
// or touches another tenant's.
func isolation(t *testing.T, s store.Store) {
	prepare(t, s)
	for _, n := range nouns() {
		ctx := t.Context()
		a := n.a("acme", "x-1")
		must(t, change(ctx, s, n.create, a))
		_, err := n.read(ctx, s, "other", "x-1")
		wantErr(t, n.name+" read by another tenant", err, mintage.ErrNotFound)
		wantErr(t, n.name+" updated by another tenant", change(ctx, s, n.update, n.b("other", "x-1")), mintage.ErrNotFound)
		err = s.Update(ctx, func(tx store.Tx) error { return n.remove(ctx, tx, "other", "x-1") })
		wantErr(t, n.name+" deleted by another tenant", err, mintage.ErrNotFound)
		if list, err := n.list(ctx, s, "other", store.Page{}); err != nil || slices.Contains(list, "x-1") {
			t.Errorf("%s: another tenant lists %q (%v)", n.name, list, err)
		}

		b := n.b("other", "x-1")
		must(t, change(ctx, s, n.create, b))
		for tenant, want := range map[string]any{"acme": a, "other": b} {
			got, err := n.read(ctx, s, tenant, "x-1")
			must(t, err)
			diff(t, n.name+" of "+tenant, got, want)
		}
		must(t, s.Update(ctx, func(tx store.Tx) error { return n.remove(ctx, tx, "acme", "x-1") }))
		got, err := n.read(ctx, s, "other", "x-1")
		must(t, err)
		diff(t, n.name+" of other after acme deleted its own", got, b)
	}
}

func paging(t *testing.T, s store.Store) {
	prepare(t, s)
	// In the order of their bytes, whatever a locale thinks of it.
	want := []string{"10", "9", "B", "_", "a", "b", "é"}
	for _, n := range append(nouns(), tenantNoun()) {
		if n.kind == mintage.ChangeKey {
			continue // not paged
		}
		ctx := t.Context()
		before, err := n.list(ctx, s, "acme", store.Page{})
		must(t, err)
		for _, i := range []int{3, 0, 6, 2, 5, 1, 4} {
			must(t, change(ctx, s, n.create, n.a("acme", want[i])))
		}
		all := append(slices.Clone(before), want...)
		slices.Sort(all)
		for _, limit := range []int{0, 1, 2, len(all), len(all) + 1} {
			diff(t, fmt.Sprintf("%s in pages of %d", n.name, limit), inPages(t, s, n, limit), all)
		}
	}
	// Parts of listed clients are each client's own.
	list, err := s.Clients(t.Context(), "acme", store.Page{Limit: 3})
	must(t, err)
	for _, c := range list {
		want := fullClient("acme", c.ID)
		want.Version = 1
		diff(t, "listed client", c, want)
	}
}

// inPages lists all of acme's, in pages.
func inPages(t *testing.T, s store.Store, n noun, limit int) []string {
	var got []string
	page := store.Page{Limit: limit}
	for {
		part, err := n.list(t.Context(), s, "acme", page)
		must(t, err)
		got = append(got, part...)
		if len(part) == 0 || limit == 0 || len(got) > 1000 {
			return got
		}
		if len(part) > limit {
			t.Errorf("%s: a page of %d, limit %d", n.name, len(part), limit)
		}
		page.After = part[len(part)-1]
	}
}

func failedWrite(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx := t.Context()
	last, err := s.LastChange(ctx)
	must(t, err)
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, n := range nouns() {
			if err := n.create(ctx, tx, n.a("acme", "x-1")); err != nil {
				return err
			}
			if err := n.create(ctx, tx, n.b("acme", "x-1")); !errors.Is(err, mintage.ErrExists) {
				return fmt.Errorf("%s created twice: %w", n.name, err)
			}
		}
		// The client is new and its second grant is not possible.
		c := fullClient("acme", "half")
		c.Grants[1].ResourceServer = "missing"
		if err := tx.CreateClient(ctx, c); !errors.Is(err, mintage.ErrNotFound) {
			return fmt.Errorf("client with a grant at no resource server: %w", err)
		}
		// The tenant is new and has an alias twice.
		if err := tx.UpdateTenant(ctx, &mintage.Tenant{ID: "other", Issuer: "https://other.example", Aliases: []string{"taken"}}); err != nil {
			return err
		}
		half := &mintage.Tenant{ID: "half", Issuer: "https://half.example", Aliases: []string{"free", "taken", "taken"}}
		if err := tx.CreateTenant(ctx, half); !errors.Is(err, mintage.ErrExists) {
			return fmt.Errorf("tenant with an alias twice: %w", err)
		}
		return nil
	})
	_, err = s.Client(ctx, "acme", "half")
	wantErr(t, "half a client", err, mintage.ErrNotFound)
	_, err = s.Tenant(ctx, "half")
	wantErr(t, "half a tenant", err, mintage.ErrNotFound)
	now, err := s.LastChange(ctx)
	must(t, err)
	if want := last + int64(len(nouns())) + 1; now != want {
		t.Errorf("the feed is at %d, want %d", now, want)
	}
}
