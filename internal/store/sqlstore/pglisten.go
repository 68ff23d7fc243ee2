package sqlstore

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// pgListener hears of changes on a connection of its own. It is a hint and no
// more: who follows the feed reads it all the same.
type pgListener struct {
	conf *pgx.ConnConfig
	hint chan struct{}
	stop context.CancelFunc
	done sync.WaitGroup
}

// listenCheck is how often a connection that hears nothing is asked whether it
// is still there.
const listenCheck = 30 * time.Second

func newPGListener(conf *pgx.ConnConfig) *pgListener {
	ctx, stop := context.WithCancel(context.Background())
	l := &pgListener{conf: conf, hint: make(chan struct{}, 1), stop: stop}
	l.done.Go(func() { l.run(ctx) })
	return l
}

// close ends the connection and waits for it.
func (l *pgListener) close() error {
	l.stop()
	l.done.Wait()
	return nil
}

// run listens until ctx is done, on a new connection after each that breaks.
func (l *pgListener) run(ctx context.Context) {
	for attempt := 1; ctx.Err() == nil; attempt++ {
		if l.listen(ctx) {
			attempt = 1
		}
		if pause(ctx, min(attempt, maxPause)+2) != nil { // 40 ms at first, 1.3 s at most
			return
		}
	}
}

// listen tells of notifications until the connection breaks, and reports
// whether it heard at all.
func (l *pgListener) listen(ctx context.Context) bool {
	conn, err := pgx.ConnectConfig(ctx, l.conf.Copy())
	if err != nil {
		return false
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it is over either way
	if _, err := conn.Exec(ctx, "LISTEN "+changesChannel); err != nil {
		return false
	}
	var schema string
	if err := conn.QueryRow(ctx, "SELECT current_schema()").Scan(&schema); err != nil {
		return false
	}
	l.tell() // whatever came while nobody listened
	for {
		wait, cancel := context.WithTimeout(ctx, listenCheck)
		heard, err := conn.WaitForNotification(wait)
		cancel()
		switch {
		case err == nil && heard.Payload == schema:
			l.tell()
		case err == nil: // of another schema in the same database
		case ctx.Err() != nil:
			return true
		case wait.Err() != nil && conn.Ping(ctx) == nil:
		default:
			return true
		}
	}
}

func (l *pgListener) tell() {
	select {
	case l.hint <- struct{}{}:
	default: // one is waiting to be heard
	}
}
