package admin_test

import (
	"strings"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/manage"
)

var listAll = adminclient.List{}

func TestRoutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(t, "hotel", "*")
	for _, tt := range []struct {
		name, method, path, code, allow string
		status                          int
	}{
		{"unknown path", "GET", "/nothing", "request.not_found", "", 404},
		{"outside", "GET", "/../../x", "request.not_found", "", 404},
		{"trailing slash", "GET", "/tenants/", "request.not_found", "", 404},
		{"no documentation page", "GET", "/docs", "request.not_found", "", 404},
		{"no schemas", "GET", "/schemas/Client.json", "request.not_found", "", 404},
		{"AD-06 other method", "PUT", "/tenants/hotel/clients", "request.method", "GET, HEAD, POST", 405},
		{"AD-12 TRACE", "TRACE", "/tenants", "request.method", "GET, HEAD, POST", 405},
		{"AD-07 CORS preflight", "OPTIONS", "/tenants", "request.method", "GET, HEAD, POST", 405},
	} {
		resp := w.do(t, ask{method: tt.method, path: tt.path, token: token, header: map[string]string{"Origin": "https://evil.example"}})
		if got := resp.Header.Get("Allow"); got != tt.allow {
			t.Errorf("%s: Allow %q, want %q", tt.name, got, tt.allow)
		}
		if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("%s: AD-07: Access-Control-Allow-Origin: %s", tt.name, got)
		}
		problem(t, resp, tt.status, tt.code)
	}
	resp := w.do(t, ask{method: "GET", path: "/tenants", token: token})
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Type": "application/json", "Server": "",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s: %s, want %q", name, got, want)
		}
	}
	if got := resp.Header.Get(adminclient.HeaderTraceID); !strings.HasPrefix(got, "req_") || len(got) != 20 {
		t.Errorf("%s: %q, want req_ and 16 characters", adminclient.HeaderTraceID, got)
	}
}

