package agent

import (
	"log/slog"
	"net/url"
	"time"

	"github.com/mintage-auth/mintage/internal/relay"
)

// DefaultListen is where the agent listens unless it is told otherwise.
const DefaultListen = "127.0.0.1:7070"

// Config is what agent.yaml says.
type Config struct {
	// Listen are addresses: host:port, or unix: and a path. None means
	// DefaultListen.
	Listen []string
	// StatusListen is an address for health and metrics alone, which lends
	// nothing; empty means none.
	StatusListen string
	// Hosts are names, beside those of loopback, that callers may use for the
	// agent.
	Hosts []string
	// AllowUIDs are the users that may use a Unix socket beside the agent's own.
	AllowUIDs []uint32
	// AccessKey is what callers of GET /token show on a TCP listener; nil means
	// that the mandatory header is enough.
	AccessKey *SecretRef
	// DangerListenBeyondLoopback lets Listen name other addresses: whoever
	// reaches them is lent the tokens.
	DangerListenBeyondLoopback bool

	LogLevel slog.Level
	LogText  bool // lines for people instead of JSON

	Upstreams      []*UpstreamConfig
	TokenEndpoints []*EndpointConfig
}

// UpstreamConfig is one upstream: where it is, and the token that it wants.
type UpstreamConfig struct {
	Name string
	// URL is where requests go; nil means that the token is only handed out.
	URL      *url.URL
	Protocol relay.Protocol
	CAFile   string // of the authorities to trust in place of the system's
	// Certificate is shown to the server, for tokens that are bound to it.
	Certificate CertificateFiles
	// ForwardProxy makes the upstream reachable through HTTP_PROXY too.
	ForwardProxy bool
	// DangerPlainHTTP lets the token go over plain HTTP to another machine.
	DangerPlainHTTP bool

	ConnectTimeout time.Duration // zero: 5 s
	AnswerTimeout  time.Duration // zero: 60 s
	MaxReplay      int64         // bytes; zero: 1 MiB

	Token TokenConfig
}

// TokenConfig says how a token is got.
type TokenConfig struct {
	// Preset names a vendor whose endpoint is asked in its own way, and Base is
	// where the customer's server is. They fill in TokenURL, Auth and Scope where
	// those are empty.
	Preset, Base string

	TokenURL string
	ClientID string
	Secret   *SecretRef
	// KeyFile has the key that signs private_key_jwt in PEM, KeyID is its kid, and
	// Issuer whom the assertions are for.
	KeyFile, KeyID, Issuer string
	// Certificate is what tls_client_auth shows.
	Certificate CertificateFiles
	Auth        string // of consume.Auth; empty: basic
	Scope       []string
	Resource    []string
	Audience    []string
	CAFile      string

	// DangerPlainHTTP lets the secret go over plain HTTP to another machine.
	DangerPlainHTTP bool

	Life         time.Duration // where the server says none; zero: consume's default
	Grace        time.Duration // of an expired token while the server is away; zero: none
	Wait         time.Duration // of a request for a token; zero: 30 s
	FetchTimeout time.Duration // of one token request; zero: 10 s
	MaxWaiting   int           // zero: 1,000
	KeepFresh    bool          // renew by the clock too, not only when asked
}

// CertificateFiles are a client certificate and its key in PEM, which are read at
// each handshake; empty: none.
type CertificateFiles struct{ File, KeyFile string }

// EndpointConfig is one caching token endpoint.
type EndpointConfig struct {
	Path string // where the agent answers
	URL  string // of the server's token endpoint
	// Headers are those, beside the ones that every token request has, that the
	// server reads.
	Headers []string
	CAFile  string
	// DangerPlainHTTP lets secrets go over plain HTTP to another machine.
	DangerPlainHTTP bool
	// Life is how long a token without expires_in and without exp is taken to
	// live; zero means that it is not kept.
	Life time.Duration
	// RefusedFor is how long a refusal is repeated without asking; zero means
	// 2 s.
	RefusedFor time.Duration
	Timeout    time.Duration // of one token request; zero: 10 s
	MaxWaiting int           // zero: 1,000
}

// SecretRef says where a secret is. Exactly one of its fields is set.
type SecretRef struct {
	File  string
	Env   string
	Stdin bool
}

// What is taken where the file says nothing.
const (
	defaultWait         = 30 * time.Second
	defaultFetchTimeout = 10 * time.Second
	defaultMaxWaiting   = 1000
	defaultRefusedFor   = 2 * time.Second
)

// reserved are the first segments of paths that the agent answers itself.
var reserved = []string{"healthz", "readyz", "metrics", "status", "token"}
