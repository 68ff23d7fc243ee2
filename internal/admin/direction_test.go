package admin_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/admin"
)

// member is what the document says of a member.
type member struct{ ReadOnly, WriteOnly bool }

// Who reads the document can tell what of a request comes back: what is sent and
// never answered, what is only answered, and what is both.
func TestDirections(t *testing.T) {
	t.Parallel()
	doc, _ := document(t, newWorld(t))
	of := func(schema, name string) (m member) {
		t.Helper()
		raw, ok := doc.Components.Schemas[schema].Properties[name]
		if !ok || json.Unmarshal(raw, &m) != nil {
			t.Errorf("%s has no member %s", schema, name)
		}
		return m
	}
	for _, tt := range []struct {
		schema, member string
		want           member
	}{
		{"NewSecret", "hash", member{WriteOnly: true}},
		{"NewSecret", "expires_in", member{WriteOnly: true}},
		{"NewSecret", "name", member{}},
		{"NewClient", "secret", member{WriteOnly: true}},
		{"NewClient", "name", member{}},
		{"RegisteredClient", "client_id", member{ReadOnly: true}},
		{"RegisteredClient", "version", member{ReadOnly: true}},
		{"RegisteredClient", "secrets", member{ReadOnly: true}},
		{"RegisteredClient", "name", member{}},
		{"RegisteredClient", "disabled", member{}}, // a patch sets it
		{"CreatedClient", "client_secret", member{ReadOnly: true}},
		{"CreatedSecret", "client_secret", member{ReadOnly: true}},
		{"Organization", "max_clients", member{}},
		{"Organization", "id", member{}},
		{"Organization", "created_at", member{ReadOnly: true}},
		{"KeyRotation", "wait", member{WriteOnly: true}},
		{"Invitation", "link", member{ReadOnly: true}},
		{"Request", "reason", member{ReadOnly: true}},
	} {
		if got := of(tt.schema, tt.member); got != tt.want {
			t.Errorf("%s.%s: %+v, want %+v", tt.schema, tt.member, got, tt.want)
		}
	}
	for name, s := range doc.Components.Schemas {
		for m := range s.Properties {
			if got := of(name, m); got.ReadOnly && got.WriteOnly {
				t.Errorf("%s.%s goes no way", name, m)
			}
		}
	}
}

// A client keeps its identifier whatever becomes of it, and what a request has
// comes back as it was sent, unless the document says that it does not.
func TestStable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(t, "hotel", "*")
	const sent = `{"name":"Stable","labels":{"team":"billing"},"grants":[{"resource_server":"` + api + `","scopes":["orders/read"]}],"default_scope":["*"],"grant_types":["client_credentials"]}`
	made := w.do(t, ask{method: "POST", path: "/tenants/hotel/clients", token: token, body: sent})
	at := strings.TrimPrefix(made.Header.Get("Location"), admin.Prefix)
	read := w.do(t, ask{method: "GET", path: at, token: token})
	var asked, got map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal([]byte(sent), &asked), json.Unmarshal([]byte(read.Body), &got)); err != nil {
		t.Fatal(err)
	}
	for name, value := range asked {
		if string(got[name]) != string(value) {
			t.Errorf("%s was sent as %s and comes back as %s", name, value, got[name])
		}
	}
	id := decode[adminclient.CreatedClient](t, made).ClientID
	for _, a := range []ask{
		{method: "PATCH", path: at, body: `{"name":"Renamed"}`},
		{method: "POST", path: at + "/rotate", body: `{}`},
		{method: "PATCH", path: at, body: `{"disabled":true}`},
	} {
		a.token = token
		if resp := w.do(t, a); resp.StatusCode/100 != 2 {
			t.Errorf("%s %s: %s", a.method, a.path, resp.Body)
		}
		if got := decode[adminclient.RegisteredClient](t, w.do(t, ask{method: "GET", path: at, token: token})); got.ClientID != id {
			t.Errorf("after %s the client is %s, and was %s", a.body, got.ClientID, id)
		}
	}
}

// A secret that the client has already is brought by its hash: it is nowhere
// else, and no answer shows the hash.
func TestSecretsByHash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(t, "hotel", "*")
	const plain = "correct horse battery staple"
	hash, err := w.manager.Secrets.HashBrought(t.Context(), plain)
	if err != nil {
		t.Fatal(err)
	}
	post := func(path, body string) *reply {
		return w.do(t, ask{method: http.MethodPost, path: path, token: token, body: body})
	}
	made := post("/tenants/hotel/clients", `{"name":"Brought","secret":{"name":"own","hash":"`+hash+`"}}`)
	c := decode[adminclient.CreatedClient](t, made)
	at := "/tenants/hotel/clients/" + c.ClientID
	if c.ClientSecret != "" || strings.Contains(made.Body, "client_secret") || c.Secrets[0].Hint != "" {
		t.Errorf("made %s", made.Body)
	}
	p := problem(t, post(at+"/secrets", `{"hash":"md5:abc"}`), 400, "object.invalid")
	if len(p.Errors) != 1 || p.Errors[0].Pointer != "/hash" || strings.Contains(p.Error(), "abc") {
		t.Errorf("a hash that is none: %+v", p.Errors)
	}
	added := post(at+"/secrets", `{"name":"second","hash":"`+hash+`"}`)
	if decode[adminclient.CreatedSecret](t, added).ClientSecret != "" || strings.Contains(added.Body+made.Body+w.log.String(), hash) {
		t.Errorf("added %s", added.Body)
	}
	kept, err := w.manager.Client(t.Context(), "hotel", c.ClientID)
	if err != nil {
		t.Fatal(err)
	}
	for i := range kept.Secrets {
		if _, err := w.manager.Secrets.Verify(t.Context(), "hotel", kept.ID, kept.Secrets[i:i+1], plain, w.now); err != nil {
			t.Errorf("secret %s does not open: %v", kept.Secrets[i].Name, err)
		}
	}
}
