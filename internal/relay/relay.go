package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Config says where requests go.
type Config struct {
	// URL has the scheme, the host and the path that comes before every
	// request's own. It must be http or https.
	URL *url.URL
	// Protocol is how to speak; the zero value is Auto.
	Protocol Protocol
	// TLS is how https is spoken; nil means the system's trust.
	TLS *tls.Config
	// PreserveHost sends the caller's Host on, in place of that of URL.
	PreserveHost bool

	// ConnectTimeout bounds one connection attempt with its handshake; zero
	// means 5 seconds.
	ConnectTimeout time.Duration
	// AnswerTimeout bounds the wait for an answer's head once the request is
	// sent; zero means a minute. Bodies take as long as they take.
	AnswerTimeout time.Duration
	// MaxReplay is how much of a body is kept so that the request can be sent a
	// second time, in bytes; zero means 1 MiB, less than zero nothing.
	MaxReplay int64
	// MaxIdle is how many connections are kept open without a request; zero
	// means 256.
	MaxIdle int
	// IdleTimeout is how long they are; zero means 90 seconds.
	IdleTimeout time.Duration
}

// Protocol is a version of HTTP, or a choice between several.
type Protocol string

// The protocols.
const (
	// Auto is HTTP/1.1 for http, and for https HTTP/2 where the server has it.
	Auto Protocol = "auto"
	// HTTP1 is HTTP/1.1 alone.
	HTTP1 Protocol = "http1"
	// H2C is HTTP/2 without TLS, with prior knowledge (RFC 9113 §3.3).
	H2C Protocol = "h2c"
)

const (
	defaultConnect   = 5 * time.Second
	defaultAnswer    = time.Minute
	defaultMaxReplay = 1 << 20
	defaultMaxIdle   = 256
	defaultIdle      = 90 * time.Second
)

// Upstream is a server that requests are passed on to. It is safe for
// concurrent use.
type Upstream struct {
	scheme, host, base string
	preserveHost       bool
	answerTimeout      time.Duration
	maxReplay          int64
	pool               *pool
	http2              *http.Transport // nil: over pool
}

// New returns an Upstream. Nothing is connected yet.
func New(c Config) (*Upstream, error) {
	switch {
	case c.URL == nil || c.URL.Host == "" || c.URL.Scheme != "http" && c.URL.Scheme != "https":
		return nil, errors.New("the URL of an upstream begins with http:// or https:// and has a host")
	case c.URL.User != nil || c.URL.RawQuery != "" || c.URL.Fragment != "":
		return nil, errors.New("the URL of an upstream has neither credentials nor a query nor a fragment")
	case c.Protocol == H2C && c.URL.Scheme != "http":
		return nil, errors.New("h2c is HTTP/2 without TLS: it goes with http://")
	}
	if err := CheckTarget(or(c.URL.EscapedPath(), "/")); err != nil {
		return nil, err
	}
	u := &Upstream{
		scheme: c.URL.Scheme, host: c.URL.Host, preserveHost: c.PreserveHost, base: strings.TrimSuffix(c.URL.EscapedPath(), "/"),
		answerTimeout: or(c.AnswerTimeout, defaultAnswer), maxReplay: max(or(c.MaxReplay, defaultMaxReplay), 0),
	}
	dialer := &net.Dialer{Timeout: or(c.ConnectTimeout, defaultConnect), KeepAlive: 30 * time.Second}
	u.pool = newPool(c, dialer)
	if c.Protocol == H2C || c.URL.Scheme == "https" && c.Protocol != HTTP1 {
		u.http2 = newTransport(c, dialer)
	}
	return u, nil
}

// or returns v, or fallback where v is zero.
func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// Close ends the idle connections. Those in use end with their requests.
func (u *Upstream) Close() {
	u.pool.close()
	if u.http2 != nil {
		u.http2.CloseIdleConnections()
	}
}

// CheckTarget refuses a path, with or without a query, that the next server
// could read as another one than we do: one with dot segments, in whatever
// spelling, or a backslash.
func CheckTarget(target string) error {
	if !strings.HasPrefix(target, "/") {
		return errors.New("a path begins with a slash")
	}
	path, _, _ := strings.Cut(target, "?")
	if strings.IndexByte(path, '.') < 0 && strings.IndexByte(path, '%') < 0 && strings.IndexByte(path, '\\') < 0 {
		return nil
	}
	flat := dots.Replace(path)
	for segment := range strings.SplitSeq(flat, "/") {
		if segment == "." || segment == ".." {
			return errors.New("the path has dot segments: send the path that is meant")
		}
	}
	return nil
}

// dots undoes the spellings of what separates and dots segments.
var dots = strings.NewReplacer("%2e", ".", "%2E", ".", "%2f", "/", "%2F", "/", `\`, "/", "%5c", "/", "%5C", "/")

// Credential is what a request goes on with in place of the caller's
// Authorization. It serves one request.
type Credential interface {
	// First returns the value of Authorization.
	First(ctx context.Context) (string, error)
	// Again is asked after a 401, with the values of its WWW-Authenticate. The
	// request is sent once more with the value that it returns, if ok; whole
	// says that it can be.
	Again(ctx context.Context, challenges []string, whole bool) (value string, ok bool)
}

// Forward sends r on and writes what comes back. Target is the path below the
// upstream's own, with the query; CheckTarget has passed it. With a nil
// credential the caller's own Authorization goes on.
//
// It returns the status that was written. With an error nothing was written
// yet: an *Error, or that of the credential. When an answer breaks off, Forward
// panics with http.ErrAbortHandler as handlers do, for the caller to notice.
func (u *Upstream) Forward(w http.ResponseWriter, r *http.Request, target string, c Credential) (int, error) {
	ctx := r.Context()
	o := u.newOutgoing(r, u.base+target, c != nil)
	if c != nil {
		auth, err := c.First(ctx)
		if err != nil {
			return 0, err
		}
		o.auth = auth
	}
	a, err := u.send(ctx, w, o)
	if err != nil {
		return 0, err
	}
	if a.status == http.StatusUnauthorized && c != nil {
		if auth, ok := c.Again(ctx, a.values("Www-Authenticate"), o.body.again(ctx)); ok {
			a.discard()
			o.auth = auth
			if a, err = u.send(ctx, w, o); err != nil {
				return 0, err
			}
		}
	}
	if a.status == http.StatusSwitchingProtocols {
		return a.status, u.switchOver(w, o, a)
	}
	return a.status, a.deliver(ctx, w)
}

// send sends o once, or twice where a connection that was idle turns out to be
// closed.
func (u *Upstream) send(ctx context.Context, w http.ResponseWriter, o *outgoing) (*answer, error) {
	if u.http2 != nil && o.upgrade == "" {
		return u.overTransport(ctx, w, o)
	}
	for {
		c, err := u.pool.get(ctx, o.upgrade == "" && o.repeatable())
		if err != nil {
			return nil, asError(err)
		}
		a, err := c.exchange(ctx, w, o, u.answerTimeout)
		if err == nil {
			return a, nil
		}
		c.drop()
		if !c.reused || !errors.Is(err, errNoAnswer) || !o.repeatable() || ctx.Err() != nil {
			return nil, asError(err)
		}
	}
}

// repeatable reports whether o may be sent again on another connection when
// the first broke before a byte came back (RFC 9110 §9.2.2).
func (o *outgoing) repeatable() bool {
	switch o.method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
	default:
		return false
	}
	return o.body == nil || o.body.length >= 0 && o.body.length <= min(smallBody, o.body.bound)
}
