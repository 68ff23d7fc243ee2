package oauth

// Introspection is an introspection answer (RFC 7662 §2.2). An inactive one
// has no member but active.
type Introspection struct {
	Active    bool     `json:"active"`
	Scope     Scope    `json:"scope,omitzero"`
	ClientID  string   `json:"client_id,omitempty"`
	TokenType string   `json:"token_type,omitempty"`
	Expires   int64    `json:"exp,omitempty"` // seconds since 1970
	IssuedAt  int64    `json:"iat,omitempty"` // seconds since 1970
	Subject   string   `json:"sub,omitempty"`
	Audience  Audience `json:"aud,omitempty"`
	Issuer    string   `json:"iss,omitempty"`
	ID        string   `json:"jti,omitempty"`

	Confirmation Confirmation `json:"cnf,omitzero"` // RFC 8705 §3.2, RFC 9449 §6.2
}
