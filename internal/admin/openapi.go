package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/oauth"
)

// securityScheme is the name of our tokens in the document.
const securityScheme = "mintage"

// apiVersion is the version of the API, not of the server: it grows when the
// document does.
const apiVersion = "1.0.0"

func (h *Handler) apiConfig() huma.Config {
	registry := huma.NewMapRegistry("#/components/schemas/", schemaName)
	registry.RegisterTypeAlias(reflect.TypeFor[oauth.Scope](), reflect.TypeFor[string]())
	registry.RegisterTypeAlias(reflect.TypeFor[oauth.Audience](), reflect.TypeFor[audience]())
	scopes := map[string]string{}
	for _, s := range manage.AdminScopes() {
		scopes[manage.AdminPrefix+s.Name] = s.Description
	}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Mintage admin API", Version: apiVersion,
				Description: "Administration of the tenants of a Mintage server. A token of the tenant mintage administers all tenants, " +
					"a token of any other tenant that tenant alone. Refusals are problem documents (RFC 9457).",
			},
			Servers: []*huma.Server{{URL: Prefix}},
			Components: &huma.Components{
				Schemas: registry,
				SecuritySchemes: map[string]*huma.SecurityScheme{securityScheme: {
					Type: "oauth2", Description: "An access token for urn:mintage:admin.",
					// The token endpoint is relative to the admin listener.
					Flows: &huma.OAuthFlows{ClientCredentials: &huma.OAuthFlow{ //nolint:gosec // a path, no credentials
						TokenURL: "/oauth2/token", Scopes: scopes,
					}},
				}},
			},
		},
		Formats:                      map[string]huma.Format{mediaJSON: format(), "json": format()},
		DefaultFormat:                mediaJSON,
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{h.translate},
	}
}

// problemResponse says that every operation answers refusals alike.
func (h *Handler) problemResponse() map[string]*huma.Response {
	schema := h.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[adminclient.Problem](), true, "Problem")
	return map[string]*huma.Response{"default": {
		Description: "A refusal",
		Content:     map[string]*huma.MediaType{adminclient.ContentTypeProblem: {Schema: schema}},
	}}
}

// finishDescription corrects the description, once all operations are there.
func (h *Handler) finishDescription() {
	doc := h.api.OpenAPI()
	schemas := doc.Components.Schemas.Map()
	delete(schemas, "ErrorModel") // Huma's own problems, which nobody gets to see
	delete(schemas, "ErrorDetail")
	for _, s := range schemas {
		notNullable(s)
	}
	h.directions()
	patched := doc.Paths["/tenants/{tenant}/clients/{client}"].Patch.RequestBody.Content
	patched[mediaPatch] = patched[mediaJSON]
}

// describe returns the OpenAPI document.
func (h *Handler) describe() ([]byte, error) {
	b, err := json.Marshal(h.api.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("admin: the OpenAPI document: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		return nil, fmt.Errorf("admin: the OpenAPI document: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// notNullable takes null away from arrays, which our answers never have there.
// Huma would do it for a package variable, which all of a process share.
func notNullable(s *huma.Schema) {
	if s == nil {
		return
	}
	if s.Type == huma.TypeArray {
		s.Nullable = false
	}
	for _, p := range s.Properties {
		notNullable(p)
	}
	notNullable(s.Items)
	if more, ok := s.AdditionalProperties.(*huma.Schema); ok {
		notNullable(more)
	}
}

// schemaName names a schema as its Go type, and a generic one by what it is of.
func schemaName(t reflect.Type, hint string) string {
	return huma.DefaultSchemaNamer(t, hint)
}

// audience is how the document shows an aud claim.
type audience struct{}

// Schema is one string or several (RFC 7519 §4.1.3).
func (audience) Schema(_ huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{
		{Type: huma.TypeString},
		{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}},
	}}
}
