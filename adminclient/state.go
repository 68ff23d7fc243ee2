package adminclient

import (
	"context"
	"encoding/json"
	"net/http"
)

// StateRequest carries declared state, with all references resolved.
type StateRequest struct {
	State       json.RawMessage `json:"state" doc:"The declared state: tenants.yaml as JSON, references resolved."`
	Source      string          `json:"source,omitempty" maxLength:"500" doc:"The file or folder that the state comes from; objects carry it as managed_by."`
	AllowDelete bool            `json:"allow_delete,omitempty" doc:"Whether pruning may remove objects of protected tenants."`
	Hash        string          `json:"hash,omitempty" doc:"For apply: the hash of the plan that was looked at; another plan is then refused."`
}

// StatePlan is what apply would do, or did.
type StatePlan struct {
	Hash    string        `json:"hash" doc:"Names this plan; apply takes it back."`
	Changes []StateChange `json:"changes" doc:"What changes, in order."`
}

// Actions of a change.
const (
	ActionCreate = "create"
	ActionUpdate = "update"
	ActionDelete = "delete"
	ActionKeep   = "keep" // would be removed if the file said prune
)

// StateChange is the change of one object.
type StateChange struct {
	Action    string       `json:"action" enum:"create,update,delete,keep" doc:"What happens to the object; keep: it would be left alone, since prune is off for its kind."`
	Kind      string       `json:"kind" enum:"tenant,organization,resource_server,client" doc:"The noun."`
	Tenant    string       `json:"tenant" doc:"The object's tenant."`
	ID        string       `json:"id" doc:"The object's identifier."`
	Name      string       `json:"name,omitempty" doc:"Its name."`
	Protected bool         `json:"protected" doc:"Whether the object belongs to a protected tenant."`
	Fields    []FieldDelta `json:"fields" doc:"The members that change."`
}

// FieldDelta is one member that changes. A secret's value is never in it.
type FieldDelta struct {
	Field  string          `json:"field" doc:"The member, such as grants or token.lifetime."`
	Before json.RawMessage `json:"before,omitempty" doc:"What it is; absent: nothing."`
	After  json.RawMessage `json:"after,omitempty" doc:"What it will be; absent: nothing."`
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
