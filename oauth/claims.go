package oauth

import (
	"encoding/json"
	"fmt"
)

// Claims are the access token claims of RFC 9068 §2.2, and of the profiles
// that say the same in other words.
type Claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience Audience `json:"aud,omitempty"`
	Expires  int64    `json:"exp"` // seconds since 1970
	IssuedAt int64    `json:"iat"` // seconds since 1970
	ID       string   `json:"jti"`
	ClientID string   `json:"client_id"`
	Scope    Scope    `json:"scope,omitzero"`
}

// Confirmation is the key that a token is bound to: the claim cnf (RFC 7800
// §3.1). The zero value is that of a bearer token, which is bound to none.
type Confirmation struct {
	// Certificate is the SHA-256 of the DER form of the client's certificate,
	// in base64url (RFC 8705 §3.1).
	Certificate string `json:"x5t#S256,omitempty"`

	// Key is the SHA-256 thumbprint of the client's DPoP key, in base64url (RFC
	// 9449 §6.1).
	Key string `json:"jkt,omitempty"`
}

// Bound reports whether there is something to prove.
func (c Confirmation) Bound() bool { return c != Confirmation{} }

// TokenType returns how a token that is bound so is sent: TokenTypeDPoP, or
// TokenTypeBearer, which is that of a token with a certificate too (RFC 8705
// §3).
func (c Confirmation) TokenType() string {
	if c.Key != "" {
		return TokenTypeDPoP
	}
	return TokenTypeBearer
}

// Audience is an aud claim: one string or an array of them (RFC 7519 §4.1.3).
type Audience []string

// MarshalJSON writes a single audience as a string.
func (a Audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// UnmarshalJSON reads a string or an array of strings.
func (a *Audience) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var one string
		if err := json.Unmarshal(b, &one); err != nil {
			return fmt.Errorf("aud: %w", err)
		}
		*a = Audience{one}
		return nil
	}
	var many []*string
	if err := json.Unmarshal(b, &many); err != nil {
		return fmt.Errorf("aud is neither a string nor an array of strings: %w", err)
	}
	out := make(Audience, 0, len(many))
	for _, s := range many {
		if s == nil {
			return fmt.Errorf("aud has a null in it")
		}
		out = append(out, *s)
	}
	*a = out
	return nil
}
