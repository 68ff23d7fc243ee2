package gateway

import (
	"net/netip"
	"strings"
	"time"
)

// Config is what gateway.yaml says. ReadConfig fills in the defaults; one that
// is built by hand must be complete.
type Config struct {
	Listen      string
	AdminListen string
	TLS         *TLS // of the listener; nil: plain HTTP
	AdminTLS    *TLS // of the admin listener

	// Audience is the identifier of the API behind the gateway, which must be
	// in each token's aud.
	Audience string
	// AnyAudience accepts tokens whatever their aud (danger_any_audience).
	AnyAudience bool
	Issuers     []Issuer
	Leeway      time.Duration // between the clocks of issuer and gateway
	CacheSize   int           // verified tokens that are remembered

	// Resource is the URL that callers know the API by, for RFC 9728; empty: the
	// audience where that is a URL.
	Resource string

	Identity       Identity
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	ForwardAuth    ForwardAuth
	Bounds         Bounds
	Limits         Limits
	AccessLog      string // all, refused or off
	Upstreams      []*Upstream
	Routes         []*Route
}

// Values of Config.AccessLog.
const (
	LogAll     = "all"
	LogRefused = "refused"
	LogOff     = "off"
)

// TLS is the certificate of a listener, and what it asks of its clients.
type TLS struct {
	Cert, Key string // PEM files
	// ClientCertificates is none, request or require. A requested one binds
	// tokens (RFC 8705) and is not checked against a CA, unless there is one.
	ClientCertificates string
	ClientCA           string // PEM file
}

// Values of TLS.ClientCertificates.
const (
	CertificateNone    = "none"
	CertificateRequest = "request"
	CertificateRequire = "require"
)

// Issuer is an authorization server whose tokens are accepted.
type Issuer struct {
	Name       string   // issuer identifier
	Profile    string   // how its tokens look: rfc9068, cognito, auth0, keycloak or oidc
	JWKS       string   // URL of its keys; empty: what the profile says
	Algorithms []string // empty: those of the profile
	ClientIDs  []string // the clients that are accepted; for Cognito, which has no aud

	Introspection *Introspection // of opaque tokens
	Revocations   *Revocations   // feed of a Mintage issuer
}

// Introspection is how an issuer is asked about tokens that are not JWTs.
type Introspection struct {
	URL        string
	ClientID   string
	SecretFile string
}

// Revocations is how the revocations of a Mintage issuer are followed.
type Revocations struct {
	URL        string // of the feed
	TokenURL   string // where the token for reading it comes from
	ClientID   string
	SecretFile string
}

// Identity is how the backend is told who calls.
type Identity struct {
	// Headers has the name of the header for each property; an empty name sends
	// none. Whatever a caller sends under these names, or the names that they
	// have by default, is dropped.
	Headers IdentityHeaders
	JWT     *InternalJWT
}

// IdentityHeaders are names of headers.
type IdentityHeaders struct {
	ClientID, Subject, Scope, Issuer, TokenID string
}

// DefaultIdentityHeaders are the names of shared use.
func DefaultIdentityHeaders() IdentityHeaders {
	return IdentityHeaders{
		ClientID: "X-Client-Id", Subject: "X-Token-Subject", Scope: "X-Token-Scope",
		Issuer: "X-Token-Issuer", TokenID: "X-Token-Id",
	}
}

// InternalJWT is a token of the gateway's own for the backends.
type InternalJWT struct {
	Issuer   string        // iss
	Audience string        // aud; empty: the name of the upstream
	Header   string        // where it is sent; Authorization: as Bearer, in place of the caller's token
	KeyFile  string        // PEM file with the private key; empty: one that is made at each start
	Life     time.Duration // never beyond the caller's token
}

// Bounds are what one request may take.
type Bounds struct {
	Body          int64         // bytes; routes may say otherwise
	Header        int           // bytes
	HeaderTimeout time.Duration // for reading the header
	BodyTimeout   time.Duration // for reading the body; routes may say otherwise
	WriteTimeout  time.Duration // for a caller to read a part of an answer
	IdleTimeout   time.Duration // between requests of a connection
	DrainTimeout  time.Duration // for what is under way at the end
}

// Upstream is a backend.
type Upstream struct {
	Name     string
	URL      string // http, https, h2c (HTTP/2 without TLS) or h2 (with)
	Health   string // path that answers 2xx when the backend is well; empty: not checked
	Interval time.Duration

	CA         string // PEM file with the CA of its certificate; empty: the system's
	ServerName string // name in its certificate; empty: the URL's host
	Cert, Key  string // PEM files of the gateway's certificate for it

	ConnectTimeout time.Duration
	AnswerTimeout  time.Duration // until the header of the answer
	MaxConnections int           // at a time; 0: as many as there are requests
}

