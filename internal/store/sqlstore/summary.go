package sqlstore

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/mintage-auth/mintage"
)

// summaryCounter counts deletions of shapes and minutes. What was remembered
// under another count may be gone.
const summaryCounter = "token_summaries"

const (
	// maxShapes bounds what is remembered: 16,384 entries are about 1.5 MB.
	maxShapes = 1 << 14
	// maxMinutes is far more than the minutes that tokens made now end in.
	maxMinutes = 1 << 10
	// shapeMargin is how long a shape outlasts the token that it is written
	// for, so that it is written about once a day and not with each token.
	shapeMargin = 24 * time.Hour
)

// summaries remembers which shapes and minutes are in the database. The token
// writer alone uses it.
type summaries struct {
	deletions int64
	kept      summarySet
	pending   summarySet // of the transaction that runs
}

type summarySet struct {
	shapes  map[shapeDigest]shapeRow
	minutes map[minutes]struct{}
}

func newSummarySet() summarySet {
	return summarySet{shapes: make(map[shapeDigest]shapeRow), minutes: make(map[minutes]struct{})}
}

// shapeRow is a shape's identifier and how long it stays.
type shapeRow struct{ id, until int64 }

func scanShape(row scanner) (shapeRow, error) {
	var r shapeRow
	err := row.Scan(&r.id, &r.until)
	return r, err
}

// begin forgets what the last transaction left pending, and everything when
// rows were deleted since.
func (m *summaries) begin(ctx context.Context, ses session) error {
	n, err := one(ctx, ses, number, `SELECT value FROM counters WHERE name = $1`, summaryCounter)
	if err != nil {
		return err
	}
	if n != m.deletions || m.kept.shapes == nil {
		m.deletions, m.kept = n, newSummarySet()
	}
	m.pending = newSummarySet()
	return nil
}

// commit keeps what the transaction found and wrote.
func (m *summaries) commit() {
	if len(m.kept.shapes)+len(m.pending.shapes) > maxShapes {
		clear(m.kept.shapes)
	}
	if len(m.kept.minutes)+len(m.pending.minutes) > maxMinutes {
		clear(m.kept.minutes)
	}
	maps.Copy(m.kept.shapes, m.pending.shapes)
	maps.Copy(m.kept.minutes, m.pending.minutes)
}

// shape returns the identifier of r's shape, which stays as long as r.
func (m *summaries) shape(ctx context.Context, ses session, r *tokenRow) (int64, error) {
	for _, known := range []summarySet{m.kept, m.pending} {
		if row, ok := known.shapes[r.digest]; ok && row.until >= r.expires {
			return row.id, nil
		}
	}
	row, err := one(ctx, ses, scanShape, `SELECT id, until FROM token_shapes WHERE digest = $1`, r.digest[:])
	if err != nil && !errors.Is(err, mintage.ErrNotFound) {
		return 0, err
	}
	if err != nil || row.until < r.expires {
		row, err = one(ctx, ses, scanShape, `
			INSERT INTO token_shapes (digest, tenant, client_id, subject, scope, audience, jkt, until)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (digest) DO UPDATE SET until =
				CASE WHEN excluded.until > token_shapes.until THEN excluded.until ELSE token_shapes.until END
			RETURNING id, until`,
			r.digest[:], r.shape.tenant, r.shape.client, r.shape.subject, r.shape.scope, r.shape.audience, r.shape.jkt,
			r.expires+wholeSeconds(shapeMargin))
		if err != nil {
			return 0, err
		}
	}
	m.pending.shapes[r.digest] = row
	return row.id, nil
}

// minute makes sure that the sweep will find r.
func (m *summaries) minute(ctx context.Context, ses session, r *tokenRow) error {
	for _, known := range []summarySet{m.kept, m.pending} {
		if _, ok := known.minutes[r.minutes]; ok {
			return nil
		}
	}
	_, err := ses.exec(ctx, `
		INSERT INTO token_minutes (expires, made) VALUES ($1, $2) ON CONFLICT (expires, made) DO NOTHING`,
		r.minutes.expires, r.minutes.made)
	if err == nil {
		m.pending.minutes[r.minutes] = struct{}{}
	}
	return err
}
