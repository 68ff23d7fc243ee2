package adminclient

import (
	"context"
	"net/http"
)

// TokenRequest is a token request that is explained and not made.
type TokenRequest struct {
	ClientID string   `json:"client_id" minLength:"1" doc:"The client."`
	Scope    string   `json:"scope,omitempty" doc:"The scope, as in a token request; absent: left out."`
	Resource []string `json:"resource,omitempty" doc:"The resource parameters (RFC 8707)."`
	Audience []string `json:"audience,omitempty" doc:"The audience parameters."`
	Dialect  string   `json:"dialect,omitempty" doc:"The dialect; absent: rfc where the tenant has it, else that of its first token path."`
	AsOf     *Time    `json:"as_of,omitempty" doc:"The instant it is asked for; absent: now. Settings are those of today."`
}

// TokenExplanation says what a token request would get, and why.
type TokenExplanation struct {
	Issued   bool           `json:"issued" doc:"Whether a token would be issued to the client, with one of its live secrets."`
	Problems []TokenProblem `json:"problems" doc:"What stands in the way, in the order in which a request would meet it."`
	Dialect  string         `json:"dialect" doc:"The dialect."`
	AsOf     Time           `json:"as_of" doc:"The instant."`
	Subject  string         `json:"sub" doc:"The subject."`
	Issuer   string         `json:"iss" doc:"The issuer."`

	Scope        []ScopeOrigin `json:"scope" doc:"What would be granted."`
	ScopeRule    string        `json:"scope_rule,omitempty" doc:"How it is decided: asked, star, dialect or default_scope."`
	Dropped      []string      `json:"dropped" doc:"What would be dropped of what is asked for."`
	Audience     []string      `json:"aud" doc:"The resource servers that the token would be for."`
	AudienceRule string        `json:"audience_rule,omitempty" doc:"How they are decided: named, scope, or none for a claims profile without aud."`

	Format   *DecidedText   `json:"format,omitempty" doc:"How the token would be made."`
	Alg      *DecidedText   `json:"alg,omitempty" doc:"The algorithm, of a JWT."`
	Claims   *DecidedText   `json:"claims,omitempty" doc:"The claims profile, of a JWT."`
	Lifetime *DecidedNumber `json:"lifetime,omitempty" doc:"The lifetime, in seconds."`

	DPoPBound bool `json:"dpop_bound,omitempty" doc:"Whether the request needs a DPoP proof, since the client or a resource server takes bound tokens alone."`

	Key     *TokenKey      `json:"key,omitempty" doc:"The key that would sign or seal."`
	Secrets []SecretOnDate `json:"secrets" doc:"The client's secrets, as they would be then."`

	AllowFrom []string `json:"allow_from,omitempty" doc:"Networks that the request would have to come from."`
}

// TokenProblem is one thing that stands in the way of a token.
type TokenProblem struct {
	Error  string `json:"error" doc:"The OAuth error code of the answer."`
	Reason string `json:"reason" doc:"Reason code."`
	Detail string `json:"detail,omitempty" doc:"What the client would be told."`
	Why    string `json:"why" doc:"What the reason means."`
	Fix    string `json:"fix,omitempty" doc:"What to do about it."`
	Docs   string `json:"docs" doc:"The page about it."`
}

// ScopeOrigin says which grant gives a scope.
type ScopeOrigin struct {
	Scope          string `json:"scope" doc:"The scope on the wire."`
	ResourceServer string `json:"resource_server" doc:"The resource server whose grant gives it."`
	All            bool   `json:"all" doc:"Whether that grant gives all scopes of the resource server."`
}

// DecidedText is a setting and the layer that decides it.
type DecidedText struct {
	Value string `json:"value" doc:"The setting."`
	Decision
}

// DecidedNumber is a setting and the layer that decides it.
type DecidedNumber struct {
	Value int64 `json:"value" doc:"The setting."`
	Decision
}

// Decision says which layer decides a setting.
type Decision struct {
	Layer          string `json:"layer" enum:"client,resource_server,dialect,tenant,built_in" doc:"The layer that decides it."`
	ResourceServer string `json:"resource_server,omitempty" doc:"Which resource server."`
}

// TokenKey is the key of a token.
type TokenKey struct {
	KID string `json:"kid" doc:"The key identifier."`
	Alg string `json:"alg" doc:"Its algorithm."`
}

// SecretOnDate is what a secret is at an instant.
type SecretOnDate struct {
	ID        string `json:"id" doc:"The secret's identifier."`
	Name      string `json:"name" doc:"Its label."`
	Hint      string `json:"hint,omitempty" doc:"What may be shown of it."`
	State     string `json:"state" enum:"live,paused,expired,retired,revoked" doc:"What it is then."`
	ExpiresAt *Time  `json:"expires_at,omitempty" doc:"When it ends."`
}

// ExplainToken says what a token request would get, without making it.
func (c *Client) ExplainToken(ctx context.Context, tenant string, r TokenRequest) (*TokenExplanation, error) {
	return call[TokenExplanation](ctx, c, request{
		method: http.MethodPost, path: at("tenants", tenant, "tokens", "explain"), body: r,
	})
}
