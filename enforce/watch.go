package enforce

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/mintage-auth/mintage/oauth"
)

const (
	// endedTick is how often Verifier.Ended is asked about a token that is
	// watched: within a second of its revocation.
	endedTick = time.Second
	// policyTick is how often everything else is checked again, such as whether
	// the feed is too stale.
	policyTick = 5 * time.Second
)

// Watch returns a context that ends when the token does, for what takes long: a
// stream is authorized when it begins, and has to end with its token. It ends
// when the token expires, is revoked, or cannot be checked any more; the
// context's cause is then the *oauth.Error that a request would be refused
// with now. An issuer that cannot be asked about an opaque token for a while
// does not end it. Call cancel when the stream is over; it waits for what was
// started.
func (v *Verifier) Watch(ctx context.Context, tok *Token) (watched context.Context, cancel context.CancelFunc) {
	watched, cause := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		cause(v.watch(watched, tok))
	}()
	return watched, func() {
		cause(context.Canceled)
		<-done
	}
}

// watch returns when the token has ended, and why.
func (v *Verifier) watch(ctx context.Context, tok *Token) error {
	issuer, err := v.issuer(ctx, tok.Issuer)
	if err != nil {
		return err
	}
	end := time.NewTimer(time.Unix(tok.Expires, 0).Add(v.leeway()).Sub(v.now()))
	defer end.Stop()
	tick := time.NewTicker(v.tick())
	defer tick.Stop()
	for {
		var changed <-chan struct{} // taken before the check, so that nothing is missed in between
		if issuer.Revocations != nil {
			changed = issuer.Revocations.Changed()
		}
		if err := v.stillGood(ctx, issuer, tok); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-end.C:
			return oauth.InvalidToken("token.expired", "the access token has expired", nil)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (v *Verifier) tick() time.Duration {
	if v.Ended != nil {
		return endedTick
	}
	return policyTick
}

// stillGood checks a token again. Where the issuer has to be asked and cannot
// be, what it said before goes on.
func (v *Verifier) stillGood(ctx context.Context, issuer *Issuer, tok *Token) error {
	if issuer.Introspector != nil && (tok.Opaque() || issuer.IntrospectJWTs) {
		if err := v.checkIntrospection(ctx, issuer, tok); err != nil {
			if e, ok := errors.AsType[*oauth.Error](err); !ok || e.Status < http.StatusInternalServerError {
				return err
			}
		}
	}
	if err := v.checkClaims(issuer, tok); err != nil {
		return err
	}
	return v.checkEnded(ctx, issuer, tok)
}
