package gateway

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
)

// ForwardAuth is where a front asks before it passes a request on.
type ForwardAuth struct {
	Listen string // empty: nowhere
	TLS    *TLS   // nil: plain
	// Proxies are the fronts that may ask. Nobody else is told anything, since
	// whoever asks also says what was asked for.
	Proxies []netip.Prefix
	// CertificateHeader is the header in which the fronts pass on the certificate
	// of the caller (RFC 9440 §2.2); empty: none does. A front that is listed here
	// must overwrite what a caller sends under this name.
	CertificateHeader string
}

// loopback are the addresses of this machine.
func loopback() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

func (f *ForwardAuth) check() error {
	switch {
	case f.Listen != "" && checkAddress(f.Listen) != nil:
		return checkAddress(f.Listen)
	case f.CertificateHeader != "" && !isHeaderName(f.CertificateHeader):
		return errors.New("forward_auth: certificate_header is the name of a header: letters, digits and hyphens")
	}
	return f.TLS.check()
}

// Paths of the forward auth listener.
const (
	forwardPath = "/forward-auth" // nginx, Traefik, Caddy: headers say what was asked for
	envoyPath   = "/ext-authz"    // Envoy: the path behind it is what was asked for
)

// forwardHandler answers the questions of fronts.
type forwardHandler struct {
	g    *Gateway
	grpc *grpc.Server
}

// ForwardAuth returns what answers the questions of fronts: over HTTP at
// /forward-auth and below /ext-authz, and over gRPC as Envoy's
// envoy.service.auth.v3.Authorization.
func (g *Gateway) ForwardAuth() http.Handler { return &forwardHandler{g: g, grpc: g.extAuthz()} }

// asker is why a question cannot be answered, as a decision.
func asker(reason, description string) Decision {
	return Decision{Status: http.StatusForbidden, Reason: reason, Code: "access_denied", Description: description}
}

// errQuestion says that the front does not say plainly what was asked for.
var errQuestion = errors.New("the front does not say plainly what was asked for")

// Ways in which a front asks, as the access log has them.
const (
	viaForward  = "forward_auth"
	viaExtAuthz = "ext_authz"      // over HTTP
	viaCheck    = "ext_authz_grpc" // over gRPC
)

// asking is one question on its way to an answer.
type asking struct {
	g        *Gateway
	live     *live
	began    time.Time
	trace    string
	via      string
	question question
	decided  Decision
}

// asked are askings that are over, for use again.
var asked = sync.Pool{New: func() any { return new(asking) }}

// ask begins the answer to a question from peer, which done ends.
func (g *Gateway) ask(via string, peer netip.Addr) *asking {
	a, ok := asked.Get().(*asking)
	if !ok {
		a = new(asking)
	}
	a.g, a.live, a.began, a.trace, a.via = g, g.live.Load(), time.Now(), newTrace(), via
	a.question.RemoteAddr, a.question.asked = peer, true
	return a
}

func (a *asking) done() {
	*a = asking{}
	asked.Put(a)
}

// hears reports whether peer is asked what it wants: listed proxies alone are.
// It settles the question of any other.
func (a *asking) hears(peer netip.Addr) bool {
	if a.live.front.lists(peer) {
		return true
	}
	a.decided = asker("proxy.unlisted", "questions are answered to listed proxies alone")
	return false
}

// decide settles a question that was read, unless that failed.
func (a *asking) decide(ctx context.Context, err error) {
	if err != nil {
		a.decided = asker("proxy.request", err.Error())
		return
	}
	a.decided = a.g.decideFor(ctx, a.live, &a.question)
}

// end counts and logs the question with what was answered.
func (a *asking) end(ctx context.Context, status, bytes int) {
	q := &a.question
	a.g.record(ctx, &record{
		live: a.live, began: a.began, trace: a.trace, via: a.via, frontID: q.id, call: &q.Call, agent: q.Header.Get("User-Agent"),
		decided: &a.decided, status: status, bytes: int64(bytes),
	})
}

// warning is what the answer says of a request that passes although it would be
// refused under enforce; empty: nothing.
func (a *asking) warning() string {
	if d := &a.decided; d.Allow && d.Reason != reasonOK && d.Route.Mode == Warn {
		return d.Reason
	}
	return ""
}

func (f *forwardHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		f.grpc.ServeHTTP(w, r)
		return
	}
	peer := peerAddress(r.RemoteAddr)
	if f.converses(r, peer) && f.converse(w, r, peer) {
		return
	}
	a := f.g.ask(viaForward, peer)
	defer a.done()
	a.read(r, peer)
	a.answer(r.Context(), w)
}

// read reads and settles the question in a request.
func (a *asking) read(r *http.Request, peer netip.Addr) {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	behind, envoy := strings.CutPrefix(r.RequestURI, envoyPath)
	envoy = envoy && strings.HasPrefix(behind, "/") && path != forwardPath
	if envoy {
		a.via = viaExtAuthz
	}
	switch {
	case !a.hears(peer):
	case path == forwardPath:
		a.decide(r.Context(), a.question.fromHeaders(a.live.front, r))
	case envoy:
		a.decide(r.Context(), a.question.fromEnvoy(a.live.front, r, behind))
	default:
		a.question.Method, a.question.Host, a.question.Path = r.Method, r.Host, path
		a.decided = Decision{Status: http.StatusNotFound, Reason: "route.unknown", Code: "not_found", Description: errEndpoint.Error()}
	}
}

