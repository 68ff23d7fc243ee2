package sqlstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
)

// replayPiece is how many rows one statement inserts at most.
const replayPiece = 64

// Spend implements store.Replays. When ctx ends it no longer waits; the record
// may be written all the same.
func (s *Store) Spend(ctx context.Context, id [32]byte, expires time.Time) error {
	r := &replayRow{id: id, expires: expires.Unix(), done: make(chan error, 1)}
	if err := s.replays.create(ctx, r); err != nil {
		return fmt.Errorf("replay record: %w", err)
	}
	return nil
}

// replayRow is a record on its way to the disk.
type replayRow struct {
	id      [32]byte
	expires int64
	done    chan error // receives the outcome once
}

func (r *replayRow) outcome() chan error { return r.done }

// writeReplays stores a batch of records and answers its callers: those whose
// record was there, from before or from the same batch, learn that.
func (s *Store) writeReplays(ctx context.Context, batch []*replayRow) {
	// Nodes that write the same records at once meet at them in the same order,
	// so that none waits for another that waits for it.
	slices.SortStableFunc(batch, func(a, b *replayRow) int { return bytes.Compare(a.id[:], b.id[:]) })
	var written map[[32]byte]bool
	err := s.writeBeside(ctx, func(ses session) error {
		written = make(map[[32]byte]bool, len(batch))
		for piece := range slices.Chunk(batch, replayPiece) {
			if err := insertReplays(ctx, ses, piece, written); err != nil {
				return err
			}
		}
		return nil
	})
	for _, r := range batch {
		switch {
		case err != nil:
			r.done <- err
		case written[r.id]:
			delete(written, r.id) // the next of the same is one too many
			r.done <- nil
		default:
			r.done <- mintage.ErrExists
		}
	}
}

// insertReplays stores those records that are not there and notes them in
// written.
func insertReplays(ctx context.Context, ses session, rows []*replayRow, written map[[32]byte]bool) error {
	var text strings.Builder
	text.WriteString(`INSERT INTO replays (id, expires) VALUES `)
	args := make([]any, 0, 2*len(rows))
	for i, r := range rows {
		if i > 0 {
			text.WriteString(", ")
		}
		text.WriteString("($" + strconv.Itoa(2*i+1) + ", $" + strconv.Itoa(2*i+2) + ")")
		args = append(args, r.id[:], r.expires)
	}
	text.WriteString(` ON CONFLICT (id) DO NOTHING RETURNING id`)
	ids, err := all(ctx, ses, scanRowKey, text.String(), args...)
	for _, id := range ids {
		written[[32]byte(id)] = true
	}
	return err
}

// SweepReplays implements store.Replays.
func (s *Store) SweepReplays(ctx context.Context, now time.Time, limit int) (int, error) {
	var swept int64
	err := s.writeBeside(ctx, func(ses session) (err error) {
		swept, err = ses.exec(ctx, `
			DELETE FROM replays WHERE id IN
				(SELECT id FROM replays WHERE expires < $1 ORDER BY expires LIMIT $2)`, now.Unix(), limit)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("sweep replay records: %w", err)
	}
	return int(swept), nil
}