// AD-02: what is not in the schema, or not the caller's to write, is refused,
// as is JSON that has more than one reading.
func TestBodies(t *testing.T) { //nolint:tparallel // what comes after needs them done
	t.Parallel()
	w := newWorld(t)
	token := w.token(t, "hotel", "*")
	target := w.client(t, "hotel", api, "orders/read")
	const clients = "/tenants/hotel/clients"
	for _, tt := range []struct {
		name, method, path, body, code, pointer string
		status                                  int
	}{
		{"unknown member", "POST", clients, `{"name":"x","scaope":1}`, "body.malformed", "/scaope", 400},
		{"another case", "POST", clients, `{"Name":"x"}`, "body.malformed", "/Name", 400},
		{"given twice", "POST", clients, `{"name":"x","name":"y"}`, "body.malformed", "/name", 400},
		{"nested", "POST", clients, `{"name":"x","token":{"alg":"ES256","kid":"a"}}`, "body.malformed", "/token/kid", 400},
		{"another type", "POST", clients, `{"name":1}`, "body.malformed", "/name", 400},
		{"two documents", "POST", clients, `{"name":"x"}{}`, "body.malformed", "", 400},
		{"no JSON", "POST", clients, `name=x`, "body.malformed", "", 400},
		{"an array", "POST", clients, `[]`, "body.malformed", "", 400},
		{"invalid member", "POST", clients, `{"name":"x","token":{"alg":"HS256"}}`, "object.invalid", "/token/alg", 400},
		{"invalid network", "POST", clients, `{"name":"x","allow_from":["10.0.0.0/8","here"]}`, "object.invalid", "/allow_from/1", 400},
		{"invalid lifetime", "POST", clients, `{"name":"x","token":{"lifetime":9223372036854775807}}`, "object.invalid", "/token/lifetime", 400},
		{"TE-33 client_id", "POST", clients, `{"name":"x","client_id":"mine"}`, "body.malformed", "/client_id", 400},
		{"AD-02 client_secret", "POST", clients, `{"name":"x","client_secret":"hunter2hunter2"}`, "body.malformed", "/client_secret", 400},
		{"AD-02 version", "PATCH", clients + "/" + target.ID, `{"version":9}`, "body.malformed", "/version", 400},
		{"AD-02 version away", "PATCH", clients + "/" + target.ID, `{"version":null}`, "body.malformed", "/version", 400},
		{"AD-02 secrets", "PATCH", clients + "/" + target.ID, `{"secrets":[]}`, "body.malformed", "/secrets", 400},
		{"AD-02 managed_by", "PATCH", clients + "/" + target.ID, `{"managed_by":"me"}`, "body.malformed", "/managed_by", 400},
		{"AD-02 tenant", "PATCH", clients + "/" + target.ID, `{"tenant":"other"}`, "body.malformed", "/tenant", 400},
		{"AD-02 purge_at", "PATCH", clients + "/" + target.ID, `{"purge_at":null}`, "body.malformed", "/purge_at", 400},
		{"a patch that is none", "PATCH", clients + "/" + target.ID, `"x"`, "object.invalid", "", 400},
		{"AD-02 nested null", "PATCH", clients + "/" + target.ID, `{"token":{"kid":null}}`, "body.malformed", "/token/kid", 400},
		{"name away", "PATCH", clients + "/" + target.ID, `{"name":null}`, "object.invalid", "/name", 400},
		{"state", "POST", "/state/plan", `{"source":"f","state":{"apiVersion":"mintage/v1","tenant":[]}}`, "body.malformed", "/state/tenant", 400},
		{"state version", "POST", "/state/plan", `{"source":"f","state":{"apiVersion":"v9"}}`, "object.invalid", "/state/apiVersion", 400},
		{"two ways to revoke", "POST", "/tenants/hotel/tokens/revoke", `{"jti":"a","client_id":"b"}`, "object.invalid", "", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := problem(t, w.do(t, ask{method: tt.method, path: tt.path, token: token, body: tt.body}), tt.status, tt.code)
			if len(p.Errors) == 0 || p.Errors[0].Pointer != tt.pointer || p.Errors[0].Detail == "" {
				t.Errorf("errors %+v, want one at %q", p.Errors, tt.pointer)
			}
			if strings.Contains(p.Error(), "hunter2") {
				t.Errorf("the answer repeats the body: %s", p.Error())
			}
		})
	}
	problem(t, w.do(t, ask{method: "POST", path: clients, token: token, header: map[string]string{"Content-Type": "application/json"}}), 400, "body.malformed")
	problem(t, w.do(t, ask{method: "POST", path: clients, token: token, body: `{"name":"` + strings.Repeat("x", 4<<20) + `"}`}), 413, "request.too_large")
	for _, ct := range []string{"text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/merge-patch+json", ""} {
		problem(t, w.do(t, ask{method: "POST", path: clients, token: token, body: `{"name":"x"}`, header: map[string]string{"Content-Type": ct}}), 415, "body.type")
	}
	if cs, err := w.manager.FindClients(t.Context(), manage.ClientQuery{Tenant: "hotel", Name: "x"}); err != nil || len(cs) != 0 {
		t.Errorf("refused requests made %d clients, error %v", len(cs), err)
	}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(t, "hotel", "*")
	for query, code := range map[string]string{
		"limit=0": "param.malformed", "limit=201": "param.malformed", "limit=x": "param.malformed", "lim=1": "param.malformed",
		"limit=1&limit=2": "param.repeated", "a;b": "param.malformed", "cursor=AAAA": "param.malformed", "%zz": "param.malformed",
	} {
		p := problem(t, w.do(t, ask{method: "GET", path: "/tenants/hotel/clients?" + query, token: token}), 400, code)
		if strings.HasPrefix(query, "lim") && code == "param.malformed" && len(p.Errors) == 0 {
			t.Errorf("%s: the problem does not say which parameter", query)
		}
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(t, "hotel", "*")
	target := w.client(t, "hotel", api, "orders/read")
	path := "/tenants/hotel/clients/" + target.ID
	resp := w.do(t, ask{method: "GET", path: path, token: token})
	if got := resp.Header.Get("ETag"); got != `"1"` {
		t.Errorf("ETag %s, want \"1\"", got)
	}
	patch := func(tag string) *reply {
		return w.do(t, ask{method: "PATCH", path: path, token: token, body: `{"name":"` + strings.Trim(tag, `"*`) + `x"}`, header: map[string]string{
			"If-Match": tag, "Content-Type": "application/merge-patch+json",
		}})
	}
	for _, tt := range []struct {
		tag    string
		status int
		code   string
	}{
		{`"1"`, 200, ""},
		{`"1"`, 412, "object.changed"},
		{`"2"`, 200, ""},
		{`*`, 200, ""},
		{`"nothing of ours"`, 412, "object.changed"},
		{`W/"4"`, 400, "param.malformed"},
		{`"4", "5"`, 400, "param.malformed"},
		{`4`, 400, "param.malformed"},
	} {
		resp := patch(tt.tag)
		if tt.code != "" {
			problem(t, resp, tt.status, tt.code)
		} else if resp.StatusCode != tt.status {
			t.Errorf("If-Match %s: %s", tt.tag, resp.Status())
		}
	}
	if got := w.do(t, ask{method: "GET", path: path, token: token}).Header.Get("ETag"); got != `"4"` {
		t.Errorf("after three changes ETag is %s, want \"4\"", got)
	}
	problem(t, w.do(t, ask{method: "DELETE", path: path, token: token, header: map[string]string{"If-Match": `"1"`}}), 412, "object.changed")
	if resp := w.do(t, ask{method: "DELETE", path: path, token: token, header: map[string]string{"If-Match": `"4"`}}); resp.StatusCode != 204 {
		t.Errorf("deleted: %s", resp.Status())
	}
	problem(t, w.do(t, ask{method: "GET", path: path, token: token}), 404, "object.not_found")
}

