package apply_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
)

// publicKey is the key of RFC 8037 Appendix A.2.
const publicKey = `"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`

// publicKeys is a set that has one key under each kid.
func publicKeys(kids ...string) string {
	var keys []string
	for _, kid := range kids {
		keys = append(keys, `{`+publicKey+`,"kid":"`+kid+`"}`)
	}
	set, err := mintage.NormalJWKS(`{"keys":[` + strings.Join(keys, ",") + `]}`)
	if err != nil {
		panic(err)
	}
	return set
}

// TestPlanKeys follows the keys of a client through files, one after the other.
func TestPlanKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one.json", `{`+publicKey+`,"kid":"2026"}`)
	write("two.json", publicKeys("2026", "2027"))
	write("private.json", `{"keys":[{`+publicKey+`,"d":"hunter2"}]}`)
	live := &mintage.Client{}
	for _, step := range []struct {
		name, file string
		want       mintage.Client
		refused    string
	}{
		{name: "by value", file: "auth_methods: [private_key_jwt]\n    jwks: { file: one.json }", want: mintage.Client{
			AuthMethods: []string{"private_key_jwt"}, JWKS: publicKeys("2026"),
		}},
		{name: "a rollover", file: "jwks: { file: two.json }", want: mintage.Client{AuthMethods: []string{"private_key_jwt"}, JWKS: publicKeys("2026", "2027")}},
		{name: "nothing said", file: "name: x", want: mintage.Client{AuthMethods: []string{"private_key_jwt"}, JWKS: publicKeys("2026", "2027")}},
		{name: "written out", file: "jwks: { keys: [{ kty: OKP, crv: Ed25519, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo, kid: \"2027\", key_ops: [verify] }] }", want: mintage.Client{
			AuthMethods: []string{"private_key_jwt"}, JWKS: publicKeys("2027"),
		}},
		{name: "published", file: "jwks_uri: https://far.example/jwks.json", want: mintage.Client{
			AuthMethods: []string{"private_key_jwt"}, JWKSURI: "https://far.example/jwks.json",
		}},
		{name: "by value again", file: "jwks: { file: one.json }", want: mintage.Client{AuthMethods: []string{"private_key_jwt"}, JWKS: publicKeys("2026")}},
		{name: "no keys left", file: "jwks: { keys: [] }", refused: "/clients/0/auth_methods: private_key_jwt needs"},
		{name: "a private key", file: "jwks: { file: private.json }", refused: "/clients/0/jwks: the file"},
		{name: "a private key, written out", file: "jwks: { keys: [{ kty: OKP, d: hunter2 }] }", refused: ": this is the private half"},
		{name: "back to a secret", file: "auth_methods: []\n    jwks: { keys: [] }", want: mintage.Client{}},
	} {
		write("tenants.yaml", "apiVersion: mintage/v1\nclients:\n  - id: keyed\n    tenant: prod\n    "+step.file+"\n")
		after, err := fromFile(t, filepath.Join(dir, "tenants.yaml"), live)
		if step.refused != "" {
			if err == nil || !strings.Contains(err.Error()+fields(err), step.refused) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: got %v, want %s", step.name, fields(err), step.refused)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", step.name, err)
			continue
		}
		if strings.Join(after.AuthMethods, " ") != strings.Join(step.want.AuthMethods, " ") || after.JWKS != step.want.JWKS || after.JWKSURI != step.want.JWKSURI {
			t.Errorf("%s: got %q %s %s", step.name, after.AuthMethods, after.JWKS, after.JWKSURI)
		}
		live = after
	}
}

// fields are the field errors of err, one a line.
func fields(err error) string {
	var b strings.Builder
	for _, e := range mintage.FieldErrors(err) {
		b.WriteString(e.Pointer + ": " + e.Message + "\n")
	}
	return b.String()
}

// fromFile returns what a file makes of a client.
func fromFile(t *testing.T, name string, c *mintage.Client) (*mintage.Client, error) {
	t.Helper()
	parsed, err := apply.Parse(name)
	if err != nil {
		return nil, err
	}
	state, err := apply.Resolve(t.Context(), parsed.State, apply.ResolveOptions{})
	if err != nil {
		return nil, err
	}
	return planned(t, state, c)
}

// planned returns what a state makes of a client, which may not be there yet.
func planned(t *testing.T, state *apply.State, c *mintage.Client) (*mintage.Client, error) {
	t.Helper()
	live := apply.Live{Tenants: []*mintage.Tenant{{ID: "prod", Issuer: "https://auth.example"}}}
	if c.ID != "" {
		live.Clients = []*mintage.Client{c}
	}
	plan, err := apply.MakePlan(live, state, options(start))
	if err != nil {
		return nil, err
	}
	out, err := plan.Outcome(hash)
	if err != nil {
		return nil, err
	}
	return execute(live, out).Clients[0], nil
}
