package config

import (
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/internal/yamlfile"
)

// Server holds the settings of mintage serve.
type Server struct {
	Listen      string // address of the public listener, host:port
	AdminListen string // address of the admin listener, host:port
	// AdminURL is under which URL the admin listener is reached; empty: the one
	// of the first start, or there the one that AdminListen makes.
	AdminURL string
	// ConsoleListen is the address of the console's own listener; empty: the
	// console is on the admin listener.
	ConsoleListen string
	// ConsoleURL is under which URL people reach the console; empty: the one of
	// its listener.
	ConsoleURL string
	Data       string // directory of the database, the master key and admin.json

	OIDC OIDC // how operators may sign in to the console, beside passwords and passkeys

	TLS      TLS
	AdminTLS TLS
	// BehindProxy are the networks of the proxies in front, whose word about the
	// caller counts. Empty: there are none.
	BehindProxy []netip.Prefix
	// JWKSNetworks are the networks that are not public and in which clients may
	// publish their keys all the same. Empty: there are none.
	JWKSNetworks []netip.Prefix

	MasterKeyFile string // empty: master.key in Data
	// MasterKeyCommand unwraps what is in that file; empty: the key is in it as it
	// is.
	MasterKeyCommand []string
	Log              Log
	DocsURL          string // where error_uri points, without a slash at the end; empty: our own /docs
	DrainTimeout     time.Duration
	// RequestsPerMinute is how many requests with credentials one address may
	// make in a minute; zero: any number.
	RequestsPerMinute int
	// ClientLabels are the client ids with a label of their own in the metrics.
	ClientLabels []string
	KeyPeriod    time.Duration // how long signing keys sign, unless the tenant says
	RequestLog   RequestLog
	Store        string // StoreSQLite or StorePostgres
	Database     Database

	origins map[string]Origin
	places  map[string]yamlfile.Node // of the settings whose value is the file's
}

// RequestLog says what is kept of requests.
type RequestLog struct {
	Keep   time.Duration // for how long
	Tokens bool          // whether tokens that were issued as asked are kept too
}

// TLS names a certificate chain and its key, both PEM. Both are set or none.
type TLS struct{ Cert, Key string }

// On reports whether there is a certificate.
func (t TLS) On() bool { return t.Cert != "" && t.Key != "" }

// Log says what is logged, and how.
type Log struct {
	Level  slog.Level
	Format string // LogJSON or LogText
}

// Values of settings.
const (
	StoreSQLite   = "sqlite"
	StorePostgres = "postgres"
	LogJSON       = "json"
	LogText       = "text"
)

// Setting is one line of the table of settings.
type Setting struct {
	Path    string // such as tls.cert
	Default string
	Usage   string
	// Live says that a server takes a new value over while it runs. TLS can
	// only be given other files, and not be switched on or off.
	Live bool

	set    func(s *Server, value string) error
	flag   string // where it is not the path's
	secret bool   // its value may hold a password, is never shown and never a flag
	list   bool   // the file has a list; variables and flags separate with commas
	path   bool   // a relative path in the file starts at the folder of the file
}

// Env returns the name of the variable.
func (s Setting) Env() string {
	return "MINTAGE_" + strings.ToUpper(strings.ReplaceAll(s.Path, ".", "_"))
}

// Flag returns the name of the flag, without the hyphens before it.
func (s Setting) Flag() string {
	if s.flag != "" {
		return s.flag
	}
	return strings.NewReplacer(".", "-", "_", "-").Replace(s.Path)
}

// Settings returns all settings, in the order in which they are shown.
func Settings() []Setting {
	return slices.Concat(listenerSettings(), oidcSettings(), processSettings(), databaseSettings())
}

