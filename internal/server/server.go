package server

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mintage-auth/mintage/internal/admin"
	"github.com/mintage-auth/mintage/internal/clientkeys"
	"github.com/mintage-auth/mintage/internal/directory"
	"github.com/mintage-auth/mintage/internal/issue"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/limit"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/mint"
	"github.com/mintage-auth/mintage/internal/people"
	"github.com/mintage-auth/mintage/internal/revoke"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/telemetry"
)

// Names of the vault's values: the key of secret hashes, the one that
// authenticates cursors, and the one of nonces for DPoP proofs.
const (
	pepperName    = "pepper"
	cursorKeyName = "cursor"
	nonceKeyName  = "dpop_nonce"
)

// Config is how a server runs. Listen, AdminListen, Data and Log must be set.
type Config struct {
	Listen      string // address of the public listener
	AdminListen string // address of the admin listener
	// AdminURL is the issuer of the built-in tenant. Empty means the one stored
	// at the first start, or one made of the admin listener's address then.
	AdminURL string

	// ConsoleListen is the address of the console's own listener; empty: the
	// console is on the admin listener. ConsoleURL is under which URL people reach
	// it, without /console; empty: the listener's address.
	ConsoleListen string
	ConsoleURL    string

	// OIDC is the OpenID provider by which operators may sign in to the console;
	// nil: there is none.
	OIDC *OIDC

	// Data is the directory of the master key, admin.json and the SQLite
	// database. It is made, mode 0700, where it is missing.
	Data     string
	Database Database
	// MasterKeyFile is where the master key is; empty: master.key in Data.
	MasterKeyFile string
	// MasterKeyCommand is the program, and its arguments, that unwraps what is in
	// that file (keys.Command); empty: the key is in it as it is.
	MasterKeyCommand []string

	TLS      *KeyPair // of the public listener; nil: plain HTTP
	AdminTLS *KeyPair // of the admin listener; nil: plain HTTP

	// BehindProxy are the addresses whose X-Forwarded-For and X-Forwarded-Proto
	// count.
	BehindProxy []netip.Prefix

	// JWKSNetworks are the networks that are not public and in which clients may
	// publish their keys all the same; JWKSRoots are the authorities that may
	// vouch for them. Nil: none, and the system's.
	JWKSNetworks []netip.Prefix
	JWKSRoots    *x509.CertPool

	// DocsURL is what error_uri starts with, without a slash at the end; empty:
	// /docs at the root of the tenant's own issuer.
	DocsURL string

	// RequestsPerMinute is how many requests with credentials one address may
	// make in a minute; zero: any number.
	RequestsPerMinute int

	// ClientLabels are the client ids that have a label of their own in the
	// metrics of tokens; empty: no metric has such a label.
	ClientLabels []string

	// KeepRequests is how long the request log is kept; zero: seven days.
	// RefusedOnly leaves out of it what was issued as asked.
	KeepRequests time.Duration
	RefusedOnly  bool

	// NoteUses is how often the last use of secrets is written; zero: once a
	// minute. A shorter time costs writes and loses less with the process.
	NoteUses time.Duration

	// KeyPeriod is how long the signing keys of a tenant sign that sets nothing
	// else; zero means mintage.DefaultKeyPeriod.
	KeyPeriod time.Duration

	// DrainTimeout is how long requests under way may take after a signal to
	// stop; zero means DefaultDrainTimeout.
	DrainTimeout time.Duration

	// Debug puts the full reason of a refusal into the answer. Only dev sets it,
	// and only on loopback.
	Debug bool

	// Volatile keeps the database in a temporary place, without waiting for the
	// disk, until Close. It is for tests.
	Volatile bool

	// Front is put around what the public listener serves, and Observe is told
	// how each of its requests ended; neither may keep what it is given. Both are
	// for issuers that misbehave on purpose. Nil: none.
	Front   func(http.Handler) http.Handler
	Observe func(*issue.Outcome)
	// Unrecorded keeps nothing of requests: no request log, no usage and no last
	// use. It is for measuring what keeping them costs.
	Unrecorded bool

	Version, Commit string
	Now             func() time.Time // nil: time.Now
	Log             *slog.Logger
}

// DefaultDrainTimeout is the Config.DrainTimeout of a Config that sets none.
const DefaultDrainTimeout = 10 * time.Second

// lastWords is how long, after the last answer, what was collected may take to be
// written: a database that says nothing must not keep a process from ending.
const lastWords = 3 * time.Second

