package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/mintage-auth/mintage/internal/store"
)

// Postgres says where a PostgreSQL database is, or one that speaks its
// protocol, and how it is used.
type Postgres struct {
	// URL is a connection string, in one of the forms that libpq reads. What it
	// leaves out comes from PGHOST and the other variables that libpq reads, a
	// password from the file that PGPASSFILE names or ~/.pgpass too.
	URL string
	// MaxConns is how many connections this process has at most, beside one
	// that listens for changes. Zero means 20; the least is 4.
	MaxConns int
	// StatementTimeout ends a statement that takes longer, on the server. Zero
	// means 10 s.
	StatementTimeout time.Duration
	// ConnectTimeout bounds one attempt to connect. Zero means 5 s.
	ConnectTimeout time.Duration
	// Patience is how long a call tries again while the database cannot be
	// reached: it covers a restart and a failover's last moment, and what waits
	// longer had better be told. Zero means 3 s.
	Patience time.Duration
}

const (
	defaultMaxConns         = 20
	defaultStatementTimeout = 10 * time.Second
	defaultConnectTimeout   = 5 * time.Second
	defaultPatience         = 3 * time.Second

	// pgWriters is how many write transactions a process has at the same time.
	// Few are faster than many: they share commits.
	pgWriters = 3
	// idleFor is how long a connection that nobody uses is kept.
	idleFor = 5 * time.Minute
	// connLife is how old a connection grows: after a failover the load comes
	// back to all servers within that time.
	connLife = time.Hour
	// readMargin is how much longer than a statement may take an answer is
	// waited for, before the server is taken for gone.
	readMargin = 10 * time.Second
)

// changesChannel is what nodes notify one another on, all of a database: the
// schema is the message.
const changesChannel = "mintage_changes"

// OpenPostgres connects to the database and brings its schema up to date. The
// caller closes the Store.
func OpenPostgres(ctx context.Context, cfg Postgres) (*Store, error) {
	conf, err := cfg.connConfig()
	if err != nil {
		return nil, err
	}
	s, err := openPostgres(ctx, cfg, conf)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", place(conf), err)
	}
	return s, nil
}

func openPostgres(ctx context.Context, cfg Postgres, conf *pgx.ConnConfig) (*Store, error) {
	conns := max(cmp.Or(cfg.MaxConns, defaultMaxConns), pgWriters+1)
	wait := cfg.statementTimeout() + readMargin
	connected := &pgConns{}
	writer := connected.pool(conf, pgWriters, wait)
	reader := connected.pool(conf, conns-pgWriters, wait)
	e := postgresEngine(cmp.Or(cfg.Patience, defaultPatience))
	e.giveUp = connected.giveUp
	notifies, err := canNotify(ctx, writer)
	if err != nil {
		return nil, errors.Join(err, reader.Close(), writer.Close())
	}
	if notifies {
		e.notify = `SELECT pg_notify('` + changesChannel + `', current_schema())`
	}
	s, err := open(ctx, e, writer, reader)
	if err != nil {
		return nil, err
	}
	if notifies {
		l := newPGListener(conf) //nolint:contextcheck // it outlives the call that opens the store
		s.hint, s.cleanup = l.hint, l.close
	}
	return s, nil
}

func (cfg *Postgres) statementTimeout() time.Duration {
	return cmp.Or(cfg.StatementTimeout, defaultStatementTimeout)
}

// connConfig reads the connection string. Its errors do not repeat it: it may
// hold a password.
func (cfg *Postgres) connConfig() (*pgx.ConnConfig, error) {
	conf, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("the database's URL cannot be read: want postgres://USER@HOST:PORT/DATABASE?sslmode=verify-full (%s)", parseTrouble(err))
	}
	timeout := fmt.Sprint(cfg.statementTimeout().Milliseconds())
	conf.ConnectTimeout = cmp.Or(conf.ConnectTimeout, cfg.ConnectTimeout, defaultConnectTimeout)
	for name, value := range map[string]string{
		"application_name":  "mintage",
		"statement_timeout": timeout,
		// A node that stops in a transaction must not hold up the others.
		"idle_in_transaction_session_timeout": timeout,
	} {
		if _, ok := conf.RuntimeParams[name]; !ok {
			conf.RuntimeParams[name] = value
		}
	}
	// After a failover a connection can lead to what is a replica now.
	if conf.ValidateConnect == nil {
		conf.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	return conf, nil
}

