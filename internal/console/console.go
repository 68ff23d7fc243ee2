package console

import (
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apidoc"
	"github.com/mintage-auth/mintage/internal/explain"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/people"
)

// Prefix is where the console is on its listener.
const Prefix = "/console"

// maxForm bounds what is read of a form, in bytes.
const maxForm = 1 << 20

// Config is what a console needs. All fields must be set, but for those that
// say otherwise.
type Config struct {
	Manager *manage.Manager
	People  People
	// Accounts lets people sign in and be invited; nil: the console has no pages
	// for that.
	Accounts *people.Service
	// Public is what the public listener serves. The console asks it for a token
	// when somebody wants to know whether credentials work. Nil: that is not
	// offered.
	Public http.Handler
	// Tokens says what a token is, and Owners whose a secret is. Nil: the token
	// tool does without.
	Tokens Tokens
	Owners Owners
	// Usage makes sums of token requests. Nil: nothing is counted.
	Usage Usage
	// OpenAPI returns the OpenAPI document of the admin API. Nil: the console has no
	// reference of it.
	OpenAPI func() ([]byte, error)
	// State says how the server runs and is. Nil: pages know nothing of it.
	State func(context.Context) ServerState
	// Address says where a request comes from, without the port.
	Address func(*http.Request) string
	DocsURL func() string // without a slash at the end
	// IndexedClients is how many clients a tenant has at most that are searched
	// and counted in memory. Zero: 10,000.
	IndexedClients int
	// Stopping ends what follows the request log, when it is closed. Nil: never.
	Stopping <-chan struct{}
	Version  string
	Now      func() time.Time
	Log      *slog.Logger
}

// console is the handler that New makes.
type console struct {
	cfg       Config
	manager   *manage.Manager
	templates templates
	assets    *assets
	index     *clientIndex
	once      *once
	tails     tails
	// apiReference is what the pages about the admin API show.
	apiReference func() (*apidoc.Reference, error)
	drifts       drifts
	chain        chainCheck
	routes       map[string]route // by pattern
	mux          *http.ServeMux
}

// New returns the console as a handler for everything below Prefix. It is safe
// for concurrent use.
func New(cfg Config) (http.Handler, error) {
	c := &console{cfg: cfg, manager: cfg.Manager, routes: map[string]route{}, mux: http.NewServeMux()}
	c.index = &clientIndex{manager: cfg.Manager, now: cfg.Now, most: cmp.Or(cfg.IndexedClients, indexClients), tenants: map[string]*tenantIndex{}}
	c.once = &once{now: cfg.Now, sent: map[string]time.Time{}}
	c.apiReference = sync.OnceValues(c.parseReference)
	var err error
	if c.assets, err = newAssets(static); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	if c.templates, err = newTemplates(pages, c.funcs()); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	for _, rt := range routes() {
		c.routes[rt.pattern] = rt
		c.mux.Handle(rt.muxPattern(), c.page(rt))
	}
	c.mux.Handle("GET "+Prefix+"/static/", http.HandlerFunc(c.assets.serve))
	c.mux.Handle("/", c.page(route{pattern: "/", access: open, handle: (*console).notFound}))
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(c.page(route{pattern: "/", access: open, handle: (*console).crossOrigin}))
	return guard.Handler(c.mux), nil
}

// page is the way of each request for rt.
func (c *console) page(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := c.cfg.Now()
		ctx := r.Context()
		q := &request{r: r, w: w, trace: explain.NewTraceID(began), address: c.cfg.Address(r)}
		setHeaders(w.Header(), r)
		w.Header().Set("X-Request-Id", q.trace)
		a := c.answer(ctx, rt, q)
		status := c.send(ctx, w, q, a)
		c.logRequest(ctx, rt, q, status, c.cfg.Now().Sub(began))
	})
}

// answer finds out what a request gets.
func (c *console) answer(ctx context.Context, rt route, q *request) (a *answer) {
	defer func() {
		if p := recover(); p != nil {
			c.cfg.Log.LogAttrs(ctx, slog.LevelError, "a page of the console panicked",
				slog.Any("panic", p), slog.String("trace_id", q.trace), slog.String("stack", string(debug.Stack())))
			a = c.failed(ctx, q, errors.New("panic"))
		}
	}()
	if err := c.admit(ctx, rt, q); err != nil {
		return c.failed(ctx, q, err)
	}
	a, err := rt.handle(c, ctx, q)
	if err != nil {
		return c.failed(ctx, q, err)
	}
	return a
}

// admit lets a request through to the handler of rt, or says why not.
func (c *console) admit(ctx context.Context, rt route, q *request) error {
	if err := c.identify(ctx, rt, q); err != nil {
		return err
	}
	if err := q.readForm(); err != nil {
		return err
	}
	if rt.scope != "" && !q.viewer.May(rt.scope) {
		return errForbidden
	}
	id := q.r.PathValue("tenant")
	if id == "" {
		return nil
	}
	if m := q.viewer.Membership; m != nil && m.Tenant != id {
		return mintage.ErrNotFound
	}
	t, err := c.manager.Tenant(ctx, id)
	if err != nil {
		return err
	}
	q.tenant = t
	return nil
}

// identify finds out who asks. A page that is open does without.
func (c *console) identify(ctx context.Context, rt route, q *request) error {
	cookie := q.cookie(SessionCookie)
	if cookie != "" {
		v, err := c.cfg.People.Viewer(ctx, cookie)
		if err != nil && !errors.Is(err, mintage.ErrNotFound) {
			return err
		}
		q.viewer = v
	}
	switch {
	case rt.access == open:
		return nil
	case q.viewer == nil:
		return errSignIn
	case rt.access == operator && !q.viewer.Operator():
		return mintage.ErrNotFound // what it is about is none of theirs
	}
	return nil
}

// secureFor is how long browsers ask for the console by HTTPS alone: two years,
// without subdomains, which may be others'.
const secureFor = "max-age=63072000"

// setHeaders sets what every answer has.
func setHeaders(h http.Header, r *http.Request) {
	// Where it is reached from other machines, it is by TLS, here or at a proxy.
	if u, err := url.Parse("//" + r.Host); r.TLS != nil || err == nil && !loopback(u.Hostname()) {
		h.Set("Strict-Transport-Security", secureFor)
	}
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Cookie, X-Fragment, Accept-Encoding")
}

// loopback reports whether a host is this machine to the browser.
func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

func (c *console) logRequest(ctx context.Context, rt route, q *request, status int, took time.Duration) {
	level := slog.LevelDebug
	switch {
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	case q.r.Method == http.MethodPost, status == http.StatusForbidden:
		level = slog.LevelInfo
	}
	who := ""
	if q.viewer != nil {
		who = q.viewer.Email
	}
	c.cfg.Log.LogAttrs(ctx, level, "console request",
		slog.String("trace_id", q.trace), slog.String("method", q.r.Method), slog.String("route", rt.pattern),
		slog.Int("status", status), slog.String("operator", who), slog.String("remote_ip", q.address),
		slog.Int64("duration_ms", took.Milliseconds()))
}

// packs reports whether the browser takes gzip.
func packs(r *http.Request) bool {
	for enc := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(enc), ";")
		if name == "gzip" && !strings.HasSuffix(strings.ReplaceAll(weight, " ", ""), "q=0") {
			return true
		}
	}
	return false
}

// pageLevel is quick: pages are packed for each request.
const pageLevel = gzip.BestSpeed
