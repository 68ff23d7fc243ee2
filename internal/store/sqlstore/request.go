package sqlstore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// words is a list of words without spaces, kept in one column.
type words struct{ list *[]string }

// Scan implements sql.Scanner.
func (w words) Scan(v any) error {
	var s string
	if err := (optional{&s}).Scan(v); err != nil {
		return err
	}
	*w.list = strings.Fields(s)
	return nil
}

func scanRequest(row scanner) (*mintage.RequestRecord, error) {
	r := new(mintage.RequestRecord)
	err := row.Scan(&r.TraceID, &r.Tenant, instant{&r.Time}, instant{&r.Last}, &r.Count, &r.ClientID, &r.ClientName,
		&r.Endpoint, &r.Dialect, &r.AuthMethod, &r.GrantType, &r.Address, &r.Error, &r.Reason, &r.Status,
		words{&r.Notes}, &r.Second, &r.OwnerTenant, &r.OwnerClient, &r.ScopeAsked, &r.ScopeGranted,
		words{&r.Ignored}, &r.DidYouMean)
	return r, err
}

// issuedReason is the reason of tokens that were issued as asked.
const issuedReason = "ok"

// requestColumns are those of requests, in the order of scanRequest.
const requestColumns = `trace_id, tenant, first, last, count, client_id, client_name, endpoint, dialect, auth_method,
	grant_type, address, error, reason, status, notes, second, owner_tenant, owner_client, scope_asked, scope_granted,
	ignored, did_you_mean`

// Request implements store.Requests.
func (s *Store) Request(ctx context.Context, tenant, traceID string) (*mintage.RequestRecord, error) {
	r, err := view(ctx, s, func(ses session) (*mintage.RequestRecord, error) {
		return one(ctx, ses, scanRequest, `
			SELECT `+requestColumns+` FROM requests WHERE ($2 = '' OR tenant = $2) AND trace_id IN
				(SELECT $1 UNION SELECT request FROM request_traces WHERE trace_id = $1)
			LIMIT 1`, traceID, tenant)
	})
	if err != nil {
		return nil, fmt.Errorf("request %q: %w", traceID, err)
	}
	return r, nil
}

// Requests implements store.Requests.
func (s *Store) Requests(ctx context.Context, q store.RequestQuery) ([]*mintage.RequestRecord, error) {
	var w where
	w.text("tenant = ?", q.Tenant)
	w.text("trace_id < ?", q.Before)
	w.text("client_id = ?", q.ClientID)
	w.text("dialect = ?", q.Dialect)
	w.text("address = ?", q.Address)
	w.owned("client_id", q.Tenant, q.Organization)
	// A reason is a word of notes; its underscore stands for itself too.
	w.text("(reason = ? OR second = ? OR ' ' || notes || ' ' LIKE '% ' || ? || ' %')", q.Reason)
	if q.Refused {
		w.add("error <> ?", "")
	}
	if q.Warned {
		w.add("error = '' AND reason <> ?", issuedReason)
	}
	if q.Issued {
		w.add("error = '' AND reason = ?", issuedReason)
	}
	if !q.Since.IsZero() {
		w.add("last >= ?", q.Since.Unix())
	}
	if !q.Until.IsZero() {
		w.add("first < ?", q.Until.Unix())
	}
	w.args = append(w.args, limit(store.Page{Limit: q.Limit}))
	text := `SELECT ` + requestColumns + ` FROM requests ` + w.String() + ` ORDER BY trace_id DESC LIMIT ` + w.last()
	list, err := view(ctx, s, func(ses session) ([]*mintage.RequestRecord, error) {
		return all(ctx, ses, scanRequest, text, w.args...)
	})
	if err != nil {
		return nil, fmt.Errorf("requests: %w", err)
	}
	return list, nil
}

// WriteRequests implements store.Requests.
func (s *Store) WriteRequests(ctx context.Context, records []*mintage.RequestRecord, uses []*mintage.LadderUse) error {
	err := s.writeBeside(ctx, func(ses session) error {
		for _, r := range records {
			if err := ses.writeRequest(ctx, r); err != nil {
				return err
			}
		}
		for _, u := range uses {
			if err := ses.addLadderUse(ctx, u); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("request log: %w", err)
	}
	return nil
}

func (s session) writeRequest(ctx context.Context, r *mintage.RequestRecord) error {
	_, err := s.exec(ctx, `
		INSERT INTO requests (`+requestColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
		ON CONFLICT (trace_id) DO UPDATE SET last = excluded.last, count = excluded.count, second = excluded.second,
			owner_tenant = excluded.owner_tenant, owner_client = excluded.owner_client`,
		r.TraceID, r.Tenant, r.Time.Unix(), r.Last.Unix(), r.Count, r.ClientID, r.ClientName,
		r.Endpoint, r.Dialect, r.AuthMethod, r.GrantType, r.Address, r.Error, r.Reason, r.Status,
		strings.Join(r.Notes, " "), r.Second, r.OwnerTenant, r.OwnerClient, r.ScopeAsked, r.ScopeGranted,
		strings.Join(r.Ignored, " "), r.DidYouMean)
	for _, trace := range r.Traces {
		if err != nil {
			break
		}
		_, err = s.exec(ctx, `
			INSERT INTO request_traces (trace_id, request) VALUES ($1, $2) ON CONFLICT (trace_id) DO NOTHING`, trace, r.TraceID)
	}
	if err != nil {
		return fmt.Errorf("request %q: %w", r.TraceID, err)
	}
	return nil
}

func (s session) addLadderUse(ctx context.Context, u *mintage.LadderUse) error {
	_, err := s.exec(ctx, `
		INSERT INTO ladder_uses (tenant, client, rung, count, first, last, address)
		SELECT tenant, id, $3, $4, $5, $6, $7 FROM clients WHERE tenant = $1 AND id = $2
		ON CONFLICT (tenant, client, rung) DO UPDATE SET count = ladder_uses.count + excluded.count,
			last = excluded.last, address = excluded.address`,
		u.Tenant, u.ClientID, string(u.Rung), u.Count, u.First.Unix(), u.Last.Unix(), u.Address)
	if err != nil {
		return fmt.Errorf("ladder of client %q: %w", u.ClientID, err)
	}
	return nil
}

func scanLadderUse(row scanner) (*mintage.LadderUse, error) {
	u := new(mintage.LadderUse)
	err := row.Scan(&u.Tenant, &u.ClientID, &u.Rung, &u.Count, instant{&u.First}, instant{&u.Last}, &u.Address)
	return u, err
}

// LadderUses implements store.Requests.
func (s *Store) LadderUses(ctx context.Context, tenant string) ([]*mintage.LadderUse, error) {
	list, err := view(ctx, s, func(ses session) ([]*mintage.LadderUse, error) {
		return all(ctx, ses, scanLadderUse, `
			SELECT tenant, client, rung, count, first, last, address FROM ladder_uses
			WHERE tenant = $1 ORDER BY client, rung`, tenant)
	})
	if err != nil {
		return nil, fmt.Errorf("ladder: %w", err)
	}
	return list, nil
}

// SweepRequests implements store.Requests.
func (s *Store) SweepRequests(ctx context.Context, before time.Time, limit int) (int, error) {
	var swept int64
	err := s.writeBeside(ctx, func(ses session) (err error) {
		swept, err = ses.exec(ctx, `
			DELETE FROM requests WHERE trace_id IN
				(SELECT trace_id FROM requests WHERE last < $1 ORDER BY last LIMIT $2)`, before.Unix(), limit)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("sweep the request log: %w", err)
	}
	return int(swept), nil
}
