package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/internal/relay"
)

// Handler returns the proxy. It refuses in its own words what Decide refuses.
func (g *Gateway) Handler() http.Handler { return http.HandlerFunc(g.serve) }

// passing is one request on its way.
type passing struct {
	g       *Gateway
	live    *live
	request *http.Request
	answer  *answerWriter
	trace   string
	began   time.Time
	peer    netip.Addr // at the other end of the connection
	call    Call
	decided Decision
	failure string // reason of what went wrong after the decision
}

func (g *Gateway) serve(w http.ResponseWriter, r *http.Request) {
	l := g.live.Load()
	p := &passing{g: g, live: l, request: r, began: time.Now(), trace: newTrace(), answer: newAnswerWriter(w, r, l.config.Bounds.WriteTimeout)}
	defer p.answer.patience.leave()
	defer p.end() //nolint:contextcheck // the context is the one of the request
	if m := l.metadata; m != nil && r.Method == http.MethodGet && r.RequestURI == l.metadataPath {
		p.decided = Decision{Allow: true, Reason: reasonOK}
		p.letGo()
		m.ServeHTTP(p.answer, r)
		return
	}
	p.call = l.call(r)
	p.peer = p.call.RemoteAddr
	p.call.RemoteAddr = l.caller(p.peer, r.Header)
	p.decided = g.decide(r.Context(), l, p.call)
	if p.decided.Allow && p.decided.Route.Upstream == "" {
		p.decided = notFound()
	}
	if !p.decided.Allow {
		p.letGo()
		p.decided.Refuse(p.answer, p.trace)
		return
	}
	p.pass() //nolint:contextcheck // the context is the one of the request
}

// call reads the request as the caller sent it.
func (l *live) call(r *http.Request) Call {
	c := Call{Method: r.Method, Scheme: "http", Host: r.Host, Header: r.Header}
	c.Path, c.RawQuery, _ = strings.Cut(r.RequestURI, "?")
	if r.TLS != nil {
		c.Scheme = "https"
		if len(r.TLS.PeerCertificates) > 0 {
			c.Certificate = r.TLS.PeerCertificates[0]
		}
	}
	if addr, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		c.RemoteAddr = addr.Addr().Unmap().WithZone("")
	}
	return c
}

// caller returns who is behind the listed proxies. X-Forwarded-For is read from
// its end, so that what a caller wrote in front of it means nothing.
func (l *live) caller(peer netip.Addr, h http.Header) netip.Addr {
	if !l.trusts(peer) {
		return peer
	}
	hops := strings.Split(strings.Join(h["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		if peer = addr.Unmap().WithZone(""); !l.trusts(peer) {
			break
		}
	}
	return peer
}

func (l *live) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(l.config.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// pass sends an allowed request to its upstream.
func (p *passing) pass() {
	rt, r := p.decided.Route, p.request
	up := p.live.upstreams[rt.Upstream]
	if up.unwell.Load() {
		p.fail(http.StatusServiceUnavailable, "upstream.unwell", "temporarily_unavailable", "the service behind this path is not well")
		return
	}
	if r.ContentLength > rt.Body {
		p.fail(http.StatusRequestEntityTooLarge, "request.too_large", "invalid_request", "the body of the request is too large")
		return
	}
	protocol, upgrades := isUpgrade(r.Header)
	if upgrades && !strings.EqualFold(protocol, "websocket") {
		p.fail(http.StatusBadRequest, "request.upgrade", "invalid_request", "no protocol but websocket is switched to")
		return
	}
	ctx := r.Context()
	if rt.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, rt.Timeout)
		defer cancel()
	}
	follows := p.decided.Token != nil && !rt.OutliveToken
	if follows { // an answer that turns out to be a stream ends with the token
		ctx, p.answer.cancel = context.WithCancel(ctx)
		defer p.answer.cancel()
	}
	out := r.WithContext(ctx)
	out.Header = p.header(upgrades)
	out.Trailer = nil // whatever it says, it comes after the decision
	out.Host = p.decided.Host
	p.boundBody(out)
	if p.decided.Reason != reasonOK && rt.Mode == Warn {
		p.answer.Header().Set("Mintage-Warning", p.decided.Reason)
	}
	if follows {
		defer p.watch(ctx, upgrades)()
	}
	p.forward(up.hosts[preserved(rt)], out)
}

