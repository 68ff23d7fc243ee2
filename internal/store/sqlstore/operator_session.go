package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/mintage-auth/mintage"
)

const selectSession = `
	SELECT id, operator, method, tenant, organization, created, last_seen, expires, address, user_agent FROM operator_sessions `

func scanSession(row scanner) (*mintage.Session, error) {
	s := new(mintage.Session)
	err := row.Scan(&s.ID, &s.OperatorID, &s.Method, &s.Tenant, &s.Organization, instant{&s.Created}, instant{&s.LastSeen},
		instant{&s.Expires}, &s.Address, &s.UserAgent)
	return s, err
}

// Session implements store.Sessions.
func (s session) Session(ctx context.Context, id string) (*mintage.Session, error) {
	v, err := one(ctx, s, scanSession, selectSession+`WHERE id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	return v, nil
}

// Sessions implements store.Sessions.
func (s session) Sessions(ctx context.Context, operator string) ([]*mintage.Session, error) {
	list, err := all(ctx, s, scanSession, selectSession+`WHERE operator = $1 ORDER BY created DESC, id`, operator)
	if err != nil {
		return nil, fmt.Errorf("sessions of operator %q: %w", operator, err)
	}
	return list, nil
}

// CreateSession implements store.SessionWriter. The mark comes first: its row is
// locked until the transaction ends, so that whoever disables the operator at
// the same moment ends this session too, or comes before it.
func (t *tx) CreateSession(ctx context.Context, s *mintage.Session) error {
	return t.atomically(ctx, "session of operator", s.OperatorID, func() error {
		err := mustTouch(t.exec(ctx, `
			UPDATE operators SET last_sign_in = $2 WHERE id = $1 AND disabled = $3`, s.OperatorID, seconds(s.Created), false))
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, `
			INSERT INTO operator_sessions (id, operator, method, tenant, organization, created, last_seen, expires, address, user_agent)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			s.ID, s.OperatorID, s.Method, s.Tenant, s.Organization, seconds(s.Created), seconds(s.LastSeen), seconds(s.Expires),
			s.Address, s.UserAgent)
		return missingParent(err, "operator")
	})
}

// MoveSession implements store.SessionWriter.
func (t *tx) MoveSession(ctx context.Context, id, tenant, organization string) error {
	return t.atomically(ctx, "session", "", func() error {
		return mustTouch(t.exec(ctx, `UPDATE operator_sessions SET tenant = $2, organization = $3 WHERE id = $1`, id, tenant, organization))
	})
}

// DeleteSession implements store.SessionWriter.
func (t *tx) DeleteSession(ctx context.Context, id string) error {
	return t.atomically(ctx, "session", "", func() error {
		return mustTouch(t.exec(ctx, `DELETE FROM operator_sessions WHERE id = $1`, id))
	})
}

// DeleteSessions implements store.SessionWriter.
func (t *tx) DeleteSessions(ctx context.Context, operator string) error {
	return t.atomically(ctx, "sessions of operator", operator, func() error {
		_, err := t.exec(ctx, `DELETE FROM operator_sessions WHERE operator = $1`, operator)
		return err
	})
}

// SpendChallenge implements store.ChallengeWriter.
func (t *tx) SpendChallenge(ctx context.Context, id string, expires time.Time) error {
	return t.atomically(ctx, "challenge", "", func() error {
		_, err := t.exec(ctx, `INSERT INTO spent_challenges (id, expires) VALUES ($1, $2)`, id, seconds(expires))
		return err
	})
}

// TouchSession implements store.PeopleUpkeep.
func (s *Store) TouchSession(ctx context.Context, id string, at time.Time) error {
	err := s.writeBeside(ctx, func(ses session) error {
		_, err := ses.exec(ctx, `UPDATE operator_sessions SET last_seen = $2 WHERE id = $1 AND last_seen < $2`, id, at.Unix())
		return err
	})
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	return nil
}

// SweepPeople implements store.PeopleUpkeep.
func (s *Store) SweepPeople(ctx context.Context, now, idle time.Time, limit int) (int, error) {
	var swept int64
	err := s.writeBeside(ctx, func(ses session) error {
		swept = 0
		n, err := ses.exec(ctx, `
			DELETE FROM operator_sessions WHERE id IN
				(SELECT id FROM operator_sessions WHERE expires < $1 OR last_seen < $2 ORDER BY id LIMIT $3)`, now.Unix(), idle.Unix(), limit)
		if err != nil {
			return err
		}
		swept += n
		for _, table := range []string{"invitations", "pairings", "spent_challenges"} {
			n, err := ses.exec(ctx, `
				DELETE FROM `+table+` WHERE id IN
					(SELECT id FROM `+table+` WHERE expires < $1 ORDER BY id LIMIT $2)`, now.Unix(), limit)
			if err != nil {
				return err
			}
			swept += n
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("sweep sessions, invitations, pairings and challenges: %w", err)
	}
	return int(swept), nil
}
