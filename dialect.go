package mintage

import (
	"strings"
	"time"
)

// Names of the dialects of the token endpoint.
const (
	DialectRFC        = "rfc"        // RFC 6749
	DialectCognito    = "cognito"    // AWS Cognito
	DialectMyParcel   = "myparcel"   // League and Passport, with a JSON body
	DialectDoorkeeper = "doorkeeper" // SessionM and Doorkeeper, parameters in the query
)

// Dialect is what the decision about a token needs to know of a dialect. How
// it reads and writes is internal/issue's.
type Dialect struct {
	Name string
	// Token is what the dialect states where client and resource server are
	// silent; zero members fall through to the tenant.
	Token TokenSettings
	// AllWhenOmitted grants all that the client may have when a request names
	// no scope, whatever the client's default.
	AllWhenOmitted bool
	// Star reads the scope * as all that the client may have.
	Star bool
	// ManyAudiences lets a request that names no scope span several resource
	// servers, for tokens that carry no aud.
	ManyAudiences bool
}

// Dialects are the dialects that this build speaks, in the order in which they
// are listed.
func Dialects() []Dialect {
	return []Dialect{
		{Name: DialectRFC},
		{
			Name:           DialectCognito,
			Token:          TokenSettings{Format: FormatJWT, Alg: "RS256", Claims: ClaimsCognito, Lifetime: time.Hour},
			AllWhenOmitted: true,
			ManyAudiences:  true,
		},
		{
			Name:  DialectMyParcel,
			Token: TokenSettings{Format: FormatJWT, Alg: "RS256", Claims: ClaimsMyParcel, Lifetime: 24 * time.Hour},
			Star:  true,
		},
		{
			Name:  DialectDoorkeeper,
			Token: TokenSettings{Format: FormatStored, Lifetime: 14 * 24 * time.Hour},
		},
	}
}

// DialectByName returns the dialect with the given name.
func DialectByName(name string) (Dialect, bool) {
	for _, d := range Dialects() {
		if d.Name == name {
			return d, true
		}
	}
	return Dialect{}, false
}

// LadderState says what becomes of a request that weakens security: one of the
// constants, or LadderWarn with the day on which it ends, as LadderWarnUntil
// writes it.
type LadderState string

// States of the ladder. The zero value is LadderRefuse.
const (
	LadderRefuse LadderState = "refuse"
	LadderWarn   LadderState = "warn" // serve, and tell the client to stop
	LadderAllow  LadderState = "allow"
)

const warnUntil = "warn until "

// LadderWarnUntil is LadderWarn until the given day, UTC, from which on it is
// LadderRefuse.
func LadderWarnUntil(day time.Time) LadderState {
	return LadderState(warnUntil + day.UTC().Format(time.DateOnly))
}

// Sunset returns when s ends; zero: never, or s is malformed.
func (s LadderState) Sunset() time.Time {
	date, ok := strings.CutPrefix(string(s), warnUntil)
	if !ok {
		return time.Time{}
	}
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return time.Time{}
	}
	return day
}

// at returns which of the constants s is at now.
func (s LadderState) at(now time.Time) LadderState {
	if s == LadderWarn || s == LadderAllow {
		return s
	}
	if end := s.Sunset(); now.Before(end) {
		return LadderWarn
	}
	return LadderRefuse // whatever is not understood too
}

// Rung is one weakness that has a state per client.
type Rung string

// Rungs of the ladder.
const (
	// RungQueryCredentials is client credentials in the query.
	RungQueryCredentials Rung = "query_credentials" // #nosec G101 -- a name
	// RungTwoMethods is several authentication methods in one request.
	RungTwoMethods Rung = "two_methods"
	// RungAssertionAudience is an assertion whose audience is not the issuer
	// alone, but a token endpoint, or a list with it.
	RungAssertionAudience Rung = "assertion_audience"
)
