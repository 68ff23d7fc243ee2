package storetest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// listed makes the clients that the lists below are about.
func listed(t *testing.T, s store.Store) {
	t.Helper()
	prepare(t, s)
	secret := func(id string, expires, used int) mintage.Secret {
		return mintage.Secret{ID: id, Name: id, Hash: "h", Created: at(0), Expires: instantAt(expires), LastUsed: instantAt(used)}
	}
	revoked, retiring := secret("r", 50, 0), secret("o", 120, 90)
	revoked.Revoked, retiring.Retiring = at(1), at(2)
	grant := func(rs string, scopes ...string) []mintage.Grant {
		return []mintage.Grant{{ResourceServer: rs, Scopes: scopes}}
	}
	for _, c := range []*mintage.Client{
		{
			ID: "mc_a", Name: "beta 50%", Meta: mintage.Meta{Created: at(30)}, Grants: grant("orders", "read"),
			Labels: map[string]string{"team": "billing", "tier": "1"}, Secrets: []mintage.Secret{secret("s", 200, 80), revoked},
		},
		{
			ID: "mc_b", Name: "Alpha", Organization: "org-1", Meta: mintage.Meta{Created: at(10), ManagedBy: "file.yaml"}, Grants: grant("https://api.example", "*"),
			Labels: map[string]string{"team": "desk"}, Secrets: []mintage.Secret{secret("s", 0, 0)},
		},
		{
			ID: "mc_c", Name: "alpha", Disabled: true, Organization: "org-2", Meta: mintage.Meta{Created: at(20)},
			Secrets: []mintage.Secret{secret("n", 150, 10), retiring},
		},
		{ID: "mc_d", Name: "Gamma_1", Meta: mintage.Meta{Created: at(40)}, Secrets: []mintage.Secret{secret("s", 60, 70)}},
	} {
		c.Tenant = "acme"
		must(t, change(t.Context(), s, clientNoun().create, c))
	}
	must(t, change(t.Context(), s, clientNoun().create, &mintage.Client{Tenant: "other", ID: "mc_a", Name: "Alpha"}))
}

func instantAt(n int) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return at(n)
}

