package apply_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
)

const rotating = `
tenants: [{ id: prod, issuer: https://auth.example.com, keys: { period: 30d } }]
clients:
  - id: app
    tenant: prod
    grants: []
    secrets: [{ name: main, generate: true, rotate_every: 90d, expires: 100d, write_to: { file: out/app.env } }]
`

// rotate_every: a secret that is old enough gives its name to another one, which
// the command has to make, and retires with the overlap; until then the same
// file changes nothing.
func TestRotateEvery(t *testing.T) {
	t.Parallel()
	const every = 90 * 24 * time.Hour
	want := parse(t, rotating)
	live, _ := applied(t, apply.Live{}, want, options(start))
	if period := live.Tenants[0].KeyPeriod; period != 30*24*time.Hour {
		t.Errorf("the key period is %s", period)
	}
	if _, plan := applied(t, live, want, options(start.Add(every-time.Second))); !plan.Empty() || len(plan.Generate) > 0 {
		t.Fatalf("too early:\n%s", apply.Render(plan))
	}
	now := start.Add(every)
	after, plan := applied(t, live, want, options(now))
	if len(plan.Generate) != 1 || plan.Generate[0].Secret != "main" || len(plan.Generate[0].Hints) != 1 || plan.Secrets != 2 {
		t.Errorf("the command is told to make %+v, of %d", plan.Generate, plan.Secrets)
	}
	const line = "so far it is called main 20261121T093000Z"
	if got := apply.Render(plan); !strings.Contains(got, line) || !strings.Contains(got, "retires in 1d") {
		t.Errorf("the plan does not say %q:\n%s", line, got)
	}
	secrets := after.Clients[0].Secrets
	if len(secrets) != 2 {
		t.Fatalf("%d secrets", len(secrets))
	}
	if s := secrets[0]; s.Name != "main 20261121T093000Z" || !s.Expires.Equal(now.Add(mintage.DefaultSecretOverlap)) || !s.Retires(now) {
		t.Errorf("the old one is %+v", s)
	}
	if s := secrets[1]; s.Name != "main" || !s.Created.Equal(now) || !s.Expires.Equal(now.Add(100*24*time.Hour)) {
		t.Errorf("the new one is %+v", s)
	}
	if len(live.Clients[0].Secrets) != 1 || live.Clients[0].Secrets[0].Name != "main" {
		t.Error("the planner modified the live client")
	}
	if _, plan := applied(t, after, want, options(now.Add(time.Second))); !plan.Empty() {
		t.Errorf("the same file again:\n%s", apply.Render(plan))
	}
	// A run that comes long after finds the secret ended, and makes the next.
	if _, plan := applied(t, live, want, options(start.Add(3*every))); len(plan.Generate) != 1 || plan.Secrets != 1 {
		t.Errorf("a late run:\n%s", apply.Render(plan))
	}
	// What somebody revoked is not made again.
	live.Clients[0].Secrets[0].Revoked = now
	if _, plan := applied(t, live, want, options(now)); !plan.Empty() {
		t.Errorf("a revoked secret:\n%s", apply.Render(plan))
	}
}

// A long name leaves room for the date.
func TestRotateEveryLongName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", mintage.MaxSecretName/2)
	want := parse(t, strings.Replace(rotating, "name: main", "name: "+long, 1))
	want.Clients[0].Secrets[0].Made["prod"] = "made-by-the-command"
	live, _ := applied(t, apply.Live{}, want, options(start))
	after, _ := applied(t, live, want, options(start.Add(90*24*time.Hour)))
	for _, s := range after.Clients[0].Secrets {
		if err := mintage.ValidateSecretName(s.Name); err != nil {
			t.Errorf("%q: %v", s.Name, err)
		}
	}
}
