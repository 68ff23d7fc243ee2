package manage_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/secret"
)

const source = "apply tenants.yaml"

// declared is a small file: a tenant that needs an RSA key, a resource server,
// and clients with a generated, a brought and an imported secret.
const declared = `{
  "apiVersion": "mintage/v1",
  "tenants": [{"id": "sandbox", "issuer": "https://sandbox.example", "token_paths": {"/oauth2/token": "cognito"}}],
  "organizations": [{"id": "acme", "name": "Acme", "tenants": ["sandbox"]}],
  "resource_servers": [{"identifier": "https://api.example", "tenants": ["sandbox"], "scopes": {"read": "Read", "write": ""}}],
  "clients": [
    {"id": "printer", "name": "Printer", "tenants": ["sandbox"], "organization": "acme",
     "grants": [{"resource_server": "https://api.example", "scopes": ["*"]}],
     "secrets": [{"name": "main", "generate": true, "made": {"sandbox": "GENERATED"}}]},
    {"id": "desk", "name": "Desk", "tenants": ["sandbox"],
     "grants": [{"resource_server": "https://api.example", "scopes": ["read"]}],
     "secrets": [{"name": "brought", "value": {"text": "correct horse battery staple"}},
                 {"name": "old", "hash": {"text": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}}]}
  ],
  "prune": ["clients"]
}`

func state(t *testing.T, text string) *apply.State {
	t.Helper()
	var s apply.State
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

func TestApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	generated := secret.Generate(false)
	d := manage.Declared{State: state(t, strings.Replace(declared, "GENERATED", generated, 1)), Source: source}
	plan, err := w.Plan(t.Context(), admin(), d)
	if err != nil || plan.Empty() || len(w.events(t)) != 0 {
		t.Fatalf("plan %+v, error %v, %d audit rows; want one that is not empty and changes nothing", plan, err, len(w.events(t)))
	}
	d.Hash = plan.Hash
	if _, err := w.Apply(t.Context(), admin(), d); err != nil {
		t.Fatal(err)
	}
	if got := w.algs(t, "sandbox"); !slices.Equal(got, []string{"ES256", "RS256"}) {
		t.Errorf("keys of %q when apply returns, want both", got)
	}
	for client, plain := range map[string]string{"printer": generated, "desk": "correct horse battery staple"} {
		if err := w.verify(t, "sandbox", client, plain); err != nil {
			t.Errorf("the secret of %s is refused: %v", client, err)
		}
	}
	if err := w.verify(t, "sandbox", "desk", "test"); err != nil {
		t.Errorf("the imported hash is refused: %v", err)
	}
	checkHashes(t, w)
	rows := w.events(t)
	for _, e := range rows {
		if e.Via != "apply" {
			t.Errorf("audit row %s is via %q, want apply", e.Action, e.Via)
		}
		for _, plain := range []string{generated, "correct horse", "9f86d081884c"} {
			if strings.Contains(string(e.Before)+string(e.After), plain) { // AD-14
				t.Errorf("audit row %s holds a secret or its hash", e.Action)
			}
		}
	}
	if rows[1].Action != "state.apply" && !slices.ContainsFunc(rows, func(e *mintage.Event) bool {
		return e.Action == "state.apply" && strings.Contains(string(e.After), plan.Hash)
	}) {
		t.Error("no audit row has the hash of the plan")
	}

	// The same file twice changes nothing.
	d.Hash = ""
	again, err := w.Apply(t.Context(), admin(), d)
	if err != nil || !again.Empty() || len(w.events(t)) != len(rows) {
		t.Errorf("applied twice: %+v, %v and %d new audit rows; want nothing", again, err, len(w.events(t))-len(rows))
	}

	// The world moves: the plan that was looked at does not hold any more.
	if _, err := w.UpdateClient(t.Context(), admin(), "sandbox", "desk", 0, func(c *mintage.Client) error { c.Name = "By hand"; return nil }); err != nil {
		t.Fatal(err)
	}
	d.Hash = plan.Hash
	if _, err := w.Apply(t.Context(), admin(), d); !errors.Is(err, mintage.ErrConflict) {
		t.Errorf("an old plan: got %v, want ErrConflict", err)
	}
}

// A hash that cannot be verified, or costs too much, is refused by the
// plan already.
func TestPlanRefusesHashes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	for _, bad := range []string{
		"md5:5f4dcc3b5aa765d61d8327deb882cf99",
		"$argon2id$v=19$m=4194304,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$3Yl1bqEtL8xUv6cYz5hFdg3Yl1bqEtL8xUv6cYz5hFdg",
		"$2b$10$short",
	} {
		_, err := w.Plan(t.Context(), admin(), manage.Declared{Source: source, State: state(t,
			`{"apiVersion":"mintage/v1","clients":[{"id":"x","name":"X","tenants":["hotel"],"secrets":[{"name":"a","hash":{"text":"`+bad+`"}}]}]}`)})
		f := mintage.FieldErrors(err)
		if len(f) != 1 || f[0].Pointer != "/state/clients/0/secrets/0/hash" || strings.Contains(err.Error(), bad) {
			t.Errorf("%.8s…: got %v, want an error at the hash", bad, err)
		}
	}
}

