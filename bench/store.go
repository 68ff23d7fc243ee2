package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqlscale"
)

// bench store measures what the database costs: stored tokens, and many clients
// and tokens beside few, on SQLite and, where TEST_POSTGRES names a server of
// its own, on PostgreSQL.

// storeOptions are its flags.
type storeOptions struct {
	options

	clients, tokens int
}

// What is measured, by its name in the report.
const (
	storeFew     = ", almost empty database"
	storeBig     = ", large database, one client"
	storeBigAny  = ", large database, all clients"
	storeCrowded = "stored, ten times as many connections as the pool"
)

// The token paths of the tenant, and the settings of the pool.
const (
	pathJWT    = "/oauth2/token"
	pathStored = "/oauth/token"
	poolSize   = 20
)

// sampled is how many clients take turns where all do: ten times as many as the
// product keeps in memory.
const sampled = 200_000

// storeEngine is what was measured of one database.
type storeEngine struct {
	name  string
	few   *storeSide
	big   *storeSide
	runs  map[string]*measured
	order []string

	begun      time.Duration // exec to the first token on the large database
	idle       int64         // resident, bytes
	used       []usedMemory
	perToken   float64       // bytes of a live token, generated
	perWritten float64       // bytes of a live token that the product wrote itself
	one        load          // stored, one connection
	crowd      [2]load       // stored, with 64 connections and with ten times the pool
	sync       time.Duration // p50 of a write of 4 KB and its sync
	floor      float64       // µs of both sides for a row, by unnest
}

// usedMemory is the resident set once so many clients got a token.
type usedMemory struct {
	clients int
	bytes   int64
}

// storeSide is a server and its database.
type storeSide struct {
	*product

	at     string // of the database
	id     string // of the client that others are copied from
	secret string
	sealed []byte // request
}

func storeMain(args []string) {
	var o storeOptions
	fs := flag.NewFlagSet("bench store", flag.ExitOnError)
	fs.IntVar(&o.rounds, "rounds", 5, "rounds in which all take turns; the smallest figure counts")
	fs.DurationVar(&o.length, "length", time.Second, "length of one run of the load generator")
	fs.IntVar(&o.connections, "connections", 64, "connections that are kept busy")
	fs.IntVar(&o.clients, "clients", 1_000_000, "clients of the large database")
	fs.IntVar(&o.tokens, "tokens", 10_000_000, "live stored tokens of the large database")
	fs.StringVar(&o.bin, "mintage", "", "binary to measure (default: built from this tree)")
	fs.StringVar(&o.out, "o", "", "file that the report is also written to")
	fs.StringVar(&o.note, "note", "", "a line for the report, such as what else runs on the machine")
	_ = fs.Parse(args)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := runStore(ctx, &o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench store:", err)
		os.Exit(1) //nolint:forbidigo,gocritic // this is main; the signals end with it
	}
}

