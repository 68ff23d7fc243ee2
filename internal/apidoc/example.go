package apidoc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Values that look like ours. None opens anything.
const (
	exampleKey  = "8e03978e-40d5-43e8-bc93-6894a57f9324"
	exampleAPI  = "https://api.example.com"
	exampleHash = "$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"
)

// values are what members and parameters are in examples, by their names.
var values = map[string]any{ // #nosec G101 -- they open nothing
	"tenant": "production", "client": "mc_cvO3NNQ9wCjnkGbA", "client_id": "mc_cvO3NNQ9wCjnkGbA", "organization": "acme", "identifier": exampleAPI,
	"secret": "sec_5q7mzk2nra4wdtxe", "kid": "3Nn3bYzqkXcQ1vTgk0eWlw", "trace_id": "req_01jd3z8qk4m7p2xv", "operator": "op_x0Vd9sQkq2LmTz7B",
	"session": strings.Repeat("9f2c", 16), "invitation": "inv_Jm4TzQ0wPq8sKd2V", "scope": "orders/read", "with": "sandbox",
	"id": "acme", "name": "Front desk sync", "issuer": "https://auth.example.com", "email": "ada@example.com", "role": "developer",
	"token": "eyJhbGciOiJFUzI1NiIs…", "source": "apply tenants.yaml", "seconds": 300, "description": "Read orders", "hash": exampleHash,
	"resource_server": exampleAPI, "overlap": 86400,
}

// bodies are the documents of examples that say more than they must, by the
// operation.
var bodies = map[string]string{ // #nosec G101 -- they open nothing
	"create-client":       `{"name":"Front desk sync","organization":"acme","grants":[{"resource_server":"https://api.example.com","scopes":["orders/read"]}]}`,
	"update-client":       `{"labels":{"team":"billing"},"disabled":false}`,
	"update-organization": `{"max_clients":20,"grants":[{"resource_server":"https://api.example.com","scopes":["orders/read"]}]}`,
	"create-organization": `{"id":"acme","name":"Acme Hotels","max_clients":20,"grants":[{"resource_server":"https://api.example.com","scopes":["orders/read"]}]}`,
	"update-operator":     `{"role":"viewer"}`,
	"update-tenant":       `{"disabled":true}`,
	"revoke-token":        `{"client_id":"mc_cvO3NNQ9wCjnkGbA"}`,
	"rotate-secret":       `{"overlap":86400}`,
	"add-secret":          `{"name":"2026-11","expires_in":7776000}`,
	"create-tenant":       `{"id":"production","issuer":"https://auth.example.com","protected":true}`,
	"plan-state":          `{"source":"apply tenants.yaml","state":{"apiVersion":"mintage/v1"}}`,
	"apply-state":         `{"source":"apply tenants.yaml","state":{"apiVersion":"mintage/v1"}}`,
	"explain-token":       `{"client_id":"mc_cvO3NNQ9wCjnkGbA","scope":"orders/read"}`,
}

// example gives an operation its example.
func (d *openAPI) example(prefix string, op *Operation) error {
	path, query := op.Path, url.Values{}
	for _, p := range op.Parameters {
		value := fmt.Sprint(values[p.Name])
		switch {
		case p.In == "path":
			path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(value))
		case p.In == "query" && p.Required:
			query.Set(p.Name, value)
		}
	}
	var curl strings.Builder
	curl.WriteString("curl")
	if op.Method != "GET" && (op.Method != "POST" || op.Body == "") {
		curl.WriteString(" -X " + op.Method)
	}
	target := "$MINTAGE_URL" + prefix + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	curl.WriteString(` "` + target + `"`)
	header := func(text string) { curl.WriteString(" \\\n  -H '" + text + "'") }
	if op.Token {
		curl.WriteString(" \\\n  -H \"Authorization: Bearer $TOKEN\"")
	}
	if op.Once {
		header(`Idempotency-Key: "` + exampleKey + `"`)
	}
	if op.Body != "" {
		body, err := d.exampleBody(op)
		if err != nil {
			return err
		}
		op.Example = body
		header("Content-Type: " + op.Media[len(op.Media)-1])
		curl.WriteString(" \\\n  -d '" + body + "'")
	}
	op.Curl = curl.String()
	return nil
}

// exampleBody returns a document that the operation takes: the one that is made
// for it, else the members that it must have.
func (d *openAPI) exampleBody(op *Operation) (string, error) {
	if b, ok := bodies[op.ID]; ok {
		return b, nil
	}
	s := d.Components.Schemas[op.Body]
	if s == nil {
		return "", fmt.Errorf("there is no schema %q", op.Body)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(d.value(s, "", 0)); err != nil {
		return "", fmt.Errorf("example: %w", err)
	}
	return strings.TrimSpace(b.String()), nil
}

// value makes a value of a schema for the member of that name.
func (d *openAPI) value(s *schema, name string, depth int) any {
	if s.Ref != "" {
		s = d.Components.Schemas[strings.TrimPrefix(s.Ref, refPrefix)]
	}
	v, known := values[name]
	switch {
	case s == nil || depth == deepest:
		return nil
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Type == "array":
		return []any{d.value(s.Items, strings.TrimSuffix(name, "s"), depth+1)}
	case s.Type == "object":
		object := map[string]any{}
		for _, member := range slices.Sorted(maps.Keys(s.Properties)) {
			if slices.Contains(s.Required, member) {
				object[member] = d.value(s.Properties[member], member, depth+1)
			}
		}
		return object
	case known:
		return v
	case s.Type == "integer" || s.Type == "number":
		return 60
	case s.Type == "boolean":
		return true
	case s.Format == "date-time":
		return "2026-11-27T12:00:00Z"
	}
	return name
}
