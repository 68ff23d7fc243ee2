package adminclient

import (
	"context"
	"net/http"

	"github.com/mintage-auth/mintage/oauth"
)

// TokenQuestion asks what a token is.
type TokenQuestion struct {
	Token string `json:"token" minLength:"1" doc:"The access token."`
}

// TokenInfo is what an administrator is told of a token: an introspection
// answer (RFC 7662), and why an inactive token is inactive.
type TokenInfo struct {
	oauth.Introspection
	Format string `json:"token_format,omitempty" enum:"jwt,stored" doc:"How the token was made."`
	Reason string `json:"reason,omitempty" doc:"Reason code of an inactive token, such as token.expired."`
}

// TokenRevocation says which tokens end. Exactly one of Token, ID, ClientID and
// KeyID is set.
type TokenRevocation struct {
	Token    string `json:"token,omitempty" doc:"This access token."`
	ID       string `json:"jti,omitempty" doc:"The token with this jti."`
	ClientID string `json:"client_id,omitempty" doc:"All tokens of this client that were issued until now, or until before."`
	Before   *Time  `json:"before,omitempty" doc:"With client_id: the instant until which the tokens were issued; absent: now."`
	KeyID    string `json:"kid,omitempty" doc:"All tokens that this key signed or sealed; a key in use has to be killed instead."`
}

// IntrospectToken says what a tenant's token is. A token that is not the
// tenant's is inactive, and no error.
func (c *Client) IntrospectToken(ctx context.Context, tenant, token string) (*TokenInfo, error) {
	return call[TokenInfo](ctx, c, request{
		method: http.MethodPost, path: at("tenants", tenant, "tokens", "introspect"), body: TokenQuestion{Token: token},
	})
}

// RevokeToken ends tokens before their time. It is no error when they have
// ended already.
func (c *Client) RevokeToken(ctx context.Context, tenant string, r TokenRevocation) error {
	return c.do(ctx, request{method: http.MethodPost, path: at("tenants", tenant, "tokens", "revoke"), body: r}, nil)
}
