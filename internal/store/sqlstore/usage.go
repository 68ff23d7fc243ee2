package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

func scanUsage(row scanner) (*mintage.UsageCount, error) {
	u := new(mintage.UsageCount)
	var step int64
	err := row.Scan(&u.Tenant, instant{&u.Start}, &step, &u.ClientID, &u.Reason, &u.Audience, &u.Scope, &u.Count, &u.Lifetime)
	u.Step = duration(step)
	return u, err
}

// AddUsage implements store.Usage.
func (s *Store) AddUsage(ctx context.Context, counts []*mintage.UsageCount) error {
	err := s.writeBeside(ctx, func(ses session) error {
		rows := make([]*mintage.UsageCount, len(counts)) // merging changes them, and this may run again
		for i, u := range counts {
			clone := *u
			rows[i] = &clone
		}
		return ses.addUsage(ctx, rows)
	})
	if err != nil {
		return fmt.Errorf("add usage: %w", err)
	}
	return nil
}

// usageAtOnce is how many counts one statement adds.
const usageAtOnce = 100

// addUsage adds counts. They are sorted and each is there once, so that no two
// nodes wait for each other's rows, and a statement meets none twice.
func (s session) addUsage(ctx context.Context, counts []*mintage.UsageCount) error {
	for some := range slices.Chunk(mintage.MergeUsage(counts), usageAtOnce) {
		var args []any
		rows := make([]string, len(some))
		for i, u := range some {
			from := len(args)
			args = append(args, u.Tenant, u.Start.Unix(), wholeSeconds(u.Step), u.ClientID, u.Reason, u.Audience, u.Scope, u.Count, u.Lifetime)
			names := make([]string, len(args)-from)
			for j := range names {
				names[j] = "$" + strconv.Itoa(from+j+1)
			}
			rows[i] = "(" + strings.Join(names, ", ") + ")"
		}
		_, err := s.exec(ctx, `
			INSERT INTO usage_counts (tenant, start, step, client, reason, audience, scope, count, lifetime)
			VALUES `+strings.Join(rows, ", ")+`
			ON CONFLICT (tenant, start, step, client, reason, audience, scope) DO UPDATE SET
				count = usage_counts.count + excluded.count,
				lifetime = CASE WHEN usage_counts.lifetime > excluded.lifetime THEN usage_counts.lifetime ELSE excluded.lifetime END`, args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// usageWhere is which counts q asks for.
func usageWhere(q *store.UsageQuery) (w where) {
	w.text("tenant = ?", q.Tenant)
	w.text("client = ?", q.ClientID)
	w.owned("client", q.Tenant, q.Organization)
	if q.Clients != nil {
		w.in("client", q.Clients)
	}
	w.text("reason = ?", q.Reason)
	if q.Issued {
		w.add("reason = ?", "")
	}
	if q.Refused {
		w.add("reason <> ?", "")
	}
	if !q.Since.IsZero() {
		w.add("start >= ?", q.Since.Unix())
	}
	if !q.Until.IsZero() {
		w.add("start < ?", q.Until.Unix())
	}
	return w
}

// Usage implements store.Usage.
func (s *Store) Usage(ctx context.Context, q store.UsageQuery) ([]*mintage.UsageCount, error) {
	w := usageWhere(&q)
	columns := []string{"''", "0", "0", "''", "''", "''", "''"} // those that are not asked for are all the same
	var grouped []string
	group := func(i int, wanted bool, column string) {
		if wanted {
			columns[i] = column
			grouped = append(grouped, column)
		}
	}
	group(0, q.ByTenant, "tenant")
	if q.Step > 0 {
		w.args = append(w.args, wholeSeconds(q.Step))
		group(1, true, "start - start % "+w.last())
	}
	group(3, q.ByClient, "client")
	group(4, q.ByReason, "reason")
	group(5, q.ByAudience, "audience")
	group(6, q.ByScope, "scope")
	text := `SELECT ` + strings.Join(columns, ", ") + `, CAST(SUM(count) AS BIGINT), MAX(lifetime) FROM usage_counts ` + w.String()
	if len(grouped) > 0 {
		text += ` GROUP BY ` + strings.Join(grouped, ", ") + ` ORDER BY ` + strings.Join(grouped, ", ")
	} else {
		text += ` HAVING COUNT(*) > 0`
	}
	w.args = append(w.args, limit(store.Page{Limit: q.Limit}))
	text += ` LIMIT ` + w.last()
	list, err := view(ctx, s, func(ses session) ([]*mintage.UsageCount, error) { return all(ctx, ses, scanUsage, text, w.args...) })
	if err != nil {
		return nil, fmt.Errorf("usage: %w", err)
	}
	for _, u := range list {
		if u.Step = q.Step; q.Step <= 0 {
			u.Start = time.Time{}
		}
	}
	return list, nil
}

// RollUsage implements store.Usage. Rows move, so that each count is in one
// place whatever comes late.
func (s *Store) RollUsage(ctx context.Context, from, to time.Duration, before time.Time, limit int) (int, error) {
	moved := 0
	err := s.writeBeside(ctx, func(ses session) error {
		rows, err := all(ctx, ses, scanUsage, `
			DELETE FROM usage_counts WHERE (tenant, start, step, client, reason, audience, scope) IN
				(SELECT tenant, start, step, client, reason, audience, scope FROM usage_counts
				WHERE step = $1 AND start < $2 ORDER BY start, tenant LIMIT $3)
			RETURNING tenant, start, step, client, reason, audience, scope, count, lifetime`,
			wholeSeconds(from), before.Unix(), limit)
		moved = len(rows)
		if err != nil || to <= 0 {
			return err
		}
		for _, u := range rows {
			u.Start, u.Step = u.Start.Truncate(to), to
		}
		return ses.addUsage(ctx, rows)
	})
	if err != nil {
		return 0, fmt.Errorf("roll usage: %w", err)
	}
	return moved, nil
}
