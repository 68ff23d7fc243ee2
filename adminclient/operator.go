package adminclient

import (
	"context"
	"iter"
	"net/http"
	"time"
)

// OperatorSettings are the members of an operator that an owner chooses.
type OperatorSettings struct {
	Email       string       `json:"email" minLength:"3" maxLength:"254" doc:"The e-mail address, in lower case; unique."`
	Name        string       `json:"name,omitempty" maxLength:"200" doc:"What people call them."`
	Role        string       `json:"role,omitempty" enum:"owner,admin,developer,viewer" doc:"What they may do over everything; absent: only what memberships say."`
	Memberships []Membership `json:"memberships,omitempty" doc:"The organizations that they belong to."`
	Disabled    bool         `json:"disabled" doc:"Whether they cannot sign in; disabling ends their sessions."`
}

// Membership makes an operator a member of an organization.
type Membership struct {
	Tenant       string `json:"tenant" doc:"The tenant's identifier."`
	Organization string `json:"organization" doc:"The organization's identifier."`
	Role         string `json:"role" enum:"admin,developer,viewer" doc:"What they may do there."`
}

// Operator is a person who administers.
type Operator struct {
	ID string `json:"id" doc:"The operator's identifier."`
	OperatorSettings
	LastSignIn *time.Time `json:"last_sign_in_at,omitempty" doc:"When they last signed in; absent: never."`
	Version    int64      `json:"version" doc:"Grows by one with each change; the ETag."`
	CreatedAt  time.Time  `json:"created_at" doc:"When they became one."`
	UpdatedAt  time.Time  `json:"updated_at" doc:"When they were last changed."`
}

// Session is one browser, or command line, in which an operator is signed in.
type Session struct {
	ID         string    `json:"id" doc:"The session's identifier, which opens nothing."`
	Method     string    `json:"method" enum:"password,recovery,passkey,oidc,command" doc:"How they signed in. Recovery: by a password and a recovery code. Command: the session is of a command line."`
	CreatedAt  time.Time `json:"created_at" doc:"When they signed in."`
	LastSeenAt time.Time `json:"last_seen_at" doc:"When the session was last used, within a minute."`
	ExpiresAt  time.Time `json:"expires_at" doc:"When it ends, whatever its use."`
	Address    string    `json:"address" doc:"From where they signed in."`
	UserAgent  string    `json:"user_agent,omitempty" doc:"The browser that signed in, as it calls itself."`
}

// NewInvitation asks for a one-time link by which somebody becomes an operator.
type NewInvitation struct {
	Email        string `json:"email" minLength:"3" maxLength:"254" doc:"Whom it is for."`
	Name         string `json:"name,omitempty" maxLength:"200" doc:"What to call them."`
	Role         string `json:"role" enum:"owner,admin,developer,viewer" doc:"What they may do: over everything, or in the organization that is named."`
	Tenant       string `json:"tenant,omitempty" doc:"The tenant of the organization."`
	Organization string `json:"organization,omitempty" doc:"The organization that they belong to; absent: none, the role is over everything."`
}

// Invitation is a one-time link.
type Invitation struct {
	ID           string    `json:"id" doc:"The invitation's identifier."`
	Kind         string    `json:"kind" enum:"setup,invite,recover" doc:"What the link is for: the first owner, a new operator, or other credentials."`
	Email        string    `json:"email,omitempty" doc:"Whom it is for."`
	Role         string    `json:"role,omitempty" doc:"What they may do."`
	Tenant       string    `json:"tenant,omitempty" doc:"The tenant of the organization."`
	Organization string    `json:"organization,omitempty" doc:"The organization that they will belong to."`
	OperatorID   string    `json:"operator_id,omitempty" doc:"Whose credentials it gives."`
	CreatedBy    string    `json:"created_by" doc:"Who made it."`
	CreatedAt    time.Time `json:"created_at" doc:"When it was made."`
	ExpiresAt    time.Time `json:"expires_at" doc:"When it works no more."`
	// Link is in the answer that made it, and in no other.
	Link string `json:"link,omitempty" doc:"The link itself, once: in the answer to the request that made it."`
}

// Operators returns the operators, in the order of their identifiers.
func (c *Client) Operators(ctx context.Context, l List) iter.Seq2[*Operator, error] {
	return pages[Operator](ctx, c, at("operators"), l)
}

// Operator returns one operator.
func (c *Client) Operator(ctx context.Context, id string) (*Operator, error) {
	return call[Operator](ctx, c, request{method: http.MethodGet, path: at("operators", id)})
}

// UpdateOperator changes the members in p, which may be those of
// OperatorSettings; version as UpdateClient.
func (c *Client) UpdateOperator(ctx context.Context, id string, p Patch, version int64) (*Operator, error) {
	return call[Operator](ctx, c, request{method: http.MethodPatch, path: at("operators", id), body: p, version: version, mergePatch: true})
}

// DeleteOperator deletes an operator, and ends their sessions; version as
// UpdateClient.
func (c *Client) DeleteOperator(ctx context.Context, id string, version int64) error {
	return c.do(ctx, request{method: http.MethodDelete, path: at("operators", id), version: version}, nil)
}

// RecoverOperator makes a one-time link that gives an operator other
// credentials.
func (c *Client) RecoverOperator(ctx context.Context, id string) (*Invitation, error) {
	return call[Invitation](ctx, c, request{method: http.MethodPost, path: at("operators", id, "recovery")})
}

// Sessions returns where an operator is signed in, the newest first.
func (c *Client) Sessions(ctx context.Context, operator string, l List) iter.Seq2[*Session, error] {
	return pages[Session](ctx, c, at("operators", operator, "sessions"), l)
}

// EndSessions ends all sessions of an operator, or with an id that one.
func (c *Client) EndSessions(ctx context.Context, operator, id string) error {
	path := at("operators", operator, "sessions")
	if id != "" {
		path = at("operators", operator, "sessions", id)
	}
	return c.do(ctx, request{method: http.MethodDelete, path: path}, nil)
}

// Invitations returns the one-time links that still work, in the order of their
// identifiers.
func (c *Client) Invitations(ctx context.Context, l List) iter.Seq2[*Invitation, error] {
	return pages[Invitation](ctx, c, at("invitations"), l)
}

// Invite makes a one-time link by which somebody becomes an operator.
func (c *Client) Invite(ctx context.Context, n NewInvitation) (*Invitation, error) {
	return call[Invitation](ctx, c, request{method: http.MethodPost, path: at("invitations"), body: n})
}

// DeleteInvitation takes a link back.
func (c *Client) DeleteInvitation(ctx context.Context, id string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: at("invitations", id)}, nil)
}
