package people

import (
	"strings"
	"time"
)

// SetSlow sets how long a wrong attempt takes at least.
func (s *Service) SetSlow(d time.Duration) { s.slow = d }

// Code returns the code of a TOTP key, as an app shows it.
func Code(key []byte, at time.Time) string { return totpCode(key, at.Unix()/30) }

// CheckPassword is checkPassword.
func CheckPassword(password, email, name string) error { return checkPassword(password, email, name) }

// PairingWords returns the words of pairing codes.
func PairingWords() []string { return strings.Fields(pairingWords) }
