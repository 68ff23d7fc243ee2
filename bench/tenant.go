package main

import (
	"context"
	"fmt"
	"strings"
)

// batch is how many tenants one file declares, which is three changes and a
// secret each: a plan has to stay below what one JSON document may have.
const batch = 220

// addTenants makes n tenants, each with its own issuer under a path, its own
// keys, resource server and client, and returns a token request for each.
func (p *product) addTenants(ctx context.Context, n int) ([][]byte, error) {
	var requests [][]byte
	for from := 0; from < n; from += batch {
		name := fmt.Sprintf("tenants-%05d", from)
		ids := make([]string, 0, batch)
		for i := from; i < min(n, from+batch); i++ {
			ids = append(ids, fmt.Sprintf("t%05d", i))
		}
		if err := p.apply(ctx, name, tenantsFile(p.public, ids)); err != nil {
			return nil, err
		}
		for _, tenant := range ids {
			id, secret, err := p.credentials(name, tenant)
			if err != nil {
				return nil, err
			}
			requests = append(requests, post(p.public, "/"+tenant+endpoint, id, secret, tokenForm()))
		}
	}
	return requests, nil
}

func tenantsFile(public string, ids []string) string {
	var b strings.Builder
	b.WriteString("tenants:\n")
	for _, id := range ids {
		fmt.Fprintf(&b, "  - { id: %[1]s, issuer: http://%[2]s/%[1]s, token_paths: { %[3]s: rfc } }\n", id, public, endpoint)
	}
	list := "[" + strings.Join(ids, ", ") + "]"
	fmt.Fprintf(&b, `resource_servers:
  - identifier: %[2]s
    tenants: %[1]s
    scopes: { %[3]s: "" }
clients:
  - id: bench
    name: Bench
    tenants: %[1]s
    grants: [{ resource_server: %[2]s, scopes: [%[3]s] }]
    secrets: [{ name: main, generate: true, write_to: { file: "secrets/{tenant}.env" } }]
`, list, resource, scope)
	return b.String()
}