// forward sends out to the backend, and settles what becomes of an answer that
// does not come or breaks off.
func (p *passing) forward(to *relay.Upstream, out *http.Request) {
	defer func() {
		switch v := recover(); {
		case v == nil:
		case p.answer.over() != nil:
			p.answer.finish()
		default:
			p.failure = "upstream.broken"
			panic(v) // http.ErrAbortHandler: the caller sees that the answer is not whole
		}
	}()
	target := strings.TrimPrefix(p.decided.Path, p.decided.Route.StripPrefix)
	if target == "" {
		target = "/"
	}
	if p.call.RawQuery != "" {
		target += "?" + p.call.RawQuery
	}
	_, err := to.Forward(p.answer, out, target, nil)
	switch {
	case err == nil:
	case p.answer.over() != nil:
		p.answer.finish()
	case p.answer.status != 0:
		p.failure = "upstream.broken"
		panic(http.ErrAbortHandler)
	default:
		p.unanswered(err)
	}
}

// unanswered answers for a backend that did not.
func (p *passing) unanswered(err error) {
	status, reason := http.StatusBadGateway, "upstream.failed"
	if e, ok := errors.AsType[*relay.Error](err); ok {
		status = e.Status
	}
	p.answer.cause = err
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case tooLarge:
		p.fail(http.StatusRequestEntityTooLarge, "request.too_large", "invalid_request", "the body of the request is too large")
		return
	case status == http.StatusBadRequest:
		p.fail(status, "request.body", "invalid_request", "the body of the request cannot be read")
		return
	case status == http.StatusGatewayTimeout:
		reason = "upstream.timeout"
	}
	p.fail(status, reason, "temporarily_unavailable", "the service behind this path does not answer")
}

// fail answers a request that was allowed and cannot be passed on.
func (p *passing) fail(status int, reason, code, description string) {
	p.failure = reason
	d := Decision{Status: status, Reason: reason, Code: code, Description: description}
	if status == http.StatusServiceUnavailable {
		d.RetryAfter = retryAfter
	}
	clear(p.answer.Header())
	p.letGo()
	d.Refuse(p.answer, p.trace)
}

// unwanted is how long the rest of a body may take that nobody wants: net/http
// reads it before it writes the answer, so that the connection can go on.
const unwanted = 2 * time.Second

// letGo bounds how long what is left of the request can keep the answer back.
func (p *passing) letGo() {
	if b := p.request.Body; b != nil && b != http.NoBody {
		_ = p.answer.control.SetReadDeadline(time.Now().Add(unwanted)) // HTTP/1.1 and 2 can
	}
}

// boundBody bounds the body of a request in size and time.
func (p *passing) boundBody(out *http.Request) {
	if out.Body == nil || out.Body == http.NoBody {
		return
	}
	out.Body = http.MaxBytesReader(p.answer.ResponseWriter, out.Body, p.decided.Route.Body)
	call := p.request.ProtoMajor >= 2 && isGRPC(out.Header) // of gRPC, which is not spoken over less
	if !call || p.decided.Token == nil {                    // a call may take as long as its token
		_ = p.answer.control.SetReadDeadline(time.Now().Add(p.decided.Route.BodyTimeout)) // HTTP/1.1 and 2 can
	}
}

// header returns the header that the backend sees.
func (p *passing) header(upgrades bool) http.Header { //nolint:revive // a fact of the request
	in, d := p.request.Header, &p.decided
	h := make(http.Header, len(in)+len(d.Set)+4)
	for name, values := range in {
		if len(d.Strip) == 0 || !slices.Contains(d.Strip, name) {
			h[name] = values
		}
	}
	for _, option := range connectionOptions(in) {
		delete(h, http.CanonicalHeaderKey(option))
	}
	delete(h, "Host")
	if d.Route.Authorization != AuthorizationKeep {
		delete(h, "Authorization")
		delete(h, "Dpop")
	}
	if upgrades {
		h["Connection"], h["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	}
	if te := in["Te"]; len(te) == 1 && strings.EqualFold(te[0], "trailers") {
		h["Te"] = te
	}
	values := make([]string, 0, len(d.Set)+4) // one allocation for all
	set := func(name, value string) {
		values = append(values, value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
	}
	for _, f := range d.Set {
		set(f.Name, f.Value)
	}
	set("X-Forwarded-For", p.forwardedFor())
	set("X-Forwarded-Proto", p.call.Scheme)
	set("X-Forwarded-Host", d.Host)
	set("X-Request-Id", p.trace)
	return h
}

// forwardedFor is the way that the request came, as far as it can be believed.
func (p *passing) forwardedFor() string {
	peer := p.peer.String()
	if said := p.request.Header["X-Forwarded-For"]; len(said) > 0 && p.live.trusts(p.peer) {
		if way := strings.Join(said, ", "); isFieldValue(way) {
			return way + ", " + peer
		}
	}
	return peer
}
