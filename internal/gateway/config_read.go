package gateway

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/mintage-auth/mintage/internal/yamlfile"
)

// maxFile bounds gateway.yaml, in bytes.
const maxFile = 1 << 20

// ReadConfig reads a file. The error tells all that is wrong, each with its
// line and a caret. Paths of files in it are relative to the file.
func ReadConfig(name string) (*Config, error) {
	f, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s: the file is larger than %d KiB", name, maxFile>>10)
	}
	return ParseConfig(name, data)
}

// ParseConfig is ReadConfig of what was read already.
func ParseConfig(name string, data []byte) (*Config, error) {
	f, err := yamlfile.Parse(name, data)
	if err != nil {
		return nil, err
	}
	r := &reader{dir: filepath.Dir(name), config: &Config{Identity: Identity{Headers: DefaultIdentityHeaders()}}}
	f.Root().Object(r.top())
	r.config.setDefaults()
	r.check(f.Root())
	if err := f.Err(); err != nil {
		return nil, err
	}
	return r.config, nil
}

// reader reads a file into a Config, and remembers where it found what.
type reader struct {
	dir    string
	config *Config
	routes []yamlfile.Node
	places places
}

// places are nodes that the checks point at.
type places struct {
	issuers    []yamlfile.Node
	upstreams  []yamlfile.Node
	jwt        yamlfile.Node
	tls        yamlfile.Node
	adminTLS   yamlfile.Node
	forwardTLS yamlfile.Node
	resource   yamlfile.Node
}

func (r *reader) top() yamlfile.Fields {
	c := r.config
	return yamlfile.Fields{
		"listen":              address(&c.Listen),
		"admin_listen":        address(&c.AdminListen),
		"tls":                 func(n yamlfile.Node) { r.places.tls = n; c.TLS = r.tls(n) },
		"admin_tls":           func(n yamlfile.Node) { r.places.adminTLS = n; c.AdminTLS = r.tls(n) },
		"audience":            text(&c.Audience),
		"danger_any_audience": boolean(&c.AnyAudience),
		"resource":            func(n yamlfile.Node) { r.places.resource = n; text(&c.Resource)(n) },
		"issuers":             r.issuers,
		"leeway":              duration(&c.Leeway),
		"cache_size":          integer(&c.CacheSize, 0, 10_000_000),
		"identity":            r.identity,
		"trusted_proxies":     prefixes(&c.TrustedProxies),
		"forward_auth":        r.forwardAuth,
		"bounds":              func(n yamlfile.Node) { n.Object(boundFields(&c.Bounds)) },
		"limits":              func(n yamlfile.Node) { n.Object(limitFields(&c.Limits)) },
		"access_log":          oneOf(&c.AccessLog, LogAll, LogRefused, LogOff),
		"upstreams":           r.upstreams,
		"routes":              r.readRoutes,
	}
}

func boundFields(b *Bounds) yamlfile.Fields {
	return yamlfile.Fields{
		"body": size(&b.Body),
		"header": func(n yamlfile.Node) {
			var v int64
			size(&v)(n)
			if v > 1<<20 {
				n.Errorf("a header is at most 1 MiB")
			}
			b.Header = int(v)
		},
		"header_timeout": duration(&b.HeaderTimeout),
		"body_timeout":   duration(&b.BodyTimeout),
		"write_timeout":  duration(&b.WriteTimeout),
		"idle_timeout":   duration(&b.IdleTimeout),
		"drain_timeout":  duration(&b.DrainTimeout),
	}
}

func limitFields(l *Limits) yamlfile.Fields {
	return yamlfile.Fields{
		"connections":             atMost(&l.Connections),
		"connections_per_address": atMost(&l.AddressConnections),
		"failures_per_address": func(n yamlfile.Node) {
			if n.Scalar() {
				if s, ok := n.Text(); ok && s == "0" {
					l.AddressFailures = Rate{Count: -1}
					return
				}
			}
			rate(&l.AddressFailures)(n)
		},
	}
}

// atMost reads a limit; 0 is none.
func atMost(to *int) func(yamlfile.Node) {
	return func(n yamlfile.Node) {
		if integer(to, 0, 10_000_000)(n); *to == 0 {
			*to = -1
		}
	}
}

func (r *reader) tls(n yamlfile.Node) *TLS {
	t := &TLS{}
	n.Object(yamlfile.Fields{
		"cert":                r.file(&t.Cert),
		"key":                 r.file(&t.Key),
		"client_certificates": oneOf(&t.ClientCertificates, CertificateNone, CertificateRequest, CertificateRequire),
		"client_ca":           r.file(&t.ClientCA),
	})
	return t
}

func (r *reader) forwardAuth(n yamlfile.Node) {
	f := &r.config.ForwardAuth
	n.Object(yamlfile.Fields{
		"listen":             address(&f.Listen),
		"tls":                func(n yamlfile.Node) { r.places.forwardTLS = n; f.TLS = r.tls(n) },
		"proxies":            prefixes(&f.Proxies),
		"certificate_header": headerName(&f.CertificateHeader),
	})
	if f.Listen == "" {
		n.Errorf("listen is missing: the address where the fronts ask, such as 127.0.0.1:9412")
	}
}

