package mintagetest

import (
	"context"
	"time"

	"github.com/mintage-auth/mintage/internal/hostile"
)

// Hostility says how an issuer misbehaves. The zero value is one that does not.
// Percentages are from 0 to 100 and spread evenly, in the same order each time:
// of a hundred, exactly so many, but for what RefusePercent says of tokens.
type Hostility struct {
	// RefusePercent of the good tokens are to be refused, by the API with 401 and by
	// introspection; the first token is one of them. One that a client gets in
	// answer to a refusal never is: the next token for the same client and scope
	// is good, and for five seconds after a refusal no other token of theirs is
	// refused, even if it was to be. Tokens of Server.Token are not counted.
	RefusePercent int
	// RefuseAfter is how long such a token is good for, from its issue on; zero:
	// it is refused from the first use on.
	RefuseAfter time.Duration

	// TooManyPercent of the requests to the issuer are answered 429, and
	// UnavailablePercent 503.
	TooManyPercent, UnavailablePercent int
	// RetryAfter is what such an answer says in Retry-After, in whole seconds;
	// zero: nothing.
	RetryAfter time.Duration
	// ResetPercent of the requests to the issuer have their connection reset
	// before an answer.
	ResetPercent int
	// Delay is how much slower every answer of the issuer is; at most 20 s.
	Delay time.Duration

	// RotateKeysEvery is how often the issuer signs with new keys, at once and
	// without warning; zero: never, else a second or more. Old keys still verify.
	RotateKeysEvery time.Duration
	// ClockOffset is how far ahead the issuer's clock is, in tokens and in the
	// header Date; negative: behind. At most 28 days.
	ClockOffset time.Duration
}

// Hostile makes the issuer misbehave, from now on. It replaces what was said
// before: the zero value ends all hostility.
func (s *Server) Hostile(h Hostility) {
	s.t.Helper()
	s.do("Hostile", func(ctx context.Context) error { return s.hostile(ctx, h) })
}

func (s *Server) hostile(ctx context.Context, h Hostility) error {
	if err := s.front.Set(hostile.Hostility(h)); err != nil {
		return err
	}
	return s.server.Manager().Sync(ctx) // what it knows is as old as the clock says
}

// RotateKeys makes the issuer sign with new keys, at once and without warning.
// Old keys still verify.
func (s *Server) RotateKeys() {
	s.t.Helper()
	s.do("RotateKeys", func(ctx context.Context) error {
		return s.front.RotateKeys(ctx, s.server.Manager(), tenants()...)
	})
}

// Stats are what a Server has done since it was started.
type Stats struct {
	// TokenRequests came to the token endpoints, whatever became of them; Tokens
	// were issued.
	TokenRequests, Tokens int
	// TooMany, Unavailable and Resets are requests of any kind that were answered
	// 429 or 503, or not at all.
	TooMany, Unavailable, Resets int
	// RefusedTokens were good and refused, once or more often.
	RefusedTokens int
	// Refusals are calls of the API, and questions to introspection, that a good
	// token was refused at.
	Refusals int
	// Early are token requests that came before the last Retry-After of a token
	// endpoint allowed: none, of one client that waits.
	Early int
}

// Stats returns what was done so far.
func (s *Server) Stats() Stats { return Stats(s.front.Stats()) }

// Requests returns how many token requests came so far, whatever became of
// them.
func (s *Server) Requests() int { return s.front.Stats().TokenRequests }
