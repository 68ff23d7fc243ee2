package mintage

import (
	"slices"
	"strings"
	"time"
)

// Validate checks one layer of token settings. Zero members are right: they
// leave the choice to the next layer.
func (s TokenSettings) Validate() error {
	var p problems
	switch s.Format {
	case "", FormatJWT, FormatStored, FormatSealed:
	default:
		p.add("/format", "the format %q is not one of jwt, stored and sealed", s.Format)
	}
	if s.Alg != "" && !slices.Contains(SigningAlgs(), s.Alg) {
		p.add("/alg", "the algorithm %q is not one of %s", s.Alg, strings.Join(SigningAlgs(), ", "))
	}
	switch s.Claims {
	case "", ClaimsRFC, ClaimsCognito, ClaimsMyParcel:
	default:
		p.add("/claims", "the claims profile %q is not one of rfc, cognito and myparcel", s.Claims)
	}
	if s.Lifetime != 0 {
		p.check("/lifetime", validateSpan(s.Lifetime, LongestTokenLifetime))
	}
	return p.err()
}

// validateSpan checks a span of time that whole seconds can hold.
func validateSpan(d, most time.Duration) error {
	switch {
	case d < time.Second:
		return invalid("at least one second")
	case d%time.Second != 0:
		return invalid("whole seconds only")
	case d > most:
		return invalid("at most %d days", most/(24*time.Hour))
	}
	return nil
}
