package issue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/clientauth"
	"github.com/mintage-auth/mintage/internal/explain"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/limit"
	"github.com/mintage-auth/mintage/internal/revoke"
	"github.com/mintage-auth/mintage/oauth"
)

// Handler serves the endpoints of all tenants. Its methods are the endpoints;
// each serves every method, most of them with 405. It is safe for concurrent
// use and its fields must not change once it serves.
type Handler struct {
	Directory Directory
	Auth      Authenticator
	Minter    Minter
	Revoker   Revoker
	Replays   Replays
	Now       func() time.Time
	// NonceKey is what nonces for DPoP proofs are made with: 32 random bytes that
	// all nodes share.
	NonceKey [32]byte
	// Log gets one line of each request. Its handler must not keep records, whose
	// attributes are used again.
	Log *slog.Logger

	// Peer says who sent a request. Nil takes the connection's address, and
	// knows of no proxy.
	Peer func(*http.Request) Peer

	// DocsURL returns where the documentation is, without a trailing slash; errors
	// name a page below it. Nil or empty: /docs at the root of the tenant's issuer.
	DocsURL func() string

	// Debug adds error_debug, the full reason, to errors. It is for a server that
	// nobody but its developer can reach.
	Debug bool

	// KeyWanted is told when a tenant has no key to sign or seal with. It must not
	// block. Nil: nobody is told.
	KeyWanted func(tenant, alg string)

	// Exposed is told of a live secret that came in a URL, where it was refused,
	// after the answer. Nil: secrets in URLs are not looked at again.
	Exposed func(ctx context.Context, tenant, client, secret string) error

	// Found is told what a second look at refused credentials found, after the
	// answer: once for each Outcome that is Puzzling, with the zero Finding where
	// nothing was found or nobody looked. It must not block. Nil: nobody looks.
	Found func(traceID string, f Finding)

	// Owners helps the second look. Nil: it looks in the request's own tenant
	// alone.
	Owners Owners

	// Limits says who asks too often; nil: nobody does.
	Limits *limit.Requests

	// Observe is told how each request ended, before the answer is written to
	// the connection. It must neither block nor keep the Outcome. Nil: nobody is
	// told.
	Observe func(context.Context, *Outcome)

	second   secondLook
	verified verified
}

// Directory answers questions about what is configured. What it returns is
// shared and not modified. Errors are mintage.ErrNotFound, wrapped, or the
// store's trouble.
type Directory interface {
	ResourceServers(ctx context.Context, tenant string) (map[string]*mintage.ResourceServer, error)
	Ring(ctx context.Context, tenant string) (*keys.Ring, error)
	Revocations(ctx context.Context, tenant string) (*revoke.Set, error)
}

// Authenticator says which client sent a request; see clientauth.Authenticator.
type Authenticator interface {
	Authenticate(ctx context.Context, t *mintage.Tenant, r *clientauth.Request) (clientauth.Result, error)
	Match(ctx context.Context, t *mintage.Tenant, peer netip.Addr, id, candidate string) (*mintage.Client, *mintage.Secret)
}

// Minter turns a decision into a token, and finds out what an opaque one stands
// for. Mint fails with keys.ErrNoKey, wrapped, when there is no key for it;
// Lookup with mintage.ErrNotFound.
type Minter interface {
	Mint(ctx context.Context, az *mintage.Authorization) (*mintage.AccessToken, error)
	Lookup(ctx context.Context, tenant, token string) (*mintage.TokenRecord, error)
}

// Revoker ends a token before its time. It returns when the revocation is on
// disk.
type Revoker interface {
	RevokeToken(ctx context.Context, tok RevokedToken) error
}

// Replays lets what may be used once pass once, on all nodes together. Once
// fails with replay.ErrUsed, wrapped, for what was used before; any other error
// is the store's trouble, and lets nothing pass. See replay.Guard.
type Replays interface {
	Once(ctx context.Context, id [32]byte, expires time.Time) error
}

// RevokedToken says which token is to end, and for the audit log who ends it.
type RevokedToken struct {
	Tenant   string
	JTI      string
	ClientID string // of the token, which is also who revokes it
	Expires  time.Time
	Address  string // of the client, without the port
	TraceID  string
}

// endpoint is what endpoints differ in before and after they do their work.
type endpoint struct {
	name    string
	allow   string // methods, as the Allow header lists them
	methods []string
	// credentials says that requests carry credentials or tokens, and so must
	// come over HTTPS.
	credentials bool
	cors        bool
	quiet       bool // a good answer is logged at debug level
	serve       func(*Handler, context.Context, *exchange) error
}