// parseTrouble returns what pgx says of a connection string it cannot read,
// without the string.
func parseTrouble(err error) string {
	if cause := errors.Unwrap(err); cause != nil {
		err = cause
	}
	text := err.Error()
	if strings.Contains(text, "://") || strings.Contains(text, "@") {
		return "its form is wrong"
	}
	return text
}

// place says where a database is, for people.
func place(conf *pgx.ConnConfig) string {
	return fmt.Sprintf("%s at %s:%d", conf.Database, conf.Host, conf.Port)
}

// canNotify reports whether the server knows NOTIFY. Not all that speak
// PostgreSQL's protocol do; without it nodes hear of changes by polling.
func canNotify(ctx context.Context, db *sql.DB) (bool, error) {
	_, err := db.ExecContext(ctx, `SELECT pg_notify('`+changesChannel+`', current_schema())`)
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pe.Code {
		case "0A000", "42883", "42601": // feature_not_supported, undefined_function, syntax_error
			return false, nil
		}
	}
	return err == nil, err
}

// postgresEngine returns what is PostgreSQL's own.
func postgresEngine(patience time.Duration) *engine {
	return &engine{
		name:    "postgres",
		dialect: goose.DialectPostgres,
		ddl: strings.NewReplacer(
			"{text}", `TEXT COLLATE "C"`, // sorted and compared by bytes, as everywhere
			"{blob}", "BYTEA",
			"{serial}", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
			"{clustered}", "",
		),
		labels:   `jsonb_each_text(CAST(clients.settings AS JSONB) -> 'labels')`,
		minting:  `CAST(CAST(clients.settings AS JSONB) -> 'token' AS TEXT)`,
		writers:  pgWriters,
		begin:    `SELECT value FROM counters WHERE name = 'changes' FOR UPDATE`,
		view:     &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead},
		patience: patience,
		locker: func() (lock.Locker, error) {
			return lock.NewPostgresTableLocker(
				lock.WithTableName("schema_lock"),
				lock.WithTableLockTimeout(200*time.Millisecond, 1500), // 5 minutes
			)
		},
		fault: postgresFault,
		// Cancelling a statement costs its connection, and the server a process:
		// clients that hang up early must not be able to make it fork all day.
		// The server bounds what a statement takes; where it says nothing at all, the
		// caller's patience does, and the connection is of no use then anyway.
		statement: store.Patience,
	}
}

// postgresFault classifies err by its SQLSTATE.
func postgresFault(err error) fault {
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok {
		return sqlState(pe.Code)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return faultOther // the caller's
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return faultLost
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return faultLost
	}
	switch {
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, net.ErrClosed), pgconn.SafeToRetry(err):
		return faultLost
	}
	return faultOther
}

// sqlState classifies a SQLSTATE (PostgreSQL, appendix A).
func sqlState(code string) fault {
	switch code {
	case "23505": // unique_violation
		return faultExists
	case "23503": // foreign_key_violation
		return faultReference
	case "57014": // query_canceled: by statement_timeout, since callers' contexts end otherwise
		return faultTrouble
	case "40001", "40P01", "55P03": // serialization_failure, deadlock_detected, lock_not_available
		return faultBusy
	case "25006", // read_only_sql_transaction: this is a replica now
		"53300",                   // too_many_connections
		"57P01", "57P02", "57P03", // admin_shutdown, crash_shutdown, cannot_connect_now
		"25P03": // idle_in_transaction_session_timeout
		return faultLost
	}
	switch code[:min(2, len(code))] {
	case "08": // connection exception
		return faultLost
	case "53", "58": // insufficient resources, system error
		return faultTrouble
	case "22", "23", "54": // data exception, constraint, limit
		return faultRow
	}
	return faultOther
}