// AD-19: a cursor belongs to one list, and cannot be made up.
func TestCursors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(t, "hotel", "*")
	want := map[string]bool{}
	for range 5 {
		want[w.client(t, "hotel", api, "orders/read").ID] = true
	}
	const path = "/tenants/hotel/clients?limit=2"
	seen, cursor, pages := 0, "", 0
	var first string
	for {
		p := decode[adminclient.Page[adminclient.RegisteredClient]](t, w.do(t, ask{method: "GET", path: path + cursor, token: token}))
		pages++
		for _, c := range p.Items {
			if want[c.ClientID] {
				seen++
			}
		}
		if p.Next == "" {
			break
		}
		if first == "" {
			first = p.Next
		}
		cursor = "&cursor=" + p.Next
	}
	if seen != 5 || pages != 3 { // 5 and the token's own
		t.Errorf("saw %d of 5 clients on %d pages, want all on 3", seen, pages)
	}
	for i := range first {
		changed := first[:i] + swap(first[i]) + first[i+1:]
		resp := w.do(t, ask{method: "GET", path: path + "&cursor=" + changed, token: token})
		problem(t, resp, 400, "param.malformed")
	}
	for _, elsewhere := range []string{"/tenants/hotel/keys?", "/tenants/other/clients?", "/tenants/hotel/clients?name=x&"} {
		tok := token
		if strings.Contains(elsewhere, "other") {
			tok = w.token(t, mintage.BuiltInTenant, "*")
		}
		problem(t, w.do(t, ask{method: "GET", path: elsewhere + "cursor=" + first, token: tok}), 400, "param.malformed")
	}
}

func swap(b byte) string {
	if b == 'A' {
		return "B"
	}
	return "A"
}
