package people

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
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

// begin makes a session and returns its cookie: a new one at each sign-in,
// whatever the browser had. Use marks what proved who it is.
func (s *Service) begin(ctx context.Context, o *mintage.Operator, method string, f From, use func(store.Tx) error) (cookie string, err error) {
	cookie = secret.Random(cookieLength)
	now := s.now()
	if len(f.UserAgent) > maxUserAgent {
		f.UserAgent = f.UserAgent[:maxUserAgent]
	}
	v := &mintage.Session{
		ID: hashOf(cookie), OperatorID: o.ID, Method: method, Created: now, LastSeen: now, Expires: now.Add(SessionLifetime),
		Address: f.Address, UserAgent: strings.ToValidUTF8(f.UserAgent, "?"),
	}
	if err := s.Manager.SignIn(ctx, f.by(), o, v, use); err != nil {
		return "", err
	}
	s.Log.LogAttrs(ctx, slog.LevelInfo, "an operator signed in",
		slog.String("operator", o.ID), slog.String("method", method), slog.String("remote_ip", f.Address), slog.String("trace_id", f.TraceID))
	return cookie, nil
}

// Viewer returns whose session a cookie is. It is mintage.ErrNotFound when there
// is none: never begun, ended, too old or unused for too long, or of an operator
// who was disabled, or has no role and no membership any more. It asks the
// database each time, so that what another node ends has ended here.
func (s *Service) Viewer(ctx context.Context, cookie string) (*Viewer, error) {
	if len(cookie) != cookieLength {
		return nil, fmt.Errorf("session: %w", mintage.ErrNotFound)
	}
	v, err := s.Store.Session(ctx, hashOf(cookie))
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
	}
	return out, nil
}

// place finds out where v works: in the membership that the session names, else
// over everything, else in the first membership. It reports false when there is
// no such place.
func (v *Viewer) place() bool {
	o := v.Operator
	if m := o.Member(v.Session.Tenant, v.Session.Organization); m != nil {
		v.Membership = m
		return true
	}
	if o.Role != "" {
		return true
	}
	if len(o.Memberships) == 0 {
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
