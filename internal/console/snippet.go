package console

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/oauth"
)

// snippet is a program that gets a token, with a client's own values.
type snippet struct {
	Name, Code string
}

// quickstart is what a developer needs to get a first token.
type quickstart struct {
	ClientID, TokenURL, Scope, Dialect string
	Secret                             string // empty: it is not known any more
	Env                                string
	Snippets                           []snippet
}

// unknownSecret stands for a secret that was shown before.
const unknownSecret = "YOUR_CLIENT_SECRET" // #nosec G101 -- there is none in it

// quickstartOf makes the snippets of a client, for the token endpoint that fits
// it best.
func quickstartOf(t *mintage.Tenant, c *mintage.Client, servers []*mintage.ResourceServer, secret string) *quickstart {
	path, dialect := endpointOf(t, c)
	s := &quickstart{ClientID: c.ID, Secret: secret, TokenURL: t.Issuer + path, Dialect: dialect, Scope: wireScope(c, servers).String()}
	v := values{id: c.ID, secret: secret, at: s.TokenURL, scope: s.Scope, json: dialect == mintage.DialectMyParcel}
	if secret == "" {
		v.secret = unknownSecret
	}
	s.Env = envOf(v)
	s.Snippets = []snippet{
		{Name: "curl", Code: curlSnippet(v)},
		{Name: "Python", Code: pythonSnippet(v)},
		{Name: "Node", Code: nodeSnippet(v)},
		{Name: "Go", Code: goSnippet(v)},
	}
	return s
}

// endpointOf returns the token path that a client should use, and its dialect:
// the tenant's first one, or the first in order that the client may speak.
func endpointOf(t *mintage.Tenant, c *mintage.Client) (path, dialect string) {
	first := t.PrimaryTokenPath()
	dialect, _ = t.DialectFor(first)
	if len(c.Dialects) == 0 || slices.Contains(c.Dialects, dialect) {
		return first, dialect
	}
	for _, e := range endpointsOf(t, c) {
		return e.Path, e.Dialect
	}
	return first, dialect
}

// endpoint is a token path of a tenant.
type endpoint struct{ Path, Dialect, URL string }

// endpointsOf returns the token paths that a client may use, in order.
func endpointsOf(t *mintage.Tenant, c *mintage.Client) []endpoint {
	paths := []string{mintage.DefaultTokenPath}
	if len(t.TokenPaths) > 0 {
		paths = paths[:0]
		for p := range t.TokenPaths {
			paths = append(paths, p)
		}
		slices.Sort(paths)
	}
	var out []endpoint
	for _, p := range paths {
		if d, _ := t.DialectFor(p); c == nil || len(c.Dialects) == 0 || slices.Contains(c.Dialects, d) {
			out = append(out, endpoint{Path: p, Dialect: d, URL: t.Issuer + p})
		}
	}
	return out
}

// wireScope returns what a client may ask for in one request, by the names on
// the wire: of its first resource server, or of all where tokens may span them.
func wireScope(c *mintage.Client, servers []*mintage.ResourceServer) oauth.Scope {
	var all []string
	for i, g := range c.Grants {
		if i > 0 && !c.MultiAudience {
			break
		}
		for _, rs := range servers {
			if rs.Identifier != g.ResourceServer {
				continue
			}
			for _, s := range rs.Scopes {
				if slices.Contains(g.Scopes, mintage.AllScopes) || slices.Contains(g.Scopes, s.Name) {
					all = append(all, rs.ScopePrefix+s.Name)
				}
			}
		}
	}
	return oauth.NewScope(all...)
}

// values are what a snippet is filled with.
type values struct {
	id, secret, at, scope string
	json                  bool // the endpoint takes a JSON body with the credentials in it
}

// envOf is the block for a .env file.
func envOf(v values) string {
	env := "CLIENT_ID=" + envValue(v.id) + "\nCLIENT_SECRET=" + envValue(v.secret) + "\nTOKEN_URL=" + envValue(v.at) + "\n"
	if v.scope != "" {
		env += "SCOPE=" + envValue(v.scope) + "\n"
	}
	return env
}

// envValue quotes a value where a shell would not take it as it is.
func envValue(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+,") == "" {
		return s
	}
	return shellQuote(s)
}

// shellQuote makes one word of a shell of s.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// quoted is s as a string of Python, JavaScript and Go: a string of JSON in
// ASCII is one of each.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""` // a string always marshals
	}
	var out strings.Builder
	for _, r := range string(b) {
		if r < 0x7f {
			out.WriteRune(r)
			continue
		}
		esc, _ := json.Marshal(string(r)) // only printable ASCII is allowed in what comes here; this is for the rest
		out.Write(esc[1 : len(esc)-1])
	}
	return out.String()
}

