package store

import (
	"context"
	"time"
)

// KeptAnswer is the answer to a request of the admin API that may be sent again,
// sealed.
type KeptAnswer struct {
	ID      [32]byte // of the request: who asked, and their key for it
	Sealed  []byte
	Created time.Time
}

// KeptAnswers reads answers. None of it is a change: the feed does not move.
type KeptAnswers interface {
	KeptAnswer(ctx context.Context, id [32]byte) (*KeptAnswer, error) // ErrNotFound
	// SweepAnswers deletes at most limit answers that were kept before the given
	// instant and says how many it deleted.
	SweepAnswers(ctx context.Context, before time.Time, limit int) (int, error)
}

// KeptAnswerWriter keeps answers, in the transaction of what they answer for.
type KeptAnswerWriter interface {
	CreateAnswer(ctx context.Context, a *KeptAnswer) error // ErrExists
}
