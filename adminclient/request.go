package adminclient

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Outcomes of a request in the log.
const (
	OutcomeIssued  = "issued"
	OutcomeRefused = "refused"
	OutcomeWarned  = "warned" // answered, though something about it is wrong
)

// Request is what is kept of requests that were refused, answered with a warning
// or issued a token as asked. Equal ones within a minute share one.
type Request struct {
	TraceID    string    `json:"trace_id" doc:"The trace id of the first of them, which its answer had too."`
	Tenant     string    `json:"tenant,omitempty" doc:"The tenant; absent when none was found."`
	Outcome    string    `json:"outcome" enum:"issued,refused,warned" doc:"Whether a token was issued as asked, or it was refused, or answered with a warning."`
	Time       time.Time `json:"time" doc:"When it came."`
	LastTime   time.Time `json:"last_time" doc:"When the last of them came."`
	Count      int64     `json:"count" doc:"How many equal ones came within the minute."`
	ClientID   string    `json:"client_id,omitempty" doc:"The client identifier as claimed, as far as it can be shown."`
	ClientName string    `json:"client_name,omitempty" doc:"The name of a client that proved itself."`
	Endpoint   string    `json:"endpoint" doc:"The endpoint: token, introspect, revoke and so on."`
	Dialect    string    `json:"dialect,omitempty" doc:"The dialect of the token endpoint."`
	AuthMethod string    `json:"auth_method,omitempty" doc:"How the client authenticated, or tried to."`
	GrantType  string    `json:"grant_type,omitempty" doc:"The grant_type, if it is one that is served."`
	Address    string    `json:"address,omitempty" doc:"The remote address."`
	Status     int       `json:"status" doc:"The HTTP status of the answer."`
	Error      string    `json:"error,omitempty" doc:"The OAuth error code of the answer."`
	Reason     string    `json:"reason" doc:"Reason code: why it was refused, or the first warning; ok: there is none."`
	Found      string    `json:"found,omitempty" doc:"Reason code that a second look found behind it."`
	Why        string    `json:"why" doc:"What found, else reason, means."`
	Fix        string    `json:"fix,omitempty" doc:"What to do about it."`
	Docs       string    `json:"docs" doc:"The page about it."`

	OwnerTenant string `json:"owner_tenant,omitempty" doc:"The tenant that the credentials belong to, where it is another."`
	OwnerClient string `json:"owner_client,omitempty" doc:"The client that the credentials belong to, where it is another."`

	ScopeAsked   string   `json:"scope_asked,omitempty" doc:"The scope asked for."`
	ScopeGranted string   `json:"scope_granted,omitempty" doc:"The scope granted."`
	Ignored      []string `json:"ignored_params,omitempty" doc:"Parameters that nothing reads."`
	DidYouMean   string   `json:"did_you_mean,omitempty" doc:"The parameter that the first of them resembles."`
	Notes        []string `json:"notes,omitempty" doc:"Reason codes of what did not fail the request."`
}

// RequestFilter narrows the request log. The zero value is all of it.
type RequestFilter struct {
	Reason   string // Reason, Found or one of Notes
	ClientID string
	Outcome  string    // OutcomeIssued, OutcomeRefused, OutcomeWarned, or empty for all
	Since    time.Time // zero: as far back as it goes
	Until    time.Time // zero: until now
}

func (f RequestFilter) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"reason": f.Reason, "client": f.ClientID, "outcome": f.Outcome} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if !f.Since.IsZero() {
		q.Set("since", f.Since.UTC().Format(time.RFC3339))
	}
	if !f.Until.IsZero() {
		q.Set("until", f.Until.UTC().Format(time.RFC3339))
	}
	return q
}

// LadderUse says that a client does what its ladder has a rung for.
type LadderUse struct {
	ClientID   string    `json:"client_id" doc:"The client."`
	ClientName string    `json:"client_name" doc:"The client's name."`
	Rung       string    `json:"rung" doc:"What it does: query_credentials, two_methods or assertion_audience."`
	State      string    `json:"state" doc:"What its ladder says to that: refuse, warn, warn until a day, or allow."`
	Count      int64     `json:"count" doc:"How often."`
	FirstTime  time.Time `json:"first_time" doc:"When it was first seen to."`
	LastTime   time.Time `json:"last_time" doc:"When it last did."`
	Address    string    `json:"address,omitempty" doc:"From where it last did."`
}

// Requests returns the request log of a tenant, newest first; of all tenants
// that the token may see when the tenant is empty.
func (c *Client) Requests(ctx context.Context, tenant string, f RequestFilter, l List) iter.Seq2[*Request, error] {
	path := "/requests"
	if tenant != "" {
		path = at("tenants", tenant, "requests")
	}
	return pages[Request](ctx, c, path, l, f.query())
}

// Request returns what is known of the request with a trace id, in any tenant
// that the token may see when the tenant is empty.
func (c *Client) Request(ctx context.Context, tenant, traceID string) (*Request, error) {
	path := at("requests", traceID)
	if tenant != "" {
		path = at("tenants", tenant, "requests", traceID)
	}
	return call[Request](ctx, c, request{method: http.MethodGet, path: path})
}

// LadderUses returns which clients of a tenant do what their ladders have rungs
// for, sorted by client.
func (c *Client) LadderUses(ctx context.Context, tenant string) (*Page[LadderUse], error) {
	return call[Page[LadderUse]](ctx, c, request{method: http.MethodGet, path: at("tenants", tenant, "ladder")})
}
