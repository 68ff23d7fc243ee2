package adminclient

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
)

// SigningKey is a key of a tenant that signs tokens, or with the algorithm
// XC20P seals opaque ones. No answer has its private half.
type SigningKey struct {
	Tenant        string          `json:"tenant" doc:"The tenant's identifier."`
	KID           string          `json:"kid" doc:"The key identifier in the header of tokens."`
	Alg           string          `json:"alg" enum:"ES256,EdDSA,PS256,RS256,XC20P" doc:"The JWS algorithm, or XC20P for a key that seals opaque tokens."`
	State         string          `json:"state" enum:"next,active,retiring,gone" doc:"Where the key is in its life."`
	JWK           json.RawMessage `json:"jwk,omitempty" doc:"The public half (RFC 7517); absent for XC20P, whose keys have none."`
	CreatedAt     Time            `json:"created_at" doc:"When the key was made."`
	SignsFrom     Time            `json:"signs_from" doc:"When it begins to sign."`
	DueAt         *Time           `json:"due_at,omitempty" doc:"When the server replaces it; absent for a key that has an end already."`
	SignsUntil    *Time           `json:"signs_until,omitempty" doc:"When it ceases to sign; absent: until it is rotated."`
	VerifiesUntil *Time           `json:"verifies_until,omitempty" doc:"When the tokens that it signed cease to verify; absent: until it is rotated."`
}

// KeyRotation asks for a new signing key.
type KeyRotation struct {
	Alg  string `json:"alg,omitempty" enum:"ES256,EdDSA,PS256,RS256,XC20P" doc:"The algorithm whose key is rotated; absent: the tenant's default."`
	Wait *int64 `json:"wait,omitempty" minimum:"0" doc:"How long the new key is published before it signs, in seconds; absent: long enough for every cache of the JWKS."`
}

// KilledKey is what killing a key did.
type KilledKey struct {
	Killed SigningKey  `json:"killed" doc:"The key that neither signs nor verifies any more."`
	Heir   *SigningKey `json:"heir,omitempty" doc:"The key that signs instead; absent when no other is needed."`
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

// KillKey ends a key at once: its tokens are refused wherever they are
// introspected and by everybody who follows the revocations.
func (c *Client) KillKey(ctx context.Context, tenant, kid string) (*KilledKey, error) {
	return call[KilledKey](ctx, c, request{method: http.MethodPost, path: at("tenants", tenant, "keys", kid, "kill")})
}
