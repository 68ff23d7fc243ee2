package console

import (
	"encoding/json"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/yamlfile"
)

// enforceSnippet protects an API with our middleware.
func enforceSnippet(t *mintage.Tenant, rs *mintage.ResourceServer) string {
	scope := ""
	if len(rs.Scopes) > 0 {
		scope = ", " + quoted(rs.ScopePrefix+rs.Scopes[0].Name)
	}
	return `client := &http.Client{Timeout: 10 * time.Second}
keys := &enforce.RemoteKeySet{URL: ` + quoted(t.Issuer+"/.well-known/jwks.json") + `, Client: client, Log: log}
v := &enforce.Verifier{
	Issuers:  &enforce.Issuer{Name: ` + quoted(t.Issuer) + `, Keys: keys},
	Audience: ` + quoted(rs.Identifier) + `,
	Cache:    &enforce.TokenCache{},
}
mux.Handle("GET /orders", v.Require(listOrders` + scope + `))
`
}

// gatewayRoute protects an API with mintage gateway: what its file needs for one
// path, which takes the first scope.
func gatewayRoute(t *mintage.Tenant, rs *mintage.ResourceServer) string {
	route := map[string]any{"path": "/orders/{rest...}", "upstream": "http://127.0.0.1:8080"}
	if len(rs.Scopes) > 0 {
		route["scopes"] = []string{rs.ScopePrefix + rs.Scopes[0].Name}
	}
	doc, err := json.Marshal(map[string]any{
		"audience": rs.Identifier, "issuers": []any{map[string]any{"issuer": t.Issuer}}, "routes": []any{route},
	})
	if err != nil {
		return ""
	}
	out, err := yamlfile.FromJSON(doc)
	if err != nil {
		return ""
	}
	return string(out)
}
