package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// Store is a database. Open one with OpenSQLite or OpenPostgres.
type Store struct {
	engine *engine
	writer *sql.DB
	reader *sql.DB
	// slots holds one element for each write transaction that runs. Waiting
	// senders get theirs in the order in which they came, so that tokens and
	// changes share the writer fairly.
	slots chan struct{}
	// turn holds one element while a write runs that must not run beside
	// another, so that those that wait for each other take one connection.
	turn chan struct{}
	// lists holds one element for each list or count of clients that runs, which
	// may take seconds where there are millions: what tokens need to read finds a
	// connection beside them.
	lists   chan struct{}
	hint    chan struct{} // receives when the feed may have moved; nil: the engine cannot tell
	tokens  *tokenWriter
	replays *group[*replayRow]
	find    preparedQuery
	cleanup func() error

	closed    chan struct{}
	closeOnce sync.Once
	closeErr  error
}

var _ store.Store = (*Store)(nil)

// errClosed is what calls get after Close.
var errClosed = fmt.Errorf("%w: the store is closed", mintage.ErrUnavailable)

// updateAttempts bounds how often Update runs its function. Each attempt has
// waited for the engine's own timeout before it gives up.
const updateAttempts = 4

// open migrates the database and starts the writers. It owns both pools,
// also when it fails.
func open(ctx context.Context, e *engine, writer, reader *sql.DB) (*Store, error) {
	if err := migrate(ctx, e, writer); err != nil {
		return nil, errors.Join(err, reader.Close(), writer.Close())
	}
	s := &Store{
		engine:  e,
		writer:  writer,
		reader:  reader,
		slots:   make(chan struct{}, e.writers),
		turn:    make(chan struct{}, 1),
		lists:   make(chan struct{}, max(1, reader.Stats().MaxOpenConnections/2)),
		find:    preparedQuery{db: reader, text: findToken},
		cleanup: func() error { return nil },
		closed:  make(chan struct{}),
	}
	s.tokens = newTokenWriter(s) //nolint:contextcheck // it outlives the call that opens the store
	s.replays = newGroup(s.writeReplays)
	return s, nil
}

// closePatience is how long Close waits for a database that does not answer.
const closePatience = 2 * time.Second

// Close waits for the writes that run, writes what is queued, and
// closes the database. Calls after it fail.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		if s.engine.giveUp != nil {
			late := time.AfterFunc(closePatience, s.engine.giveUp)
			defer late.Stop()
		}
		s.tokens.close()
		s.replays.close()
		close(s.closed)
		for range s.engine.writers {
			s.slots <- struct{}{}
		}
		// The writer closes last: it alone can fold the log into the database.
		s.closeErr = errors.Join(s.find.close(), s.reader.Close(), s.tokens.closeStatements(), s.writer.Close(), s.cleanup())
	})
	return s.closeErr
}

// Ping reads a row.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.LastChange(ctx)
	return err
}

// Update runs fn in one write transaction. fn must not call methods of the
// Store that write: there may be no second writer.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) error {
	return s.write(ctx, func(ses session) error {
		t := &tx{session: ses}
		if err := fn(t); err != nil {
			return err
		}
		return t.broken
	})
}

// write runs fn in a write transaction beside which no other of its kind runs,
// on whatever node: what fn reads is true until it commits.
func (s *Store) write(ctx context.Context, fn func(session) error) error {
	if s.engine.begin == "" {
		return s.writeBeside(ctx, fn)
	}
	if err := s.acquire(ctx, s.turn); err != nil {
		return err
	}
	defer func() { <-s.turn }()
	return s.writeBeside(ctx, func(ses session) error {
		if _, err := ses.exec(ctx, s.engine.begin); err != nil {
			return err
		}
		return fn(ses)
	})
}

// writeBeside runs fn in one write transaction, which may run beside others:
// for rows that nothing is decided by. It runs fn again when the engine says
// that it may succeed then.
func (s *Store) writeBeside(ctx context.Context, fn func(session) error) error {
	return s.again(ctx, func() error { return s.writeOnce(ctx, fn) })
}

// again calls fn until it succeeds, fails for good, or has been tried for long
// enough. Where it was the database that failed, the error is
// mintage.ErrUnavailable too.
func (s *Store) again(ctx context.Context, fn func() error) error {
	err := s.repeat(ctx, fn)
	_, uncertain := errors.AsType[*uncertainError](err)
	_, begun := errors.AsType[*unbegunError](err)
	fault := faultOther
	if err != nil {
		fault = s.engine.fault(err)
	}
	if errors.Is(err, context.DeadlineExceeded) && late(ctx) {
		return errLate(err)
	}
	if ctx.Err() == nil && (uncertain || begun || fault == faultBusy || fault == faultLost || fault == faultTrouble) {
		return fmt.Errorf("%w: %w", mintage.ErrUnavailable, err)
	}
	return err
}

