package adminclient

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
)

// SigningKey is a signing key of a tenant. No answer has its private half.
type SigningKey struct {
	Tenant        string          `json:"tenant" doc:"The tenant's identifier."`
	KID           string          `json:"kid" doc:"The key identifier in the header of tokens."`
	Alg           string          `json:"alg" doc:"The JWS algorithm."`
	State         string          `json:"state" enum:"next,active,retiring,gone" doc:"Where the key is in its life."`
	JWK           json.RawMessage `json:"jwk" doc:"The public half (RFC 7517)."`
	CreatedAt     Time            `json:"created_at" doc:"When the key was made."`
	SignsFrom     Time            `json:"signs_from" doc:"When it begins to sign."`
	SignsUntil    *Time           `json:"signs_until,omitempty" doc:"When it ceases to sign; absent: until it is rotated."`
	VerifiesUntil *Time           `json:"verifies_until,omitempty" doc:"When the tokens that it signed cease to verify; absent: until it is rotated."`
}

// KeyRotation asks for a new signing key.
type KeyRotation struct {
	Alg  string `json:"alg,omitempty" enum:"ES256,RS256" doc:"The algorithm whose key is rotated; absent: the tenant's default."`
	Wait *int64 `json:"wait,omitempty" minimum:"0" doc:"How long the new key is published before it signs, in seconds; absent: long enough for every cache of the JWKS."`
}

// Keys returns the signing keys of a tenant, oldest first, those that are gone
// included.
func (c *Client) Keys(ctx context.Context, tenant string, l List) iter.Seq2[*SigningKey, error] {
	return pages[SigningKey](ctx, c, at("tenants", tenant, "keys"), l)
}

// RotateKey makes a new signing key, which takes over after the wait, and
// returns it.
func (c *Client) RotateKey(ctx context.Context, tenant string, r KeyRotation) (*SigningKey, error) {
	return call[SigningKey](ctx, c, request{method: http.MethodPost, path: at("tenants", tenant, "keys", "rotate"), body: r})
}
