package server

import (
	"context"
	"errors"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/telemetry"
)

// storePatience is how long a request for a stored token waits for a database
// that says nothing. One that works answers in milliseconds, and a caller had
// better be told while it still listens.
const storePatience = 5 * time.Second

// timedStore tells the metrics what the operations cost that requests wait for.
type timedStore struct {
	store.Store
	metrics *telemetry.Metrics
}

// done notes one operation. What was not there, was there already or changed
// meanwhile is an answer, and a caller that left is not the database's fault.
func (t timedStore) done(ctx context.Context, operation string, began time.Time, err error) {
	answer := err == nil || errors.Is(err, mintage.ErrNotFound) || errors.Is(err, mintage.ErrExists) || errors.Is(err, mintage.ErrConflict)
	t.metrics.StoreOperation(operation, time.Since(began))
	if !answer && ctx.Err() == nil {
		t.metrics.StoreError(operation)
	}
}

// Update implements store.Store. What the use case makes of the transaction is
// no error of the database.
func (t timedStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	began, refused := time.Now(), false
	err := t.Store.Update(ctx, func(tx store.Tx) error {
		err := fn(tx)
		refused = err != nil
		return err
	})
	known := err
	if refused {
		known = nil
	}
	t.done(ctx, "update", began, known)
	return err
}

// Client implements store.Clients.
func (t timedStore) Client(ctx context.Context, tenant, id string) (*mintage.Client, error) {
	began := time.Now()
	c, err := t.Store.Client(ctx, tenant, id)
	t.done(ctx, "client", began, err)
	return c, err
}

// CreateToken implements store.Tokens.
func (t timedStore) CreateToken(ctx context.Context, rec *mintage.TokenRecord) error {
	began := time.Now()
	bounded, cancel := store.WithPatience(ctx, storePatience)
	defer cancel()
	err := t.Store.CreateToken(bounded, rec)
	t.done(ctx, "create_token", began, err)
	return err
}

// Token implements store.Tokens.
func (t timedStore) Token(ctx context.Context, tenant string, key [38]byte) (*mintage.TokenRecord, error) {
	began := time.Now()
	bounded, cancel := store.WithPatience(ctx, storePatience)
	defer cancel()
	rec, err := t.Store.Token(bounded, tenant, key)
	t.done(ctx, "token", began, err)
	return rec, err
}

// LastChange implements store.Feed.
func (t timedStore) LastChange(ctx context.Context) (int64, error) {
	began := time.Now()
	seq, err := t.Store.LastChange(ctx)
	t.done(ctx, "changes", began, err)
	return seq, err
}

// written counts what a use case wrote.
func (s *Server) written(w manage.Written) {
	for _, e := range w.Events {
		s.metrics.AuditEvent(e.Action)
	}
	for _, r := range w.Revocations {
		kind := "token"
		switch {
		case r.ClientID != "":
			kind = "client"
		case r.KeyID != "":
			kind = "key"
		}
		s.metrics.Revocation(r.Tenant, kind)
	}
}
