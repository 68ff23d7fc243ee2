package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// answers: kept with what they answer for, or not at all, and swept when old.
func answers(t *testing.T, s store.Store) {
	ctx := t.Context()
	prepare(t, s)
	last, err := s.LastChange(ctx)
	must(t, err)
	kept := []*store.KeptAnswer{
		{ID: [32]byte{1}, Sealed: []byte("one\x00\xff"), Created: at(10)},
		{ID: [32]byte{2}, Sealed: []byte("two"), Created: at(20)},
		{ID: [32]byte{3}, Sealed: []byte("three"), Created: at(30)},
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, a := range kept {
			if err := tx.CreateAnswer(ctx, a); err != nil {
				return err
			}
		}
		wantErr(t, "an answer twice", tx.CreateAnswer(ctx, kept[0]), mintage.ErrExists)
		return nil
	})
	unmoved(t, s, last)
	got, err := s.KeptAnswer(ctx, kept[0].ID)
	must(t, err)
	diff(t, "kept answer", got, kept[0])
	_, err = s.KeptAnswer(ctx, [32]byte{9})
	wantErr(t, "none", err, mintage.ErrNotFound)

	failed := errors.New("failed")
	wantErr(t, "a change that fails", s.Update(ctx, func(tx store.Tx) error {
		if err := tx.CreateAnswer(ctx, &store.KeptAnswer{ID: [32]byte{4}, Sealed: []byte("four"), Created: at(40)}); err != nil {
			return err
		}
		return failed
	}), failed)
	_, err = s.KeptAnswer(ctx, [32]byte{4})
	wantErr(t, "the answer of a change that failed", err, mintage.ErrNotFound)

	for _, want := range []int{1, 1, 0} {
		n, err := s.SweepAnswers(ctx, at(30), 1)
		if err != nil || n != want {
			t.Errorf("swept %d (%v), want %d", n, err, want)
		}
	}
	for i, want := range []error{mintage.ErrNotFound, mintage.ErrNotFound, nil} {
		_, err = s.KeptAnswer(ctx, kept[i].ID)
		wantErr(t, "after the sweep", err, want)
	}
}
