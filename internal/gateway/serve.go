package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Server is the listeners of a Gateway.
type Server struct {
	gateway *Gateway
	config  *Config
	log     *slog.Logger
	all     []*listener
	drain   atomic.Int64 // time.Duration
}

// listener is one address with what is served there.
type listener struct {
	net.Listener
	name   string
	conf   atomic.Pointer[tls.Config] // nil: plain HTTP
	counts *connections               // nil: any number
	server *http.Server
}

// place is what a listener is made for.
type place struct {
	name, addr string
	tls        *TLS
	handler    http.Handler
	exempt     func(*live, netip.Addr) bool // from the limit of an address
	read       time.Duration                // for a whole request; zero: the handler sees to it
}

// places are the listeners that c asks for.
func (g *Gateway) places(c *Config) []place {
	nobody := func(*live, netip.Addr) bool { return false }
	all := []place{
		{"gateway", c.Listen, c.TLS, g.Handler(), (*live).trusts, 0},
		{"admin listener", c.AdminListen, c.AdminTLS, g.AdminHandler(), nobody, c.Bounds.BodyTimeout},
	}
	if f := c.ForwardAuth; f.Listen != "" {
		fronts := func(l *live, a netip.Addr) bool { return l.front.lists(a) }
		all = append(all, place{"forward auth", f.Listen, f.TLS, g.ForwardAuth(), fronts, c.Bounds.BodyTimeout})
	}
	return all
}

// Open opens the addresses of c and serves g there, once Run is called.
func Open(ctx context.Context, g *Gateway, c *Config) (*Server, error) {
	s := &Server{gateway: g, config: c, log: g.log}
	s.drain.Store(int64(c.Bounds.DrainTimeout))
	for _, p := range g.places(c) {
		if err := s.listen(ctx, p); err != nil {
			s.close()
			return nil, err
		}
	}
	g.opened.Store(s)
	return s, nil
}

func (s *Server) listen(ctx context.Context, p place) error {
	l := &listener{name: p.name}
	var conf *tls.Config
	if p.tls != nil {
		first, err := p.tls.config(p.name)
		if err != nil {
			return err
		}
		l.conf.Store(first)
		conf = first.Clone()
		conf.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return l.conf.Load(), nil }
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", p.addr)
	if err != nil {
		return fmt.Errorf("listen for the %s on %s: %w", p.name, p.addr, err)
	}
	l.counts = &connections{Listener: ln, g: s.gateway, name: p.name, exempt: p.exempt, from: map[netip.Addr]int{}}
	l.Listener = l.counts
	b := &s.config.Bounds
	l.server = &http.Server{
		Handler:           p.handler,
		MaxHeaderBytes:    b.Header,
		ReadHeaderTimeout: b.HeaderTimeout,
		ReadTimeout:       p.read,
		IdleTimeout:       b.IdleTimeout,
		TLSConfig:         conf,
		Protocols:         new(http.Protocols),
		// Of the connection as a whole; patience bounds the single answer.
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: 250, WriteByteTimeout: b.WriteTimeout, SendPingTimeout: time.Minute},
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // a caller can cause these at will
	}
	l.server.Protocols.SetHTTP1(true)
	l.server.Protocols.SetHTTP2(conf != nil)
	l.server.Protocols.SetUnencryptedHTTP2(conf == nil)
	if conf != nil {
		l.Listener = tls.NewListener(l.counts, conf)
	}
	s.all = append(s.all, l)
	return nil
}

// config is what a listener speaks: TLS 1.2 with forward secrecy and
// authenticated encryption only, or TLS 1.3 (BCP 195).
func (t *TLS) config(name string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate of the %s: %w", name, err)
	}
	conf := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{pair},
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos: []string{"h2", "http/1.1"},
	}
	if t.ClientCertificates == CertificateNone {
		return conf, nil
	}
	conf.SessionTicketsDisabled = true // a resumed session never brings a certificate of before
	conf.ClientAuth = tls.RequestClientCert
	if t.ClientCA == "" {
		return conf, nil
	}
	pem, err := os.ReadFile(t.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("client_ca: %w", err)
	}
	conf.ClientCAs = x509.NewCertPool()
	if !conf.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("client_ca: %s has no certificate", t.ClientCA)
	}
	conf.ClientAuth = tls.VerifyClientCertIfGiven
	if t.ClientCertificates == CertificateRequire {
		conf.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return conf, nil
}

// Addr returns the address of the gateway, AdminAddr that of the admin
// listener.
func (s *Server) Addr() net.Addr { return s.all[0].Addr() }

