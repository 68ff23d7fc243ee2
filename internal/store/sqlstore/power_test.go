//go:build linux && !race

package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/store/sqlstore"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqlfault"
)

// long reports whether the long form was asked for: make chaos.
func long() bool { return os.Getenv("MINTAGE_CHAOS") == "long" }

// fact is something that was acknowledged, and how it is seen.
type fact struct {
	what  string
	since int // it was acknowledged before this many marks
	until int // what ended it began after this many marks; zero: nothing did
	so    func(ctx context.Context, s store.Store) error
	gone  func(ctx context.Context, s store.Store) error
}

// holds returns what is wrong with the fact at a moment after so many marks.
func (f *fact) holds(ctx context.Context, s store.Store, marks int) error {
	switch {
	case marks < f.since || f.until > 0 && marks == f.until:
		return nil // either way
	case f.until == 0 || marks < f.until:
		return f.so(ctx, s)
	}
	return f.gone(ctx, s)
}

// history is a load whose every write is acknowledged and marked.
type history struct {
	t     *testing.T
	disk  *sqlfault.Disk
	s     store.Store
	marks int
	facts []*fact
	held  []*fact // clients that are there
}

// write does one write, and notes what it made so.
func (h *history) write(f *fact, do func(ctx context.Context) error) {
	h.t.Helper()
	if err := do(h.t.Context()); err != nil {
		h.t.Fatalf("%s: %v", f.what, err)
	}
	h.disk.Mark()
	h.marks++
	f.since = h.marks
	h.facts = append(h.facts, f)
}

func (h *history) change(f *fact, do func(ctx context.Context, tx store.Tx) error) {
	h.t.Helper()
	h.write(f, func(ctx context.Context) error {
		return h.s.Update(ctx, func(tx store.Tx) error { return do(ctx, tx) })
	})
}

// run makes, changes and deletes; now and then a large row, so that the log is
// moved to the database in between.
func (h *history) run(steps int) {
	h.t.Helper()
	h.change(&fact{what: "tenant", so: func(ctx context.Context, s store.Store) error {
		_, err := s.Tenant(ctx, "t")
		return err
	}}, func(ctx context.Context, tx store.Tx) error {
		return tx.CreateTenant(ctx, &mintage.Tenant{ID: "t", Issuer: "https://t.example"})
	})
	for i := range steps {
		h.client(i)
		h.token(i)
		if i%3 == 2 {
			h.deleteClient()
		}
		if i%4 == 3 {
			h.revoke(i)
		}
	}
}

func (h *history) client(i int) {
	id, size := fmt.Sprintf("c%d", i), 10
	if i%12 == 9 {
		size = 4_200_000 // more than 1,000 pages, after which the log is moved over
	}
	f := &fact{
		what: "client " + id,
		so: func(ctx context.Context, s store.Store) error {
			c, err := s.Client(ctx, "t", id)
			if err == nil && (len(c.Name) != size || len(c.Secrets) != 1) {
				err = fmt.Errorf("it has a name of %d bytes and %d secrets", len(c.Name), len(c.Secrets))
			}
			return err
		},
		gone: func(ctx context.Context, s store.Store) error {
			if _, err := s.Client(ctx, "t", id); !errors.Is(err, mintage.ErrNotFound) {
				return fmt.Errorf("it is there still: %w", err)
			}
			return nil
		},
	}
	h.change(f, func(ctx context.Context, tx store.Tx) error {
		if err := tx.CreateClient(ctx, &mintage.Client{
			Tenant: "t", ID: id, Name: strings.Repeat("n", size), Secrets: []mintage.Secret{{ID: "s", Hash: id}},
		}); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, &mintage.Event{Tenant: "t", Action: "client.create", Target: id})
	})
	h.held = append(h.held, f)
}

func (h *history) deleteClient() {
	victim := h.held[0]
	h.held = h.held[1:]
	victim.until = h.marks
	id := strings.TrimPrefix(victim.what, "client ")
	h.change(&fact{what: "no " + victim.what, so: victim.gone}, func(ctx context.Context, tx store.Tx) error {
		return tx.DeleteClient(ctx, "t", id)
	})
}

func (h *history) token(i int) {
	rec := killToken("t", fmt.Sprint("token-", i))
	h.write(&fact{what: "token " + rec.JTI, so: func(ctx context.Context, s store.Store) error {
		_, err := s.Token(ctx, "t", rec.Key)
		return err
	}}, func(ctx context.Context) error { return h.s.CreateToken(ctx, rec) })
}

