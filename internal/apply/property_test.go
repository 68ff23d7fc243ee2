package apply_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/oauth"
)

// The world of the property test is small, so that files and drift meet.
var (
	someTenants = []string{"prod", "sandbox"}
	someServers = []string{"api", "files"}
	someClients = []string{"a", "b", "c"}
	someScopes  = []string{"read", "write"}
)

func optional[T any](t *rapid.T, g *rapid.Generator[T], name string) *T {
	if !rapid.Bool().Draw(t, name+" written") {
		return nil
	}
	v := g.Draw(t, name)
	return &v
}

func subset(t *rapid.T, of []string, name string) []string {
	all := []string{}
	for _, s := range of {
		if rapid.Bool().Draw(t, name+" "+s) {
			all = append(all, s)
		}
	}
	return all
}

func drawState(t *rapid.T) *apply.State {
	s := &apply.State{APIVersion: apply.APIVersion, Prune: subset(t, []string{"clients", "resource_servers", "organizations"}, "prune")}
	for _, id := range someTenants {
		issuer, days := "https://"+id+".example.com", apply.Duration(90*24*time.Hour)
		w := apply.Tenant{ID: id, Issuer: &issuer, Protected: optional(t, rapid.Bool(), "protected")}
		if rapid.Bool().Draw(t, "policy") {
			w.Secret = &apply.SecretPolicy{Expires: &days}
		}
		s.Tenants = append(s.Tenants, w)
	}
	for _, id := range someServers {
		if tenants := subset(t, someTenants, "tenants of "+id); len(tenants) > 0 {
			w := apply.ResourceServer{Identifier: id, Tenants: tenants, Name: optional(t, rapid.Just("the-"+id), "name")}
			if rapid.Bool().Draw(t, "scopes") {
				w.Scopes = map[string]string{}
				for _, scope := range subset(t, someScopes, "scope") {
					w.Scopes[scope] = rapid.SampledFrom([]string{"", "Text"}).Draw(t, "description")
				}
			}
			s.ResourceServers = append(s.ResourceServers, w)
		}
	}
	if tenants := subset(t, someTenants, "tenants of acme"); len(tenants) > 0 {
		w := apply.Organization{ID: "acme", Tenants: tenants, MaxClients: optional(t, rapid.IntRange(0, 9), "clients")}
		if rapid.Bool().Draw(t, "granted") {
			w.Grants = drawGrants(t)
		}
		s.Organizations = append(s.Organizations, w)
	}
	for _, id := range someClients {
		if tenants := subset(t, someTenants, "tenants of "+id); len(tenants) > 0 {
			s.Clients = append(s.Clients, drawClient(t, id, tenants))
		}
	}
	return s
}

func drawGrants(t *rapid.T) []apply.Grant {
	grants := []apply.Grant{}
	for _, rs := range rapid.Permutation(subset(t, someServers, "grant")).Draw(t, "order") {
		scopes := subset(t, someScopes, "granted")
		if rapid.Bool().Draw(t, "all scopes") {
			scopes = []string{"*"}
		}
		grants = append(grants, apply.Grant{ResourceServer: rs, Scopes: scopes})
	}
	return grants
}

