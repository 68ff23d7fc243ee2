package gateway

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/oauth"
)

// Call is a request that somebody wants to make of a backend.
type Call struct {
	Method string
	Scheme string // http or https, as the caller sees it
	Host   string // Host or :authority, with the port if there is one

	// Path is the path as it was sent, escapes and all; RawQuery is what
	// followed the question mark.
	Path     string
	RawQuery string

	Header      http.Header // as it was sent; never changed
	RemoteAddr  netip.Addr  // the caller's address, as far as it can be believed
	Certificate *x509.Certificate

	asked bool // a front asks, which passes the headers on itself
}

// Field is a header field.
type Field struct{ Name, Value string }

// Decision is what becomes of a Call.
type Decision struct {
	Allow  bool
	Status int    // of the answer, when it is not allowed
	Reason string // ok, or the reason code of a refusal; under warn and observe that of the refusal that was not made

	Route *Route         // nil: none matches
	Token *enforce.Token // nil: none, or none that is good

	Host string // canonical
	Path string // canonical: what the backend must see

	Set   []Field  // the identity of the caller, for the backend
	Strip []string // headers of the call that the backend must not see; nothing for a front

	identity *identity // what Set is made of, without the internal token; nil: no token

	Code        string // error code of the answer
	Description string
	Challenges  []string // values of WWW-Authenticate
	Nonce       string   // value of DPoP-Nonce; empty: none
	Allowed     []string // methods, with 405
	RetryAfter  int      // seconds; 0: not said
	Cause       error    // for the log; it holds no token
}

// Decide says what becomes of a call: the one place where that is settled.
func (g *Gateway) Decide(ctx context.Context, c Call) Decision {
	return g.decide(ctx, g.live.Load(), c)
}

func (g *Gateway) decide(ctx context.Context, l *live, c Call) Decision {
	d := l.place(&c)
	if d.Status != 0 {
		return d
	}
	if err := g.admit(ctx, l, &c, &d); err != nil {
		d.refuse(l, err)
		if d.Route.Mode != Enforce && !errors.Is(err, errLimited) {
			d.Allow = true
			g.observed.add(g.now(), &c, &d)
		}
	}
	if d.Allow {
		if err := l.identify(&d, g.now); err != nil {
			d.refuse(l, err)
			return d
		}
		if d.Reason == "" {
			d.Reason = reasonOK
		}
	}
	return d
}

// reasonOK is the reason of a call that nothing is wrong with.
const reasonOK = "ok"

// place finds the route, by what the backend is going to see.
func (l *live) place(c *Call) Decision {
	path, err := CanonicalPath(c.Path)
	if err == nil {
		err = checkQuery(c.RawQuery)
	}
	if err != nil {
		return bad("request.path", err)
	}
	host, name, err := canonicalHost(c.Host)
	if err != nil {
		return bad("request.host", err)
	}
	if !isMethod(c.Method) {
		return Decision{
			Status: http.StatusMethodNotAllowed, Reason: "request.method", Code: "invalid_request",
			Description: "the method is not one that is passed on",
		}
	}
	if err := l.protected.checkConnection(c.Header); err != nil {
		return bad("request.connection", err)
	}
	r, allowed := l.table.find(name, c.Method, path)
	switch {
	case r != nil:
		d := Decision{Route: r, Host: host, Path: path}
		if !c.asked {
			d.Strip = l.protected.stripped(c.Header)
		}
		return d
	case len(allowed) > 0:
		return Decision{
			Status: http.StatusMethodNotAllowed, Reason: "request.method", Code: "invalid_request",
			Description: "the path does not have this method", Allowed: allowed,
		}
	}
	return notFound()
}

func notFound() Decision {
	return Decision{
		Status: http.StatusNotFound, Reason: "route.unknown", Code: "not_found", Description: "there is nothing at this path",
	}
}

func bad(reason string, err error) Decision {
	return Decision{Status: http.StatusBadRequest, Reason: reason, Code: "invalid_request", Description: err.Error()}
}

// errLimited is the cause of a refusal that concerns how often and not who.
var errLimited = errors.New("too many requests")