// Server is one process. Open makes it, Run serves until its context ends.
type Server struct {
	cfg       Config
	log       *slog.Logger
	store     store.Store
	directory *directory.Directory
	manager   *manage.Manager
	issue     *issue.Handler
	adminAPI  *admin.Handler
	feed      *revoke.Feed
	vault     *keys.Vault
	hasher    *secret.Hasher
	people    *people.Service
	console   atomic.Pointer[http.Handler] // nil: not open yet
	metrics   *telemetry.Metrics
	tracing   *telemetry.Tracing // nil: off
	peers     atomic.Pointer[peers]
	guesses   *limit.Guesses
	limits    *limit.Requests

	clientKeys *clientkeys.Source
	background

	listeners []*listener
	public    net.Addr
	admin     net.Addr
	pages     net.Addr // of the console
	draining  atomic.Bool
	making    sync.WaitGroup // of the demo tenants

	driftAt      *int64       // LastChange when drift was looked at; the census alone has it
	drainTimeout atomic.Int64 // nanoseconds
	docsURL      atomic.Pointer[string]
	stopping     chan struct{} // closed when draining begins
}

// Open opens the database, makes what is missing of a new one and takes both
// addresses. The caller must call Run or Close.
func Open(ctx context.Context, cfg Config) (_ *Server, err error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.DrainTimeout == 0 {
		cfg.DrainTimeout = DefaultDrainTimeout
	}
	s := &Server{
		cfg: cfg, log: cfg.Log, metrics: cfg.newMetrics(),
		feed: &revoke.Feed{}, stopping: make(chan struct{}),
		guesses: limit.NewGuesses(), limits: limit.NewRequests(),
	}
	s.limits.BoundAddresses(cfg.RequestsPerMinute)
	s.docsURL.Store(&cfg.DocsURL)
	defer func() { //nolint:contextcheck // what was opened is closed, whatever became of ctx
		if err != nil {
			_ = s.Close() // the first error is the one to tell
		}
	}()
	if s.tracing, err = telemetry.OpenTracing(ctx, os.Getenv, cfg.Version); err != nil {
		return nil, err
	}
	if err := s.openStore(ctx); err != nil {
		return nil, err
	}
	if err := s.listen(ctx); err != nil {
		return nil, err
	}
	if err := s.bootstrap(ctx); err != nil {
		return nil, err
	}
	if err := s.openConsole(); err != nil {
		return nil, err
	}
	return s, s.directory.Sync(ctx)
}

