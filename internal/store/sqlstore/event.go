package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

func scanEvent(row scanner) (*mintage.Event, error) {
	e := new(mintage.Event)
	err := row.Scan(&e.Seq, instant{&e.Time}, &e.Tenant, &e.Actor.Tenant, &e.Actor.ClientID, &e.Actor.Address,
		&e.Actor.OperatorID, &e.Actor.OperatorEmail, &e.Action, &e.Target, &e.Name, &e.Via, &e.TraceID, &e.Before, &e.After, &e.Hash)
	return e, err
}

// selectEvent is the beginning of every statement that scanEvent reads.
const selectEvent = `
	SELECT seq, time, tenant, actor_tenant, actor_client, actor_address, actor_operator, actor_email, action, target,
		name, via, trace_id, members_before, members_after, hash
	FROM audit_events `

// Events implements store.Events.
func (s session) Events(ctx context.Context, q store.EventQuery) ([]*mintage.Event, error) {
	var w where
	w.text("tenant = ?", q.Tenant)
	w.text("(actor_client = ? OR actor_operator = ? OR actor_email = ?)", q.Actor)
	if strings.Contains(q.Action, ".") {
		w.text("action = ?", q.Action)
	} else if q.Action != "" {
		w.add("action >= ?", q.Action+".")
		w.add("action < ?", q.Action+"/") // the byte after the full stop
	}
	w.text("target = ?", q.Target)
	if q.Organization != "" {
		w.owned("target", q.Tenant, q.Organization)
		w.terms = append(w.terms, "(action >= 'client.' AND action < 'client/' OR action >= 'secret.' AND action < 'secret/')")
	}
	w.text("via = ?", q.Via)
	if !q.Since.IsZero() {
		w.add("time >= ?", q.Since.Unix())
	}
	if !q.Until.IsZero() {
		w.add("time < ?", q.Until.Unix())
	}
	order := "DESC"
	switch {
	case q.Oldest:
		order = "ASC"
		w.add("seq > ?", q.After)
	case q.After > 0:
		w.add("seq < ?", q.After)
	}
	w.args = append(w.args, limit(store.Page{Limit: q.Limit}))
	list, err := all(ctx, s, scanEvent, selectEvent+w.String()+` ORDER BY seq `+order+` LIMIT `+w.last(), w.args...)
	if err != nil {
		return nil, fmt.Errorf("audit events: %w", err)
	}
	return list, nil
}

// LastEvent implements store.Events.
func (s session) LastEvent(ctx context.Context) (int64, error) {
	seq, err := one(ctx, s, number, `SELECT value FROM counters WHERE name = $1`, "events")
	if err != nil {
		return 0, fmt.Errorf("last audit event: %w", err)
	}
	return seq, nil
}

// AppendEvent implements store.EventWriter. The counter's row is held until the
// transaction ends, so that the row before is there, and nobody else's comes
// between.
func (t *tx) AppendEvent(ctx context.Context, e *mintage.Event) error {
	fresh := *e
	err := t.atomically(ctx, "audit event", e.Action, func() (err error) {
		if fresh.Seq, err = t.next(ctx, "events"); err != nil {
			return err
		}
		previous, err := t.linked(ctx, fresh.Seq)
		if err != nil {
			return err
		}
		fresh.Hash = fresh.Link(previous)
		_, err = t.exec(ctx, `
			INSERT INTO audit_events (seq, time, tenant, actor_tenant, actor_client, actor_address, actor_operator,
				actor_email, action, target, name, via, trace_id, members_before, members_after, hash)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
			fresh.Seq, seconds(e.Time), e.Tenant, e.Actor.Tenant, e.Actor.ClientID, e.Actor.Address, e.Actor.OperatorID,
			e.Actor.OperatorEmail, e.Action, e.Target, e.Name, e.Via, e.TraceID, e.Before, e.After, fresh.Hash)
		return err
	})
	if err == nil {
		e.Seq, e.Hash = fresh.Seq, fresh.Hash
	}
	return err
}

// linked returns the hash of the row before seq, nil when there is none. Rows
// that have none yet get theirs first.
func (s session) linked(ctx context.Context, seq int64) ([]byte, error) {
	const newest = `SELECT hash FROM audit_events WHERE seq < $1 ORDER BY seq DESC LIMIT 1`
	hash, err := one(ctx, s, blob, newest, seq)
	switch {
	case errors.Is(err, mintage.ErrNotFound):
		return nil, nil
	case err != nil || hash != nil:
		return hash, err
	}
	if err := s.linkEvents(ctx); err != nil {
		return nil, err
	}
	return one(ctx, s, blob, newest, seq)
}

func blob(row scanner) (b []byte, err error) {
	err = row.Scan(&b)
	return b, err
}

// linkedAtOnce is how many rows linkEvents reads at a time.
const linkedAtOnce = 500

// linkEvents gives a hash to each row that has none.
func (s session) linkEvents(ctx context.Context) error {
	for {
		rows, err := all(ctx, s, scanEvent, selectEvent+`WHERE hash IS NULL ORDER BY seq LIMIT $1`, linkedAtOnce)
		if err != nil || len(rows) == 0 {
			return err
		}
		var previous []byte
		for i, e := range rows {
			if i == 0 || rows[i-1].Seq != e.Seq-1 {
				previous, err = one(ctx, s, blob, `SELECT hash FROM audit_events WHERE seq < $1 ORDER BY seq DESC LIMIT 1`, e.Seq)
				if err != nil && !errors.Is(err, mintage.ErrNotFound) {
					return err
				}
			}
			previous = e.Link(previous)
			if _, err := s.exec(ctx, `UPDATE audit_events SET hash = $2 WHERE seq = $1`, e.Seq, previous); err != nil {
				return err
			}
		}
	}
}

// linkOldEvents is what migration 007 does beside its text.
func linkOldEvents(ctx context.Context, e *engine, tx *sql.Tx) error {
	return session{tx: tx, engine: e}.linkEvents(ctx)
}