// AdminAddr returns the address of the admin listener.
func (s *Server) AdminAddr() net.Addr { return s.all[1].Addr() }

// Run serves until ctx ends, lets requests under way finish and ends the
// gateway. It calls ready once requests are answered.
func (s *Server) Run(ctx context.Context, ready func()) error {
	var serving sync.WaitGroup
	failed := make(chan error, len(s.all))
	for _, l := range s.all {
		serving.Go(func() {
			if err := l.server.Serve(l.Listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serve the %s: %w", l.name, err)
			}
		})
	}
	ready()
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	s.gateway.Drain()
	s.shutdown(context.WithoutCancel(ctx))
	serving.Wait()
	s.gateway.Close()
	return err
}

// shutdown lets requests finish, on all listeners but that for operators at the
// same time, and cuts off what is left after the time for it.
func (s *Server) shutdown(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.drain.Load()))
	defer cancel()
	admin := s.all[1]
	var finishing sync.WaitGroup
	for _, l := range s.all {
		if l == admin {
			continue
		}
		finishing.Go(func() {
			if err := l.server.Shutdown(ctx); err != nil {
				s.log.LogAttrs(ctx, slog.LevelWarn, "requests were cut off at the end", slog.String("listener", l.name))
				_ = l.server.Close() // what is left is past its time
			}
		})
	}
	finishing.Wait()
	s.gateway.conversations.end(ctx)
	_ = admin.server.Close() // nobody waits for metrics
}

// close closes the listeners of a server that does not run.
func (s *Server) close() {
	for _, l := range s.all {
		_ = l.Close()
	}
}

// Reload puts what read returns in force, certificates included, or with an
// error leaves everything as it is. Restart names what has changed and needs one.
func (s *Server) Reload(read func() (*Config, error)) (restart []string, err error) {
	defer func() {
		if err != nil {
			s.gateway.metrics.Reload("refused")
		} else {
			s.gateway.metrics.Reload(reasonOK)
		}
	}()
	c, err := read()
	if err == nil {
		err = c.Validate()
	}
	if err != nil {
		return nil, err
	}
	confs := make([]*tls.Config, len(s.all))
	for i, t := range []*TLS{c.TLS, c.AdminTLS, c.ForwardAuth.TLS}[:len(s.all)] {
		if t != nil {
			if confs[i], err = t.config(s.all[i].name); err != nil {
				return nil, err
			}
		}
	}
	if err := s.gateway.Reload(c); err != nil {
		return nil, err
	}
	for i, conf := range confs {
		if conf != nil && s.all[i].conf.Load() != nil {
			s.all[i].conf.Store(conf)
		}
	}
	s.drain.Store(int64(c.Bounds.DrainTimeout))
	return s.needsRestart(c), nil
}

// needsRestart names what c says otherwise and a running server cannot change.
func (s *Server) needsRestart(c *Config) (names []string) {
	old := s.config
	for name, changed := range map[string]bool{
		"listen": old.Listen != c.Listen, "admin_listen": old.AdminListen != c.AdminListen,
		"forward_auth": old.ForwardAuth.Listen != c.ForwardAuth.Listen || !sameListener(old.ForwardAuth.TLS, c.ForwardAuth.TLS),
		"tls":          !sameListener(old.TLS, c.TLS), "admin_tls": !sameListener(old.AdminTLS, c.AdminTLS),
		"bounds": old.Bounds.Header != c.Bounds.Header || old.Bounds.HeaderTimeout != c.Bounds.HeaderTimeout || old.Bounds.WriteTimeout != c.Bounds.WriteTimeout || old.Bounds.IdleTimeout != c.Bounds.IdleTimeout,
	} {
		if changed {
			names = append(names, name)
		}
	}
	return names
}

// sameListener says whether both are plain or both are TLS, whose files are read
// again.
func sameListener(a, b *TLS) bool { return (a == nil) == (b == nil) }

// Files returns the files beside gateway.yaml that a reload reads.
func (s *Server) Files() []string {
	c := s.gateway.live.Load().config
	var all []string
	for _, t := range []*TLS{c.TLS, c.AdminTLS, c.ForwardAuth.TLS} {
		if t != nil {
			all = append(all, t.Cert, t.Key, t.ClientCA)
		}
	}
	for _, u := range c.Upstreams {
		all = append(all, u.CA, u.Cert, u.Key)
	}
	if j := c.Identity.JWT; j != nil {
		all = append(all, j.KeyFile)
	}
	return slices.DeleteFunc(all, func(name string) bool { return name == "" })
}
