package admin

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mintage-auth/mintage/internal/manage"
)

// Operation is one row of the table.
type Operation struct {
	ID     string
	Method string
	Path   string // pattern below Prefix
	Scope  string // admin scope that it needs, by its bare name; empty: none, anybody may
	Once   bool   // whether it takes an idempotency key
	Member bool   // whether it is there for who is confined to an organization
	// AnyCaller asks for a token all the same, whatever its scope.
	AnyCaller bool
}

// operation is a row with what makes it work.
type operation struct {
	Operation
	summary string
	status  int      // of success
	media   []string // media types of its body; empty: it has none
	mount   func(*Handler, operation)
}

const (
	mediaJSON  = "application/json"
	mediaPatch = "application/merge-patch+json"
)

func row(id, method, path, scope, summary string, status int, mount func(*Handler, operation), media ...string) operation {
	return operation{
		Operation: Operation{ID: id, Method: method, Path: path, Scope: scope},
		summary:   summary, status: status, media: media, mount: mount,
	}
}

const (
	get, post, patch, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete

	tenantPath  = "/tenants/{tenant}"
	orgsPath    = tenantPath + "/organizations"
	orgPath     = orgsPath + "/{organization}"
	serversPath = tenantPath + "/resource-servers"
	serverPath  = serversPath + "/{identifier}"
	scopesPath  = serverPath + "/scopes"
	clientsPath = tenantPath + "/clients"
	clientPath  = clientsPath + "/{client}"
	secretsPath = clientPath + "/secrets"
)

// operations is the table: everything that the admin API does, with the scope
// that it needs.
func operations() []operation {
	return slices.Concat(tenantOperations(), resourceOperations(), clientOperations(), tokenOperations(), logOperations(), operatorOperations(), selfOperations())
}

// tenantOperations are about tenants, declared state and organizations.
func tenantOperations() []operation {
	return []operation{
		row("openapi", get, "/openapi.json", "", "This document", 200, at((*Handler).document)),
		row("list-tenants", get, "/tenants", "tenants:read", "List tenants", 200, at((*Handler).tenants)),
		row("show-tenant", get, tenantPath, "tenants:read", "Show a tenant", 200, at((*Handler).tenant)),
		row("create-tenant", post, "/tenants", "tenants:write", "Create a tenant", 201, at((*Handler).createTenant), mediaJSON),
		row("update-tenant", patch, tenantPath, "tenants:write", "Disable or enable a tenant", 200, at((*Handler).updateTenant), mediaPatch, mediaJSON),
		row("delete-tenant", del, tenantPath, "tenants:write", "Delete a tenant, at once or in seven days", 200, at((*Handler).deleteTenant)),
		row("export-state", get, tenantPath+"/state", "state:read", "Export a tenant as declared state", 200, at((*Handler).exportState)),
		row("compare-state", get, tenantPath+"/state/compare", "state:read", "Compare a tenant with another", 200, at((*Handler).compareState)),
		row("plan-state", post, "/state/plan", "state:write", "Say what applying declared state would change", 200, at((*Handler).planState), mediaJSON),
		row("apply-state", post, "/state/apply", "state:write", "Apply declared state", 200, at((*Handler).applyState), mediaJSON),
		row("list-organizations", get, orgsPath, "organizations:read", "List organizations", 200, at((*Handler).organizations)),
		row("create-organization", post, orgsPath, "organizations:write", "Create an organization", 201, at((*Handler).createOrganization), mediaJSON),
		row("show-organization", get, orgPath, "organizations:read", "Show an organization", 200, at((*Handler).organization)),
		row("update-organization", patch, orgPath, "organizations:write", "Change an organization", 200, at((*Handler).updateOrganization), mediaPatch, mediaJSON),
		row("delete-organization", del, orgPath, "organizations:write", "Delete an organization that owns no client", 204, at((*Handler).deleteOrganization)),
	}
}

