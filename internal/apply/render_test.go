package apply_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
)

// Objects that only go from one file to another are one line in the text, and
// all there in the document.
func TestMoves(t *testing.T) {
	t.Parallel()
	live, _ := applied(t, apply.Live{}, parse(t, base), options(start))
	opts := options(start)
	opts.Source = "x6.yaml"
	_, plan := applied(t, live, parse(t, strings.Replace(base, "scopes: [read] }]", "scopes: [write, read] }]", 1)), opts)
	const want = "~ client app  grants.api.scopes  + write\n~ 3 objects move from tenants.yaml to x6.yaml\n0 to add, 3 to change, 0 to remove.  secrets: 0 touched\n"
	if d := cmp.Diff(want, apply.Render(plan)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if got, want := plan.Moves(), []apply.Move{{Objects: 3, From: "tenants.yaml", To: "x6.yaml"}}; !slices.Equal(got, want) {
		t.Errorf("moves %v, want %v", got, want)
	}
	doc, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(doc), `{"path":"managed_by","before":"tenants.yaml","after":"x6.yaml"}`); n != 3 {
		t.Errorf("the document has %d moves, want 3: %s", n, doc)
	}
	if _, same := applied(t, live, parse(t, base), options(start)); len(same.Moves()) != 0 {
		t.Errorf("the same file moves %v", same.Moves())
	}
}

// A new tenant's line says where it answers, and in which dialects.
func TestNewTenantLine(t *testing.T) {
	t.Parallel()
	_, plan := applied(t, apply.Live{}, parse(t, `
tenants:
  - { id: prod, issuer: "https://h.example", aliases: [alt.example, "b:9400"], token_paths: { /oauth2/token: cognito } }
`), options(start))
	const want = "+ tenant prod  https://h.example, alias alt.example, alias b:9400, /oauth2/token: cognito\n"
	if got := apply.Render(plan); !strings.HasPrefix(got, want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A hash that cannot be used is refused by the plan, at its place.
func TestBadHash(t *testing.T) {
	t.Parallel()
	opts := options(start)
	opts.CheckHash = func(hash string) error {
		if hash == "value-of-BAD" {
			return errors.New("no such scheme")
		}
		return nil
	}
	doc := strings.Replace(base, "value: { env: ONE } }", "hash: { env: GOOD } }, { name: two, hash: { env: BAD } }", 1)
	_, err := apply.MakePlan(apply.Live{}, parse(t, doc), opts)
	fields := mintage.FieldErrors(err)
	if len(fields) != 1 || fields[0].Pointer != "/clients/0/secrets/1/hash" || fields[0].Message != "no such scheme" {
		t.Fatalf("got %v, want an error at the hash", err)
	}
	parsed, perr := apply.ParseDocument("tenants.yaml", ".", []byte("apiVersion: mintage/v1\n"+doc))
	if perr != nil {
		t.Fatal(perr)
	}
	if got := parsed.Locate(err).Error(); !strings.HasPrefix(got, "tenants.yaml:11:") || !strings.HasSuffix(got, "^") || strings.Contains(got, "value-of") {
		t.Errorf("located:\n%s", got)
	}
}
