package people

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
)

// A pairing is the device authorization grant in small (RFC 8628): the command
// line shows a code and an address, somebody who is signed in to the console
// compares the code there and says yes, and the command comes for its session.
// Nobody types the code anywhere, so that there is none to guess.
const (
	// PairingLifetime is how long a command waits for an answer, and
	// PairingInterval how long it waits between two questions.
	PairingLifetime = 10 * time.Minute
	PairingInterval = 2 * time.Second

	// redeemLifetime is how long the session waits for its command.
	redeemLifetime = time.Minute

	// deviceCodeLength is how many base62 digits a command comes back with: more
	// than 256 bits (RFC 8628 §5.2).
	deviceCodeLength = 43
)

// PairingStart is what a command gets that asks to be signed in.
type PairingStart struct {
	*mintage.Pairing
	DeviceCode string // with which it comes for its session
	URL        string // of the page where somebody says yes
}

// LogValue shows nothing secret.
func (p *PairingStart) LogValue() slog.Value { return slog.StringValue(p.ID) }

// StartPairing begins to sign a command line in; host is the name of its
// machine, as it says. It is a *WaitError when too many begin.
func (s *Service) StartPairing(ctx context.Context, host string, f From) (*PairingStart, error) {
	if host != "" {
		if err := mintage.Under("/host", mintage.ValidateName(host)); err != nil {
			return nil, err
		}
	}
	if wait := s.throttle.pairing(f, s.Now()); wait > 0 {
		return nil, &WaitError{wait}
	}
	const idLength = 16 // base62 digits: whoever guesses one has to sign in to see it
	now := s.now()
	p := &PairingStart{DeviceCode: secret.Random(deviceCodeLength)}
	p.Pairing = &mintage.Pairing{
		ID: "pair_" + secret.Random(idLength), Hash: hashOf(p.DeviceCode), Code: pairingCode(), Host: host,
		Address: f.Address, UserAgent: f.agent(), Created: now, Expires: now.Add(PairingLifetime),
	}
	p.URL = s.URL + "/pair/" + p.ID
	if err := s.Store.Update(ctx, func(tx store.Tx) error { return tx.CreatePairing(ctx, p.Pairing) }); err != nil {
		return nil, err
	}
	s.Log.LogAttrs(ctx, slog.LevelInfo, "a command line asks to be signed in",
		slog.String("pairing", p.ID), slog.String("remote_ip", f.Address), slog.String("trace_id", f.TraceID))
	return p, nil
}

// Pairing returns a command line that waits for somebody to say yes or no. It is
// mintage.ErrNotFound when it waits no more.
func (s *Service) Pairing(ctx context.Context, id string) (*mintage.Pairing, error) {
	p, err := s.Store.Pairing(ctx, id)
	if err == nil && (p.Decided() || !s.now().Before(p.Expires)) {
		err = fmt.Errorf("pairing %q has ended: %w", id, mintage.ErrNotFound)
	}
	return p, err
}

// ApprovePairing signs a command line in as the viewer, where the viewer works.
// It is ErrStale when the viewer signed in too long ago, and mintage.ErrNotFound
// when the command waits no more.
func (s *Service) ApprovePairing(ctx context.Context, v *Viewer, id string, f From) error {
	if !s.Fresh(v) {
		return ErrStale
	}
	return s.decidePairing(ctx, v, id, f, func(p *mintage.Pairing) {
		p.OperatorID = v.Operator.ID
		if m := v.Membership; m != nil {
			p.Tenant, p.Organization = m.Tenant, m.Organization
		}
	})
}

// DenyPairing tells a command line no. It is mintage.ErrNotFound when it waits no
// more.
func (s *Service) DenyPairing(ctx context.Context, v *Viewer, id string, f From) error {
	return s.decidePairing(ctx, v, id, f, func(p *mintage.Pairing) { p.Denied = true })
}

func (s *Service) decidePairing(ctx context.Context, v *Viewer, id string, f From, decide func(*mintage.Pairing)) error {
	p, err := s.Pairing(ctx, id)
	if err != nil {
		return err
	}
	decide(p)
	p.Expires = s.now().Add(redeemLifetime)
	return s.Manager.DecidePairing(ctx, v.person(f), v.Operator, p)
}

// Redeemed is what a command line gets that comes for its session. Without a
// Token it waits, or with Denied was told no.
type Redeemed struct {
	Denied bool
	Token  string
	*Viewer
}

// RedeemPairing gives a command line its session, once. It is a *WaitError when
// it asks too often, and mintage.ErrNotFound when the pairing has ended.
func (s *Service) RedeemPairing(ctx context.Context, deviceCode string, f From) (*Redeemed, error) {
	if wait := s.throttle.wait(f, "", s.Now()); wait > 0 {
		return nil, &WaitError{wait}
	}
	p, err := s.Store.PairingByHash(ctx, hashOf(deviceCode))
	if err == nil && !s.now().Before(p.Expires) {
		err = fmt.Errorf("the pairing has ended: %w", mintage.ErrNotFound)
	}
	if errors.Is(err, mintage.ErrNotFound) {
		s.throttle.failed(f, "", s.Now())
	}
	if err != nil {
		return nil, err
	}
	if wait := s.throttle.poll(p.Hash, s.Now()); wait > 0 { // RFC 8628 §3.5
		return nil, &WaitError{wait}
	}
	switch {
	case p.Denied:
		return &Redeemed{Denied: true}, nil
	case p.OperatorID == "":
		return &Redeemed{}, nil
	}
	return s.redeem(ctx, p, f)
}

// redeem begins the session of a command line that was signed in.
func (s *Service) redeem(ctx context.Context, p *mintage.Pairing, f From) (*Redeemed, error) {
	o, err := s.Store.Operator(ctx, p.OperatorID)
	if err != nil {
		return nil, err
	}
	token := secret.NewSessionToken()
	f.UserAgent = strings.TrimSpace(p.UserAgent + " " + p.Host)
	v := &Viewer{Operator: o, Session: s.newSession(o, token, mintage.MethodCommand, f)}
	v.Session.Tenant, v.Session.Organization = p.Tenant, p.Organization
	if !v.place() {
		return &Redeemed{Denied: true}, nil
	}
	by := f.by()
	by.Via = "cli"
	if err := s.signedIn(ctx, o, v.Session, f, by, func(tx store.Tx) error { return tx.DeletePairing(ctx, p.ID) }); err != nil {
		return nil, err
	}
	return &Redeemed{Token: token, Viewer: v}, nil
}