// KY-07: the fast hash is for what we generate, argon2id for what is brought.
func checkHashes(t *testing.T, w *world) {
	t.Helper()
	for id, want := range map[string][]string{"printer": {"hmac-sha256$"}, "desk": {"$argon2id$", "sha256:"}} {
		c, err := w.Client(t.Context(), "sandbox", id)
		if err != nil || len(c.Secrets) != len(want) {
			t.Fatalf("%s has the secrets %v, error %v", id, c, err)
		}
		for i, prefix := range want {
			s := c.Secrets[i]
			if !strings.HasPrefix(s.Hash, prefix) || s.ID == "" || s.CreatedBy != "apply "+source {
				t.Errorf("%s: secret %+v is hashed as %.12s, want %s", id, &s, s.Hash, prefix)
			}
		}
	}
}

func TestApplyPrunes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := manage.Declared{State: state(t, strings.Replace(declared, "GENERATED", secret.Generate(false), 1)), Source: source}
	if _, err := w.Apply(t.Context(), admin(), d); err != nil {
		t.Fatal(err)
	}
	d.State.Clients = d.State.Clients[:1]
	if _, err := w.Apply(t.Context(), admin(), d); err != nil {
		t.Fatal(err)
	}
	c, err := w.Client(t.Context(), "sandbox", "desk")
	if err != nil || !c.Disabled || c.PurgeAt.IsZero() {
		t.Fatalf("the pruned client: %+v, %v; want it disabled and due", c, err)
	}
	rs, err := w.Store.Revocations(t.Context(), "sandbox", w.now)
	if err != nil || len(rs) != 1 || rs[0].ClientID != "desk" {
		t.Errorf("revocations %v, %v; want the pruned client's (AD-11)", rs, err)
	}
	w.now = w.now.Add(8 * 24 * time.Hour)
	if n, _, err := w.Purge(t.Context()); n != 1 || err != nil {
		t.Errorf("purged %d, %v; want 1", n, err)
	}
}

func TestApplyRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	w.hotel(t, "other")
	events := len(w.events(t))
	hotelier := admin()
	hotelier.Actor.Tenant = "hotel"
	client := func(tenant, rest string) string {
		return `{"apiVersion":"mintage/v1","clients":[{"id":"x","name":"X","tenants":["` + tenant + `"]` + rest + `}]}`
	}
	for _, tt := range []struct {
		name, state string
		by          manage.By
		want        func(error) bool
	}{
		{"another tenant is not there", client("other", ""), hotelier, func(err error) bool { return errors.Is(err, mintage.ErrNotFound) }},
		{"nor is one that does not exist", client("none", ""), hotelier, func(err error) bool { return errors.Is(err, mintage.ErrNotFound) }},
		{
			"a tenant is not for its own administrator",
			`{"apiVersion":"mintage/v1","tenants":[{"id":"hotel","issuer":"https://other.example/a"}]}`, hotelier,
			func(err error) bool { r := (*manage.Refusal)(nil); return errors.As(err, &r) && r.Denied },
		},
		{
			"the built-in tenant", client("mintage", ""), admin(),
			func(err error) bool { return len(mintage.FieldErrors(err)) > 0 },
		},
		{
			"an admin scope that the actor has not",
			client("hotel", `,"grants":[{"resource_server":"urn:mintage:admin","scopes":["*"]}]`),
			manage.By{Via: "apply"},
			func(err error) bool { r := (*manage.Refusal)(nil); return errors.As(err, &r) && r.Denied },
		},
		{
			"KY-07 a weak secret that says it is generated",
			client("hotel", `,"secrets":[{"name":"a","generate":true,"made":{"hotel":"hunter2"}}]`), admin(),
			func(err error) bool {
				f := mintage.FieldErrors(err)
				return len(f) == 1 && strings.HasPrefix(f[0].Pointer, "/state/clients/0/secrets/0") && !strings.Contains(err.Error(), "hunter2")
			},
		},
		{
			"a hash of no scheme", client("hotel", `,"secrets":[{"name":"a","hash":{"text":"rot13:uhagre2"}}]`), admin(),
			func(err error) bool {
				f := mintage.FieldErrors(err)
				return len(f) == 1 && !strings.Contains(err.Error(), "uhagre2")
			},
		},
	} {
		_, err := w.Apply(t.Context(), tt.by, manage.Declared{State: state(t, tt.state), Source: source})
		if err == nil || !tt.want(err) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
	if _, err := w.Apply(t.Context(), admin(), manage.Declared{State: state(t, client("hotel", ""))}); len(mintage.FieldErrors(err)) != 1 {
		t.Errorf("no source: got %v, want a field error", err)
	}
	if n := len(w.events(t)) - events; n != 0 {
		t.Errorf("refused states left %d audit rows", n)
	}
	own, err := w.Apply(t.Context(), hotelier, manage.Declared{State: state(t, client("hotel", "")), Source: source})
	if err != nil || own.Empty() {
		t.Errorf("its own tenant: %v, %v; want a client made", own, err)
	}
}
