package adminclient

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// StateRequest carries declared state, with all references resolved.
type StateRequest struct {
	State       json.RawMessage `json:"state" doc:"The declared state: tenants.yaml as JSON, references resolved."`
	Source      string          `json:"source" minLength:"1" maxLength:"500" doc:"Names the file or folder that the state comes from, for ever: objects carry it as managed_by."`
	AllowDelete bool            `json:"allow_delete,omitempty" doc:"Whether pruning may remove objects of protected tenants."`
	Hash        string          `json:"hash,omitempty" doc:"For apply: the hash of the plan that was looked at; another plan is then refused."`
}

// StatePlan is what apply would do, or did.
type StatePlan struct {
	Hash      string         `json:"hash" doc:"Stands for the changes and the versions of what they touch; apply takes it back."`
	Changes   []StateChange  `json:"changes" doc:"What becomes of each object that changes or is left."`
	Generate  []WantedSecret `json:"generate" doc:"Secrets that are to be generated before the state is applied."`
	Secrets   int            `json:"secrets" doc:"How many secrets are made, replaced or retired."`
	Protected bool           `json:"protected" doc:"Whether the plan changes a protected tenant."`
}

// StateChange is what becomes of one object.
type StateChange struct {
	Op     string      `json:"op" enum:"add,change,remove,left" doc:"What becomes of it; left: it stays as it is, and note says why."`
	Kind   string      `json:"kind" enum:"tenants,organizations,resource_servers,clients" doc:"What kind of object it is."`
	Tenant string      `json:"tenant" doc:"The object's tenant."`
	ID     string      `json:"id" doc:"The object's identifier."`
	Name   string      `json:"name,omitempty" doc:"Its name."`
	Diffs  []StateDiff `json:"diffs,omitempty" doc:"The members that change."`
	Note   string      `json:"note,omitempty" doc:"Why it is left, or what its removal means."`
}

// StateDiff is one member that changes. Neither side ever shows a secret.
type StateDiff struct {
	Path   string `json:"path" doc:"The member, such as token.alg."`
	Before string `json:"before,omitempty" doc:"What it is; absent: nothing."`
	After  string `json:"after,omitempty" doc:"What it will be; absent: nothing."`
}

// WantedSecret names a secret that the caller generates before it applies.
type WantedSecret struct {
	Tenant     string   `json:"tenant" doc:"The client's tenant."`
	Client     string   `json:"client" doc:"The client's identifier."`
	Secret     string   `json:"secret" doc:"The secret's name."`
	Production bool     `json:"production" doc:"Whether the tenant is protected, so that the secret says live."`
	Hints      []string `json:"hints,omitempty" doc:"Hints of the secrets that the client has."`
}

// ExportedState is the declared state of a tenant as it is.
type ExportedState struct {
	State json.RawMessage `json:"state" doc:"tenants.yaml as JSON. Secrets are references to variables whose names begin with TODO_."`
}

// ExportState returns the declared state that makes an empty server serve what
// a tenant serves, secrets excepted.
func (c *Client) ExportState(ctx context.Context, tenant string) (*ExportedState, error) {
	return call[ExportedState](ctx, c, request{method: http.MethodGet, path: at("tenants", tenant, "state")})
}

// CompareTenants says how two tenants differ: what leads from the first to the
// second. Secrets, issuers and aliases are not compared.
func (c *Client) CompareTenants(ctx context.Context, tenant, with string) (*StatePlan, error) {
	return call[StatePlan](ctx, c, request{
		method: http.MethodGet, path: at("tenants", tenant, "state", "compare"), query: url.Values{"with": {with}},
	})
}

// PlanState says what applying the state would change, and changes nothing.
func (c *Client) PlanState(ctx context.Context, r StateRequest) (*StatePlan, error) {
	return call[StatePlan](ctx, c, request{method: http.MethodPost, path: "/state/plan", body: r})
}

// ApplyState makes the state so, in one transaction, and returns what it did
// when the keys exist that its tokens need. With a hash, it is
// mintage.ErrConflict when the plan would be another one by now.
func (c *Client) ApplyState(ctx context.Context, r StateRequest) (*StatePlan, error) {
	return call[StatePlan](ctx, c, request{method: http.MethodPost, path: "/state/apply", body: r})
}
