package adminclient

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Usage says how token requests ended, as sums.
type Usage struct {
	Since time.Time  `json:"since" doc:"The beginning of the time that it is about."`
	Until time.Time  `json:"until" doc:"Its end."`
	Items []UsageSum `json:"items" doc:"The sums, sorted by what they are grouped by."`
}

// UsageSum is one sum. It has the members that the sums are grouped by.
type UsageSum struct {
	Start    *Time  `json:"start,omitempty" doc:"When the span began. Older counts are by the hour, then by the day, whatever was asked for."`
	Tenant   string `json:"tenant,omitempty" doc:"The tenant."`
	ClientID string `json:"client_id,omitempty" doc:"The client; absent: of nobody that is known."`
	Reason   string `json:"reason,omitempty" doc:"Reason code of the refusals; absent: the tokens."`
	API      string `json:"api,omitempty" doc:"Identifier of the resource server; absent: refusals. A token for several counts for each."`
	Scope    string `json:"scope,omitempty" doc:"Scope as on the wire; absent: refusals. A token of several counts for each."`
	Issued   int64  `json:"issued" doc:"Tokens that were issued."`
	Refused  int64  `json:"refused" doc:"Requests that were refused."`
}

// UsageFilter narrows and groups usage. The zero value is one sum of all of the
// last 24 hours.
type UsageFilter struct {
	ClientID string
	Outcome  string // issued, refused, or empty for both
	Reason   string // reason code of refusals
	API      string // identifier of a resource server
	Scope    string // as on the wire
	Since    time.Time
	Until    time.Time
	Step     string   // minute, hour or day; empty: not by time
	GroupBy  []string // tenant, client, reason, api, scope
}

func (f UsageFilter) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{
		"client": f.ClientID, "outcome": f.Outcome, "reason": f.Reason, "api": f.API, "scope": f.Scope, "step": f.Step,
		"group_by": strings.Join(f.GroupBy, ","),
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"since": f.Since, "until": f.Until} {
		if !at.IsZero() {
			q.Set(name, at.UTC().Format(time.RFC3339))
		}
	}
	return q
}

// CacheAdvice names a client that gets far more tokens than it needs: it does
// not keep them.
type CacheAdvice struct {
	ClientID   string `json:"client_id" doc:"The client."`
	ClientName string `json:"client_name,omitempty" doc:"Its name."`
	Tokens     int64  `json:"tokens" doc:"How many tokens of one kind it got."`
	Window     int64  `json:"window" doc:"In how long, in seconds."`
	Lifetime   int64  `json:"lifetime" doc:"How long each of them lives, in seconds."`
	Text       string `json:"text" doc:"The same as a sentence."`
}

// Usage returns sums of the usage of a tenant; of all tenants that the token may
// see when the tenant is empty.
func (c *Client) Usage(ctx context.Context, tenant string, f UsageFilter) (*Usage, error) {
	path := "/usage"
	if tenant != "" {
		path = at("tenants", tenant, "usage")
	}
	return call[Usage](ctx, c, request{method: http.MethodGet, path: path, query: f.query()})
}

// CacheAdvice returns the clients of a tenant that seem not to keep their
// tokens, the worst first.
func (c *Client) CacheAdvice(ctx context.Context, tenant string) (*Page[CacheAdvice], error) {
	return call[Page[CacheAdvice]](ctx, c, request{method: http.MethodGet, path: at("tenants", tenant, "usage", "advice")})
}
