package adminclient

import (
	"context"
	"net/http"
)

// SecretRotation asks for a new secret that takes the place of all others.
type SecretRotation struct {
	NewSecret
	Overlap *int64 `json:"overlap,omitempty" minimum:"0" doc:"How long the secrets before it live on, in seconds; absent: the tenant's secret_overlap."`
}

// SecretPause asks for a brown-out.
type SecretPause struct {
	Seconds int64 `json:"seconds" minimum:"0" maximum:"86400" doc:"How long the secret is refused, in seconds; it then works again by itself. Zero ends a brown-out."`
}

// RotateSecret makes a new secret for a client, good at once, and gives those
// before it an end. What it returns holds the secret, which cannot be had
// again. While a rotation is under way there is no other (code
// secret.rotating).
func (c *Client) RotateSecret(ctx context.Context, tenant, client string, r SecretRotation) (*CreatedSecret, error) {
	return call[CreatedSecret](ctx, c, request{
		method: http.MethodPost, path: at("tenants", tenant, "clients", client, "rotate"), body: r,
	})
}

// CompleteRotation ends the retiring secrets of a client now.
func (c *Client) CompleteRotation(ctx context.Context, tenant, client string) (*RegisteredClient, error) {
	return call[RegisteredClient](ctx, c, request{
		method: http.MethodPost, path: at("tenants", tenant, "clients", client, "rotate", "complete"),
	})
}

// CancelRotation revokes the secret that a rotation made, and gives those
// before it the end back that they had.
func (c *Client) CancelRotation(ctx context.Context, tenant, client string) (*RegisteredClient, error) {
	return call[RegisteredClient](ctx, c, request{
		method: http.MethodPost, path: at("tenants", tenant, "clients", client, "rotate", "cancel"),
	})
}

// PauseSecret refuses a secret, named by its identifier or its label, for a
// while.
func (c *Client) PauseSecret(ctx context.Context, tenant, client, secret string, p SecretPause) (*RegisteredClient, error) {
	return call[RegisteredClient](ctx, c, request{
		method: http.MethodPost, path: at("tenants", tenant, "clients", client, "secrets", secret, "pause"), body: p,
	})
}
