package people

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// ErrStale says that somebody signed in too long ago to change how they sign in.
var ErrStale = errors.New("sign in again to change how you sign in")

// freshness is for how long after a sign-in somebody may change how they sign
// in: whoever finds a browser open may not stay.
const freshness = 15 * time.Minute

// Fresh reports whether the viewer may change how they sign in.
func (s *Service) Fresh(v *Viewer) bool { return s.now().Sub(v.Session.Created) < freshness }

// SetPassword gives the viewer a password and a TOTP key, in place of those that
// they had, and ends their other sessions and recovery codes.
func (s *Service) SetPassword(ctx context.Context, v *Viewer, n NewPassword, f From) error {
	if !s.Fresh(v) {
		return ErrStale
	}
	o := v.Operator
	cs, err := s.credentials(ctx, n, o.ID, o.ID, o.Email, o.Name)
	if err != nil {
		return err
	}
	return s.Manager.ChangeCredentials(ctx, v.person(f), o, "set_password", nil, func(tx store.Tx) error {
		if err := dropRecoveryCodes(ctx, tx, o.ID); err != nil {
			return err
		}
		for _, c := range cs {
			fresh := *c
			fresh.Operator, fresh.Created = o.ID, s.now()
			if err := tx.DeleteOperatorCredential(ctx, o.ID, c.Kind, c.ID); err != nil && !errors.Is(err, mintage.ErrNotFound) {
				return err
			}
			if err := tx.CreateOperatorCredential(ctx, &fresh); err != nil {
				return err
			}
		}
		return endOthers(ctx, tx, v)
	})
}

// ErrLastWay says that somebody could not sign in any more.
var ErrLastWay = errors.New("it is the last way in which you can sign in: add another one first")

// RemoveCredential takes away one way in which the viewer signs in, and ends
// their other sessions. A password goes with its TOTP key.
func (s *Service) RemoveCredential(ctx context.Context, v *Viewer, kind mintage.CredentialKind, id string, f From) error {
	if !s.Fresh(v) {
		return ErrStale
	}
	o := v.Operator
	return s.Manager.ChangeCredentials(ctx, v.person(f), o, "remove", map[string]string{"kind": string(kind)}, func(tx store.Tx) error {
		list, err := tx.OperatorCredentials(ctx, o.ID)
		if err != nil {
			return err
		}
		goes, stay := parted(list, kind, id)
		switch {
		case len(goes) == 0:
			return fmt.Errorf("credential: %w", mintage.ErrNotFound)
		case len(stay) == 0:
			return ErrLastWay
		}
		for _, c := range goes {
			if err := tx.DeleteOperatorCredential(ctx, o.ID, c.Kind, c.ID); err != nil {
				return err
			}
		}
		return endOthers(ctx, tx, v)
	})
}

// parted parts what goes with a credential from the ways that stay. TOTP keys and
// recovery codes are no ways of their own: they go with the password.
func parted(list []*mintage.OperatorCredential, kind mintage.CredentialKind, id string) (goes, stay []*mintage.OperatorCredential) {
	is := func(c *mintage.OperatorCredential) bool { return c.Kind == kind && c.ID == id }
	if !way(kind) || !slices.ContainsFunc(list, is) {
		return nil, list
	}
	for _, c := range list {
		switch {
		case is(c), !way(c.Kind) && kind == mintage.CredentialPassword:
			goes = append(goes, c)
		case way(c.Kind):
			stay = append(stay, c)
		}
	}
	return goes, stay
}

// way reports whether somebody signs in by a credential of this kind alone.
func way(kind mintage.CredentialKind) bool {
	return kind != mintage.CredentialTOTP && kind != mintage.CredentialRecovery
}

// addCredential adds one more way.
func (s *Service) addCredential(ctx context.Context, v *Viewer, c *mintage.OperatorCredential, f From) error {
	const most = 20
	o := v.Operator
	what := map[string]string{"kind": string(c.Kind), "name": c.Name}
	return s.Manager.ChangeCredentials(ctx, v.person(f), o, "add", what, func(tx store.Tx) error {
		list, err := tx.OperatorCredentials(ctx, o.ID)
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(c *mintage.OperatorCredential) bool { return !way(c.Kind) })
		if len(list) >= most {
			return &mintage.FieldError{Pointer: "/name", Message: "you have twenty ways to sign in: remove one first"}
		}
		fresh := *c
		fresh.Operator, fresh.Created = o.ID, s.now()
		return tx.CreateOperatorCredential(ctx, &fresh)
	})
}
