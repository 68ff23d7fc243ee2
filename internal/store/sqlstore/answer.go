package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/mintage-auth/mintage/internal/store"
)

// KeptAnswer implements store.KeptAnswers.
func (s *Store) KeptAnswer(ctx context.Context, id [32]byte) (*store.KeptAnswer, error) {
	scan := func(row scanner) (*store.KeptAnswer, error) {
		a := &store.KeptAnswer{ID: id}
		err := row.Scan(&a.Sealed, instant{&a.Created})
		return a, err
	}
	a, err := view(ctx, s, func(ses session) (*store.KeptAnswer, error) {
		return one(ctx, ses, scan, `SELECT sealed, created FROM kept_answers WHERE id = $1`, id[:])
	})
	if err != nil {
		return nil, fmt.Errorf("kept answer: %w", err)
	}
	return a, nil
}

// CreateAnswer implements store.KeptAnswerWriter.
func (t *tx) CreateAnswer(ctx context.Context, a *store.KeptAnswer) error {
	return t.atomically(ctx, "kept answer", "", func() error {
		_, err := t.exec(ctx, `INSERT INTO kept_answers (id, sealed, created) VALUES ($1, $2, $3)`, a.ID[:], a.Sealed, a.Created.Unix())
		return err
	})
}

// SweepAnswers implements store.KeptAnswers.
func (s *Store) SweepAnswers(ctx context.Context, before time.Time, limit int) (int, error) {
	var swept int64
	err := s.writeBeside(ctx, func(ses session) (err error) {
		swept, err = ses.exec(ctx, `
			DELETE FROM kept_answers WHERE id IN
				(SELECT id FROM kept_answers WHERE created < $1 ORDER BY created LIMIT $2)`, before.Unix(), limit)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("sweep kept answers: %w", err)
	}
	return int(swept), nil
}