func drawClient(t *rapid.T, id string, tenants []string) apply.Client {
	c := apply.Client{
		ID: id, Tenants: tenants, Name: optional(t, rapid.SampledFrom([]string{"One", "Two"}), "name"),
		Disabled: optional(t, rapid.Bool(), "disabled"), Downscope: optional(t, rapid.Bool(), "downscope"),
	}
	if rapid.Bool().Draw(t, "allow_from") {
		c.AllowFrom = subset(t, []string{"203.0.113.0/24", "192.0.2.7"}, "network")
	}
	if rapid.Bool().Draw(t, "limits") {
		c.Limits = &apply.Limits{
			TokensPerMinute:         optional(t, rapid.IntRange(0, 60), "tokens"),
			IntrospectionsPerMinute: optional(t, rapid.IntRange(0, 60), "introspections"),
		}
	}
	if rapid.Bool().Draw(t, "dialects") {
		c.Dialects = rapid.Permutation([]string{"rfc", "cognito"}).Draw(t, "order")
	}
	if rapid.Bool().Draw(t, "grants") {
		c.Grants = drawGrants(t)
	}
	if rapid.Bool().Draw(t, "default scope") {
		c.DefaultScope = rapid.SampledFrom([][]string{{"*"}, {}}).Draw(t, "scope")
	}
	if !rapid.Bool().Draw(t, "secrets") {
		return c
	}
	c.Secrets = []apply.Secret{}
	for _, name := range subset(t, []string{"one", "two"}, "secret") {
		w := apply.Secret{Name: name}
		text := apply.Sensitive(rapid.SampledFrom([]string{"tick", "tock"}).Draw(t, "value"))
		switch rapid.IntRange(0, 2).Draw(t, "way") {
		case 0:
			w.Value = &apply.Ref{Text: text}
		case 1:
			w.Hash = &apply.Ref{Text: text}
		case 2:
			w.Generate, w.Made = true, map[string]apply.Sensitive{}
			for _, tenant := range tenants {
				w.Made[tenant] = text
			}
		}
		w.Expires = optional(t, rapid.SampledFrom([]apply.Duration{0, apply.Duration(time.Hour)}), "expires")
		c.Secrets = append(c.Secrets, w)
	}
	return c
}

// drift changes what is live by hand: members of managed objects, and an
// object of nobody's in each tenant.
func drift(t *rapid.T, live apply.Live) apply.Live {
	live.Clients = slices.Clone(live.Clients)
	for i, c := range live.Clients {
		clone := *c
		clone.Version++
		switch rapid.IntRange(0, 4).Draw(t, "drift") {
		case 0:
			clone.Name = "Drifted"
		case 1:
			clone.Disabled, clone.DisabledReason = !clone.Disabled, "by hand"
		case 2:
			clone.Grants = nil
			clone.DefaultScope = mintage.DefaultScope{Mode: mintage.DefaultScopeNone}
		case 3:
			clone.Secrets = append(slices.Clone(clone.Secrets), mintage.Secret{ID: "h", Name: "by hand", Hash: "x", CreatedBy: "ada", Created: start})
			clone.Secrets = slices.CompactFunc(clone.Secrets, func(a, b mintage.Secret) bool { return a.Name == b.Name })
		default:
			continue
		}
		live.Clients[i] = &clone
	}
	return live
}

func byHand() apply.Live {
	var live apply.Live
	for _, tenant := range someTenants {
		live.Tenants = append(live.Tenants, &mintage.Tenant{ID: tenant, Issuer: "https://" + tenant + ".example.com", Meta: mintage.Meta{Version: 1, Created: start}})
		live.Organizations = append(live.Organizations, &mintage.Organization{Tenant: tenant, ID: "hers", Name: "Hers", Meta: mintage.Meta{Version: 1, Created: start}})
		live.ResourceServers = append(live.ResourceServers, &mintage.ResourceServer{
			Tenant: tenant, Identifier: "hers", Scopes: []mintage.ScopeDefinition{{Name: "x"}}, Meta: mintage.Meta{Version: 1, Created: start},
		})
		live.Clients = append(live.Clients, &mintage.Client{
			Tenant: tenant, ID: "hers", Name: "Hers", GrantTypes: []oauth.GrantType{oauth.ClientCredentials},
			Grants: []mintage.Grant{{ResourceServer: "hers", Scopes: []string{"x"}}},
			Meta:   mintage.Meta{Version: 1, Created: start, ManagedBy: "other.yaml"},
		})
	}
	return live
}

