package importer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/importer"
	"github.com/mintage-auth/mintage/internal/yamlfile"
)

// hidden is in every secret of the sources.
const hidden = "h1dden"

// pbkdf2 is a hash as Hydra writes it.
const pbkdf2 = "$pbkdf2-sha256$i=25000,l=32$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

const bcrypt = "$2y$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"

// sources are what each server says, and what is made of it: clients with
// their grants, their secret and what became of them.
var sources = []struct {
	name, source string
	format       importer.Format
	opts         importer.Options
	want         string
}{
	{
		"cognito", `{"UserPoolClient": {"UserPoolId": "eu_1", "ClientName": "Generic app", "ClientId": "7exampleclientid", "ClientSecret": "h1dden-1",
		"AllowedOAuthFlows": ["client_credentials"], "AllowedOAuthScopes": ["otto/api.read", "otto/api.write"],
		"AccessTokenValidity": 30, "TokenValidityUnits": {"AccessToken": "minutes"}}}
		{"UserPoolClient": {"ClientId": "web", "ClientName": "Web", "AllowedOAuthFlows": ["code"]}}
		{"UserPoolClient": {"ClientId": "quiet", "ClientName": "Quiet", "AllowedOAuthFlows": ["client_credentials"], "AllowedOAuthScopes": ["https://x.example/a/read"], "AccessTokenValidity": 2}}
		{"ResourceServers": [{"Identifier": "otto", "Name": "Otto", "Scopes": [{"ScopeName": "api.read", "ScopeDescription": "Read"}]}]}`,
		importer.Cognito,
		importer.Options{Tenant: "t", Issuer: "https://auth.example"},
		`
tenant t https://auth.example /oauth2/token cognito
api otto otto/ api.read=Read api.write=
api https://x.example/a https://x.example/a/ read=
client 7exampleclientid "Generic app" cognito 30m [otto: api.read api.write] value secrets/7exampleclientid.secret
client quiet "Quiet" cognito 2h [https://x.example/a: read] generate secrets/quiet.env
7exampleclientid imported
web skipped: it does not use client credentials
quiet new secret: the source does not have its secret
secrets/7exampleclientid.secret h1dden-1
`,
	},
	{
		"hydra", `{"items": [{"client_id": "a", "client_name": "", "client_secret": "` + pbkdf2 + `", "scope": "orders.read orders.write orders.read",
		"grant_types": ["client_credentials"], "audience": ["https://a.example", "https://b.example"], "token_endpoint_auth_method": "client_secret_post",
		"client_credentials_grant_access_token_lifespan": "1h30m0s"}]}
		{"client_id": "b", "grant_types": ["authorization_code"]}
		{"client_id": "c", "grant_types": ["client_credentials"], "token_endpoint_auth_method": "private_key_jwt"}
		{"client_id": "d", "grant_types": ["client_credentials"], "scope": "orders.*"}
		{"client_id": "A", "grant_types": ["client_credentials"]}
		{"client_id": "e:f", "grant_types": ["client_credentials"]}`,
		importer.Hydra,
		importer.Options{Tenant: "t", API: "urn:x"},
		`
api https://a.example  orders.read= orders.write=
api https://b.example  orders.read= orders.write=
client a "a" rfc 90m [https://a.example: orders.read orders.write] [https://b.example: orders.read orders.write] several hash secrets/a.hash
a imported: by the hash of its secret
b skipped: it does not use client credentials
c skipped: it authenticates by private_key_jwt
d skipped: its scope "orders.*" is none that can be granted by name
A skipped: the source has the client a already
e:f skipped: a client id is printable ASCII without a colon
secrets/a.hash ` + pbkdf2 + `
`,
	},
	{
		"keycloak", `{"realm": "shop", "clients": [
		{"clientId": "a/../b", "name": "A", "secret": "h1dden-2", "enabled": false, "serviceAccountsEnabled": true, "clientAuthenticatorType": "client-secret",
		"defaultClientScopes": ["web-origins", "orders"], "optionalClientScopes": ["address", "stock"], "attributes": {"access.token.lifespan": "300"}},
		{"clientId": "m", "secret": "**********", "serviceAccountsEnabled": true, "defaultClientScopes": ["roles"]},
		{"clientId": "k", "serviceAccountsEnabled": true, "clientAuthenticatorType": "client-jwt"},
		{"clientId": "account", "publicClient": true}],
		"clientScopes": [{"name": "orders", "description": "All orders"}, {"name": "email", "description": "x"}]}`,
		importer.Keycloak,
		importer.Options{Tenant: "t", API: "https://api.example"},
		`
api https://api.example  orders=All orders stock=
client a/../b "A" rfc 5m [https://api.example: orders stock] disabled value secrets/a%2F..%2Fb.secret
client m "m" rfc generate secrets/m.env
a/../b imported
m new secret: the source does not have its secret
k skipped: it authenticates by client-jwt
account skipped: it has no service account, and does not use client credentials
secrets/a%2F..%2Fb.secret h1dden-2
`,
	},
	{
		"doorkeeper, dump", "--\n-- PostgreSQL database dump\n--\n\nCOPY public.users (id, name) FROM stdin;\n1\tuid\n\\.\n\n" +
			"COPY public.oauth_applications (id, name, uid, secret, redirect_uri, scopes, confidential) FROM stdin;\n" +
			"1\tLoyalty\\texport\tl1\th1dden\\\\3\t\\N\topenid\tt\n2\tApp\tl2\t\\N\t\\N\t\\N\tf\n3\tHashed\tl3\t" + bcrypt + "\t\t\tt\n\\.\n",
		importer.Doorkeeper,
		importer.Options{Tenant: "t", API: "https://smp.example", Issuer: "https://auth.example"},
		`
tenant t https://auth.example /oauth/token doorkeeper
api https://smp.example  openid=
client l1 "Loyalty export" doorkeeper [https://smp.example: openid] value secrets/l1.secret
client l3 "Hashed" doorkeeper hash secrets/l3.hash
l1 imported
l2 skipped: it is a public client, and has no secret
l3 imported: by the hash of its secret
secrets/l1.secret h1dden\3
secrets/l3.hash ` + bcrypt + `
`,
	},
	{
		"doorkeeper, csv", "\ufeffname,uid,secret,scopes\n\"Label, printer\",u1," + strings.Repeat("AB", 32) + ",\nNoId,,x,\n",
		importer.Doorkeeper,
		importer.Options{Tenant: "t", SHA256: true},
		`
client u1 "Label, printer" doorkeeper hash secrets/u1.hash
u1 imported: by the hash of its secret
 skipped: it has no uid
secrets/u1.hash sha256:` + strings.Repeat("ab", 32) + `
`,
	},
	{
		"passport", "id,name,secret,personal_access_client,password_client,revoked,scopes,grant_types\n" +
			"1,One,h1dden-4,0,0,0,,\n2,Two," + bcrypt + ",0,0,0,\"[\"\"files.show\"\"]\",\"[\"\"client_credentials\"\"]\"\n3,Three,x,1,0,0,,\n4,Four,x,0,0,1,,\n5,Five,,0,0,0,,\n6,Six,x,0,0,0,,\"[\"\"authorization_code\"\"]\"\n7,Seven,$2y$99$broken,0,0,0,,\n",
		importer.Passport,
		importer.Options{Tenant: "t", API: "https://api.example"},
		`
api https://api.example  files.show=
client 1 "One" myparcel [https://api.example: *] value secrets/1.secret
client 2 "Two" myparcel [https://api.example: files.show] hash secrets/2.hash
client 7 "Seven" myparcel [https://api.example: *] generate secrets/7.env
1 imported
2 imported: by the hash of its secret
3 skipped: it does not use client credentials
4 skipped: it is revoked
5 skipped: it is a public client, and has no secret
6 skipped: it does not use client credentials
7 new secret: the hash of its secret is of a kind that is not taken over
secrets/1.secret h1dden-4
secrets/2.hash ` + bcrypt + `
`,
	},
}

