package oauth

// GrantType is a grant_type value (RFC 6749 §4).
type GrantType string

// ClientCredentials is the grant of RFC 6749 §4.4.
const ClientCredentials GrantType = "client_credentials"

// Client authentication methods, as metadata names them (RFC 8414 §2).
const (
	AuthBasic         = "client_secret_basic"
	AuthPost          = "client_secret_post"
	AuthPrivateKeyJWT = "private_key_jwt" // a signed assertion (RFC 7523 §2.2)
)

// Token types (RFC 6750 §6.1.1, RFC 9449 §12.1). They are compared without
// letter case (RFC 6749 §5.1).
const (
	TokenTypeBearer = "Bearer"
	TokenTypeDPoP   = "DPoP"
)

// TokenResponse is a successful token answer (RFC 6749 §5.1).
type TokenResponse struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
	Scope       Scope  `json:"scope,omitzero"`
	CreatedAt   int64  `json:"created_at,omitzero"` // seconds since 1970; only Doorkeeper has it
}

// ErrorResponse is an error answer (RFC 6749 §5.2).
type ErrorResponse struct {
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
	URI         string `json:"error_uri,omitempty"`
	TraceID     string `json:"trace_id,omitempty"` // finds the request in the server's log
}