// resourceOperations are about resource servers and their scopes.
func resourceOperations() []operation {
	const read, write = "resource_servers:read", "resource_servers:write"
	return []operation{
		row("list-resource-servers", get, serversPath, read, "List resource servers", 200, at((*Handler).resourceServers)),
		row("create-resource-server", post, serversPath, write, "Create a resource server", 201, at((*Handler).createResourceServer), mediaJSON),
		row("show-resource-server", get, serverPath, read, "Show a resource server", 200, at((*Handler).resourceServer)),
		row("update-resource-server", patch, serverPath, write, "Change a resource server", 200, at((*Handler).updateResourceServer), mediaPatch, mediaJSON),
		row("delete-resource-server", del, serverPath, write, "Delete a resource server", 204, at((*Handler).deleteResourceServer)),
		row("list-scopes", get, scopesPath, read, "List the scopes of a resource server, and who uses them", 200, at((*Handler).scopes)),
		row("add-scope", post, scopesPath, write, "Add a scope to a resource server", 201, at((*Handler).addScope), mediaJSON),
		row("update-scope", patch, scopesPath+"/{scope}", write, "Change the description of a scope", 200, at((*Handler).updateScope), mediaPatch, mediaJSON),
		row("remove-scope", del, scopesPath+"/{scope}", write, "Remove a scope from a resource server", 204, at((*Handler).removeScope)),
	}
}

// clientOperations are about clients and their secrets.
func clientOperations() []operation {
	return []operation{
		row("list-clients", get, clientsPath, "clients:read", "List clients", 200, at((*Handler).clients)),
		row("create-client", post, clientsPath, "clients:write", "Create a client", 201, at((*Handler).createClient), mediaJSON),
		row("show-client", get, clientPath, "clients:read", "Show a client", 200, at((*Handler).client)),
		row("update-client", patch, clientPath, "clients:write", "Change, disable or enable a client", 200, at((*Handler).updateClient), mediaPatch, mediaJSON),
		row("delete-client", del, clientPath, "clients:write", "Delete a client", 204, at((*Handler).deleteClient)),
		row("list-secrets", get, secretsPath, "clients:read", "List a client's secrets", 200, at((*Handler).secrets)),
		row("add-secret", post, secretsPath, "clients:write", "Add a secret to a client", 201, at((*Handler).addSecret), mediaJSON),
		row("revoke-secret", del, secretsPath+"/{secret}", "clients:write", "Revoke a secret", 204, at((*Handler).revokeSecret)),
		row("rotate-secret", post, clientPath+"/rotate", "clients:write", "Rotate a client's secret", 201, at((*Handler).rotateSecret), mediaJSON),
		row("complete-rotation", post, clientPath+"/rotate/complete", "clients:write", "End the secrets that a rotation retires now", 200, at((*Handler).completeRotation)),
		row("cancel-rotation", post, clientPath+"/rotate/cancel", "clients:write", "Undo a rotation that is under way", 200, at((*Handler).cancelRotation)),
		row("pause-secret", post, secretsPath+"/{secret}/pause", "clients:write", "Refuse a secret for a while", 200, at((*Handler).pauseSecret), mediaJSON),
		row("list-ladder", get, tenantPath+"/ladder", "clients:read", "List clients that do what their ladders have rungs for", 200, at((*Handler).ladder)),
	}
}

// tokenOperations are about signing keys and tokens.
func tokenOperations() []operation {
	return []operation{
		row("list-keys", get, tenantPath+"/keys", "keys:read", "List signing keys", 200, at((*Handler).keys)),
		row("rotate-key", post, tenantPath+"/keys/rotate", "keys:write", "Rotate a signing key", 201, at((*Handler).rotateKey), mediaJSON),
		row("kill-key", post, tenantPath+"/keys/{kid}/kill", "keys:write", "Kill a key at once, in an emergency", 200, at((*Handler).killKey)),
		row("introspect-token", post, tenantPath+"/tokens/introspect", "tokens:read", "Say what a token is", 200, at((*Handler).introspect), mediaJSON),
		row("revoke-token", post, tenantPath+"/tokens/revoke", "tokens:write", "End tokens before their time", 204, at((*Handler).revokeToken), mediaJSON),
		row("explain-token", post, tenantPath+"/tokens/explain", "tokens:read", "Say what a token request would get, and why", 200, at((*Handler).explainToken), mediaJSON),
	}
}