func listenerSettings() []Setting {
	return []Setting{
		{
			Path: "listen", Default: "127.0.0.1:9400", Usage: "address of the public listener",
			set: func(s *Server, v string) error { return setAddress(&s.Listen, v) },
		},
		{
			Path: "admin_listen", Default: "127.0.0.1:9401", Usage: "address of the admin listener",
			set: func(s *Server, v string) error { return setAddress(&s.AdminListen, v) },
		},
		{
			Path: "admin_url", Usage: "URL under which the admin listener is reached; stored at the first start",
			set: func(s *Server, v string) error { return setIssuer(&s.AdminURL, v) },
		},
		{
			Path: "console_listen", Usage: "address of a listener for the console alone; left out: it is on the admin listener",
			set: func(s *Server, v string) error { return setOptionalAddress(&s.ConsoleListen, v) },
		},
		{
			Path: "console_url", Usage: "URL under which people reach the console; left out: that of its listener",
			set: func(s *Server, v string) error { return setURL(&s.ConsoleURL, v) },
		},
		{
			Path: "tls.cert", Live: true, Usage: "certificate chain of the public listener, PEM",
			set: func(s *Server, v string) error { s.TLS.Cert = v; return nil }, path: true,
		},
		{
			Path: "tls.key", Live: true, Usage: "private key of the public listener, PEM",
			set: func(s *Server, v string) error { s.TLS.Key = v; return nil }, path: true,
		},
		{
			Path: "admin_tls.cert", Live: true, Usage: "certificate chain of the admin listener, PEM",
			set: func(s *Server, v string) error { s.AdminTLS.Cert = v; return nil }, path: true,
		},
		{
			Path: "admin_tls.key", Live: true, Usage: "private key of the admin listener, PEM",
			set: func(s *Server, v string) error { s.AdminTLS.Key = v; return nil }, path: true,
		},
		{
			Path: "behind_proxy", Live: true, Usage: "networks of the proxies in front that end TLS",
			set: func(s *Server, v string) error { return setNetworks(&s.BehindProxy, v) }, list: true,
		},
	}
}

func processSettings() []Setting {
	return []Setting{
		{
			Path: "data", Default: "data", Usage: "directory of the database, master.key and admin.json",
			set: func(s *Server, v string) error { return setFull(&s.Data, v) }, path: true,
		},
		{
			Path: "master_key_file", Usage: "file of the master key; default master.key in data",
			set: func(s *Server, v string) error { s.MasterKeyFile = v; return nil }, path: true,
		},
		{
			Path: "master_key_command", Usage: "program, and its arguments, that unwraps the master key, such as mintage-kms",
			set: func(s *Server, v string) error { return setCommand(&s.MasterKeyCommand, v) }, list: true,
		},
		{
			Path: "log.level", Live: true, Default: "info", Usage: "debug, info, warn or error",
			set: func(s *Server, v string) error { return setLevel(&s.Log.Level, v) },
		},
		{
			Path: "log.format", Default: LogJSON, Usage: "json or text",
			set: func(s *Server, v string) error { return setWord(&s.Log.Format, v, LogJSON, LogText) },
		},
		{
			Path: "docs_url", Live: true, Usage: "where error_uri points; default /docs on the public listener",
			set: func(s *Server, v string) error { return setURL(&s.DocsURL, v) },
		},
		{
			Path: "drain_timeout", Live: true, Default: "10s", Usage: "how long requests under way may take when the server stops",
			set: func(s *Server, v string) error { return setDuration(&s.DrainTimeout, v) },
		},
		{
			Path: "request_log.keep", Default: "7d", Usage: "how long the request log is kept",
			set: func(s *Server, v string) error { return setKeep(&s.RequestLog.Keep, v) },
		},
		{
			Path: "request_log.tokens", Default: "on", Usage: "whether tokens that were issued as asked are in the request log",
			set: func(s *Server, v string) error { return setSwitch(&s.RequestLog.Tokens, v) },
		},
		{
			Path: "keys.period", Default: "90d", Usage: "how long signing keys sign before they are replaced, unless the tenant says",
			set: func(s *Server, v string) error { return setKeyPeriod(&s.KeyPeriod, v) },
		},
		{
			Path: "jwks.networks", Usage: "networks that are not public in which the jwks_uri of clients may be; left out: none",
			set: func(s *Server, v string) error { return setPrivateNetworks(&s.JWKSNetworks, v) }, list: true,
		},
		{
			Path: "metrics.client_label", Usage: "client ids that have a label of their own in the metrics of tokens; the rest are other",
			set: func(s *Server, v string) error { return setClients(&s.ClientLabels, v) }, list: true,
		},
		{
			Path: "limits.requests_per_minute", Live: true, Default: "0",
			Usage: "requests with credentials that one address may make in a minute; 0: any number",
			set:   func(s *Server, v string) error { return setCount(&s.RequestsPerMinute, v) },
		},
	}
}