// openStore opens what is kept and puts the parts together that work on it.
func (s *Server) openStore(ctx context.Context) error {
	if err := os.MkdirAll(s.cfg.Data, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	database, err := s.cfg.openDatabase(ctx)
	if err != nil {
		return err
	}
	st := timedStore{Store: database, metrics: s.metrics}
	s.store = st
	vault, err := keys.OpenVault(ctx, s.cfg.vault(st, true))
	if err != nil {
		return err
	}
	pepper, err := vault.Value(ctx, pepperName, 32)
	if err != nil {
		return err
	}
	hasher := secret.New(pepper)
	hasher.Observe = s.metrics.SecretVerified
	s.directory = directory.New(directory.Config{Store: st, Vault: vault, Feed: s.feed, Now: s.cfg.Now, Log: s.log})
	s.manager = &manage.Manager{
		Store: st, Vault: vault, Secrets: hasher, Sync: s.directory.Sync, Observe: s.written, Now: s.cfg.Now, Log: s.log,
		Dropped: s.metrics.AuditDropped, KeyPeriod: s.cfg.KeyPeriod,
	}
	s.background = newBackground(s.store, s.directory, s.manager, s.metrics, s.cfg.Now, s.log)
	s.requests.Keep, s.requests.RefusedOnly = s.cfg.KeepRequests, s.cfg.RefusedOnly
	s.lastUse.Every = s.cfg.NoteUses
	s.peers.Store(&peers{proxies: s.cfg.BehindProxy})
	s.drainTimeout.Store(int64(s.cfg.DrainTimeout))
	minter := &mint.Minter{Now: s.cfg.Now, Rings: s.directory, Tokens: st, Signed: s.metrics.Signed}
	s.vault, s.hasher = vault, hasher
	if err := s.openIssuer(ctx, st, minter); err != nil {
		return err
	}
	return s.openAdmin(ctx, vault, minter)
}

// openAdmin makes the admin API.
func (s *Server) openAdmin(ctx context.Context, vault *keys.Vault, minter *mint.Minter) error {
	cursorKey, err := vault.Value(ctx, cursorKeyName, 32)
	if err != nil {
		return err
	}
	s.adminAPI, err = admin.New(admin.Config{
		Manager: s.manager, Directory: s.directory, Stored: minter, CursorKey: cursorKey,
		Address: func(r *http.Request) string { return s.peer(r).Addr.String() },
		Following: admin.FeedConfig{
			Feed: s.feed, Healthy: s.directory.Healthy, Stopping: s.stopping,
			Secure: func(r *http.Request) bool {
				peer := s.peer(r)
				return peer.Secure || peer.Addr.IsLoopback()
			},
		},
		DocsURL: s.docs, Limit: s.limitAdmin, Now: s.cfg.Now, Log: s.log,
		LinkURL: func(l *manage.Link) string { return people.LinkURL(s.ConsoleURL(), l) },
		People:  func() admin.People { return s.people },
	})
	return err
}

// listen takes all addresses. Nothing is answered before Run.
func (s *Server) listen(ctx context.Context) error {
	type place struct {
		name, addr string
		cert       *KeyPair
		handler    http.Handler
		at         *net.Addr
	}
	places := []place{
		{"public listener", s.cfg.Listen, s.cfg.TLS, s.publicHandler(), &s.public},
		{adminListener, s.cfg.AdminListen, s.cfg.AdminTLS, s.probesWhileDraining(s.adminHandler()), &s.admin},
	}
	if s.cfg.ConsoleListen != "" {
		places = append(places, place{"console listener", s.cfg.ConsoleListen, s.cfg.TLS, s.consoleHandler(), &s.pages})
	}
	for _, l := range places {
		ln, err := listen(ctx, l.name, l.addr, l.cert, l.handler, s.log)
		if err != nil {
			return err
		}
		s.listeners = append(s.listeners, ln)
		*l.at = ln.Addr()
	}
	return nil
}

// PublicAddr returns the address of the public listener.
func (s *Server) PublicAddr() net.Addr { return s.public }

// AdminAddr returns the address of the admin listener.
func (s *Server) AdminAddr() net.Addr { return s.admin }

// Manager returns the use cases of administration, for mintage dev.
func (s *Server) Manager() *manage.Manager { return s.manager }

// Ring returns the signing keys of a tenant, for tests.
func (s *Server) Ring(ctx context.Context, tenant string) (*keys.Ring, error) {
	return s.directory.Ring(ctx, tenant)
}

// Run serves until ctx ends, lets requests under way finish and closes. Ready
// is called when both listeners answer; it may be nil.
func (s *Server) Run(ctx context.Context, ready func()) error {
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	last, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	work = store.WithLimit(work, last)
	var tasks sync.WaitGroup
	tasks.Go(func() { s.runBackground(work) })
	tasks.Go(func() { s.every(work, certificateInterval, s.followCertificates) })
	tasks.Go(func() { s.every(work, censusInterval, s.census) })

	failed := make(chan error, len(s.listeners))
	for _, l := range s.listeners {
		tasks.Go(func() { failed <- l.serve() })
	}
	if ready != nil {
		ready()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	err = errors.Join(err, s.drain(work))
	s.issue.Wait()
	stopWork()
	late := time.AfterFunc(lastWords, giveUp)
	defer late.Stop()
	tasks.Wait()
	return errors.Join(err, s.Close()) //nolint:contextcheck // ctx has ended
}

// drain stops taking requests and waits for those under way. /readyz says so
// from the first moment on, and is there to say it until the other listeners
// have come to rest.
func (s *Server) drain(ctx context.Context) error {
	s.draining.Store(true)
	close(s.stopping)
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.drainTimeout.Load()))
	defer cancel()
	errs := make([]error, len(s.listeners))
	for _, last := range []bool{false, true} {
		var wg sync.WaitGroup
		for i, l := range s.listeners {
			if last == (l.name == adminListener) {
				wg.Go(func() { errs[i] = l.drain(ctx) })
			}
		}
		wg.Wait()
	}
	err := errors.Join(errs...)
	if errors.Is(err, context.DeadlineExceeded) {
		// A peer that does not let go is no failure of the server's.
		s.log.LogAttrs(ctx, slog.LevelWarn, "requests were cut off at the end of the drain timeout", slog.Any("err", err))
		return nil
	}
	return err
}

// Close lets go of the addresses and the database. Run calls it.
func (s *Server) Close() error {
	var errs []error
	for _, l := range s.listeners {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	s.listeners = nil
	s.making.Wait()
	if s.clientKeys != nil {
		s.clientKeys.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), traceTimeout)
	defer cancel()
	errs = append(errs, s.tracing.Shutdown(ctx))
	if s.store != nil {
		errs = append(errs, s.store.Close())
		s.store = nil
	}
	return errors.Join(errs...)
}