// logOperations are about what happened.
func logOperations() []operation {
	return []operation{
		row("list-audit", get, tenantPath+"/audit", "audit:read", "List the changes of a tenant", 200, at((*Handler).audit)),
		row("list-all-audit", get, "/audit", "audit:read", "List the changes of all tenants that the caller may see", 200, at((*Handler).allAudit)),
		row("verify-audit", get, "/audit/verify", "audit:read", "Check that the audit log is what was written", 200, at((*Handler).verifyAudit)),
		row("show-usage", get, tenantPath+"/usage", "usage:read", "Show how the token requests of a tenant ended", 200, at((*Handler).usage)),
		row("show-all-usage", get, "/usage", "usage:read", "Show how token requests ended at all tenants that the caller may see", 200, at((*Handler).allUsage)),
		row("show-cache-advice", get, tenantPath+"/usage/advice", "usage:read", "List clients that seem not to keep their tokens", 200, at((*Handler).usageAdvice)),
		row("list-requests", get, tenantPath+"/requests", "requests:read", "List requests that were refused, warned of or issued a token", 200, at((*Handler).requests)),
		row("show-request", get, tenantPath+"/requests/{trace_id}", "requests:read", "Show a request by its trace id", 200, at((*Handler).request)),
		row("list-all-requests", get, "/requests", "requests:read", "List requests of all tenants that the caller may see", 200, at((*Handler).allRequests)),
		row("find-request", get, "/requests/{trace_id}", "requests:read", "Find a request in any tenant that the caller may see", 200, at((*Handler).anyRequest)),
	}
}

// Operations returns the table, for tests and documentation that walk it.
func Operations() []Operation {
	rows := operations()
	out := make([]Operation, len(rows))
	for i := range rows {
		out[i] = rows[i].Operation
		out[i].Once, out[i].Member = rows[i].once(), rows[i].forMembers()
	}
	return out
}

// at ties an operation to its handler. Everything that all operations share is
// here.
func at[I, O any](serve func(*Handler, context.Context, *I) (*O, error)) func(*Handler, operation) {
	return func(h *Handler, op operation) {
		hop := huma.Operation{
			OperationID: op.ID, Method: op.Method, Path: op.Path, Summary: op.summary, DefaultStatus: op.status,
			SkipValidateBody: true, // the strict reader and internal/manage check more, and echo nothing
			MaxBodyBytes:     maxBody,
			BodyReadTimeout:  10 * time.Second,
			Middlewares:      huma.Middlewares{h.guard(op)},
			Responses:        h.problemResponse(),
			Extensions:       map[string]any{"x-reasons": op.reasons(), "x-members": op.forMembers()},
		}
		if op.once() {
			hop.Parameters = append(hop.Parameters, keyParameter())
		}
		switch {
		case op.Scope != "":
			hop.Security = []map[string][]string{{securityScheme: {manage.AdminPrefix + op.Scope}}}
		case op.AnyCaller:
			hop.Security = []map[string][]string{{securityScheme: {}}}
		}
		huma.Register(h.api, hop, func(ctx context.Context, in *I) (*O, error) {
			out, err := once(ctx, h, op, in, serve)
			if err != nil {
				return nil, h.fail(ctx, err)
			}
			return out, nil
		})
	}
}

// answer is an answer with a document.
type answer[T any] struct{ Body T }

// tagged is an answer with a document that has a version.
type tagged[T any] struct {
	ETag string `header:"ETag" doc:"The version of the object; If-Match takes it back."`
	Body T
}

// nothing is an answer without a body.
type nothing struct{}

// created is the answer of an operation that made an object.
type created[T any] struct {
	Location string `header:"Location" doc:"Where the object is."`
	ETag     string `header:"ETag" doc:"The version of the object; If-Match takes it back."`
	Body     T
}

// OpenAPI returns the OpenAPI document, as the operation openapi answers it.
func (h *Handler) OpenAPI() ([]byte, error) {
	h.routes() // which describe it
	return h.openAPI()
}

// document serves the OpenAPI description.
func (h *Handler) document(_ context.Context, _ *struct{}) (*document, error) {
	body, err := h.openAPI()
	if err != nil {
		return nil, err
	}
	return &document{ContentType: "application/openapi+json", Body: body}, nil
}

type document struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	Body        []byte
}