func (r *reader) issuers(n yamlfile.Node) {
	n.Each(func(_ int, n yamlfile.Node) {
		i := Issuer{}
		ok := n.Object(yamlfile.Fields{
			"issuer":     text(&i.Name),
			"profile":    oneOf(&i.Profile, Profiles()...),
			"jwks_uri":   text(&i.JWKS),
			"algorithms": texts(&i.Algorithms),
			"client_ids": texts(&i.ClientIDs),
			"introspection": func(n yamlfile.Node) {
				i.Introspection = &Introspection{}
				n.Object(yamlfile.Fields{
					"url": text(&i.Introspection.URL), "client_id": text(&i.Introspection.ClientID),
					"client_secret_file": r.file(&i.Introspection.SecretFile),
				})
			},
			"revocations": func(n yamlfile.Node) {
				i.Revocations = &Revocations{}
				n.Object(yamlfile.Fields{
					"url": text(&i.Revocations.URL), "token_url": text(&i.Revocations.TokenURL),
					"client_id": text(&i.Revocations.ClientID), "client_secret_file": r.file(&i.Revocations.SecretFile),
				})
			},
		})
		if ok {
			r.config.Issuers = append(r.config.Issuers, i)
			r.places.issuers = append(r.places.issuers, n)
		}
	})
}

func (r *reader) identity(n yamlfile.Node) {
	id := &r.config.Identity
	n.Object(yamlfile.Fields{
		"headers": func(n yamlfile.Node) {
			h := &id.Headers
			n.Object(yamlfile.Fields{
				"client_id": headerName(&h.ClientID), "subject": headerName(&h.Subject), "scope": headerName(&h.Scope),
				"issuer": headerName(&h.Issuer), "token_id": headerName(&h.TokenID),
			})
		},
		"jwt": func(n yamlfile.Node) {
			r.places.jwt = n
			id.JWT = &InternalJWT{}
			n.Object(yamlfile.Fields{
				"issuer": text(&id.JWT.Issuer), "audience": text(&id.JWT.Audience), "header": headerName(&id.JWT.Header),
				"key_file": r.file(&id.JWT.KeyFile), "lifetime": duration(&id.JWT.Life),
			})
		},
	})
}

func (r *reader) upstreams(n yamlfile.Node) {
	n.Each(func(_ int, n yamlfile.Node) {
		u := &Upstream{}
		ok := n.Object(yamlfile.Fields{
			"name": text(&u.Name), "url": text(&u.URL),
			"health": text(&u.Health), "health_interval": duration(&u.Interval),
			"ca": r.file(&u.CA), "server_name": text(&u.ServerName), "cert": r.file(&u.Cert), "key": r.file(&u.Key),
			"connect_timeout": duration(&u.ConnectTimeout), "answer_timeout": duration(&u.AnswerTimeout),
			"max_connections": integer(&u.MaxConnections, 1, 1_000_000),
		})
		if ok {
			r.config.Upstreams = append(r.config.Upstreams, u)
			r.places.upstreams = append(r.places.upstreams, n)
		}
	})
}

func (r *reader) readRoutes(n yamlfile.Node) {
	n.Each(func(_ int, n yamlfile.Node) {
		rt := &Route{PreserveHost: true}
		ok := n.Object(yamlfile.Fields{
			"name": text(&rt.Name), "host": text(&rt.Host),
			"path": oneOrMore(&rt.Paths), "methods": oneOrMore(&rt.Methods),
			"upstream": text(&rt.Upstream), "scopes": oneOrMore(&rt.Scopes), "public": boolean(&rt.Public),
			"mode":       oneOf(&rt.Mode, Enforce, Warn, Observe),
			"when_stale": oneOf(&rt.Stale, StaleAllow, StaleRefuse), "max_staleness": duration(&rt.MaxStale),
			"authorization": oneOf(&rt.Authorization, AuthorizationRemove, AuthorizationKeep),
			"strip_prefix":  text(&rt.StripPrefix), "preserve_host": boolean(&rt.PreserveHost),
			"body": size(&rt.Body), "body_timeout": duration(&rt.BodyTimeout), "timeout": duration(&rt.Timeout),
			"rate": rate(&rt.Rate), "client_rate": rate(&rt.ClientRate),
			"streams_outlive_token": boolean(&rt.OutliveToken),
		})
		if ok {
			r.config.Routes = append(r.config.Routes, rt)
			r.routes = append(r.routes, n)
		}
	})
}

// file reads the path of a file.
func (r *reader) file(to *string) func(yamlfile.Node) {
	return func(n yamlfile.Node) {
		s, ok := n.Text()
		if ok && s != "" && !filepath.IsAbs(s) {
			s = filepath.Join(r.dir, s)
		}
		*to = s
	}
}