func curlSnippet(v values) string {
	if v.json {
		body, err := json.Marshal(tokenRequest(v))
		if err != nil {
			return ""
		}
		return "curl --json " + shellQuote(string(body)) + " \\\n  " + shellQuote(v.at) + "\n"
	}
	// Both halves are form-encoded before they are joined, as Basic wants them.
	auth := url.QueryEscape(v.id) + ":" + url.QueryEscape(v.secret)
	out := "curl --user " + shellQuote(auth) + " \\\n  --data grant_type=client_credentials \\\n"
	if v.scope != "" {
		out += "  --data-urlencode " + shellQuote("scope="+v.scope) + " \\\n"
	}
	return out + "  " + shellQuote(v.at) + "\n"
}

// tokenRequest is the body of a request in JSON.
func tokenRequest(v values) map[string]string {
	body := map[string]string{"grant_type": "client_credentials", "client_id": v.id, "client_secret": v.secret}
	if v.scope != "" {
		body["scope"] = v.scope
	}
	return body
}

func pythonSnippet(v values) string {
	head := "from urllib.parse import quote\n\nimport requests\n\nclient_id = " + quoted(v.id) + "\nclient_secret = " + quoted(v.secret) + "\n\nanswer = requests.post(\n    " + quoted(v.at) + ",\n"
	scope := ""
	if v.scope != "" {
		scope = `, "scope": ` + quoted(v.scope)
	}
	if v.json {
		head = strings.Replace(head, "from urllib.parse import quote\n\n", "", 1)
		return head + "    json={\"grant_type\": \"client_credentials\", \"client_id\": client_id, \"client_secret\": client_secret" + scope + "},\n    timeout=10,\n)\n" + pythonTail
	}
	return head + "    auth=(quote(client_id, safe=\"\"), quote(client_secret, safe=\"\")),\n    data={\"grant_type\": \"client_credentials\"" + scope + "},\n    timeout=10,\n)\n" + pythonTail
}

const pythonTail = `answer.raise_for_status()
print(answer.json()["access_token"])
`

func nodeSnippet(v values) string {
	scope := ""
	if v.scope != "" {
		scope = ", scope: " + quoted(v.scope)
	}
	head := "const clientId = " + quoted(v.id) + "\nconst clientSecret = " + quoted(v.secret) + "\n\nconst answer = await fetch(" + quoted(v.at) + ", {\n  method: \"POST\",\n"
	if v.json {
		head += "  headers: { \"Content-Type\": \"application/json\" },\n  body: JSON.stringify({ grant_type: \"client_credentials\", client_id: clientId, client_secret: clientSecret" + scope + " }),\n})\n"
	} else {
		head += "  headers: { Authorization: \"Basic \" + btoa(encodeURIComponent(clientId) + \":\" + encodeURIComponent(clientSecret)) },\n  body: new URLSearchParams({ grant_type: \"client_credentials\"" + scope + " }),\n})\n"
	}
	return head + "if (!answer.ok) throw new Error(`no token: ${answer.status} ${await answer.text()}`)\nconsole.log((await answer.json()).access_token)\n"
}

func goSnippet(v values) string {
	form := `url.Values{"grant_type": {"client_credentials"}`
	if v.scope != "" {
		form += `, "scope": {` + quoted(v.scope) + `}`
	}
	form += "}"
	auth := "\treq.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(clientSecret))\n"
	if v.json { // the endpoint takes forms too, with the credentials in them
		form = strings.TrimSuffix(form, "}") + `, "client_id": {clientID}, "client_secret": {clientSecret}}`
		auth = ""
	}
	return `package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"strings"
)

const (
	clientID     = ` + quoted(v.id) + `
	clientSecret = ` + quoted(v.secret) + `
)

func main() {
	form := ` + form + `
	req, err := http.NewRequest(http.MethodPost, ` + quoted(v.at) + `, strings.NewReader(form.Encode()))
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
` + auth + `	res, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	var token struct {
		AccessToken string ` + "`json:\"access_token\"`" + `
	}
	if err := json.NewDecoder(res.Body).Decode(&token); err != nil || res.StatusCode != http.StatusOK {
		log.Fatal("no token: ", res.Status)
	}
	fmt.Println(token.AccessToken)
}
`
}
