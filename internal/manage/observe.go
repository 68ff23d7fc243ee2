package manage

import (
	"context"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// Written is what a transaction added to the audit log and to the revocations.
type Written struct {
	Events      []*mintage.Event
	Revocations []*mintage.Revocation
}

// observedTx notes what is written. The transaction may yet fail.
type observedTx struct {
	store.Tx
	written *Written
}

// dropped tells of a warning that could not be written.
func (m *Manager) dropped() {
	if m.Dropped != nil {
		m.Dropped()
	}
}

// AppendEvent implements store.EventWriter.
func (t observedTx) AppendEvent(ctx context.Context, e *mintage.Event) error {
	err := t.Tx.AppendEvent(ctx, e)
	if err == nil {
		t.written.Events = append(t.written.Events, e)
	}
	return err
}

// CreateRevocation implements store.RevocationWriter.
func (t observedTx) CreateRevocation(ctx context.Context, r *mintage.Revocation) error {
	err := t.Tx.CreateRevocation(ctx, r)
	if err == nil {
		t.written.Revocations = append(t.written.Revocations, r)
	}
	return err
}