// errLate says that the caller's time ran out while the database did not answer.
func errLate(err error) error {
	return fmt.Errorf("%w: the database did not answer in time: %w", mintage.ErrUnavailable, err)
}

// late reports whether ctx ended by its deadline, or is about to.
func late(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && !time.Now().Before(deadline)
}

// unbegunError says that a transaction could not be begun.
type unbegunError struct {
	what string
	err  error
}

func (e *unbegunError) Error() string { return e.what + ": " + e.err.Error() }
func (e *unbegunError) Unwrap() error { return e.err }

func (s *Store) repeat(ctx context.Context, fn func() error) error {
	began, busy := time.Now(), 0
	for attempt := 1; ; attempt++ {
		err := fn()
		if err == nil {
			return nil
		}
		switch s.engine.fault(err) {
		case faultBusy:
			// An attempt may have waited for another process already, and callers
			// who wait are not told anything.
			if busy++; busy == updateAttempts || time.Since(began) >= defaultBusyTimeout {
				return err
			}
		case faultLost:
			if _, ok := errors.AsType[*uncertainError](err); ok || time.Since(began) >= s.engine.patience {
				return err
			}
		case faultOther, faultExists, faultReference, faultRow, faultTrouble:
			return err
		}
		if pause(ctx, min(attempt, maxPause)) != nil {
			return err
		}
	}
}

// maxPause bounds the pauses between attempts: 5 ms times two to its power.
const maxPause = 6

// uncertainError says that a commit began whose outcome is not known. It must
// not be tried again: the rows may be there.
type uncertainError struct{ err error }

func (e *uncertainError) Error() string { return "commit: " + e.err.Error() }
func (e *uncertainError) Unwrap() error { return e.err }

// writeOnce runs fn in one write transaction. It rolls back when fn fails or
// panics, and when ctx ends before the commit; once that began it is waited
// for, so that the answer is the truth.
func (s *Store) writeOnce(ctx context.Context, fn func(session) error) (err error) {
	if err := s.acquire(ctx, s.slots); err != nil {
		return err
	}
	defer func() { <-s.slots }()
	conn, err := s.writer.Conn(s.engine.statement(ctx))
	if err != nil {
		return &unbegunError{"connection", err}
	}
	defer conn.Close() //nolint:errcheck // it goes back to the pool
	t, err := conn.BeginTx(s.engine.statement(ctx), nil)
	if err != nil {
		s.distrust(conn, err)
		return &unbegunError{"begin", err}
	}
	defer func() { // after a commit it does nothing
		if rollback := t.Rollback(); err == nil || s.engine.fault(err) != faultLost {
			s.distrust(conn, rollback)
		} else {
			s.distrust(conn, err) // it may answer still, as a replica does
		}
	}()
	if err := fn(session{tx: t, engine: s.engine}); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		s.distrust(conn, err)
		return &uncertainError{err}
	}
	return nil
}

// distrust drops a connection on which beginning or ending a transaction
// failed: it may still be in one, and the next to use it would fail for that.
func (s *Store) distrust(conn *sql.Conn, err error) {
	if err == nil || errors.Is(err, sql.ErrTxDone) || s.engine.fault(err) == faultBusy {
		return
	}
	_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // the pool drops what is bad
}

// acquire waits for a place in slots.
func (s *Store) acquire(ctx context.Context, slots chan<- struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.closed:
		return errClosed
	default:
	}
	select {
	case slots <- struct{}{}:
		return nil
	case <-s.closed:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// view runs fn in one read transaction, so that the rows that it reads belong
// together. It may run fn more than once.
func view[T any](ctx context.Context, s *Store, fn func(session) (T, error)) (v T, err error) {
	err = s.again(ctx, func() (err error) {
		v, err = viewOnce(ctx, s, fn)
		return err
	})
	return v, err
}

// viewList is view for what may take long.
func viewList[T any](ctx context.Context, s *Store, fn func(session) (T, error)) (v T, err error) {
	if err := s.acquire(ctx, s.lists); err != nil {
		return v, err
	}
	defer func() { <-s.lists }()
	return view(ctx, s, fn)
}

func viewOnce[T any](ctx context.Context, s *Store, fn func(session) (T, error)) (T, error) {
	var none T
	conn, err := s.reader.Conn(ctx)
	if err != nil {
		return none, &unbegunError{"connection", err}
	}
	defer conn.Close() //nolint:errcheck // it goes back to the pool
	t, err := conn.BeginTx(s.engine.statement(ctx), s.engine.view)
	if err != nil {
		return none, &unbegunError{"begin", err}
	}
	defer t.Rollback() //nolint:errcheck // there is nothing to keep
	return fn(session{tx: t, engine: s.engine})
}
