package lint_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/lint"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func days(n int) *time.Time {
	t := now.Add(time.Duration(n) * 24 * time.Hour)
	return &t
}

func good() *adminclient.RegisteredClient {
	return &adminclient.RegisteredClient{
		ClientID: "mc_good", ClientSettings: adminclient.ClientSettings{
			Name: "Good", Grants: []adminclient.Grant{{ResourceServer: "https://api.example", Scopes: []string{"read"}}},
			Ladder: map[string]string{"two_methods": "refuse"},
		},
		Secrets: []adminclient.Secret{
			{Name: "new", State: adminclient.SecretActive, ExpiresAt: days(80), LastUsedAt: days(-1)},
			{Name: "old", State: adminclient.SecretRevoked, ExposedAt: days(-10)},
		},
		Meta: adminclient.Meta{CreatedAt: *days(-200), UpdatedAt: *days(-100)},
	}
}

// bad breaks each rule once.
func bad() lint.Input {
	client := func(id string, change func(*adminclient.RegisteredClient)) *adminclient.RegisteredClient {
		c := good()
		c.ClientID, c.Name = "mc_"+id, "Client "+id
		change(c)
		return c
	}
	return lint.Input{
		Now: now,
		Tenant: &adminclient.Tenant{
			ID: "prod", Disabled: true, Token: adminclient.TokenSettings{Alg: "RS256", Lifetime: 48 * 3600},
		},
		ResourceServers: []*adminclient.ResourceServer{
			{Identifier: "https://api.example", Name: "api", Token: adminclient.TokenSettings{Lifetime: 24 * 3600}},
			{Identifier: "https://old.example", Token: adminclient.TokenSettings{Alg: "RS256", Lifetime: 24*3600 + 1}},
		},
		Clients: []*adminclient.RegisteredClient{
			good(),
			client("endless", func(c *adminclient.RegisteredClient) { c.Secrets[0].ExpiresAt = nil }),
			client("exposed", func(c *adminclient.RegisteredClient) {
				c.Secrets[0].ExposedAt, c.Secrets[0].State = days(-2), adminclient.SecretRetiring
			}),
			client("none", func(c *adminclient.RegisteredClient) { c.Secrets = nil; c.CreatedAt = *days(-2) }),
			client("idle", func(c *adminclient.RegisteredClient) { c.Secrets[0].LastUsedAt = days(-90) }),
			client("never", func(c *adminclient.RegisteredClient) { c.Secrets[0].LastUsedAt = nil }),
			client("fresh", func(c *adminclient.RegisteredClient) { c.Secrets[0].LastUsedAt = nil; c.CreatedAt = *days(-89) }),
			client("off", func(c *adminclient.RegisteredClient) { c.Disabled = true; c.Secrets[0].ExpiresAt = nil }),
			client("all", func(c *adminclient.RegisteredClient) { c.Grants[0].Scopes = []string{"*"} }),
			client("query", func(c *adminclient.RegisteredClient) { c.Ladder = map[string]string{"query_credentials": "warn"} }),
			client("twice", func(c *adminclient.RegisteredClient) { c.Ladder = map[string]string{"two_methods": "allow"} }),
			client("audience", func(c *adminclient.RegisteredClient) { c.Ladder = map[string]string{"assertion_audience": "warn"} }),
		},
	}
}

func golden(t *testing.T, name string, v any) {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("testdata/"+name, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("testdata/%s is not what the code makes: run with -update and look at the difference\n%s", name, &b)
	}
}

func TestGrade(t *testing.T) {
	t.Parallel()
	findings := lint.Grade(bad())
	golden(t, "findings.json", findings)
	golden(t, "findings.sarif", lint.ToSarif(findings, "1.0.0"))
	for _, r := range lint.Rules() {
		if !slices.ContainsFunc(findings, func(f lint.Finding) bool { return f.Rule == r.ID && f.Level == r.Level && f.Cure == r.Cure }) {
			t.Errorf("no finding shows the rule %s", r.ID)
		}
		for _, s := range []string{r.Title, r.Cure} {
			if !strings.HasSuffix(s, ".") {
				t.Errorf("%s: %q is no sentence", r.ID, s)
			}
		}
	}
	clean := lint.Grade(lint.Input{Now: now, Tenant: &adminclient.Tenant{ID: "prod"}, Clients: []*adminclient.RegisteredClient{good()}})
	if clean == nil || len(clean) > 0 {
		t.Errorf("a good tenant: %v, want an empty list", clean)
	}
}

func TestAtLeast(t *testing.T) {
	t.Parallel()
	for i, a := range lint.Levels() {
		for j, b := range lint.Levels() {
			if got := a.AtLeast(b); got != (i >= j) {
				t.Errorf("%s at least %s: %t", a, b, got)
			}
		}
	}
}