// TestApplyIsIdempotent: whatever was live, and however it drifted, applying a
// state leads to it: the second plan is empty. What the files never had is
// untouched, and nothing that is live is modified on the way.
func TestApplyIsIdempotent(t *testing.T) {
	t.Parallel()
	planned, changed := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		live, now := byHand(), start
		for range rapid.IntRange(1, 4).Draw(rt, "files") {
			want := drawState(rt)
			opts := options(now)
			opts.AllowDelete = rapid.Bool().Draw(rt, "allow delete")
			before := dump(rt, live)
			plan, err := apply.MakePlan(live, want, opts)
			if err != nil { // such as a scope that another client still has
				if len(mintage.FieldErrors(err)) == 0 {
					rt.Fatalf("an error without a place: %v", err)
				}
				continue
			}
			out, err := plan.Outcome(hash)
			if err != nil {
				rt.Fatal(err)
			}
			if after := dump(rt, live); after != before {
				rt.Fatalf("the planner modified the live state:\n%s", cmp.Diff(before, after))
			}
			planned++
			if !plan.Empty() {
				changed++
			}
			live, now = execute(live, out), now.Add(time.Duration(rapid.IntRange(1, 100_000).Draw(rt, "seconds"))*time.Second)
			again, err := apply.MakePlan(live, want, options(now))
			if err != nil {
				rt.Fatalf("planned once, then refused: %v", err)
			}
			if !again.Empty() {
				rt.Fatalf("the second time:\n%s", apply.Render(again))
			}
			untouched(rt, live)
			if rapid.Bool().Draw(rt, "drifts") {
				live = drift(rt, live)
				live = apply.Live{Tenants: live.Tenants, Organizations: live.Organizations, ResourceServers: live.ResourceServers, Clients: restoreHand(live.Clients)}
			}
		}
	})
	if planned == 0 || changed == 0 {
		t.Errorf("%d plans, %d with changes: the property was not tried", planned, changed)
	}
}

// restoreHand takes the drift of the objects of nobody's back, so that
// untouched can compare.
func restoreHand(clients []*mintage.Client) []*mintage.Client {
	for i, c := range clients {
		if c.ID == "hers" {
			at := slices.IndexFunc(byHand().Clients, func(h *mintage.Client) bool { return h.Tenant == c.Tenant })
			clients[i] = byHand().Clients[at]
		}
	}
	return clients
}

// untouched fails when an object that no file has changed or went.
func untouched(t *rapid.T, live apply.Live) {
	hand := byHand()
	got := apply.Live{}
	for _, o := range live.Organizations {
		if o.ID == "hers" {
			got.Organizations = append(got.Organizations, o)
		}
	}
	for _, rs := range live.ResourceServers {
		if rs.Identifier == "hers" {
			got.ResourceServers = append(got.ResourceServers, rs)
		}
	}
	for _, c := range live.Clients {
		if c.ID == "hers" {
			got.Clients = append(got.Clients, c)
		}
		for i := range c.Secrets {
			if s := &c.Secrets[i]; s.CreatedBy == "ada" && !s.Expires.IsZero() {
				t.Fatalf("a secret made by hand retires: %+v", s)
			}
		}
	}
	hand.Tenants = nil
	if d := cmp.Diff(hand, got); d != "" {
		t.Fatalf("what no file has changed:\n%s", d)
	}
}

func dump(t *rapid.T, live apply.Live) string {
	doc, err := json.Marshal(live)
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// TestDriftIsUndone: after any drift, one apply leads back to the file.
func TestDriftIsUndone(t *testing.T) {
	t.Parallel()
	want := parse(t, base)
	name := "App"
	want.Clients[0].Name = &name
	first, _ := applied(t, apply.Live{}, want, options(start))
	rapid.Check(t, func(rt *rapid.T) {
		live := drift(rt, first)
		plan, err := apply.MakePlan(live, want, options(start))
		if err != nil {
			rt.Fatal(err)
		}
		out, err := plan.Outcome(hash)
		if err != nil {
			rt.Fatal(err)
		}
		c := execute(live, out).Clients[0]
		if c.Name != name || len(c.Grants) != 1 {
			rt.Fatalf("not as the file says: %+v", c)
		}
	})
}

func TestOutcomeError(t *testing.T) {
	t.Parallel()
	plan, err := apply.MakePlan(apply.Live{}, parse(t, base), options(start))
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("no entropy")
	if _, err := plan.Outcome(func(apply.NewSecret) (mintage.Secret, error) { return mintage.Secret{}, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	_, err = plan.Outcome(func(apply.NewSecret) (mintage.Secret, error) {
		return mintage.Secret{}, &mintage.FieldError{Message: "unknown scheme"}
	})
	if fields := mintage.FieldErrors(err); len(fields) != 1 || fields[0].Pointer != "/clients/0/secrets/0" {
		t.Errorf("got %v", err)
	}
}
