package apply_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/oauth"
)

var start = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

func digest(s string) []byte {
	h := hmac.New(sha256.New, []byte("test"))
	h.Write([]byte(s))
	return h.Sum(nil)
}

func options(now time.Time) apply.Options {
	return apply.Options{
		Source: "tenants.yaml", Now: now, Digest: digest,
		BuiltIn: func(tenant string) *mintage.ResourceServer {
			return &mintage.ResourceServer{
				Tenant: tenant, Identifier: mintage.AdminResource, Name: "mintage", ScopePrefix: "mintage/",
				Scopes: []mintage.ScopeDefinition{{Name: "clients:read"}},
			}
		},
	}
}

// hash is what internal/manage gives to Outcome.
func hash(s apply.NewSecret) (mintage.Secret, error) {
	plain := s.Value.Reveal() + s.Hash.Reveal()
	return mintage.Secret{ID: "s-" + s.Name, Hash: "test$" + plain, Hint: "…" + plain[max(0, len(plain)-4):]}, nil
}

// execute writes an outcome to live, as a store would.
func execute(live apply.Live, out *apply.Outcome) apply.Live {
	return apply.Live{
		Tenants:       write(live.Tenants, out.Tenants, func(t *mintage.Tenant) (string, *mintage.Meta) { return t.ID, &t.Meta }),
		Organizations: write(live.Organizations, out.Organizations, func(o *mintage.Organization) (string, *mintage.Meta) { return o.Tenant + "\n" + o.ID, &o.Meta }),
		ResourceServers: write(live.ResourceServers, out.ResourceServers, func(r *mintage.ResourceServer) (string, *mintage.Meta) {
			return r.Tenant + "\n" + r.Identifier, &r.Meta
		}),
		Clients: write(live.Clients, out.Clients, func(c *mintage.Client) (string, *mintage.Meta) { return c.Tenant + "\n" + c.ID, &c.Meta }),
	}
}

func write[T any](live []*T, writes []apply.Write[T], meta func(*T) (string, *mintage.Meta)) []*T {
	all := map[string]*T{}
	for _, n := range live {
		id, _ := meta(n)
		all[id] = n
	}
	for _, w := range writes {
		if w.After == nil {
			id, _ := meta(w.Before)
			delete(all, id)
			continue
		}
		clone := *w.After
		id, m := meta(&clone)
		m.Version++
		all[id] = &clone
	}
	var out []*T
	for _, id := range slices.Sorted(mapKeys(all)) {
		out = append(out, all[id])
	}
	return out
}

func mapKeys[T any](m map[string]T) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// parse reads a state whose references are resolved and whose secrets are
// generated.
func parse(tb testing.TB, doc string) *apply.State {
	tb.Helper()
	parsed, err := apply.ParseDocument("tenants.yaml", "testdata", []byte("apiVersion: mintage/v1\n"+doc))
	if err != nil {
		tb.Fatal(err)
	}
	return resolve(tb, parsed.State)
}

func resolve(tb testing.TB, s *apply.State) *apply.State {
	tb.Helper()
	s, err := apply.Resolve(tb.Context(), s, apply.ResolveOptions{LookupEnv: func(name string) (string, bool) { return "value-of-" + name, true }})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range s.Clients {
		for j := range s.Clients[i].Secrets {
			if w := &s.Clients[i].Secrets[j]; w.Generate {
				w.Made = map[string]apply.Sensitive{}
				for _, tenant := range s.Clients[i].Tenants {
					w.Made[tenant] = apply.Sensitive("made-" + tenant + "-" + w.Name)
				}
			}
		}
	}
	return s
}

// applied plans and executes, and returns the new world and the plan.
func applied(tb testing.TB, live apply.Live, want *apply.State, opts apply.Options) (apply.Live, *apply.Plan) {
	tb.Helper()
	plan, err := apply.MakePlan(live, want, opts)
	if err != nil {
		tb.Fatal(err)
	}
	out, err := plan.Outcome(hash)
	if err != nil {
		tb.Fatal(err)
	}
	return execute(live, out), plan
}

