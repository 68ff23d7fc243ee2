package sqlstore

import (
	"context"
	"fmt"
	"math"

	"github.com/mintage-auth/mintage"
)

func scanEvent(row scanner) (*mintage.Event, error) {
	e := new(mintage.Event)
	err := row.Scan(&e.Seq, instant{&e.Time}, &e.Tenant, &e.Actor.Tenant, &e.Actor.ClientID, &e.Actor.Address,
		&e.Actor.OperatorID, &e.Actor.OperatorEmail, &e.Action, &e.Target, &e.Name, &e.Via, &e.TraceID, &e.Before, &e.After)
	return e, err
}

// selectEvent is the beginning of every statement that scanEvent reads.
const selectEvent = `
	SELECT seq, time, tenant, actor_tenant, actor_client, actor_address, actor_operator, actor_email, action, target,
		name, via, trace_id, members_before, members_after
	FROM audit_events `

// Events implements store.Events.
func (s session) Events(ctx context.Context, tenant string, before int64, limit int) ([]*mintage.Event, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	query, args := selectEvent+`WHERE tenant = $3 AND seq < $1 ORDER BY seq DESC LIMIT $2`, []any{before, limit, tenant}
	if tenant == "" { // of all tenants
		query, args = selectEvent+`WHERE seq < $1 ORDER BY seq DESC LIMIT $2`, args[:2]
	}
	list, err := all(ctx, s, scanEvent, query, args...)
	if err != nil {
		return nil, fmt.Errorf("audit events: %w", err)
	}
	return list, nil
}

// AppendEvent implements store.EventWriter.
func (t *tx) AppendEvent(ctx context.Context, e *mintage.Event) error {
	var seq int64
	err := t.atomically(ctx, "audit event", e.Action, func() (err error) {
		if seq, err = t.next(ctx, "events"); err != nil {
			return err
		}
		_, err = t.exec(ctx, `
			INSERT INTO audit_events (seq, time, tenant, actor_tenant, actor_client, actor_address, actor_operator,
				actor_email, action, target, name, via, trace_id, members_before, members_after)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
			seq, seconds(e.Time), e.Tenant, e.Actor.Tenant, e.Actor.ClientID, e.Actor.Address, e.Actor.OperatorID,
			e.Actor.OperatorEmail, e.Action, e.Target, e.Name, e.Via, e.TraceID, e.Before, e.After)
		return err
	})
	if err == nil {
		e.Seq = seq
	}
	return err
}
