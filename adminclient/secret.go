package adminclient

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

// Time is a time in answers: RFC 3339, UTC, whole seconds.
type Time = time.Time

// States of a secret.
const (
	SecretActive   = "active"
	SecretRetiring = "retiring" // good until it ends; a newer one is there
	SecretExpired  = "expired"
	SecretRevoked  = "revoked"
)

// Secret is what may be shown of a client secret.
type Secret struct {
	ID            string `json:"id" doc:"Identifier, unique in the client."`
	Name          string `json:"name" doc:"Label, unique in the client."`
	Hint          string `json:"hint,omitempty" doc:"The secret's prefix and its last four characters; absent when nothing of it is known."`
	State         string `json:"state" enum:"active,retiring,expired,revoked" doc:"Whether it can be used now."`
	CreatedBy     string `json:"created_by,omitempty" doc:"Who made it."`
	CreatedAt     Time   `json:"created_at" doc:"When it was made."`
	ExpiresAt     *Time  `json:"expires_at,omitempty" doc:"When it ends; absent: never."`
	RevokedAt     *Time  `json:"revoked_at,omitempty" doc:"When it was revoked; absent: it was not."`
	LastUsedAt    *Time  `json:"last_used_at,omitempty" doc:"When it was last used; absent: never."`
	LastUsedFrom  string `json:"last_used_from,omitempty" doc:"The address of that use."`
	RetiringSince *Time  `json:"retiring_since,omitempty" doc:"When a newer secret took its place; absent: none did."`
	Successor     string `json:"successor,omitempty" doc:"Identifier of the secret that a rotation made in its place."`
	PausedUntil   *Time  `json:"paused_until,omitempty" doc:"Until when a brown-out refuses it; absent: there is none now."`
	ExposedAt     *Time  `json:"exposed_at,omitempty" doc:"When it was last seen where secrets must not be, such as in a URL; absent: never."`
}

// NewSecret asks for a secret. The server draws it, unless its hash is given.
type NewSecret struct {
	Name      string `json:"name,omitempty" maxLength:"64" doc:"Label, unique in the client; absent: today's date."`
	ExpiresIn int64  `json:"expires_in,omitempty" minimum:"0" doc:"How long it lives, in seconds; absent: the tenant's default."`
	NoExpiry  bool   `json:"no_expiry,omitempty" doc:"Whether it lives for ever, whatever the tenant's default."`
	// Hash is of a secret that the client has already.
	Hash string `json:"hash,omitempty" maxLength:"1024" doc:"Hash of a secret that the client has already, such as mintage hash prints: argon2id, bcrypt, pbkdf2 and others; absent: the server draws a secret."`
}

// CreatedSecret is the answer that made a secret: the only one that shows it.
type CreatedSecret struct {
	Secret
	ClientID     string `json:"client_id" doc:"The client that the secret is for."`
	ClientSecret string `json:"client_secret,omitempty" doc:"The secret. It is shown here and never again; absent where its hash was given."`
}

// LogValue hides the secret.
func (s *CreatedSecret) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", s.ID), slog.String("name", s.Name), slog.String("hint", s.Hint))
}

// LogValue hides the secret.
func (c *CreatedClient) LogValue() slog.Value {
	return slog.GroupValue(slog.String("tenant", c.Tenant), slog.String("client_id", c.ClientID), slog.String("name", c.Name))
}

// Secrets returns what may be shown of a client's secrets, oldest first.
func (c *Client) Secrets(ctx context.Context, tenant, client string, l List) iter.Seq2[*Secret, error] {
	return pages[Secret](ctx, c, at("tenants", tenant, "clients", client, "secrets"), l)
}

// AddSecret makes another secret for a client. What it returns holds the
// secret, which cannot be had again.
func (c *Client) AddSecret(ctx context.Context, tenant, client string, n NewSecret) (*CreatedSecret, error) {
	return call[CreatedSecret](ctx, c, request{
		method: http.MethodPost, path: at("tenants", tenant, "clients", client, "secrets"), body: n,
	})
}

// RevokeSecret ends a secret, named by its identifier or its label. The last
// active secret of a client is refused (code secret.last) unless allowLast
// says that the client is meant to be locked out.
func (c *Client) RevokeSecret(ctx context.Context, tenant, client, secret string, allowLast bool) error { //nolint:revive // it is the request, not a way through it
	r := request{method: http.MethodDelete, path: at("tenants", tenant, "clients", client, "secrets", secret)}
	if allowLast {
		r.query = url.Values{"allow_last": {"true"}}
	}
	return c.do(ctx, r, nil)
}
