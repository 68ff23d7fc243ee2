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
	"os"
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
	files  TLS
	pair   atomic.Pointer[tls.Certificate] // nil: plain HTTP
	server *http.Server
}

// Open opens the addresses of c and serves g there, once Run is called.
func Open(ctx context.Context, g *Gateway, c *Config) (*Server, error) {
	s := &Server{gateway: g, config: c, log: g.log}
	s.drain.Store(int64(c.Bounds.DrainTimeout))
	type place struct {
		name, addr string
		tls        *TLS
		handler    http.Handler
	}
	all := []place{{"gateway", c.Listen, c.TLS, g.Handler()}, {"admin listener", c.AdminListen, c.AdminTLS, g.AdminHandler()}}
	if f := c.ForwardAuth; f.Listen != "" {
		all = append(all, place{"forward auth", f.Listen, f.TLS, g.ForwardAuth()})
	}
	for _, l := range all {
		if err := s.listen(ctx, l.name, l.addr, l.tls, l.handler); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

func (s *Server) listen(ctx context.Context, name, addr string, t *TLS, h http.Handler) error {
	l := &listener{name: name}
	var conf *tls.Config
	if t != nil {
		l.files = *t
		var err error
		if conf, err = l.tlsConfig(); err != nil {
			return err
		}
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen for the %s on %s: %w", name, addr, err)
	}
	l.Listener = ln
	b := &s.config.Bounds
	l.server = &http.Server{
		Handler:           h,
		MaxHeaderBytes:    b.Header,
		ReadHeaderTimeout: b.HeaderTimeout,
		IdleTimeout:       b.IdleTimeout,
		TLSConfig:         conf,
		Protocols:         new(http.Protocols),
		// A stream may be silent, its connection may not stop in the middle of a
		// write; HTTP/1.1 answers have the same bound in answerWriter.
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: 250, WriteByteTimeout: writeTimeout, SendPingTimeout: time.Minute},
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // a caller can cause these at will
	}
	l.server.Protocols.SetHTTP1(true)
	l.server.Protocols.SetHTTP2(conf != nil)
	l.server.Protocols.SetUnencryptedHTTP2(conf == nil)
	if conf != nil {
		l.Listener = tls.NewListener(ln, conf)
	}
	s.all = append(s.all, l)
	return nil
}

// tlsConfig is TLS 1.2 with forward secrecy and authenticated encryption only,
// or TLS 1.3 (BCP 195).
func (l *listener) tlsConfig() (*tls.Config, error) {
	if err := l.load(l.files); err != nil {
		return nil, err
	}
	conf := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return l.pair.Load(), nil },
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos: []string{"h2", "http/1.1"},
	}
	if l.files.ClientCertificates == CertificateNone {
		return conf, nil
	}
	conf.SessionTicketsDisabled = true // a resumed session never brings a certificate of before
	conf.ClientAuth = tls.RequestClientCert
	if l.files.ClientCA == "" {
		return conf, nil
	}
	pem, err := os.ReadFile(l.files.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("client_ca: %w", err)
	}
	conf.ClientCAs = x509.NewCertPool()
	if !conf.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("client_ca: %s has no certificate", l.files.ClientCA)
	}
	conf.ClientAuth = tls.VerifyClientCertIfGiven
	if l.files.ClientCertificates == CertificateRequire {
		conf.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return conf, nil
}

func (l *listener) load(files TLS) error {
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		return fmt.Errorf("certificate of the %s: %w", l.name, err)
	}
	l.pair.Store(&pair)
	return nil
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

// shutdown lets requests finish, those for operators last, and cuts off what is
// left after the time for it.
func (s *Server) shutdown(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.drain.Load()))
	defer cancel()
	for i := range s.all {
		l := s.all[(i+2)%len(s.all)] // the first two last
		if l == s.all[1] {
			continue
		}
		if err := l.server.Shutdown(ctx); err != nil {
			s.log.LogAttrs(ctx, slog.LevelWarn, "requests were cut off at the end", slog.String("listener", l.name))
			_ = l.server.Close() // what is left is past its time
		}
	}
	_ = s.all[1].server.Close() // nobody waits for metrics
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
	pairs := make([]*tls.Certificate, len(s.all))
	for i, t := range []*TLS{c.TLS, c.AdminTLS, c.ForwardAuth.TLS}[:len(s.all)] {
		if t != nil {
			pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
			if err != nil {
				return nil, fmt.Errorf("certificate of the %s: %w", s.all[i].name, err)
			}
			pairs[i] = &pair
		}
	}
	if err := s.gateway.Reload(c); err != nil {
		return nil, err
	}
	for i, pair := range pairs {
		if pair != nil && s.all[i].pair.Load() != nil {
			s.all[i].pair.Store(pair)
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
		"bounds": old.Bounds.Header != c.Bounds.Header || old.Bounds.HeaderTimeout != c.Bounds.HeaderTimeout || old.Bounds.IdleTimeout != c.Bounds.IdleTimeout,
	} {
		if changed {
			names = append(names, name)
		}
	}
	return names
}

// sameListener says whether only the files of the certificate differ.
func sameListener(a, b *TLS) bool {
	return (a == nil) == (b == nil) && (a == nil || a.ClientCertificates == b.ClientCertificates && a.ClientCA == b.ClientCA)
}