// admit lets the call through or says why not. It notes the token in d as soon
// as that is known to be good, which it may be without being enough.
func (g *Gateway) admit(ctx context.Context, l *live, c *Call, d *Decision) error {
	r := d.Route
	var refused error
	if !r.Public {
		refused = g.admitToken(ctx, l, c, d)
		if refused != nil && (r.Mode == Enforce || errors.Is(refused, errLimited)) {
			return refused
		}
	}
	// Last, so that nobody uses up the rate of the route with what does not pass.
	if !r.Rate.isZero() {
		if wait := g.limits.take(limitKey{route: r.Name}, r.Rate, g.now()); wait > 0 {
			return limited(d, "limit.route", wait)
		}
	}
	d.Allow = refused == nil
	return refused
}

// admitToken is admit of what concerns the caller's token.
func (g *Gateway) admitToken(ctx context.Context, l *live, c *Call, d *Decision) error {
	r := d.Route
	tok, err := g.authenticate(ctx, l, c, d)
	if err != nil {
		return err
	}
	d.Token = tok
	if missing := l.scopes[r].Without(tok.Scope); len(missing) > 0 {
		return oauth.InsufficientScope(l.scopes[r])
	}
	if err := l.checkStale(tok, r); err != nil {
		return err
	}
	if r.ClientRate.isZero() {
		return nil
	}
	key := limitKey{route: r.Name, issuer: tok.Issuer, client: cmp.Or(tok.ClientID, tok.Subject)}
	if wait := g.limits.take(key, r.ClientRate, g.now()); wait > 0 {
		return limited(d, "limit.client", wait)
	}
	return nil
}

func limited(d *Decision, reason string, wait time.Duration) error {
	d.RetryAfter = int((wait + time.Second - 1) / time.Second)
	return oauth.TooManyRequests(reason, "too many requests; try again later", errLimited)
}

// authenticate returns the token of the call when it is good, and counts it
// where it is not.
func (g *Gateway) authenticate(ctx context.Context, l *live, c *Call, d *Decision) (*enforce.Token, error) {
	a, counts := g.attempt(l, c)
	if !counts || d.Route.Mode != Enforce { // which lets through whatever fails
		return l.authenticate(ctx, c, d)
	}
	if wait := g.failures.wait(&a); wait > 0 {
		return nil, limited(d, "limit.guess", wait)
	}
	tok, err := l.authenticate(ctx, c, d)
	if err == nil {
		g.failures.accepted(&a)
		return tok, nil
	}
	if e, ok := errors.AsType[*oauth.Error](err); ok && e.Status == http.StatusUnauthorized && e.Reason != "token.missing" && e.Code != "use_dpop_nonce" {
		g.failures.failed(&a)
	}
	return nil, err
}

// authenticate returns the token of the call when it is good.
func (l *live) authenticate(ctx context.Context, c *Call, d *Decision) (*enforce.Token, error) {
	return l.verifier.AuthenticateCall(ctx, enforce.Call{
		Method: c.Method, Scheme: c.Scheme, Host: d.Host, Path: c.Path, RawQuery: c.RawQuery, Header: c.Header, Certificate: c.Certificate,
	})
}

// checkStale refuses a token whose revocation would not be known, where the
// route wants that.
func (l *live) checkStale(tok *enforce.Token, r *Route) error {
	if r.Stale != StaleRefuse {
		return nil
	}
	staleness, followed := l.staleness(tok.Issuer)
	switch {
	case !followed:
		return nil // configured without revocations: there is nothing to be late
	case staleness >= 0 && staleness <= r.MaxStale:
		return nil
	}
	return oauth.TemporarilyUnavailable("revocations.stale", "whether the access token was revoked is not known for now", nil)
}

// refuse notes why the call is not allowed.
func (d *Decision) refuse(l *live, err error) {
	e, ok := errors.AsType[*oauth.Error](err)
	if !ok {
		e = oauth.ServerError(err)
	}
	d.Allow, d.Status, d.Reason, d.Code, d.Description = false, e.Status, cmp.Or(e.Reason, "internal"), e.Code, e.Description
	d.Cause = e.Cause
	if e.Status == http.StatusServiceUnavailable {
		d.RetryAfter = retryAfter
	}
	h := l.verifier.Answer(e, d.Route.Scopes...).Header
	d.Challenges = h["Www-Authenticate"]
	d.Nonce = h.Get("DPoP-Nonce")
}

// retryAfter is what a caller is told to wait when an issuer is away, in
// seconds: about as long as it takes until it is asked again.
const retryAfter = 5
