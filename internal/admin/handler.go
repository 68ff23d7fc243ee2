package admin

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/explain"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/revoke"
	"github.com/mintage-auth/mintage/internal/usage"
)

// Prefix is the path of the admin API.
const Prefix = adminclient.Prefix

const (
	// maxBody bounds a request body, in bytes: declared state of some ten
	// thousand clients. Nothing is read of it before the token was verified.
	maxBody = 4 << 20
	// maxValues bounds the JSON values in a body, which take several times their
	// length in memory.
	maxValues = maxBody / 8
)

// Directory answers what is configured: internal/directory is one.
type Directory interface {
	Tenant(ctx context.Context, id string) (*mintage.Tenant, error)
	TenantByIssuer(ctx context.Context, issuer string) (*mintage.Tenant, error)
	Client(ctx context.Context, tenant, id string) (*mintage.Client, error)
	Ring(ctx context.Context, tenant string) (*keys.Ring, error)
	Revocations(ctx context.Context, tenant string) (*revoke.Set, error)
}

// StoredTokens finds the record of a stored token: internal/mint does.
type StoredTokens interface {
	Lookup(ctx context.Context, tenant, token string) (*mintage.TokenRecord, error)
}

// Config is what a Handler needs. All fields must be set but DocsURL,
// Limit, Address, LinkURL and People.
type Config struct {
	Manager   *manage.Manager
	Directory Directory
	Stored    StoredTokens
	// CursorKey authenticates the cursors of lists: 32 random bytes that all
	// nodes share.
	CursorKey []byte
	// Address returns the remote address of a request for the audit log,
	// without the port; nil: that of the connection.
	Address func(*http.Request) string
	// DocsURL returns where the documentation is, without a slash at its end; nil
	// or empty: problem types are references relative to /docs on this listener.
	DocsURL func() string
	// Limit counts a request that brings a token, and returns after how long its
	// address may ask again, or zero. Nil: always.
	Limit func(*http.Request) time.Duration
	// LinkURL returns the address of a one-time link; nil: below /console on this
	// listener.
	LinkURL func(*manage.Link) string
	// People returns who signs command lines in, once there are requests; nil:
	// nobody does.
	People func() People
	// Following is the revocation feed, which Revocations serves.
	Following FeedConfig
	Now       func() time.Time
	Log       *slog.Logger
}

// Handler serves the admin API below Prefix, and the revocation feed. Make one
// with New.
type Handler struct {
	manager   *manage.Manager
	reports   usage.Reports
	directory Directory
	stored    StoredTokens
	verifier  *enforce.Verifier
	cursors   cursors
	address   func(*http.Request) string
	docsURL   func() string
	limit     func(*http.Request) time.Duration
	linkURL   func(*manage.Link) string
	people    func() People // nil: there is none
	following FeedConfig
	streams   streams
	running   running
	now       func() time.Time
	log       *slog.Logger

	api     huma.API              // once routes were called
	routes  func() *http.ServeMux // makes them when they are first asked for
	openAPI func() ([]byte, error)
}

// New returns the handler of the admin API.
func New(cfg Config) (*Handler, error) {
	if len(cfg.CursorKey) < 32 {
		return nil, fmt.Errorf("admin: the cursor key has %d bytes, not 32", len(cfg.CursorKey))
	}
	h := &Handler{
		manager: cfg.Manager, reports: usage.Reports{Store: cfg.Manager.Store, Now: cfg.Now}, directory: cfg.Directory, stored: cfg.Stored,
		cursors: cursors{key: cfg.CursorKey}, address: cfg.Address, docsURL: cfg.DocsURL, limit: cfg.Limit, linkURL: cfg.LinkURL,
		people: cfg.People, following: cfg.Following, now: cfg.Now, log: cfg.Log,
	}
	if h.docsURL == nil {
		h.docsURL = func() string { return "" }
	}
	if h.linkURL == nil {
		h.linkURL = func(l *manage.Link) string { return "/console/invitation/" + l.Token }
	}
	if h.address == nil {
		h.address = connection
	}
	h.verifier = h.newVerifier()
	// Describing all operations takes an eighth of a start, and a server that
	// nobody administers need not.
	h.routes = sync.OnceValue(h.mount)
	h.openAPI = sync.OnceValues(h.describe) // it is long, and few ask for it
	return h, nil
}