func TestRead(t *testing.T) {
	t.Parallel()
	for _, tt := range sources {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := importer.Read(tt.format, strings.NewReader(tt.source), tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), describe(r)); diff != "" {
				t.Error(diff)
			}
			doc, err := json.Marshal(r.State)
			if err != nil || strings.Contains(string(doc), hidden) || strings.Contains(fmt.Sprintf("%+v %+v", r.State, r.Files), hidden) {
				t.Errorf("the state shows a secret: %s, %v", doc, err)
			}
			parsesBack(t, r, doc)
		})
	}
}

// parsesBack writes a result as the command does, and reads it as apply does.
func parsesBack(t *testing.T, r *importer.Result, doc []byte) {
	t.Helper()
	text, err := yamlfile.FromJSON(doc)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Files {
		if err := os.WriteFile(filepath.Join(dir, f.Path), []byte(f.Content.Reveal()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := apply.ParseDocument("tenants.yaml", dir, text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if len(parsed.State.Clients) != len(r.State.Clients) {
		t.Errorf("%d clients are read, want %d", len(parsed.State.Clients), len(r.State.Clients))
	}
}

// describe says what a result declares, a line for each object.
func describe(r *importer.Result) string {
	var b strings.Builder
	for _, t := range r.State.Tenants {
		for path, dialect := range t.TokenPaths {
			fmt.Fprintf(&b, "tenant %s %s %s %s\n", t.ID, *t.Issuer, path, dialect)
		}
	}
	for _, rs := range r.State.ResourceServers {
		prefix := ""
		if rs.ScopePrefix != nil {
			prefix = *rs.ScopePrefix
		}
		scopes, _ := json.Marshal(rs.Scopes) // sorted
		fmt.Fprintf(&b, "api %s %s %s\n", rs.Identifier, prefix, strings.NewReplacer(`{"`, "", `"}`, "", `":"`, "=", `","`, " ").Replace(string(scopes)))
	}
	for _, c := range r.State.Clients {
		fmt.Fprintf(&b, "client %s %q %s", c.ID, *c.Name, c.Dialects[0])
		if c.Token != nil {
			fmt.Fprintf(&b, " %v", *c.Token.Lifetime)
		}
		for _, g := range c.Grants {
			fmt.Fprintf(&b, " [%s: %s]", g.ResourceServer, strings.Join(g.Scopes, " "))
		}
		if c.MultiAudience != nil {
			b.WriteString(" several")
		}
		if c.Disabled != nil {
			b.WriteString(" disabled")
		}
		switch s := c.Secrets[0]; {
		case s.Value != nil:
			fmt.Fprintf(&b, " value %s\n", s.Value.File)
		case s.Hash != nil:
			fmt.Fprintf(&b, " hash %s\n", s.Hash.File)
		default:
			fmt.Fprintf(&b, " generate %s\n", s.WriteTo.File)
		}
	}
	for _, c := range r.Clients {
		fmt.Fprintf(&b, "%s %s", c.ID, c.Outcome)
		if c.Why != "" {
			b.WriteString(": " + c.Why)
		}
		b.WriteByte('\n')
	}
	for _, f := range r.Files {
		fmt.Fprintf(&b, "%s %s\n", f.Path, f.Content.Reveal())
	}
	return b.String()
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, source, want string
		format             importer.Format
	}{
		{"another kind", "{}", importer.ErrNoClients.Error(), importer.Hydra},
		{"no JSON", `{"client_id": "h1dden`, "it is no JSON at byte", importer.Hydra},
		{"a secret that is a number", `{"client_id": "a", "client_secret": 123456, "grant_types": []}`, "the member client_secret is a number", importer.Hydra},
		{"scopes of no API", `{"client_id": "a", "grant_types": ["client_credentials"], "scope": "a"}`, "say the identifier of the API", importer.Hydra},
		{"an empty table", "", "no CSV", importer.Passport},
		{"another table", "COPY public.users (id) FROM stdin;\n1\n\\.\n", "the dump has no table oauth_clients", importer.Passport},
		{"half a table", "COPY public.oauth_clients (id, secret) FROM stdin;\n1\th1dden\n", "breaks off", importer.Passport},
		{"columns too many", "COPY public.oauth_clients (id, secret) FROM stdin;\n1\th1dden\tx\n\\.\n", "has 3 columns, not 2", importer.Passport},
		{"a row too long", "id,secret\n1,h1dden,x\n", "the row 2", importer.Passport},
		{"an unknown kind", "", `no server is called "auth0"`, "auth0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := importer.Read(tt.format, strings.NewReader(tt.source), importer.Options{Tenant: "t"})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), hidden) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// FuzzRead: whatever a source says, it is an error or a state that apply takes,
// and every file has its reference.
func FuzzRead(f *testing.F) {
	for _, s := range sources {
		f.Add(string(s.format), s.source, s.opts.API)
	}
	f.Fuzz(func(t *testing.T, format, source, api string) {
		r, err := importer.Read(importer.Format(format), strings.NewReader(source), importer.Options{Tenant: "t", API: api})
		if err != nil {
			return
		}
		if err := r.State.Validate(); err != nil && !errors.Is(err, importer.ErrNoClients) {
			t.Errorf("what is declared is not valid: %v", err)
		}
		kept := r.Count(importer.Imported) + r.Count(importer.NewSecret)
		if kept != len(r.State.Clients) || len(r.Files) != r.Count(importer.Imported) {
			t.Errorf("%d clients are kept of %d declared, with %d files", kept, len(r.State.Clients), len(r.Files))
		}
		for _, file := range r.Files {
			if dir, name, _ := strings.Cut(file.Path, "/"); dir != "secrets" || name == "" || strings.Contains(name, "/") {
				t.Errorf("a secret goes to %q", file.Path)
			}
		}
	})
}
