package sqlstore

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sweepBatch is how many rows a sweep takes at a time where its caller sets no
// limit.
const sweepBatch = 1000

// SweepTokens implements store.Upkeep. It looks for expired rows without
// holding up writers, and holds them up for the deletion alone.
func (s *Store) SweepTokens(ctx context.Context, now time.Time, limit int) (int, error) {
	found, err := view(ctx, s, func(ses session) (expired, error) { return findExpired(ctx, ses, now.Unix(), limit) })
	if err == nil {
		err = s.writeBeside(ctx, func(ses session) error { return found.delete(ctx, ses, now.Unix(), limit) })
	}
	if err != nil {
		return 0, fmt.Errorf("sweep stored tokens: %w", err)
	}
	return len(found.keys), nil
}

// expired is what a sweep found.
type expired struct {
	keys [][]byte
	// over are minutes in which no token ends any more once keys are deleted.
	over []minutes
}

func scanRowKey(row scanner) ([]byte, error) {
	var key []byte
	err := row.Scan(&key)
	return key, err
}

// findExpired finds at most limit expired tokens: in the minutes in which
// tokens were made that end by now.
func findExpired(ctx context.Context, ses session, now int64, limit int) (expired, error) {
	var found expired
	searched := make(map[int64]bool) // minutes of making, which several lifetimes can share
	after := minutes{expires: math.MinInt64}
	for {
		page, err := all(ctx, ses, scanMinutes, `
			SELECT expires, made FROM token_minutes WHERE expires <= $1 AND (expires, made) > ($2, $3)
			ORDER BY expires, made LIMIT $4`, minute(now), after.expires, after.made, sweepBatch)
		if err != nil || len(page) == 0 {
			return found, err
		}
		for _, m := range page {
			if !searched[m.made] {
				searched[m.made] = true
				if err := found.search(ctx, ses, m, now, limit); err != nil {
					return found, err
				}
			}
			if len(found.keys) >= limit {
				return found, nil // there may be more in this minute
			}
			if m.over(now) {
				found.over = append(found.over, m)
			}
		}
		after = page[len(page)-1]
	}
}

// search finds what has expired of the tokens made in a minute.
func (f *expired) search(ctx context.Context, ses session, m minutes, now int64, limit int) error {
	from, to := m.keys()
	keys, err := all(ctx, ses, scanRowKey, `
		SELECT token_key FROM tokens WHERE token_key >= $1 AND token_key < $2 AND expires < $3
		ORDER BY token_key LIMIT $4`, from, to, now, limit-len(f.keys))
	f.keys = append(f.keys, keys...)
	return err
}

// delete deletes what was found and, when that was all, the shapes that no
// token has any more.
func (f *expired) delete(ctx context.Context, ses session, now int64, limit int) error {
	for keys := range slices.Chunk(f.keys, 256) {
		args := make([]any, len(keys))
		for i, key := range keys {
			args[i] = key
		}
		if _, err := ses.exec(ctx, `DELETE FROM tokens WHERE token_key IN (`+placeholders(len(args))+`)`, args...); err != nil {
			return err
		}
	}
	forgotten := int64(len(f.over))
	for _, m := range f.over {
		if _, err := ses.exec(ctx, `DELETE FROM token_minutes WHERE expires = $1 AND made = $2`, m.expires, m.made); err != nil {
			return err
		}
	}
	if len(f.keys) < limit {
		n, err := ses.exec(ctx, `
			DELETE FROM token_shapes WHERE id IN
				(SELECT id FROM token_shapes WHERE until < $1 ORDER BY until LIMIT $2)`, now, limit)
		if err != nil {
			return err
		}
		forgotten += n
	}
	if forgotten == 0 {
		return nil
	}
	_, err := ses.next(ctx, summaryCounter)
	return err
}

// placeholders returns $1, $2 and so on to $n.
func placeholders(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = "$" + strconv.Itoa(i+1)
	}
	return strings.Join(list, ", ")
}

// SweepRevocations implements store.Upkeep.
func (s *Store) SweepRevocations(ctx context.Context, now time.Time, limit int) (int, error) {
	var swept int64
	err := s.writeBeside(ctx, func(ses session) (err error) {
		swept, err = ses.exec(ctx, `
			DELETE FROM revocations WHERE (tenant, id) IN
				(SELECT tenant, id FROM revocations WHERE expires < $1 ORDER BY expires LIMIT $2)`, now.Unix(), limit)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("sweep revocations: %w", err)
	}
	return int(swept), nil
}

// SweepTenant implements store.TenantUpkeep.
func (s *Store) SweepTenant(ctx context.Context, tenant string, limit int) (int, error) {
	var swept int64
	err := s.writeBeside(ctx, func(ses session) error {
		swept = 0
		for _, text := range []string{`
			DELETE FROM requests WHERE trace_id IN
				(SELECT trace_id FROM requests WHERE tenant = $1 ORDER BY trace_id LIMIT $2)`, `
			DELETE FROM usage_counts WHERE (tenant, start, step, client, reason, audience, scope) IN
				(SELECT tenant, start, step, client, reason, audience, scope FROM usage_counts
				WHERE tenant = $1 ORDER BY start LIMIT $2)`} {
			n, err := ses.exec(ctx, text, tenant, limit)
			if err != nil {
				return err
			}
			swept += n
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("sweep tenant %q: %w", tenant, err)
	}
	return int(swept), nil
}

// SweepChanges implements store.Upkeep. It deletes a bounded number at a time,
// so that writers get their turn.
func (s *Store) SweepChanges(ctx context.Context, upTo int64) error {
	for {
		var swept int64
		err := s.writeBeside(ctx, func(ses session) (err error) {
			swept, err = ses.exec(ctx, `
				DELETE FROM changes WHERE seq IN
					(SELECT seq FROM changes WHERE seq <= $1 ORDER BY seq LIMIT $2)`, upTo, sweepBatch)
			return err
		})
		if err != nil {
			return fmt.Errorf("sweep changes: %w", err)
		}
		if swept < sweepBatch {
			return nil
		}
	}
}
