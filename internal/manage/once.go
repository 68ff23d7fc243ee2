package manage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// KeepAnswers is how long an answer is kept at least.
const KeepAnswers = 24 * time.Hour

// maxAnswer bounds an answer that is kept, in bytes: the largest that we have
// seen, the plan of a whole tenant, is far below.
const maxAnswer = 1 << 20

// Errors of requests that are sent again.
var (
	// ErrAnswered says that the request was answered meanwhile, and that this
	// time nothing was changed.
	ErrAnswered = errors.New("the request was answered already")
	// ErrOtherRequest says that another request was answered under the key.
	ErrOtherRequest = errors.New("another request had this key")
	// ErrAnswerTooLarge says that the request was carried out, and that its
	// answer was too large to be kept.
	ErrAnswerTooLarge = errors.New("the answer was too large to be kept")
)

// Once is a request that may be sent again (ADR 0041). Its answer is kept in the
// transaction of its change, so that either both are there or neither. A Once is
// for one call.
type Once struct {
	ID      [sha256.Size]byte // who asks, and their key
	Request [sha256.Size]byte // digest of all that the request says
	// Answer encodes the answer to what a use case made. It may be called more
	// than once.
	Answer func(made any) ([]byte, error)

	kept bool // whether the last transaction that ran keeps it
}

// Kept reports whether the answer was kept. It is for after the use case.
func (o *Once) Kept() bool { return o.kept }

// purpose is what an answer is sealed for.
func (o *Once) purpose() string { return "answer/" + hex.EncodeToString(o.ID[:]) }

// keep keeps the answer to what a use case made, where its request may be sent
// again. It comes last in the transaction: what made it has all its members.
func (m *Manager) keep(ctx context.Context, tx store.Tx, by By, made any) error {
	o := by.Once
	if o == nil || o.Answer == nil {
		return nil
	}
	o.kept = false
	answer, err := o.Answer(made)
	if err != nil {
		return err
	}
	if len(answer) > maxAnswer {
		answer = nil
	}
	sealed, err := m.Vault.Seal(o.purpose(), append(o.Request[:], answer...))
	if err != nil {
		return err
	}
	err = tx.CreateAnswer(ctx, &store.KeptAnswer{ID: o.ID, Sealed: sealed, Created: m.now()})
	if errors.Is(err, mintage.ErrExists) {
		return ErrAnswered
	}
	o.kept = err == nil
	return err
}

// KeepAnswer keeps the answer to a request that changed nothing.
func (m *Manager) KeepAnswer(ctx context.Context, o *Once, made any) error {
	// Not m.update: no cache holds what is written here.
	return m.Store.Update(ctx, func(tx store.Tx) error { return m.keep(ctx, tx, By{Once: o}, made) })
}

// KeptAnswer returns the answer that was given to a request under its key. It is
// mintage.ErrNotFound where none was, ErrOtherRequest or ErrAnswerTooLarge.
func (m *Manager) KeptAnswer(ctx context.Context, o *Once) ([]byte, error) {
	row, err := m.Store.KeptAnswer(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	plain, err := m.Vault.Open(o.purpose(), row.Sealed)
	if err != nil {
		return nil, fmt.Errorf("kept answer: %w", err)
	}
	switch {
	case len(plain) < sha256.Size || [sha256.Size]byte(plain[:sha256.Size]) != o.Request:
		return nil, ErrOtherRequest
	case len(plain) == sha256.Size:
		return nil, ErrAnswerTooLarge
	}
	return plain[sha256.Size:], nil
}