// Token serves the token endpoint in the named dialect.
func (h *Handler) Token(w http.ResponseWriter, r *http.Request, t *mintage.Tenant, dialect string) {
	d, ok := dialectByName(dialect)
	if !ok { // configuration names a dialect that this build does not have
		h.NotFound(w, r, t)
		return
	}
	h.handle(w, r, t, d, &tokenEndpoint)
}

var tokenEndpoint = endpoint{
	name: "token", allow: "POST, OPTIONS", methods: post, credentials: true, cors: true, serve: (*Handler).token,
}

var (
	post = []string{http.MethodPost}
	read = []string{http.MethodGet, http.MethodHead}
)

// NotFound answers a request for a path of t that nothing serves. The tenant
// may be nil.
func (h *Handler) NotFound(w http.ResponseWriter, r *http.Request, t *mintage.Tenant) {
	h.handle(w, r, t, neighbour, &endpoint{
		name: "other", serve: func(*Handler, context.Context, *exchange) error {
			return oauth.NotFound("nothing is served at this URL")
		},
	})
}

// NoTenant answers a request for which the search for a tenant ended with err:
// 404 for mintage.ErrNotFound, else 503.
func (h *Handler) NoTenant(w http.ResponseWriter, r *http.Request, err error) {
	h.handle(w, r, nil, neighbour, &endpoint{
		name: "other", serve: func(*Handler, context.Context, *exchange) error {
			if errors.Is(err, mintage.ErrNotFound) {
				return oauth.NotFound("no issuer is served at this URL")
			}
			return storeTrouble(err)
		},
	})
}

// Wait returns when no look at an exposed secret is under way any more. Call it
// after the last request.
func (h *Handler) Wait() { h.second.wait() }

// handle is what all endpoints share, in order. Whatever happens in between, an
// answer is written, observed and logged, once.
func (h *Handler) handle(w http.ResponseWriter, r *http.Request, t *mintage.Tenant, d *Dialect, e *endpoint) {
	start := h.Now()
	x, ok := exchanges.Get().(*exchange)
	if !ok {
		x = &exchange{}
	}
	x.w, x.t, x.dialect, x.start, x.peer = w, t, d, start, h.peer(r)
	x.out.Endpoint, x.out.TraceID, x.out.Dialect = e.name, explain.NewTraceID(start), d.Name
	x.out.RemoteIP = x.peer.Addr
	if agent := r.Header["User-Agent"]; len(agent) > 0 {
		x.out.UserAgent = agent[0]
	}
	if t != nil {
		x.out.Tenant = t.ID
	}
	x.begin()
	if e.cors {
		allowOrigin(w.Header(), r, t, e.allow)
	}
	if err := h.contained(r, x, e); err != nil {
		h.fail(x, err)
	}
	x.out.Duration = h.Now().Sub(start)
	if h.Observe != nil {
		h.Observe(r.Context(), &x.out)
	}
	x.write(r.Method == http.MethodHead)
	x.log(r.Context(), h.Log, e.quiet)
	h.second.look(r.Context(), h, x)
	x.release()
}

func (h *Handler) peer(r *http.Request) Peer {
	if h.Peer == nil {
		return directPeer(r)
	}
	return h.Peer(r)
}

// contained is the endpoint's own work. A panic in it costs this request alone.
func (h *Handler) contained(r *http.Request, x *exchange, e *endpoint) (err error) {
	ctx := r.Context()
	defer func() {
		if p := recover(); p != nil {
			err = h.panicked(ctx, x, p)
		}
	}()
	if err := checkHeader(r); err != nil {
		return err
	}
	if done, err := x.method(r.Method, e); done || err != nil {
		return err
	}
	if e.credentials {
		if err := x.peer.checkSecure(); err != nil {
			return err
		}
		if wait := h.Limits.Address(x.peer.Addr, x.start); wait > 0 {
			return oauth.TooManyRequests("limit.ip", "too many requests come from this address", nil).In(wait)
		}
	}
	x.r = r
	return e.serve(h, ctx, x)
}

// panicked logs a panic. What it was called with may hold what a caller sent,
// and is not shown unless it is the runtime's.
func (h *Handler) panicked(ctx context.Context, x *exchange, p any) error {
	what := fmt.Errorf("panic with a %T", p)
	if re, ok := p.(runtime.Error); ok {
		what = fmt.Errorf("panic: %w", re)
	}
	h.Log.LogAttrs(ctx, slog.LevelError, "panic",
		slog.String("trace_id", x.out.TraceID), slog.Any("err", what), slog.String("stack", string(debug.Stack())))
	return oauth.ServerError(what)
}

// storeTrouble is the answer to whoever needs the database while it is away
// (RFC 9110 §15.6.4). It is never invalid_client: the fault is ours.
func storeTrouble(cause error) *oauth.Error {
	return oauth.TemporarilyUnavailable("store.unavailable", "the server cannot answer now", cause)
}
