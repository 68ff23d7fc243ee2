package store

import (
	"context"
	"time"
)

// Replays keeps what was used and may be used once: assertions (RFC 7523 §3)
// and proofs (RFC 9449 §11.1), by a hash. None of it is a change: the feed does
// not move.
type Replays interface {
	// Spend returns when it is on disk that id was used, which matters until it
	// expires. ErrExists: it was used before, or is at the same moment, on
	// whatever node. Any other error says nothing: it may be on disk all the
	// same, and what it stands for must not be accepted. Calls at the same time
	// share one commit.
	Spend(ctx context.Context, id [32]byte, expires time.Time) error
	// SweepReplays deletes at most limit records that expired before now and says
	// how many it deleted.
	SweepReplays(ctx context.Context, now time.Time, limit int) (int, error)
}
