package people

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/store"
)

// ErrSignIn says that somebody did not prove who they are. It never says what
// was wrong.
var ErrSignIn = errors.New("the address, the password or the code is not right")

// WaitError says that there were too many wrong attempts.
type WaitError struct{ After time.Duration }

func (e *WaitError) Error() string {
	return fmt.Sprintf("too many wrong attempts: try again in %d seconds", int64((e.After+time.Second-1)/time.Second))
}

// failureTime is how long a wrong attempt takes at least: whether there is an
// operator of that address, and how much of it was right, is not to be seen from
// the time.
const failureTime = 500 * time.Millisecond

// MethodRecovery is the method of a session that began with a recovery code in
// the place of the app's.
const MethodRecovery = "recovery"

// SignIn begins a session for whoever has the password and the code of an
// address, or a recovery code, and returns its cookie. The error is ErrSignIn, a *WaitError, or one
// that wraps secret.ErrBusy; anything else is ours.
func (s *Service) SignIn(ctx context.Context, email, password, code string, f From) (string, error) {
	email = mintage.NormalEmail(email)
	who := "password of " + email
	if wait := s.throttle.wait(f, who, s.Now()); wait > 0 {
		return "", &WaitError{wait}
	}
	began := time.Now()
	cookie, err := s.signIn(ctx, email, password, code, f)
	if errors.Is(err, mintage.ErrNotFound) {
		s.throttle.failed(f, who, s.Now())
		s.Log.LogAttrs(ctx, slog.LevelWarn, "a sign-in was refused",
			slog.String("reason", err.Error()), slog.String("remote_ip", f.Address), slog.String("trace_id", f.TraceID))
		pause(ctx, time.Until(began.Add(s.slow)))
		return "", ErrSignIn
	}
	return cookie, err
}

// signIn is SignIn without the bounds; mintage.ErrNotFound is a refusal, and its
// text is for the log.
func (s *Service) signIn(ctx context.Context, email, password, code string, f From) (string, error) {
	o, hash, err := s.attempt(ctx, email, f)
	if err != nil {
		return "", err
	}
	from, _ := netip.ParseAddr(f.Address) // none: everybody's turn
	right, err := s.Secrets.CheckPassword(ctx, hash, password, email, from)
	switch {
	case err != nil:
		return "", err
	case o == nil:
		return "", fmt.Errorf("no operator with a password has that address: %w", mintage.ErrNotFound)
	case !right:
		return "", fmt.Errorf("operator %s: the password is wrong, or was wrong too often: %w", o.ID, mintage.ErrNotFound)
	}
	useCode, err := s.secondProof(ctx, o.ID, code)
	if err != nil {
		return "", err
	}
	method := "password"
	if IsRecoveryCode(code) {
		method = MethodRecovery
	}
	return s.begin(ctx, o, method, f, func(tx store.Tx) error {
		if err := useCode(tx); err != nil {
			return err
		}
		pw := &mintage.OperatorCredential{Operator: o.ID, Kind: mintage.CredentialPassword, ID: o.ID}
		_, err = tx.UseOperatorCredential(ctx, pw, 0, nil, s.now())
		return err
	})
}

// attempt finds the operator of an address and the hash of their password, and
// counts the attempt as a failure before it is looked at: of many at once none
// goes uncounted. The hash is empty when none can be right.
func (s *Service) attempt(ctx context.Context, email string, f From) (o *mintage.Operator, hash string, err error) {
	o, err = s.Store.OperatorByEmail(ctx, email)
	if errors.Is(err, mintage.ErrNotFound) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	c, err := s.Store.OperatorCredential(ctx, mintage.CredentialPassword, o.ID)
	if errors.Is(err, mintage.ErrNotFound) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	var failures int64
	err = s.Store.Update(ctx, func(tx store.Tx) (err error) {
		failures, err = tx.FailOperatorCredential(ctx, mintage.CredentialPassword, o.ID)
		return err
	})
	if err == nil && failures > maxFailures {
		known, unsure := s.known(ctx, o, f)
		if unsure != nil || !known {
			return o, "", unsure
		}
	}
	return o, string(c.Data), err
}

// known reports whether an operator signed in lately from the network that asks:
// strangers who guess a password until it works no more do not keep its owner out
// where the owner usually is (NIST SP 800-63B §5.2.2).
func (s *Service) known(ctx context.Context, o *mintage.Operator, f From) (bool, error) {
	from := network(f)
	if !from.IsValid() {
		return false, nil
	}
	es, err := s.Manager.Events(ctx, manage.EventQuery{
		Tenant: mintage.BuiltInTenant, Action: "session.create", Target: o.ID, Since: s.now().Add(-knownFor), Limit: knownSignIns,
	})
	return slices.ContainsFunc(es, func(e *mintage.Event) bool { return network(From{Address: e.Actor.Address}) == from }), err
}

// checkCode returns the step that a code of an operator belongs to, and the key
// that it is of.
func (s *Service) checkCode(ctx context.Context, operator, code string) (int64, *mintage.OperatorCredential, error) {
	c, err := s.Store.OperatorCredential(ctx, mintage.CredentialTOTP, operator)
	if err != nil {
		return 0, nil, err
	}
	key, err := s.Vault.Open(totpPurpose(operator), c.Data)
	if err != nil {
		return 0, nil, fmt.Errorf("TOTP key of operator %q: %w", operator, err)
	}
	step := totpStepOf(key, code, s.Now())
	clear(key)
	if step == 0 {
		return 0, nil, fmt.Errorf("operator %s: the code is wrong: %w", operator, mintage.ErrNotFound)
	}
	return step, c, nil
}

// totpPurpose is what the TOTP key of an operator is sealed for.
func totpPurpose(operator string) string { return "operator/totp/" + operator }

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