func findClients(t *testing.T, s store.Store) {
	listed(t, s)
	billing, other := "billing", "x"
	for _, tt := range []struct {
		name string
		q    store.ClientQuery
		want string
	}{
		{"all", store.ClientQuery{}, "mc_a mc_b mc_c mc_d"},
		{"backwards", store.ClientQuery{Descending: true}, "mc_d mc_c mc_b mc_a"},
		{"exactly named", store.ClientQuery{Name: "alpha"}, "mc_c"},
		{"text of any case", store.ClientQuery{Text: "ALPHA"}, "mc_b mc_c"},
		{"text of the identifier", store.ClientQuery{Text: "C_D"}, "mc_d"},
		{"a percent sign", store.ClientQuery{Text: "0%"}, "mc_a"},
		{"no wildcard", store.ClientQuery{Text: "a%a"}, ""},
		{"an underscore", store.ClientQuery{Text: "a_1"}, "mc_d"},
		{"a backslash", store.ClientQuery{Text: `\`}, ""},
		{"active", store.ClientQuery{Status: store.ClientActive}, "mc_a mc_b mc_d"},
		{"disabled", store.ClientQuery{Status: store.ClientDisabled}, "mc_c"},
		{"rotating", store.ClientQuery{Status: store.ClientRotating}, "mc_c"},
		{"without a live secret", store.ClientQuery{Status: store.ClientNoSecret}, "mc_d"},
		{"with a grant", store.ClientQuery{ResourceServer: "orders"}, "mc_a"},
		{"of a file", store.ClientQuery{ManagedBy: "file.yaml"}, "mc_b"},
		{"of an organization", store.ClientQuery{Organization: "org-2"}, "mc_c"},
		{"labelled", store.ClientQuery{Label: "team"}, "mc_a mc_b"},
		{"labelled so", store.ClientQuery{Label: "team", LabelValue: &billing}, "mc_a"},
		{"labelled otherwise", store.ClientQuery{Label: "team", LabelValue: &other}, ""},
		{"two conditions", store.ClientQuery{Label: "team", Organization: "org-1"}, "mc_b"},
		{"ending soon, without what retires or ended", store.ClientQuery{ExpiresUntil: at(150)}, "mc_c"},
		{"ending", store.ClientQuery{ExpiresUntil: at(200)}, "mc_a mc_c"},
		{"unused, or made since", store.ClientQuery{UnusedSince: at(70)}, "mc_b mc_d"},
		{"by name", store.ClientQuery{Order: store.ByName}, "mc_b mc_c mc_a mc_d"},
		{"by name backwards", store.ClientQuery{Order: store.ByName, Descending: true}, "mc_d mc_a mc_c mc_b"},
		{"by creation", store.ClientQuery{Order: store.ByCreated}, "mc_b mc_c mc_a mc_d"},
		{"by last use", store.ClientQuery{Order: store.ByLastUsed}, "mc_b mc_d mc_a mc_c"},
		{"by the end", store.ClientQuery{Order: store.ByExpires}, "mc_c mc_a mc_b mc_d"},
		{"by the end backwards", store.ClientQuery{Order: store.ByExpires, Descending: true}, "mc_d mc_b mc_a mc_c"},
		{"of a tenant that is not there", store.ClientQuery{Tenant: "none"}, ""},
	} {
		q := tt.q
		if q.Tenant == "" {
			q.Tenant = "acme"
		}
		q.Now = at(100)
		check := func(ctx context.Context, r store.Reader) {
			got, err := r.FindClients(ctx, q)
			must(t, err)
			diff(t, tt.name, strings.Join(ids(got, func(c store.ListedClient) string { return c.ID }), " "), tt.want)
			for _, most := range []int{0, 1, 3} {
				counted := q
				counted.Limit = most
				n, err := r.CountFound(ctx, counted)
				must(t, err)
				want := len(strings.Fields(tt.want))
				if most > 0 {
					want = min(want, most)
				}
				diff(t, tt.name+", counted", n, want)
			}
		}
		check(t.Context(), s)
		update(t, s, func(ctx context.Context, tx store.Tx) error { check(ctx, tx); return nil })
	}
	if _, err := s.FindClients(t.Context(), store.ClientQuery{Tenant: "acme", Order: "settings"}); err == nil {
		t.Error("an order that there is not: no error")
	}
}

// findClientsWhole: each client has its grants and secrets, and no other's.
func findClientsWhole(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx, n := t.Context(), clientNoun()
	first, last := fullClient("acme", "a"), fullClient("acme", "z")
	for _, c := range []*mintage.Client{last, first, otherClient("acme", "m"), fullClient("other", "a")} {
		must(t, change(ctx, s, n.create, c))
	}
	got, err := s.FindClients(ctx, store.ClientQuery{Tenant: "acme", Name: first.Name, Now: at(0)})
	must(t, err)
	diff(t, "clients with their parts", got, []store.ListedClient{
		{Client: first, Mark: store.ClientMark{Key: "a", ID: "a"}}, {Client: last, Mark: store.ClientMark{Key: "z", ID: "z"}},
	})
}

// findClientsPages: page by page a list is what it is at once, in every order.
func findClientsPages(t *testing.T, s store.Store) {
	listed(t, s)
	for _, order := range []store.ClientOrder{store.ByClientID, store.ByName, store.ByCreated, store.ByLastUsed, store.ByExpires} {
		for _, descending := range []bool{false, true} {
			q := store.ClientQuery{Tenant: "acme", Now: at(100), Order: order, Descending: descending}
			whole, err := s.FindClients(t.Context(), q)
			must(t, err)
			for _, size := range []int{1, 3} {
				var got []store.ListedClient
				q.Limit, q.After = size, store.ClientMark{}
				for range whole {
					page, err := s.FindClients(t.Context(), q)
					must(t, err)
					if got = append(got, page...); len(page) < size {
						break
					}
					q.After = page[len(page)-1].Mark
				}
				diff(t, string(order)+" in pages of "+strconv.Itoa(size), got, whole)
			}
		}
	}
}

func countGrants(t *testing.T, s store.Store) {
	listed(t, s)
	c := simpleClient("mc_e")
	c.Grants = []mintage.Grant{{ResourceServer: "orders", Scopes: []string{"read"}}}
	must(t, change(t.Context(), s, clientNoun().create, c))
	o, err := s.Organization(t.Context(), "acme", "org-1")
	must(t, err)
	o.Grants = []mintage.Grant{{ResourceServer: "orders", Scopes: []string{"read", "write"}}}
	must(t, change(t.Context(), s, organizationNoun().update, o))
	for rs, want := range map[string][]store.GrantCount{
		"orders":              {{Scopes: []string{"read"}, Clients: 2}, {Scopes: []string{"read", "write"}, Organizations: 1}},
		"https://api.example": {{Scopes: []string{"*"}, Clients: 1}},
		"none":                nil,
	} {
		got, err := s.CountGrants(t.Context(), "acme", rs)
		must(t, err)
		diff(t, "grants at "+rs, got, want)
	}
}

func tenantsToPurge(t *testing.T, s store.Store) {
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, tenant := range []*mintage.Tenant{
			{ID: "later", Issuer: "https://later.example", Disabled: true, PurgeAt: at(20)},
			{ID: "due", Issuer: "https://due.example", Aliases: []string{"a", "b"}, Disabled: true, PurgeAt: at(10)},
			{ID: "enabled", Issuer: "https://enabled.example", PurgeAt: at(10)}, // by a binary that does not know PurgeAt
			{ID: "never", Issuer: "https://never.example", Disabled: true},
		} {
			if err := tx.CreateTenant(ctx, tenant); err != nil {
				return err
			}
		}
		return nil
	})
	for now, want := range map[int][]string{9: nil, 10: {"due"}, 20: {"due", "later"}} {
		got, err := s.TenantsToPurge(t.Context(), at(now))
		must(t, err)
		diff(t, "tenants to purge", ids(got, func(tn *mintage.Tenant) string { return tn.ID }), want)
	}
	got, err := s.TenantsToPurge(t.Context(), at(10))
	must(t, err)
	whole, err := s.Tenant(t.Context(), "due")
	must(t, err)
	diff(t, "a tenant to purge", got, []*mintage.Tenant{whole})
}

// tenantSweep: what is logged and counted of one tenant, so many at a time.
func tenantSweep(t *testing.T, s store.Store) {
	ctx := t.Context()
	var records []*mintage.RequestRecord
	var counts []*mintage.UsageCount
	for i := range 3 {
		for _, tenant := range []string{"acme", "other"} {
			records = append(records, &mintage.RequestRecord{
				TraceID: "req_" + tenant + strconv.Itoa(i), Tenant: tenant, Time: at(i), Last: at(i), Count: 1, Traces: []string{"more_" + tenant + strconv.Itoa(i)},
			})
			counts = append(counts, &mintage.UsageCount{Tenant: tenant, Start: at(60 * i), Step: time.Minute, Count: 1})
		}
	}
	must(t, s.WriteRequests(ctx, records, nil))
	must(t, s.AddUsage(ctx, counts))
	for _, want := range []int{4, 2, 0} {
		n, err := s.SweepTenant(ctx, "acme", 2)
		must(t, err)
		diff(t, "swept", n, want)
	}
	for tenant, want := range map[string]int{"acme": 0, "other": 3} {
		left, err := s.Requests(ctx, store.RequestQuery{Tenant: tenant})
		must(t, err)
		used, err := s.Usage(ctx, store.UsageQuery{Tenant: tenant, Step: time.Minute})
		must(t, err)
		if len(left) != want || len(used) != want {
			t.Errorf("tenant %s has %d records and %d counts, want %d", tenant, len(left), len(used), want)
		}
	}
}

func clientTokenSettings(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx, n := t.Context(), clientNoun()
	rsa, long := mintage.TokenSettings{Alg: "RS256", Format: mintage.FormatJWT}, mintage.TokenSettings{Lifetime: 48 * time.Hour}
	for id, set := range map[string]mintage.TokenSettings{"a": rsa, "b": rsa, "c": long, "d": {}} {
		must(t, change(ctx, s, n.create, &mintage.Client{Tenant: "acme", ID: id, Token: set, Labels: map[string]string{"token": `{"alg"`}}))
	}
	must(t, change(ctx, s, n.create, &mintage.Client{Tenant: "other", ID: "a", Token: mintage.TokenSettings{Claims: mintage.ClaimsCognito}}))
	got, err := s.ClientTokenSettings(ctx, "acme")
	must(t, err)
	slices.SortFunc(got, func(a, b mintage.TokenSettings) int { return strings.Compare(a.Alg, b.Alg) })
	diff(t, "token settings of clients", got, []mintage.TokenSettings{long, rsa})
	got, err = s.ClientTokenSettings(ctx, "none")
	must(t, err)
	diff(t, "token settings of no clients", got, []mintage.TokenSettings(nil))
}