func (h *history) revoke(i int) {
	id := fmt.Sprint("r", i)
	h.change(&fact{what: "revocation " + id, so: func(ctx context.Context, s store.Store) error {
		_, err := s.Revocation(ctx, "t", id)
		return err
	}}, func(ctx context.Context, tx store.Tx) error {
		return tx.CreateRevocation(ctx, &mintage.Revocation{Tenant: "t", ID: id, JTI: id, Created: time.Unix(1_800_000_000, 0), Expires: time.Unix(1_900_000_000, 0)})
	})
}

// disk returns a new disk and its folder.
func disk(t *testing.T) (*sqlfault.Disk, string) {
	t.Helper()
	dir := t.TempDir()
	d, err := sqlfault.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Remove)
	return d, dir
}

// TestPowerLoss is R2 of the fault plan (make gates runs it, since the race
// detector would take minutes): whenever the power goes, what was
// acknowledged is there, however little of what was not synced got to the disk,
// and the database is sound.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	d, dir := disk(t)
	if err := d.Record(); err != nil {
		t.Fatal(err)
	}
	h := &history{t: t, disk: d, s: openFile(t, filepath.Join(dir, "mintage.db"))}
	steps, each := 12, 2
	if long() {
		steps, each = 48, 40
	} else if testing.Short() {
		steps, each = 3, 1
	}
	h.run(steps)
	if err := h.s.Close(); err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	var moments []int // within each write, and after the last
	from := 0
	for _, to := range append(d.Marks(), d.Moments()-1) {
		for range each {
			moments = append(moments, from+random.IntN(to-from+1))
		}
		from = to
	}
	violations := 0
	_, cuts := disk(t) // which does not wait for a real one
	for _, n := range moments {
		if err := afterPowerLoss(t, d, cuts, h.facts, n, random); err != nil {
			violations++
			t.Errorf("seed %d, power cut after call %d of %d: %v", seed, n, d.Moments()-1, err)
		}
	}
	t.Logf("power cuts: %d of %d moments tried, %d acknowledged writes, violations: %d", len(moments), d.Moments(), h.marks, violations)
}

// afterPowerLoss opens what a power cut left and looks for what was
// acknowledged.
func afterPowerLoss(t *testing.T, d *sqlfault.Disk, cuts string, facts []*fact, n int, random *rand.Rand) error {
	t.Helper()
	dir, err := os.MkdirTemp(cuts, "cut-") //nolint:usetesting // below a folder of the test's own, which syncs nothing
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the test's own folder goes too
	marks, err := d.Cut(n, random, dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "mintage.db")
	s, err := sqlstore.OpenSQLite(t.Context(), sqlstore.SQLite{Path: path})
	if err != nil {
		return fmt.Errorf("it does not open: %w", err)
	}
	var wrong []error
	for _, f := range facts {
		if err := f.holds(t.Context(), s, marks); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", f.what, err))
		}
	}
	checkFeed(t, s)
	wrong = append(wrong, s.Close(), sqlstore.Verify(t.Context(), path))
	return errors.Join(wrong...)
}

// TestPowerLossIsFelt shows that the one above can fail: a database that does not
// wait for the disk loses what it acknowledged.
func TestPowerLossIsFelt(t *testing.T) {
	t.Parallel()
	d, dir := disk(t)
	if err := d.Record(); err != nil {
		t.Fatal(err)
	}
	open := func(dir, synchronous string) *sql.DB {
		u := url.URL{Scheme: "file", Path: filepath.Join(dir, "careless.db"), RawQuery: url.Values{
			"_pragma": {"journal_mode(WAL)", "synchronous(" + synchronous + ")"},
		}.Encode()}
		db, err := sql.Open("sqlite", u.String())
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	db := open(dir, "OFF")
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE kept (n INTEGER PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		if _, err := db.ExecContext(t.Context(), `INSERT INTO kept (n) VALUES ($1)`, n); err != nil {
			t.Fatal(err)
		}
		d.Mark()
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	lost := 0
	for n := range d.Moments() {
		cut := t.TempDir()
		marks, err := d.Cut(n, random, cut)
		if err != nil {
			t.Fatal(err)
		}
		again := open(cut, "FULL")
		var rows int
		if err := again.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM kept`).Scan(&rows); err != nil || rows < marks {
			lost++
		}
		_ = again.Close()
	}
	if lost == 0 {
		t.Errorf("no power cut of %d lost anything of a database that does not sync", d.Moments())
	}
}