// mount makes the routes and the description of all operations.
func (h *Handler) mount() *http.ServeMux {
	mux := http.NewServeMux()
	h.api = humago.NewWithPrefix(mux, Prefix, h.apiConfig())
	for _, op := range operations() {
		op.mount(h, op)
	}
	h.finishDescription()
	return mux
}

// ServeHTTP answers one request, and logs one line of it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.observed(w, r, func(w http.ResponseWriter, r *http.Request) {
		mux := h.routes()
		handler, pattern := mux.Handler(r)
		if pattern == "" {
			h.unrouted(w, r, handler)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// observed does what all answers share around serve: headers, log line and what
// becomes of a panic.
func (h *Handler) observed(w http.ResponseWriter, r *http.Request, serve func(http.ResponseWriter, *http.Request)) {
	began := h.now()
	header := w.Header()
	rec := &record{trace: explain.NewTraceID(began), header: header}
	r = r.WithContext(context.WithValue(r.Context(), recordKey{}, rec))
	header.Set(adminclient.HeaderTraceID, rec.trace)
	header.Set("Cache-Control", "no-store") // answers hold secrets
	header.Set("X-Content-Type-Options", "nosniff")
	out := &watched{ResponseWriter: w}
	defer h.logged(out, r, rec, began)
	defer h.recovered(out, r)
	serve(out, r)
}

// logged writes the line of a request. Neither query nor body is in it.
func (h *Handler) logged(w *watched, r *http.Request, rec *record, began time.Time) {
	h.log.LogAttrs(r.Context(), slog.LevelInfo, "admin request",
		slog.String("trace_id", rec.trace), slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("status", w.status), slog.String("reason", rec.reason),
		slog.String("tenant", rec.by.Actor.Tenant), slog.String("client_id", rec.by.Actor.ClientID), slog.String("operator", rec.by.Actor.OperatorID), slog.String("via", rec.by.Via),
		slog.String("remote_ip", h.address(r)), slog.Int64("duration_ms", h.now().Sub(began).Milliseconds()))
}

// recovered answers for a handler that panicked.
func (h *Handler) recovered(w *watched, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
		panic(v)
	}
	h.log.LogAttrs(r.Context(), slog.LevelError, "admin request panicked",
		slog.String("trace_id", traceOf(r.Context())), slog.String("path", r.URL.Path), slog.Any("panic", v))
	if w.status != 0 {
		panic(http.ErrAbortHandler) // half an answer must not look whole
	}
	h.refuse(r.Context(), http.StatusInternalServerError, "internal", "").write(w)
}

// unrouted answers for a path or method that no operation has. The mux knows
// which of the two it is.
func (h *Handler) unrouted(w http.ResponseWriter, r *http.Request, answer http.Handler) {
	probe := &probe{header: http.Header{}}
	answer.ServeHTTP(probe, r)
	if probe.status == http.StatusMethodNotAllowed {
		p := h.refuse(r.Context(), http.StatusMethodNotAllowed, "request.method", "the resource does not serve this method")
		p.header["Allow"] = probe.header["Allow"]
		p.write(w)
		return
	}
	h.refuse(r.Context(), http.StatusNotFound, "request.not_found", "the admin API has no such resource").write(w)
}

// probe takes the place of a client to see what the mux would answer.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
func (p *probe) WriteHeader(status int)      { p.status = status }

// watched knows with what status an answer has begun; zero: not yet.
type watched struct {
	http.ResponseWriter
	status int
}

// WriteHeader begins the answer.
func (w *watched) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write begins the answer, if it has not begun.
func (w *watched) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// record is what the log line of a request says beside the request, and the
// header of its answer.
type record struct {
	trace  string
	header http.Header
	by     manage.By // past the guard
	reason string    // code of a refusal
}

type recordKey struct{}

// recordOf returns the record of the request that ctx belongs to.
func recordOf(ctx context.Context) *record {
	if rec, ok := ctx.Value(recordKey{}).(*record); ok {
		return rec
	}
	return &record{header: http.Header{}}
}

// traceOf returns the trace id of the request that ctx belongs to.
func traceOf(ctx context.Context) string { return recordOf(ctx).trace }
