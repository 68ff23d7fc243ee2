package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

const (
	// maxHeader bounds what is read of a request's header, in bytes. Handlers
	// refuse one of more than 16 KiB in their own words; what is over this bound
	// never gets that far, and net/http answers.
	maxHeader = 32 << 10

	// readHeaderTimeout and the others bound what a slow peer can hold.
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 2 * time.Minute
)

// adminListener names the listener that outlives the others.
const adminListener = "admin listener"

// tlsConfig returns what both listeners serve: TLS 1.2 with forward secrecy
// and authenticated encryption only, or TLS 1.3 (BCP 195).
func tlsConfig(pair *KeyPair) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: pair.certificate,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
			tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos: []string{"h2", "http/1.1"},
	}
}

// listener is one address with what is served there.
type listener struct {
	name string
	net.Listener
	server *http.Server
}

// listen opens addr. With a certificate it serves TLS.
func listen(ctx context.Context, name, addr string, pair *KeyPair, h http.Handler, log *slog.Logger) (*listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listen for the %s on %s: another process has that address, perhaps a mintage that is running already: "+
			"stop it, or choose another address", name, addr)
	}
	if err != nil {
		return nil, fmt.Errorf("listen for the %s on %s: %w", name, addr, err)
	}
	srv := newHTTPServer(h, log)
	if pair != nil {
		srv.Handler = strict(h)
		srv.TLSConfig = tlsConfig(pair)
		ln = tls.NewListener(ln, srv.TLSConfig)
	}
	return &listener{name: name, Listener: ln, server: srv}, nil
}

// strictTransport has browsers come by HTTPS alone for two years (RFC 6797).
// Subdomains may be others' and are not included.
const strictTransport = "max-age=63072000"

// strict says so with every answer, whoever gives it.
func strict(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", strictTransport)
		h.ServeHTTP(w, r)
	})
}

// newHTTPServer returns the server of a listener, with its bounds.
func newHTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		MaxHeaderBytes:    maxHeader,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // a caller can cause these at will
	}
}

// ServePublic answers on one more listener what the public one answers, until
// ln is closed. It is for measurements within the process.
func (s *Server) ServePublic(ln net.Listener) error {
	return newHTTPServer(s.publicHandler(), s.log).Serve(ln)
}

// serve answers requests until the listener is drained.
func (l *listener) serve() error {
	if err := l.server.Serve(l.Listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the %s: %w", l.name, err)
	}
	return nil
}

// drain closes the listener, lets requests under way finish within ctx and
// then cuts the rest off.
func (l *listener) drain(ctx context.Context) error {
	err := l.server.Shutdown(ctx)
	if err != nil {
		_ = l.server.Close() // what is left is past its time
		return fmt.Errorf("drain the %s: %w", l.name, err)
	}
	return nil
}
