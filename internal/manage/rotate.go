package manage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// longestOverlap bounds how long two secrets live side by side, and
// longestPause a brown-out: whoever means longer means something else.
const (
	longestOverlap = 90 * 24 * time.Hour
	longestPause   = 24 * time.Hour
)

// Rotation says how a client's secret is replaced.
type Rotation struct {
	NewSecret
	// Overlap is how long the secrets before it live on; nil: the tenant's.
	Overlap *time.Duration
}

// RotateSecret makes a new secret for a client, which is good at once, and
// gives all that are live before it an end: now and the overlap, unless their
// own comes sooner. Nothing has to be done for that end to come. Until then
// CompleteRotation and CancelRotation are possible, and no other rotation is.
func (m *Manager) RotateSecret(ctx context.Context, by By, tenant, client string, r Rotation) (*Credentials, error) {
	t, err := m.Store.Tenant(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("tenant %q: %w", tenant, err)
	}
	c, err := clientOf(ctx, m.Store, by, tenant, client)
	if err != nil {
		return nil, fmt.Errorf("client %q: %w", client, err)
	}
	overlap := cmp.Or(t.SecretOverlap, mintage.DefaultSecretOverlap)
	if r.Overlap != nil {
		overlap = r.Overlap.Truncate(time.Second)
	}
	if overlap < 0 || overlap > longestOverlap {
		return nil, &mintage.FieldError{Pointer: "/overlap", Message: "zero to 90 days"}
	}
	label, plain, err := m.drawSecret(by, t, c, r.NewSecret)
	if err != nil {
		return nil, err
	}
	made := &Credentials{Label: *label, Secret: plain}
	err = m.update(ctx, func(tx store.Tx) error {
		old, err := clientOf(ctx, tx, by, tenant, client)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(old.Secrets, func(s mintage.Secret) bool { return s.Successor != "" && s.Retires(m.now()) }) {
			return &Refusal{Reason: "secret.rotating", Message: "a rotation is under way: complete or cancel it first"}
		}
		if made.Client, err = m.appendSecret(old, label); err != nil {
			return err
		}
		m.retire(made.Client, label.ID, m.now().Add(overlap))
		if err := m.writeSecrets(ctx, tx, by, old, made.Client, "rotate"); err != nil {
			return err
		}
		return m.keep(ctx, tx, by, made)
	})
	if err != nil {
		return nil, fmt.Errorf("secret of client %q: %w", client, err)
	}
	return made, nil
}

// retire gives the live secrets of c but one their end.
func (m *Manager) retire(c *mintage.Client, successor string, end time.Time) {
	now := m.now()
	for i := range c.Secrets {
		s := &c.Secrets[i]
		if s.ID != successor && s.Live(now) {
			// What declared state retired stays its business.
			if again := s.Retires(now); !again {
				s.Successor = successor
			}
			s.Retire(now, end)
		}
	}
}

// CompleteRotation ends the retiring secrets of a client now.
func (m *Manager) CompleteRotation(ctx context.Context, by By, tenant, client string) (*mintage.Client, error) {
	return m.endRotation(ctx, by, tenant, client, "complete", func(c *mintage.Client, now time.Time) bool {
		found := false
		for i := range c.Secrets {
			if s := &c.Secrets[i]; s.Retires(now) {
				s.Expires, found = now, true
			}
		}
		return found
	})
}

// CancelRotation revokes the secret that a rotation made and gives those before
// it the end back that they had. What declared state retired stays so: its file
// says what is to be.
func (m *Manager) CancelRotation(ctx context.Context, by By, tenant, client string) (*mintage.Client, error) {
	return m.endRotation(ctx, by, tenant, client, "cancel", func(c *mintage.Client, now time.Time) bool {
		var made []string
		for i := range c.Secrets {
			s := &c.Secrets[i]
			if s.Successor == "" || !s.Retires(now) {
				continue
			}
			made = append(made, s.Successor)
			s.Expires, s.Retiring, s.PreviousExpires, s.Successor = s.PreviousExpires, time.Time{}, time.Time{}, ""
		}
		for i := range c.Secrets {
			if s := &c.Secrets[i]; slices.Contains(made, s.ID) && s.Live(now) {
				s.Revoked = now
			}
		}
		return len(made) > 0
	})
}

