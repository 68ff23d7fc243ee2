//go:build linux && !race

package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/store/sqlstore"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqlfault"
)

// operation is a write of administration or of tokens, on an object of its own.
type operation struct {
	name string
	// before makes what the operation needs; nil: nothing.
	before func(ctx context.Context, s store.Store, id string) error
	do     func(ctx context.Context, s store.Store, id string) error
	// done says whether it was done, all of it; an error: a half of it.
	done func(ctx context.Context, s store.Store, id string) (bool, error)
}

func inTx(do func(ctx context.Context, tx store.Tx, id string) error) func(context.Context, store.Store, string) error {
	return func(ctx context.Context, s store.Store, id string) error {
		return s.Update(ctx, func(tx store.Tx) error { return do(ctx, tx, id) })
	}
}

func faultClient(id string) *mintage.Client {
	return &mintage.Client{
		Tenant: "t", ID: id, Name: "name of " + id,
		Secrets: []mintage.Secret{{ID: "a", Name: "a", Hash: "hash a of " + id}, {ID: "b", Name: "b", Hash: "hash b of " + id}},
		Grants:  []mintage.Grant{{ResourceServer: "orders", Scopes: []string{"read"}}},
	}
}

// there reports whether reading found something.
func there(err error) (bool, error) {
	if errors.Is(err, mintage.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// operations are one of each kind that the admin API and the token endpoint do.
func operations() []operation {
	createClient := inTx(func(ctx context.Context, tx store.Tx, id string) error {
		if err := tx.CreateClient(ctx, faultClient(id)); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, &mintage.Event{Tenant: "t", Action: "client.create", Target: id})
	})
	return []operation{
		{
			name: "create a tenant",
			do: inTx(func(ctx context.Context, tx store.Tx, id string) error {
				return tx.CreateTenant(ctx, &mintage.Tenant{ID: id, Issuer: "https://" + id + ".example", Aliases: []string{id + ":1"}})
			}),
			done: func(ctx context.Context, s store.Store, id string) (bool, error) {
				_, err := s.Tenant(ctx, id)
				return there(err)
			},
		},
		{
			name: "create a client", do: createClient,
			done: func(ctx context.Context, s store.Store, id string) (bool, error) {
				c, err := s.Client(ctx, "t", id)
				if err == nil && (len(c.Secrets) != 2 || len(c.Grants) != 1) {
					err = fmt.Errorf("half a client: %d secrets, %d grants", len(c.Secrets), len(c.Grants))
				}
				return there(err)
			},
		},
		{
			name: "rotate a secret", before: createClient,
			do: inTx(func(ctx context.Context, tx store.Tx, id string) error {
				c, err := tx.Client(ctx, "t", id)
				if err != nil {
					return err
				}
				c.Secrets = []mintage.Secret{c.Secrets[1], {ID: "c", Name: "c", Hash: "hash c of " + id}}
				return tx.UpdateClient(ctx, c)
			}),
			done: func(ctx context.Context, s store.Store, id string) (bool, error) {
				c, err := s.Client(ctx, "t", id)
				if err != nil {
					return false, err
				}
				ids := make([]string, 0, 2)
				for _, secret := range c.Secrets {
					ids = append(ids, secret.ID)
				}
				switch {
				case slices.Equal(ids, []string{"a", "b"}):
					return false, nil
				case slices.Equal(ids, []string{"b", "c"}):
					return true, nil
				}
				return false, fmt.Errorf("half a rotation: %q", ids)
			},
		},
		{
			name: "delete a client", before: createClient,
			do: inTx(func(ctx context.Context, tx store.Tx, id string) error { return tx.DeleteClient(ctx, "t", id) }),
			done: func(ctx context.Context, s store.Store, id string) (bool, error) {
				_, err := s.Client(ctx, "t", id)
				found, err := there(err)
				return !found, err
			},
		},
		{
			name: "create a key",
			do: inTx(func(ctx context.Context, tx store.Tx, id string) error {
				return tx.CreateSigningKey(ctx, &mintage.SigningKey{Tenant: "t", ID: id, Alg: "ES256", Sealed: []byte(id)})
			}),
			done: func(ctx context.Context, s store.Store, id string) (bool, error) {
				ks, err := s.SigningKeys(ctx, "t")
				return slices.ContainsFunc(ks, func(k *mintage.SigningKey) bool { return k.ID == id }), err
			},
		},
		{
			name: "revoke",
			do: inTx(func(ctx context.Context, tx store.Tx, id string) error {
				return tx.CreateRevocation(ctx, &mintage.Revocation{Tenant: "t", ID: id, JTI: id, Created: time.Unix(1, 0), Expires: time.Unix(1_900_000_000, 0)})
			}),
			done: func(ctx context.Context, s store.Store, id string) (bool, error) {
				_, err := s.Revocation(ctx, "t", id)
				return there(err)
			},
		},
		{
			name: "store a token",
			do: func(ctx context.Context, s store.Store, id string) error {
				return s.CreateToken(ctx, killToken("t", id))
			},
			done: func(ctx context.Context, s store.Store, id string) (bool, error) {
				_, err := s.Token(ctx, "t", killToken("t", id).Key)
				return there(err)
			},
		},
	}
}

// TestEveryCallFails is R3 of the fault plan: each call of the disk that an
// operation makes fails once, in each way. What is not acknowledged is an error
// that says that it may pass, and is there whole or not at all; what is
// acknowledged is there; the operation succeeds afterwards without a restart; and
// in the end the database is sound and holds the same.
func TestEveryCallFails(t *testing.T) {
	t.Parallel()
	d, dir := disk(t)
	path := filepath.Join(dir, "mintage.db")
	s := openFile(t, path)
	if err := s.Update(t.Context(), func(tx store.Tx) error {
		if err := tx.CreateTenant(t.Context(), &mintage.Tenant{ID: "t", Issuer: "https://t.example"}); err != nil {
			return err
		}
		return tx.CreateResourceServer(t.Context(), &mintage.ResourceServer{Tenant: "t", Identifier: "orders"})
	}); err != nil {
		t.Fatal(err)
	}
	f := &failing{t: t, disk: d, s: s, outcome: map[attempt]bool{}}
	for _, op := range operations() {
		for _, fault := range []sqlfault.Fault{sqlfault.IOError, sqlfault.NoSpace, sqlfault.Torn, sqlfault.SyncLost} {
			f.each(op, fault)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := sqlstore.Verify(t.Context(), path); err != nil {
		t.Error(err)
	}
	again := openFile(t, path)
	defer again.Close() //nolint:errcheck // it only read
	checkFeed(t, again)
	for _, op := range operations() {
		for id, want := range f.outcome {
			if id.operation != op.name {
				continue
			}
			if got, err := op.done(t.Context(), again, id.object()); err != nil || got != want {
				t.Errorf("%v: done %v after a restart and %v before (%v)", id, got, want, err)
			}
		}
	}
	t.Logf("calls that failed: %d in %d operations; refused with an error that may pass: %d; violations: %d", f.struck, f.operations, f.refused, f.violations)
}

// failing lets calls fail.
type failing struct {
	t          *testing.T
	disk       *sqlfault.Disk
	s          store.Store
	outcome    map[attempt]bool // of each operation, as it was seen before the restart
	struck     int
	operations int
	refused    int
	violations int
}

// attempt is an operation of which one call failed.
type attempt struct {
	operation string
	fault     sqlfault.Fault
	call      int
}

// object returns the identifier of the object of the attempt alone.
func (a attempt) object() string {
	return fmt.Sprintf("%s-%d-%d", strings.ReplaceAll(a.operation, " ", "-"), a.fault, a.call)
}

func (f *failing) wrong(a attempt, format string, args ...any) {
	f.violations++
	f.t.Errorf("%+v: %s", a, fmt.Sprintf(format, args...))
}

// each runs an operation again and again, each time with a later call that
// fails, until none does.
func (f *failing) each(op operation, fault sqlfault.Fault) {
	f.t.Helper()
	ctx := f.t.Context()
	for n := 1; n < 500; n++ {
		key := attempt{op.name, fault, n}
		id := key.object()
		if op.before != nil {
			if err := op.before(ctx, f.s, id); err != nil {
				f.wrong(key, "before it: %v", err)
				return
			}
		}
		f.disk.Fail(n, fault)
		err := op.do(ctx, f.s, id)
		calls, struck := f.disk.Stop()
		f.operations++
		if err != nil && !errors.Is(err, mintage.ErrUnavailable) {
			f.wrong(key, "the error does not say that it may pass: %v", err)
		}
		done, stateErr := op.done(ctx, f.s, id)
		switch {
		case stateErr != nil:
			f.wrong(key, "afterwards: %v", stateErr)
		case err == nil && !done:
			f.wrong(key, "acknowledged and not there")
		case err != nil && !struck:
			f.wrong(key, "refused without a reason: %v", err)
		}
		if struck {
			f.struck++
		}
		if err != nil {
			f.refused++
		}
		if err != nil && !done {
			done = f.again(key, op)
		}
		f.outcome[key] = done
		if n > calls {
			return
		}
	}
	f.t.Errorf("%s: no end of calls", op.name)
}

// again does what was refused, on a disk that is well.
func (f *failing) again(a attempt, op operation) bool {
	f.t.Helper()
	if err := op.do(f.t.Context(), f.s, a.object()); err != nil {
		f.wrong(a, "again, with a disk that is well: %v", err)
	}
	done, err := op.done(f.t.Context(), f.s, a.object())
	if err != nil || !done {
		f.wrong(a, "again: done %v (%v)", done, err)
	}
	return done
}