const base = `
tenants:
  - { id: prod, issuer: https://auth.example.com }
resource_servers:
  - { identifier: https://api.example, name: api, tenant: prod, scopes: { read: Read, write: "" } }
clients:
  - id: app
    tenant: prod
    grants: [{ resource_server: api, scopes: [read] }]
    secrets: [{ name: one, value: { env: ONE } }]
`

func TestPlanSeeds(t *testing.T) {
	t.Parallel()
	parsed, err := apply.Parse("testdata/seeds.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := resolve(t, parsed.State)
	live, plan := applied(t, apply.Live{}, want, options(start))
	golden(t, "testdata/seeds.txt", apply.Render(plan))
	if !plan.Protected || plan.Secrets != 5 || len(plan.Generate) != 2 {
		t.Errorf("protected %v, secrets %d, generate %v", plan.Protected, plan.Secrets, plan.Generate)
	}
	if got, want := plan.Generate[1], (apply.Wanted{Tenant: "production", Client: "b4460113-f097-49ae-9225-f741a7bf07ed", Secret: "main", Production: true}); !cmp.Equal(got, want) {
		t.Errorf("generate: %s", cmp.Diff(want, got))
	}
	_, again := applied(t, live, want, options(start.Add(time.Hour)))
	if !again.Empty() || len(again.Changes) != 0 || again.Protected {
		t.Errorf("the second time:\n%s", apply.Render(again))
	}

	i := slices.IndexFunc(live.Clients, func(c *mintage.Client) bool { return c.ID == "front-desk-sync" })
	got := live.Clients[i]
	wantClient := &mintage.Client{
		Tenant: "production", ID: "front-desk-sync", Name: "Front desk sync", Organization: "acme", Dialects: []string{"rfc"},
		GrantTypes: []oauth.GrantType{oauth.ClientCredentials}, Token: mintage.TokenSettings{Claims: "cognito", Alg: "RS256"},
		DefaultScope: mintage.DefaultScope{Mode: mintage.DefaultScopeAll},
		Grants:       []mintage.Grant{{ResourceServer: "https://api.pms.example.com", Scopes: []string{"reservation/checkin", "reservation/read"}}},
		Secrets: []mintage.Secret{{
			ID: "s-2026-11", Name: "2026-11", Hash: "test$value-of-FRONT_DESK_SECRET", Digest: digest("value-of-FRONT_DESK_SECRET"), Hint: "…CRET",
			CreatedBy: "apply tenants.yaml", Created: start, Expires: start.Add(90 * 24 * time.Hour),
		}},
		Meta: mintage.Meta{ManagedBy: "tenants.yaml", Version: 1, Created: start, Updated: start},
	}
	if d := cmp.Diff(wantClient, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestPlanLines holds what one change of the file comes to.
func TestPlanLines(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, change, with, want string }{
		{"nothing", "", "", "0 to add, 0 to change, 0 to remove.  secrets: 0 touched\n"},
		{"not written is not managed", "scopes: [read] }]\n    secrets: [{ name: one, value: { env: ONE } }]", "scopes: [read] }]", "0 to add, 0 to change, 0 to remove.  secrets: 0 touched\n"},
		{"scope granted", "scopes: [read] }", "scopes: [write, read] }", "~ client app  grants.api.scopes  + write\n0 to add, 1 to change, 0 to remove.  secrets: 0 touched\n"},
		{"scope taken", "scopes: [read] }", "scopes: [] }", "~ client app  grants.api.scopes  - read\n0 to add, 1 to change, 0 to remove.  secrets: 0 touched\n"},
		{"value changed", "env: ONE", "env: TWO", "~ client app  secrets.one  its value so far → another one, which its reference gives now\n0 to add, 1 to change, 0 to remove.  secrets: 1 touched\n"},
		{"secret renamed", "name: one", "name: two", "~ client app  secrets.two  + a secret of yours\n              secrets.one  live → retires in 1d\n0 to add, 1 to change, 0 to remove.  secrets: 2 touched\n"},
		{"no secret listed", "[{ name: one, value: { env: ONE } }]", "[]", "0 to add, 0 to change, 0 to remove.  secrets: 0 touched\n"},
		{"expiry", "env: ONE } }", "env: ONE }, expires: 30d }", "~ client app  secrets.one.expires  never → 2026-12-21T09:30:00Z\n0 to add, 1 to change, 0 to remove.  secrets: 1 touched\n"},
		{"issuer", "https://auth.example.com", "https://auth2.example.com", "~ tenant prod  issuer  https://auth.example.com → https://auth2.example.com\n0 to add, 1 to change, 0 to remove.  secrets: 0 touched\n"},
		{"description", "read: Read", "read: Look", "~ api https://api.example  scopes.read.description  Read → Look\n0 to add, 1 to change, 0 to remove.  secrets: 0 touched\n"},
		{"client left", "id: app", "id: app2", "+ client app2  read, secret one: a secret of yours\n- client app   would be left alone (prune is off for clients)\n1 to add, 0 to change, 0 to remove.  secrets: 1 touched\n"},
		{"client pruned", "id: app", "id: app2", "+ client app2  read, secret one: a secret of yours\n- client app   disabled now, deleted in 7d\n1 to add, 0 to change, 1 to remove.  secrets: 1 touched\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			live, _ := applied(t, apply.Live{}, parse(t, base), options(start))
			doc := strings.Replace(base, tt.change, tt.with, 1)
			if tt.change != "" && doc == base {
				t.Fatal("the case changes nothing")
			}
			if strings.Contains(tt.want, "deleted in 7d") {
				doc += "prune: [clients]\n"
			}
			now := start.Add(time.Hour)
			live, plan := applied(t, live, parse(t, doc), options(now))
			if d := cmp.Diff(tt.want, apply.Render(plan)); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
			if _, again := applied(t, live, parse(t, doc), options(now.Add(time.Hour))); !again.Empty() {
				t.Errorf("not settled:\n%s", apply.Render(again))
			}
		})
	}
}

func TestPlanRefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, doc, pointer, want string }{
		{"unknown tenant", "clients: [{ id: a, tenant: other }]", "/clients/0/tenants/0", "no tenant other"},
		{"built-in tenant", "clients: [{ id: a, tenant: mintage }]", "/clients/0/tenants/0", "built in"},
		{"built-in tenant edited", "tenants: [{ id: mintage, issuer: https://x.example }]", "/tenants/0/id", "built in"},
		{"built-in resource server", "resource_servers: [{ identifier: 'urn:mintage:admin', tenant: prod }]", "/resource_servers/0/identifier", "built in"},
		{"no issuer", "tenants: [{ id: new }]", "/tenants/0/issuer", "an issuer is required"},
		{"issuer taken", "tenants: [{ id: new, issuer: https://auth.example.com }]", "/tenants/0/issuer", "both answer for"},
		{"unknown resource server", "clients: [{ id: a, tenant: prod, grants: [{ resource_server: x, scopes: [] }] }]", "/clients/0/grants/0/resource_server", "no resource server x"},
		{"unknown scope", "clients: [{ id: a, tenant: prod, grants: [{ resource_server: api, scopes: [read, delete] }] }]", "/clients/0/grants/0/scopes/0", "defines no scope delete"},
		{"one server twice", "clients: [{ id: a, tenant: prod, grants: [{ resource_server: api, scopes: [] }, { resource_server: https://api.example, scopes: [] }] }]", "/clients/0/grants/1/resource_server", "two grants"},
		{"default scope outside", "clients: [{ id: a, tenant: prod, default_scope: [write], grants: [{ resource_server: api, scopes: [read] }] }]", "/clients/0/default_scope/0", "not in the client's grants"},
		{"organization", "clients: [{ id: a, tenant: prod, organization: acme }]", "/clients/0/organization", "no organization acme"},
		{"introspector", "resource_servers: [{ identifier: x, tenant: prod, introspectors: [nobody] }]", "/resource_servers/0/introspectors/0", "no client nobody"},
		{"name taken", "resource_servers: [{ identifier: x, name: api, tenant: prod }]", "/resource_servers/0/name", "both called api"},
		{"TE-33 another's id", "clients: [{ id: APP, tenant: prod }]", "/clients/0/id", "differ in case alone"},
		{"TE-33 an operator's id", "clients: [{ id: a, tenant: prod }]", "/clients/0/id", "taken by operators"},
		{"scope in use", "resource_servers: [{ identifier: https://api.example, tenant: prod, scopes: { write: '' } }]", "/resource_servers/0", "the client app, which is not in the file"},
		{
			"two algorithms",
			"resource_servers: [{ identifier: x, tenant: prod, token: { alg: ES256 } }, { identifier: y, tenant: prod, token: { alg: RS256 } }]\n" +
				"clients: [{ id: a, tenant: prod, grants: [{ resource_server: x, scopes: [] }, { resource_server: y, scopes: [] }] }]",
			"/clients/0/grants/1", "set the client's own token.alg",
		},
		{
			"ambiguous default scope",
			"resource_servers: [{ identifier: x, tenant: prod, scope_prefix: x/, scopes: { r: '' } }, { identifier: y, tenant: prod, scope_prefix: y/, scopes: { r: '' } }]\n" +
				"clients: [{ id: a, tenant: prod, default_scope: [r], grants: [{ resource_server: x, scopes: ['*'] }, { resource_server: y, scopes: ['*'] }] }]",
			"/clients/0/default_scope/0", "write one of x/r, y/r",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			live, _ := applied(t, apply.Live{}, parse(t, base), options(start))
			state := parse(t, tt.doc)
			if tt.want == "taken by operators" {
				state.Clients[0].ID = "op_ada" // the file would not parse
			}
			plan, err := apply.MakePlan(live, state, options(start))
			if plan != nil {
				t.Errorf("a plan beside an error: %v", plan.Changes)
			}
			fields := mintage.FieldErrors(err)
			if len(fields) == 0 || fields[0].Pointer != tt.pointer || !strings.Contains(fields[0].Message, tt.want) {
				t.Errorf("got %v, want %s: …%s…", err, tt.pointer, tt.want)
			}
		})
	}
}

