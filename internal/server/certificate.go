package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// certificateInterval is how often the files of certificates are looked at.
const certificateInterval = 2 * time.Second

// KeyFiles name a certificate chain and its private key, both PEM. The zero
// value names none.
type KeyFiles struct{ Cert, Key string }

// KeyPair is a certificate with its key that follows its files: connections
// that are made after they changed get the new one, and those that are there
// stay. It is safe for concurrent use.
type KeyPair struct {
	current atomic.Pointer[tls.Certificate]

	mu    sync.Mutex
	files KeyFiles
	seen  stamps // of the files when they were last read, whatever was in them
}

// stamps tell whether a pair of files is as it was.
type stamps [2]struct {
	at   time.Time
	size int64
}

// LoadKeyPair reads a pair of files.
func LoadKeyPair(files KeyFiles) (*KeyPair, error) {
	p := &KeyPair{files: files, seen: stampsOf(files)}
	cert, err := readKeyPair(files)
	if err != nil {
		return nil, err
	}
	p.current.Store(cert)
	return p, nil
}

// readKeyPair reads a chain and its key, which have to belong together.
func readKeyPair(files KeyFiles) (*tls.Certificate, error) {
	cert, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", files.Cert, err)
	}
	return &cert, nil
}

func stampsOf(files KeyFiles) (s stamps) {
	for i, name := range []string{files.Cert, files.Key} {
		if info, err := os.Stat(name); err == nil { // what is not there has no stamp
			s[i].at, s[i].size = info.ModTime(), info.Size()
		}
	}
	return s
}

// certificate is tls.Config.GetCertificate.
func (p *KeyPair) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return p.current.Load(), nil
}

// follow reads the files again if they changed, and says whether it did. With
// an error, the certificate stays; the same files are not read again.
func (p *KeyPair) follow() (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := stampsOf(p.files)
	if now == p.seen {
		return false, nil
	}
	p.seen = now // before reading: what is written meanwhile is seen next time
	cert, err := readKeyPair(p.files)
	if err != nil {
		return false, err
	}
	p.current.Store(cert)
	return true, nil
}

// take replaces the certificate by one that was read from files before.
func (p *KeyPair) take(files KeyFiles, cert *tls.Certificate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.files, p.seen = files, stampsOf(files)
	p.current.Store(cert)
}

// followCertificates reads certificates whose files changed. A pair that cannot
// be used, such as one of which only half is written yet, is logged and the old
// one stays.
func (s *Server) followCertificates(ctx context.Context) error {
	for _, l := range []struct {
		name string
		pair *KeyPair
	}{{"public listener", s.cfg.TLS}, {"admin listener", s.cfg.AdminTLS}} {
		if l.pair == nil {
			continue
		}
		switch changed, err := l.pair.follow(); {
		case err != nil:
			s.log.LogAttrs(ctx, slog.LevelError, "the new certificate cannot be used and the old one stays",
				slog.String("listener", l.name), slog.String("error", err.Error()))
		case changed:
			s.log.LogAttrs(ctx, slog.LevelInfo, "a new certificate is served", slog.String("listener", l.name),
				slog.Time("until", l.pair.current.Load().Leaf.NotAfter.UTC()))
		}
	}
	return nil
}