// Route says what a kind of request needs and where it goes.
type Route struct {
	Name     string
	Host     string   // in lower case, without port; empty: any
	Paths    []string // patterns
	Methods  []string // empty: any; GET includes HEAD
	Upstream string   // name or URL of the upstream; empty: forward auth only
	Scopes   []string // all of them are needed
	Public   bool     // no token is needed

	Mode     string        // enforce, warn or observe
	Stale    string        // allow or refuse when revocations are not known
	MaxStale time.Duration // how old the knowledge may be under refuse

	Authorization string // of the caller: remove, keep
	StripPrefix   string
	PreserveHost  bool // the backend sees the caller's Host, not its own

	Body         int64         // bytes; 0: as in Bounds
	BodyTimeout  time.Duration // 0: as in Bounds
	Timeout      time.Duration // of the whole answer; 0: none
	Rate         Rate          // of all clients together
	ClientRate   Rate          // of each client
	OutliveToken bool          // streams go on when the token has ended

	patterns []pattern
}

// Values of Route.Mode.
const (
	Enforce = "enforce" // refuse
	Warn    = "warn"    // let through, say so in the answer, log and count
	Observe = "observe" // let through, log and count
)

// Values of Route.Stale.
const (
	StaleAllow  = "allow"
	StaleRefuse = "refuse"
)

// Values of Route.Authorization.
const (
	AuthorizationRemove = "remove"
	AuthorizationKeep   = "keep"
)

// Rate is how many requests are let through: Count in each Per, and Burst at
// once. The zero Rate is no limit.
type Rate struct {
	Count int
	Per   time.Duration
	Burst int
}

// ForUpstream returns the upstream of a name, or nil.
func (c *Config) ForUpstream(name string) *Upstream {
	for _, u := range c.Upstreams {
		if u.Name == name {
			return u
		}
	}
	return nil
}

// setDefaults fills in what is not said.
func (c *Config) setDefaults() {
	setDefault(&c.Listen, "127.0.0.1:9410")
	setDefault(&c.AdminListen, "127.0.0.1:9411")
	setDefault(&c.Leeway, 10*time.Second)
	setDefault(&c.CacheSize, 10_000)
	setDefault(&c.AccessLog, LogAll)
	b := &c.Bounds
	setDefault(&b.Body, 10<<20)
	setDefault(&b.Header, 32<<10)
	setDefault(&b.HeaderTimeout, 5*time.Second)
	setDefault(&b.BodyTimeout, time.Minute)
	setDefault(&b.WriteTimeout, 30*time.Second)
	setDefault(&b.IdleTimeout, 2*time.Minute)
	setDefault(&b.DrainTimeout, 10*time.Second)
	setDefault(&c.Limits.Connections, 20_000)
	setDefault(&c.Limits.AddressConnections, 1000)
	setDefault(&c.Limits.AddressFailures, Rate{Count: 60, Per: time.Minute, Burst: 300})
	if j := c.Identity.JWT; j != nil {
		setDefault(&j.Life, time.Minute)
		setDefault(&j.Header, "X-Internal-Token")
		setDefault(&j.Issuer, "mintage-gateway")
	}
	if len(c.ForwardAuth.Proxies) == 0 {
		c.ForwardAuth.Proxies = loopback()
	}
	for _, t := range []*TLS{c.TLS, c.AdminTLS, c.ForwardAuth.TLS} {
		if t != nil {
			setDefault(&t.ClientCertificates, CertificateNone)
		}
	}
	for i := range c.Issuers {
		setDefault(&c.Issuers[i].Profile, "rfc9068")
	}
	for _, r := range c.Routes {
		c.inline(r.Upstream)
	}
	for _, u := range c.Upstreams {
		setDefault(&u.Interval, 5*time.Second)
		setDefault(&u.ConnectTimeout, 5*time.Second)
		setDefault(&u.AnswerTimeout, time.Minute)
	}
	for _, r := range c.Routes {
		r.setDefaults(c)
	}
}

// inline adds an upstream that a route names by its URL.
func (c *Config) inline(url string) {
	if strings.Contains(url, "://") && c.ForUpstream(url) == nil {
		c.Upstreams = append(c.Upstreams, &Upstream{Name: url, URL: url})
	}
}

func (r *Route) setDefaults(c *Config) {
	setDefault(&r.Mode, Enforce)
	setDefault(&r.Stale, StaleAllow)
	setDefault(&r.MaxStale, 30*time.Second)
	setDefault(&r.Authorization, AuthorizationRemove)
	setDefault(&r.Body, c.Bounds.Body)
	setDefault(&r.BodyTimeout, c.Bounds.BodyTimeout)
}

func setDefault[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}