var errEndpoint = errors.New("ask at " + forwardPath + " or below " + envoyPath)

// decideFor is decide for a front, which passes on the request as it came.
func (g *Gateway) decideFor(ctx context.Context, l *live, q *question) Decision {
	if name := l.front.alias(q.Header); name != "" && !q.strips {
		return bad("request.header", errAlias)
	}
	d := g.decide(ctx, l, q.Call)
	if d.Allow && !samePath(q.Path, d.Path) {
		d = bad("request.path", errSpelling)
	}
	return d
}

var (
	errAlias    = errors.New("a header of the request is another spelling of one that the gateway sets")
	errSpelling = errors.New("the path encodes characters that need no encoding, which the API might read differently")
)

// answer writes the answer to a front. The identity headers are all there when
// the request may pass, empty where there is nothing to say, so that a front
// which copies them overwrites what the caller sent.
func (a *asking) answer(ctx context.Context, w http.ResponseWriter) {
	h, d := w.Header(), &a.decided
	if d.Allow {
		a.identity(h)
		if warning := a.warning(); warning != "" {
			h["Mintage-Warning"] = []string{warning}
		}
		h["X-Request-Id"] = []string{a.trace}
		h["Cache-Control"] = noStore
		w.WriteHeader(http.StatusOK)
		a.end(ctx, http.StatusOK, 0)
		return
	}
	a.refuse(ctx, w)
}

// identity sets the identity headers of an answer.
func (a *asking) identity(h http.Header) {
	i := a.decided.identity
	if i == nil {
		for _, name := range a.live.front.identity {
			h[name] = emptyValue
		}
		return
	}
	for _, line := range i.answer {
		h[line.name] = line.values
	}
	for _, f := range a.decided.Set[len(i.set):] { // the internal token
		h.Set(f.Name, f.Value)
	}
}

// refuse answers that the request may not pass.
func (a *asking) refuse(ctx context.Context, w http.ResponseWriter) {
	answer := a.refusal(w.Header())
	a.end(ctx, a.decided.Status, answer.Refuse(w, a.trace))
}

// refusal returns the decision as the front is told it, which may take headers.
func (a *asking) refusal(h http.Header) Decision {
	d := &a.decided
	answer := *d
	if a.question.mapped {
		// nginx knows 401 and 403 alone; its configuration may give the rest back.
		h.Set("X-Auth-Status", strconv.Itoa(d.Status))
		h.Set("X-Auth-Error", d.Code)
		if d.Status != http.StatusUnauthorized {
			answer.Status = http.StatusForbidden
		}
	}
	return answer
}

var (
	emptyValue = []string{""}
	noStore    = []string{"no-store"}
)

// front is what a Config says to fronts, ready for use.
type front struct {
	proxies     []netip.Prefix
	certificate string          // header, canonical
	identity    []string        // headers that the gateway sets, canonical
	folded      map[string]bool // the same, folded
	lengths     [64]bool        // that a folded name has; the last one: that or more
}

func newFront(c *Config) *front {
	f := &front{proxies: c.ForwardAuth.Proxies, folded: map[string]bool{}}
	if c.ForwardAuth.CertificateHeader != "" {
		f.certificate = http.CanonicalHeaderKey(c.ForwardAuth.CertificateHeader)
	}
	for _, name := range c.Identity.names() {
		if !f.folded[fold(name)] {
			f.folded[fold(name)] = true
			f.lengths[min(len(name), len(f.lengths)-1)] = true
			f.identity = append(f.identity, http.CanonicalHeaderKey(name))
		}
	}
	return f
}

// lists reports whether questions from an address are answered.
func (f *front) lists(a netip.Addr) bool {
	for _, p := range f.proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// alias returns a header of the request that is another spelling of an
// identity header. A front can overwrite the name that it is given, and not
// what a careless backend takes for the same.
func (f *front) alias(in http.Header) string {
	for name := range in {
		if !f.lengths[min(len(name), len(f.lengths)-1)] {
			continue
		}
		var buf [64]byte
		if folded := appendFold(buf[:0], name); f.folded[string(folded)] && !strings.EqualFold(string(folded), name) {
			return name
		}
	}
	return ""
}

// peerAddress returns the address of a peer; not valid: it has none.
func peerAddress(hostport string) netip.Addr {
	at, err := netip.ParseAddrPort(hostport)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

// question is what a front asks: may this request pass?
type question struct {
	Call
	id     string // what the front calls the request; empty: it does not say
	mapped bool   // the front knows 401 and 403 alone
	strips bool   // the front removes what it is told to
}

// certificateIn returns the certificate that the front passes on, if it does.
func (f *front) certificateIn(in http.Header) (*x509.Certificate, error) {
	if f.certificate == "" {
		return nil, nil //nolint:nilnil // none is passed on
	}
	switch values := in[f.certificate]; {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return nil, nil //nolint:nilnil // the caller has none
	case len(values) > 1:
		return nil, errCertificate
	default:
		return ParseCertificate(values[0])
	}
}