func runStore(ctx context.Context, o *storeOptions, w io.Writer) error {
	dir, err := os.MkdirTemp("", "mintage-bench-store-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if o.bin, err = built(ctx, dir, o.bin); err != nil {
		return err
	}
	before := loadAverage()
	var engines []*storeEngine
	for _, name := range []string{"SQLite", "PostgreSQL"} {
		if name == "PostgreSQL" && os.Getenv("TEST_POSTGRES") == "" {
			continue
		}
		e := &storeEngine{name: name, runs: map[string]*measured{}}
		if err := e.measure(ctx, o, filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		engines = append(engines, e)
	}
	text := storeReport(ctx, o, engines, before)
	if _, err := io.WriteString(w, text); err != nil || o.out == "" {
		return err
	}
	return os.WriteFile(o.out, []byte(text), 0o644) //nolint:gosec // a report for everybody
}

// measure does all of one engine.
func (e *storeEngine) measure(ctx context.Context, o *storeOptions, dir string) error {
	defer func() {
		for _, s := range []*storeSide{e.few, e.big} {
			if s != nil {
				s.stop()
			}
		}
	}()
	for _, part := range []struct {
		name string
		do   func(context.Context, *storeOptions, string) error
	}{
		{"set up", e.setUp}, {"fill", e.fill}, {"memory", e.useAll}, {"rounds", e.takeTurns}, {"rows", e.weigh}, {"floor", e.beneath},
	} {
		began := time.Now()
		if err := part.do(ctx, o, dir); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		fmt.Fprintf(os.Stderr, "bench store: %s, %s: %.0f s, load %s\n", e.name, part.name, time.Since(began).Seconds(), loadAverage())
	}
	return nil
}

// setUp starts both servers and makes their first clients.
func (e *storeEngine) setUp(ctx context.Context, o *storeOptions, dir string) (err error) {
	if e.few, err = e.newSide(ctx, o, filepath.Join(dir, "few")); err != nil {
		return err
	}
	e.big, err = e.newSide(ctx, o, filepath.Join(dir, "big"))
	return err
}

func (e *storeEngine) newSide(ctx context.Context, o *storeOptions, dir string) (*storeSide, error) {
	s := &storeSide{at: filepath.Join(dir, "data", "mintage.db")}
	var env []string
	if e.name == "PostgreSQL" {
		var err error
		if s.at, err = newPostgres(ctx, filepath.Base(dir)); err != nil {
			return nil, err
		}
		env = []string{"MINTAGE_DATABASE_URL=" + s.at, fmt.Sprintf("MINTAGE_DATABASE_MAX_CONNECTIONS=%d", poolSize)}
	}
	var err error
	if s.product, err = newProduct(ctx, o.bin, dir, env...); err != nil {
		return nil, err
	}
	err = s.apply(ctx, "tenant", fmt.Sprintf(`tenants:
  - id: bench
    issuer: http://%s
    token_paths: { %s: rfc, %s: doorkeeper }
resource_servers:
  - identifier: %s
    tenants: [bench]
    scopes: { %s: "" }
`, s.public, pathJWT, pathStored, resource, scope))
	if err != nil {
		return s, err
	}
	sealed, err := s.target(ctx, scenario{name: "sealed", settings: "{ format: sealed }"})
	if err != nil {
		return s, err
	}
	s.sealed = sealed.requests[0]
	if _, err := s.target(ctx, scenario{name: "many", settings: "{ claims: rfc }"}); err != nil {
		return s, err
	}
	if s.id, s.secret, err = s.credentials("many", "bench"); err != nil {
		return s, err
	}
	for _, request := range [][]byte{s.sealed, s.ask(pathStored, s.id), s.ask(pathJWT, s.id)} {
		if _, err := s.answered(ctx, s.public, request, 30*time.Second); err != nil {
			return s, err
		}
	}
	return s, nil
}

// ask is a request of a client for a token.
func (s *storeSide) ask(path, id string) []byte {
	return post(s.public, path, id, s.secret, tokenForm())
}

// fill makes the clients and tokens of the large database and starts both
// servers anew.
func (e *storeEngine) fill(ctx context.Context, o *storeOptions, _ string) error {
	e.few.stop()
	e.big.stop()
	db, err := sqlscale.Open(ctx, e.big.at)
	if err != nil {
		return err
	}
	of, now := sqlscale.Template{Tenant: "bench", Client: e.big.id}, time.Now()
	if err := db.Clients(ctx, of, o.clients, now); err != nil {
		return errors.Join(err, db.Close())
	}
	before, err := db.Size(ctx)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	// They were issued in the last hour, and live as long as the dialect's do.
	if err := db.Tokens(ctx, of, o.tokens, sqlscale.Life{From: now.Add(-time.Hour), To: now, Lifetime: 14 * 24 * time.Hour}); err != nil {
		return errors.Join(err, db.Close())
	}
	after, err := db.Size(ctx)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	e.perToken = float64(after-before) / float64(o.tokens)
	began := time.Now()
	if err := e.big.launch(); err != nil {
		return err
	}
	if _, err := e.big.answered(ctx, e.big.public, e.big.ask(pathJWT, sqlscale.ClientID(o.clients)), time.Minute); err != nil {
		return err
	}
	e.begun = time.Since(began)
	return e.few.restart(ctx)
}

// useAll has each client get a token, and reads what the server keeps of that.
func (e *storeEngine) useAll(ctx context.Context, o *storeOptions, _ string) error {
	e.idle = e.big.memory()
	const some = 100_000
	for from := 0; from < o.clients; from += some {
		var requests [][]byte
		for i := from; i < min(from+some, o.clients); i++ {
			requests = append(requests, e.big.ask(pathJWT, sqlscale.ClientID(i+1)))
		}
		// A connection lives a minute, and sends its part in less.
		for part := range slices.Chunk(requests, some/5) {
			if _, err := (target{addr: e.big.public, requests: part, once: true}).run(ctx, o.connections, 0); err != nil {
				return err
			}
		}
		if from == 0 || from+some >= o.clients {
			e.used = append(e.used, usedMemory{min(from+some, o.clients), e.big.memory()})
		}
	}
	return nil
}

// takeTurns runs the rounds.
func (e *storeEngine) takeTurns(ctx context.Context, o *storeOptions, _ string) error {
	var jwts, stored [][]byte
	for range min(sampled, o.clients) {
		id := sqlscale.ClientID(1 + rand.IntN(o.clients)) //nolint:gosec // any will do
		jwts, stored = append(jwts, e.big.ask(pathJWT, id)), append(stored, e.big.ask(pathStored, id))
	}
	e.add("JWT"+storeFew, e.few, e.few.ask(pathJWT, e.few.id))
	e.add("JWT"+storeBig, e.big, e.big.ask(pathJWT, e.big.id))
	e.add("JWT"+storeBigAny, e.big, jwts...)
	e.add("sealed"+storeFew, e.few, e.few.sealed)
	e.add("sealed"+storeBig, e.big, e.big.sealed)
	e.add("stored"+storeFew, e.few, e.few.ask(pathStored, e.few.id))
	e.add("stored"+storeBig, e.big, e.big.ask(pathStored, e.big.id))
	e.add("stored"+storeBigAny, e.big, stored...)
	for _, name := range e.order { // connections, caches, buffers
		if _, err := e.runs[name].target.run(ctx, o.connections, o.length/4); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for range o.rounds {
		for _, name := range e.order {
			// Other clients than in the round before, which are in memory.
			requests := e.runs[name].target.requests
			rand.Shuffle(len(requests), func(i, j int) { requests[i], requests[j] = requests[j], requests[i] })
			if err := e.runs[name].measure(ctx, o.connections, o.length); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	few := e.runs["stored"+storeFew].target
	var err error
	if e.crowd[0], err = few.run(ctx, o.connections, 2*o.length); err != nil {
		return err
	}
	if e.crowd[1], err = few.run(ctx, 10*poolSize, 2*o.length); err != nil {
		return fmt.Errorf("%s: %w", storeCrowded, err)
	}
	e.one, err = few.run(ctx, 1, 2*o.length)
	return err
}

// add notes something to measure.
func (e *storeEngine) add(name string, s *storeSide, requests ...[]byte) {
	m := &measured{process: s.process, target: target{addr: s.public, requests: requests}}
	if e.name == "PostgreSQL" {
		m.beside = postgresCPU
	}
	e.runs[name] = m
	e.order = append(e.order, name)
}

// weigh reads what the tokens take that the server itself wrote.
func (e *storeEngine) weigh(ctx context.Context, o *storeOptions, _ string) error {
	db, err := sqlscale.Open(ctx, e.few.at)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // it only read
	before, err := db.Size(ctx)
	if err != nil {
		return err
	}
	l, err := e.runs["stored"+storeFew].target.run(ctx, o.connections, 5*o.length)
	if err != nil {
		return err
	}
	after, err := db.Size(ctx)
	e.perWritten = float64(after-before) / float64(l.answers)
	return err
}

// beneath measures what no implementation can be faster than: a write and its
// sync, and on PostgreSQL rows in batches by unnest.
func (e *storeEngine) beneath(ctx context.Context, o *storeOptions, dir string) (err error) {
	if e.sync, err = syncTime(filepath.Join(dir, "few", "sync")); err != nil || e.name != "PostgreSQL" {
		return err
	}
	e.floor, err = unnestFloor(ctx, e.few.at, o.rounds, o.length)
	return err
}

// newPostgres makes a database on the server that TEST_POSTGRES names.
func newPostgres(ctx context.Context, name string) (string, error) {
	server := os.Getenv("TEST_POSTGRES")
	if err := sqlscale.CreatePostgres(ctx, server, name); err != nil {
		return "", err
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", err
	}
	u.Path = "/" + strings.ToLower(name)
	return u.String(), nil
}