func TestPlanUnresolved(t *testing.T) {
	t.Parallel()
	parsed, err := apply.ParseDocument("tenants.yaml", ".", []byte("apiVersion: mintage/v1\n"+base))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := apply.MakePlan(apply.Live{}, parsed.State, options(start)); err == nil || !strings.Contains(err.Error(), "/clients/0/secrets/0: ") {
		t.Errorf("a secret out of nothing: %v", err)
	}
	state := parse(t, strings.Replace(base, "value: { env: ONE }", "generate: true, write_to: { file: out }", 1))
	state.Clients[0].Secrets[0].Made = nil
	plan, err := apply.MakePlan(apply.Live{}, state, options(start))
	if err != nil || len(plan.Generate) != 1 {
		t.Fatalf("%v, %v", plan, err)
	}
	if _, err := plan.Outcome(hash); err == nil || !strings.Contains(err.Error(), "was not generated") {
		t.Errorf("an outcome without the secret: %v", err)
	}
}

// TestPlanHash holds that a plan has one hash for as long as the world and the
// values stand still, whether or not the secrets are made.
func TestPlanHash(t *testing.T) {
	t.Parallel()
	doc := strings.Replace(base, "value: { env: ONE }", "generate: true, write_to: { file: out }", 1)
	hashOf := func(live apply.Live, s *apply.State, now time.Time) string {
		plan, err := apply.MakePlan(live, s, options(now))
		if err != nil {
			t.Fatal(err)
		}
		return plan.Hash
	}
	unmade := parse(t, doc)
	unmade.Clients[0].Secrets[0].Made = nil
	first := hashOf(apply.Live{}, unmade, start)
	if got := hashOf(apply.Live{}, parse(t, doc), start.Add(time.Minute)); got != first {
		t.Error("making the secret, a minute later, changes the hash")
	}
	if got := hashOf(apply.Live{}, parse(t, base), start); got == first {
		t.Error("another plan has the same hash")
	}
	live, _ := applied(t, apply.Live{}, parse(t, base), options(start))
	changed := parse(t, strings.Replace(base, "env: ONE", "env: TWO", 1))
	before := hashOf(live, changed, start)
	if got := hashOf(live, parse(t, strings.Replace(base, "env: ONE", "env: SIX", 1)), start); got == before {
		t.Error("another value has the same hash")
	}
	moved := *live.Clients[0]
	moved.Version++
	live.Clients[0] = &moved
	if got := hashOf(live, changed, start); got == before {
		t.Error("the world moved and the hash did not")
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	const more = `
tenants: [{ id: prod, issuer: https://auth.example.com, protected: true }]
organizations: [{ id: acme, tenant: prod }, { id: other, tenant: prod }]
resource_servers: [{ identifier: a, tenant: prod }, { identifier: b, tenant: prod }]
clients: [{ id: x, tenant: prod }, { id: y, tenant: prod, organization: acme, grants: [{ resource_server: a, scopes: [] }] }]
`
	const less = `
tenants: [{ id: prod, issuer: https://auth.example.com }]
organizations: [{ id: other, tenant: prod }]
resource_servers: [{ identifier: b, tenant: prod }]
clients: [{ id: x, tenant: prod }]
prune: [clients, resource_servers, organizations]
`
	live, _ := applied(t, apply.Live{}, parse(t, more), options(start))
	_, plan := applied(t, live, parse(t, less), options(start))
	if plan.Count(apply.OpRemove) != 0 || plan.Count(apply.OpLeft) != 3 || !strings.Contains(apply.Render(plan), "--allow-delete") {
		t.Errorf("a protected tenant:\n%s", apply.Render(plan))
	}
	// Lifting the protection in the same file does not help.
	lifted := parse(t, strings.Replace(less, "com }", "com, protected: false }", 1))
	if _, err := apply.MakePlan(live, lifted, options(start)); err == nil || !strings.HasPrefix(err.Error(), "/tenants/0/protected: the file lifts the protection") {
		t.Errorf("a tenant that is protected until then: %v", err)
	}

	opts := options(start)
	opts.AllowDelete = true
	after, plan := applied(t, live, parse(t, less), opts)
	golden(t, "testdata/prune.txt", apply.Render(plan))
	y := after.Clients[1]
	if !y.Disabled || !y.PurgeAt.Equal(start.Add(7*24*time.Hour)) {
		t.Errorf("pruned: %+v", y)
	}
	if _, again := applied(t, after, parse(t, less), opts); !again.Empty() {
		t.Errorf("again:\n%s", apply.Render(again))
	}
	// Once the client is purged, what it held on to goes too.
	purged := after
	purged.Clients = after.Clients[:1]
	if _, plan = applied(t, purged, parse(t, less), opts); plan.Count(apply.OpRemove) != 2 {
		t.Errorf("after the purge:\n%s", apply.Render(plan))
	}
	// The file takes it back.
	back, _ := applied(t, after, parse(t, more), opts)
	if y := back.Clients[1]; y.Disabled || !y.PurgeAt.IsZero() || y.DisabledReason != "" {
		t.Errorf("taken back: %+v", y)
	}

	// An empty list never means to remove all.
	_, plan = applied(t, live, parse(t, "tenants: [{ id: prod }]\nclients: []\nprune: [clients, resource_servers, organizations]\n"), opts)
	if plan.Count(apply.OpRemove) != 0 {
		t.Errorf("an empty list:\n%s", apply.Render(plan))
	}
	// Another file's objects are not this one's to remove.
	opts.Source = "other.yaml"
	_, plan = applied(t, live, parse(t, strings.Replace(less, "id: x", "id: z", 1)), opts)
	if plan.Count(apply.OpRemove) != 0 || plan.Count(apply.OpLeft) != 0 {
		t.Errorf("another file:\n%s", apply.Render(plan))
	}
}

func TestAdopt(t *testing.T) {
	t.Parallel()
	hand := &mintage.Client{
		Tenant: "prod", ID: "app", Name: "By hand", GrantTypes: []oauth.GrantType{oauth.ClientCredentials}, Disabled: true, DisabledReason: "left",
		Secrets: []mintage.Secret{{ID: "1", Name: "hers", Hash: "h", CreatedBy: "ada", Created: start}},
		Meta:    mintage.Meta{Version: 4, Created: start, Updated: start},
	}
	live, _ := applied(t, apply.Live{}, parse(t, "tenants: [{ id: prod, issuer: https://auth.example.com }]"), options(start))
	live.Clients = []*mintage.Client{hand}
	after, plan := applied(t, live, parse(t, "clients: [{ id: app, tenant: prod, secrets: [{ name: ours, value: { env: A } }] }]"), options(start))
	const want = "~ client app   managed_by    + tenants.yaml\n               secrets.ours  + a secret of yours\n"
	if got := apply.Render(plan); !strings.HasPrefix(got, want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	c := after.Clients[0]
	if c.Name != "By hand" || !c.Disabled || c.DisabledReason != "left" || len(c.Secrets) != 2 || !c.Secrets[0].Expires.IsZero() {
		t.Errorf("adopted: %+v", c)
	}
	if hand.ManagedBy != "" || len(hand.Secrets) != 1 {
		t.Error("the planner modified the live client")
	}
}

// TestSecretsHidden prints and logs a state and a plan that carry secrets.
func TestSecretsHidden(t *testing.T) {
	t.Parallel()
	doc := base + "  - { id: two, tenant: prod, secrets: [{ name: a, hash: { env: H } }, { name: b, generate: true, write_to: { file: out } }] }\n"
	state := parse(t, doc)
	plan, err := apply.MakePlan(apply.Live{}, state, options(start))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	log.LogAttrs(t.Context(), slog.LevelInfo, "state", slog.Any("state", state), slog.Any("secret", plan.NewSecrets()[0].Value))
	fmt.Fprintf(&out, "%v %+v %#v %s %v %v %x", state.Clients, state.Clients, state.Clients, state.Clients[0].Secrets[0].Value.Text, plan.NewSecrets(), plan, state.Clients[0].Secrets[0].Value.Text)
	wire, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(wire)
	out.WriteString(apply.Render(plan))
	for _, secret := range []string{"value-of-ONE", "value-of-H", "made-prod-b", "76616c7565"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%s is in %s", secret, out.String())
		}
	}
	if doc, err := json.Marshal(state); err != nil || !strings.Contains(string(doc), `"text":"value-of-ONE"`) || !strings.Contains(string(doc), `"made":{"prod":"made-prod-b"}`) || strings.Contains(string(doc), `"env"`) {
		t.Errorf("on the wire: %s, %v", doc, err)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s: -want +got:\n%s", name, d)
	}
}

// Tenants may share an alias host where their paths differ, and no two answer
// at one place.
func TestPlaces(t *testing.T) {
	t.Parallel()
	live, _ := applied(t, apply.Live{}, parse(t, `
tenants:
  - { id: one, issuer: "https://h.example", aliases: [alt.example] }
  - { id: two, issuer: "https://h.example/two", aliases: [alt.example] }
`), options(start))
	live.AdminURL = "https://admin.example"
	for _, c := range []struct{ name, tenant, pointer, other string }{
		{"issuer of another", `id: a, issuer: "https://h.example"`, "/tenants/0/issuer", "one"},
		{"issuer at an alias", `id: z, issuer: "https://alt.example/two"`, "/tenants/0/issuer", "two"},
		{"alias at an issuer", `id: z, issuer: "https://z.example/two", aliases: [b, h.example]`, "/tenants/0/aliases/1", "two"},
		{"admin URL", `id: z, issuer: "https://admin.example"`, "/tenants/0/issuer", "mintage"},
		{"alias at the admin URL", `id: z, issuer: "https://z.example", aliases: [admin.example]`, "/tenants/0/aliases/0", "mintage"},
	} {
		_, err := apply.MakePlan(live, parse(t, "tenants: [{ "+c.tenant+" }]"), options(start))
		fields := mintage.FieldErrors(err)
		if len(fields) != 1 || fields[0].Pointer != c.pointer || !strings.Contains(fields[0].Message, c.other+" and") {
			t.Errorf("%s: got %v, want an error at %s that names %s", c.name, err, c.pointer, c.other)
		}
	}
	if _, err := apply.MakePlan(live, parse(t, `tenants: [{ id: z, issuer: "https://admin.example/z", aliases: [h.example] }]`), options(start)); err != nil {
		t.Errorf("other paths: %v", err)
	}
}
