package people

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/mintage-auth/mintage"
)

// ceremonyLifetime is how long the second step of a ceremony may take.
const ceremonyLifetime = 10 * time.Minute

// sealed is what a browser keeps between two steps: it can neither read nor
// change it, and nothing is stored for who only begins.
type sealed[T any] struct {
	Expires time.Time `json:"expires"`
	Value   T         `json:"value"`
}

// seal packs a value for a purpose.
func seal[T any](s *Service, purpose string, v T) (string, error) {
	b, err := json.Marshal(sealed[T]{s.now().Add(ceremonyLifetime), v})
	if err != nil {
		return "", err
	}
	box, err := s.Vault.Seal("ceremony/"+purpose, b)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(box), nil
}

// unseal returns what was sealed for the purpose, and until when it counts. It is
// mintage.ErrNotFound when it is none of ours, or too old.
func unseal[T any](s *Service, purpose, text string) (v T, expires time.Time, err error) {
	box, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return v, expires, fmt.Errorf("what the browser kept is malformed: %w", mintage.ErrNotFound)
	}
	b, err := s.Vault.Open("ceremony/"+purpose, box)
	if err != nil {
		return v, expires, fmt.Errorf("what the browser kept is not ours: %w", mintage.ErrNotFound)
	}
	var in sealed[T]
	if err := json.Unmarshal(b, &in); err != nil {
		return v, expires, err
	}
	if !s.now().Before(in.Expires) {
		return v, expires, fmt.Errorf("it took too long: %w", mintage.ErrNotFound)
	}
	return in.Value, in.Expires, nil
}