// endRotation writes what end makes of a client; end says whether there was a
// rotation to end. A rotation whose time is over has ended by itself.
func (m *Manager) endRotation(
	ctx context.Context, by By, tenant, client, verb string, end func(*mintage.Client, time.Time) bool,
) (*mintage.Client, error) {
	var out *mintage.Client
	err := m.update(ctx, func(tx store.Tx) error {
		old, err := clientOf(ctx, tx, by, tenant, client)
		if err != nil {
			return err
		}
		out = cloneClient(old)
		if !end(out, m.now()) {
			return &Refusal{Reason: "secret.not_rotating", Message: "no rotation is under way: it was completed or cancelled, or its time is over"}
		}
		if live(out.Secrets, m.now()) == 0 {
			return &Refusal{Reason: "secret.last", Message: "the secret that took their place has ended, so that the client would have none: cancel instead"}
		}
		if err := m.writeSecrets(ctx, tx, by, old, out, verb); err != nil {
			return err
		}
		return m.keep(ctx, tx, by, out)
	})
	if err != nil {
		return nil, fmt.Errorf("client %q: %w", client, err)
	}
	return out, nil
}

// BrownOut refuses a secret, named by its identifier or its label, for a while,
// after which it works again by itself: whoever still uses it shows. Zero ends
// a brown-out. It is refused for a secret without which the client has none.
func (m *Manager) BrownOut(ctx context.Context, by By, tenant, client, which string, pause time.Duration) (*mintage.Client, error) {
	pause = pause.Truncate(time.Second)
	if pause < 0 || pause > longestPause {
		return nil, &mintage.FieldError{Pointer: "/seconds", Message: "zero to 86400, which is a day"}
	}
	var out *mintage.Client
	err := m.update(ctx, func(tx store.Tx) error {
		old, i, err := secretOf(ctx, tx, by, tenant, client, which)
		if err != nil {
			return err
		}
		now := m.now()
		out = cloneClient(old)
		verb, err := pauseSecret(out, i, pause, now)
		if err != nil {
			return err
		}
		if err := m.writeSecrets(ctx, tx, by, old, out, verb); err != nil {
			return err
		}
		return m.keep(ctx, tx, by, out)
	})
	if err != nil {
		return nil, fmt.Errorf("client %q: %w", client, err)
	}
	return out, nil
}

// pauseSecret gives the secret of c at i its pause, and returns the verb of that.
func pauseSecret(c *mintage.Client, i int, pause time.Duration, now time.Time) (verb string, err error) {
	s := &c.Secrets[i]
	if pause == 0 {
		s.PausedUntil = time.Time{}
		return "resume", nil
	}
	s.PausedUntil = now.Add(pause)
	if !s.Live(now) {
		return "", &Refusal{Reason: "secret.expired", Message: "the secret has ended already"}
	}
	if !slices.ContainsFunc(c.Secrets, func(s mintage.Secret) bool { return s.Live(now) && !s.Paused(now) }) {
		return "", &Refusal{Reason: "secret.last", Message: "the client has no other active secret: add or rotate one first"}
	}
	return "pause", nil
}

// secretOf reads a client and finds the secret with that identifier or, else,
// that label: its index in the client's secrets.
func secretOf(ctx context.Context, tx store.Tx, by By, tenant, client, which string) (*mintage.Client, int, error) {
	c, err := clientOf(ctx, tx, by, tenant, client)
	if err != nil {
		return nil, 0, err
	}
	i := slices.IndexFunc(c.Secrets, func(s mintage.Secret) bool { return s.ID == which })
	if i < 0 {
		i = named(c.Secrets, which)
	}
	if i < 0 {
		return nil, 0, fmt.Errorf("secret %q: %w", which, mintage.ErrNotFound)
	}
	return c, i, nil
}
