package people

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
)

// How long a session lives: a working day, and two hours without a request.
const (
	SessionLifetime = 12 * time.Hour
	IdleLifetime    = 2 * time.Hour

	// touchEvery is how exact LastSeen is.
	touchEvery = time.Minute

	// cookieLength is how many base62 digits a cookie has: more than 256 bits.
	cookieLength = 43
)

// hashOf returns how a cookie, or what a browser holds of a ceremony, is found.
func hashOf(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])
}

// newSession makes the session of whoever will show value.
func (s *Service) newSession(o *mintage.Operator, value, method string, f From) *mintage.Session {
	now := s.now()
	return &mintage.Session{
		ID: hashOf(value), OperatorID: o.ID, Method: method, Created: now, LastSeen: now, Expires: now.Add(SessionLifetime),
		Address: f.Address, UserAgent: f.agent(),
	}
}

// begin makes a session and returns its cookie: a new one at each sign-in,
// whatever the browser had. Use marks what proved who it is.
func (s *Service) begin(ctx context.Context, o *mintage.Operator, method string, f From, use func(store.Tx) error) (cookie string, err error) {
	cookie = secret.Random(cookieLength)
	if err := s.signedIn(ctx, o, s.newSession(o, cookie, method, f), f, f.by(), use); err != nil {
		return "", err
	}
	return cookie, nil
}

// signedIn writes a session and the log line of it.
func (s *Service) signedIn(ctx context.Context, o *mintage.Operator, v *mintage.Session, f From, by manage.By, use func(store.Tx) error) error {
	if err := s.Manager.SignIn(ctx, by, o, v, use); err != nil {
		return err
	}
	s.Log.LogAttrs(ctx, slog.LevelInfo, "an operator signed in",
		slog.String("operator", o.ID), slog.String("method", v.Method), slog.String("remote_ip", f.Address), slog.String("trace_id", f.TraceID))
	return nil
}

// Viewer returns whose session a cookie is. It is mintage.ErrNotFound when there
// is none: never begun, ended, too old or unused for too long, of a command line,
// or of an operator who was disabled, or has no role and no membership any more.
// It asks the database each time, so that what another node ends has ended here.
func (s *Service) Viewer(ctx context.Context, cookie string) (*Viewer, error) {
	if len(cookie) != cookieLength {
		return nil, fmt.Errorf("session: %w", mintage.ErrNotFound)
	}
	v, err := s.viewer(ctx, cookie)
	if err == nil && v.Session.Method == mintage.MethodCommand {
		return nil, fmt.Errorf("the session is of a command line: %w", mintage.ErrNotFound)
	}
	return v, err
}

// Command is Viewer for the token of a command line.
func (s *Service) Command(ctx context.Context, token string) (*Viewer, error) {
	if !secret.IsSessionToken(token) {
		return nil, fmt.Errorf("session: %w", mintage.ErrNotFound)
	}
	v, err := s.viewer(ctx, token)
	if err == nil && v.Session.Method != mintage.MethodCommand {
		return nil, fmt.Errorf("the session is of a browser: %w", mintage.ErrNotFound)
	}
	return v, err
}

// viewer returns whose session it is that value opens.
func (s *Service) viewer(ctx context.Context, value string) (*Viewer, error) {
	v, err := s.Store.Session(ctx, hashOf(value))
	if err != nil {
		return nil, err
	}
	now := s.now()
	if !now.Before(v.Expires) || now.Sub(v.LastSeen) >= IdleLifetime {
		return nil, fmt.Errorf("the session has ended: %w", mintage.ErrNotFound)
	}
	o, err := s.Store.Operator(ctx, v.OperatorID)
	if err != nil {
		return nil, err
	}
	out := &Viewer{Operator: o, Session: v}
	if o.Disabled || !out.place() {
		return nil, fmt.Errorf("the operator may not sign in: %w", mintage.ErrNotFound)
	}
	if now.Sub(v.LastSeen) >= touchEvery {
		if err := s.Store.TouchSession(ctx, v.ID, now); err != nil {
			return nil, err
		}
		v.LastSeen = now
	}
	return out, nil
}

// place finds out where v works: in the membership that the session names, else
// over everything, else in the first membership. A command line works where it
// was signed in and nowhere else: nobody is there to see that it changed. It
// reports false when there is no such place.
func (v *Viewer) place() bool {
	o := v.Operator
	if m := o.Member(v.Session.Tenant, v.Session.Organization); m != nil {
		v.Membership = m
		return true
	}
	if v.Session.Method == mintage.MethodCommand && v.Session.Organization != "" {
		return false
	}
	if o.Role != "" {
		return true
	}
	if len(o.Memberships) == 0 || v.Session.Method == mintage.MethodCommand {
		return false
	}
	v.Membership = &o.Memberships[0]
	return true
}

// Move has a session work in another of its operator's memberships, or with both
// empty over everything. It is mintage.ErrNotFound when they have no such place.
func (s *Service) Move(ctx context.Context, v *Viewer, tenant, organization string) error {
	if organization == "" && v.Operator.Role == "" || organization != "" && v.Operator.Member(tenant, organization) == nil {
		return fmt.Errorf("organization %q: %w", organization, mintage.ErrNotFound)
	}
	return s.Store.Update(ctx, func(tx store.Tx) error { return tx.MoveSession(ctx, v.Session.ID, tenant, organization) })
}

// SignOut ends the session.
func (s *Service) SignOut(ctx context.Context, v *Viewer, f From) error {
	by := v.person(f)
	return s.Manager.EndSession(ctx, by, v.Operator.ID, v.Session.ID)
}

// EndOthers ends all sessions of the viewer but the one that looks.
func (s *Service) EndOthers(ctx context.Context, v *Viewer, f From) error {
	return s.Manager.ChangeCredentials(ctx, v.person(f), v.Operator, "end_sessions", nil, func(tx store.Tx) error {
		return endOthers(ctx, tx, v)
	})
}

func endOthers(ctx context.Context, tx store.Tx, v *Viewer) error {
	if err := tx.DeletePairings(ctx, v.Operator.ID); err != nil {
		return err
	}
	list, err := tx.Sessions(ctx, v.Operator.ID)
	if err != nil {
		return err
	}
	for _, other := range list {
		if other.ID == v.Session.ID {
			continue
		}
		if err := tx.DeleteSession(ctx, other.ID); err != nil {
			return err
		}
	}
	return nil
}
