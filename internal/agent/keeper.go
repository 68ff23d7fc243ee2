package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/mintage-auth/mintage/consume"
)

// keeper keeps one token, for all upstreams that want the same.
type keeper struct {
	source   *consume.Source
	observer *observer
	wait     time.Duration
	client   *http.Client
}

func (k *keeper) close() {
	k.source.Close()
	k.client.CloseIdleConnections()
}

// key names what the token is, so that upstreams with the same settings share
// it and a reload keeps it, unless other authorities are in their file now.
func (t *TokenConfig) key() string {
	secret := SecretRef{}
	if t.Secret != nil {
		secret = *t.Secret
	}
	rest := *t
	rest.Secret = nil
	return fmt.Sprintf("%q %q %x", fmt.Sprintf("%#v", rest), fmt.Sprintf("%#v", secret), fingerprint(t.CAFile)) // where the secret is, not the secret
}

// maxSecret bounds a secret that is read from standard input, in bytes.
const maxSecret = 64 << 10

// secret returns what reads a secret.
func (d *Deps) secret(s *SecretRef) (consume.Secret, error) {
	switch {
	case s.File != "":
		return consume.SecretFile(s.File), nil
	case s.Env != "":
		value := d.Env(s.Env)
		if value == "" {
			return nil, fmt.Errorf("the variable %s, which a secret is read from, is not set", s.Env)
		}
		return consume.SecretValue(value), nil
	}
	value, err := d.stdin.read(d.Stdin)
	return consume.SecretValue(value), err
}

// secretValue returns what a secret is now.
func (d *Deps) secretValue(ctx context.Context, s *SecretRef) (string, error) {
	secret, err := d.secret(s)
	if err != nil {
		return "", err
	}
	return secret(ctx)
}

// stdin is the secret that standard input holds. It is read once: a reload
// finds it again.
type stdin struct {
	once  sync.Once
	value string
	err   error
}

func (s *stdin) read(r io.Reader) (string, error) {
	s.once.Do(func() { s.value, s.err = readStdin(r) })
	return s.value, s.err
}

// readStdin reads the one secret of standard input.
func readStdin(r io.Reader) (string, error) {
	if r == nil {
		return "", errors.New("a secret is to be read from standard input, and there is none")
	}
	b, err := io.ReadAll(io.LimitReader(r, maxSecret+1))
	s := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	switch {
	case err != nil:
		return "", fmt.Errorf("the secret on standard input: %w", err)
	case s == "" || len(b) > maxSecret:
		return "", errors.New("standard input holds no secret, or more than one")
	}
	return s, nil
}

// newKeeper makes what keeps a token. Name is the upstream that it is counted
// under.
func (a *Agent) newKeeper(ctx context.Context, name string, t *TokenConfig) (*keeper, error) {
	var secret consume.Secret
	var key consume.Key
	var err error
	if t.Secret != nil {
		if secret, err = a.deps.secret(t.Secret); err != nil {
			return nil, err
		}
	}
	if t.KeyFile != "" {
		key = consume.KeyFile(t.KeyFile, t.KeyID)
		if _, err := key(ctx); err != nil {
			return nil, fmt.Errorf("key_file: %w", err)
		}
	}
	client, err := tokenClient(t.CAFile, t.Certificate)
	if err != nil {
		return nil, err
	}
	o := &observer{log: a.log, metrics: a.metrics}
	o.upstream.Store(&name)
	return &keeper{
		observer: o, wait: or(t.Wait, defaultWait), client: client,
		source: &consume.Source{
			Fetcher: &consume.ClientCredentials{
				TokenURL: t.TokenURL, ClientID: t.ClientID, Secret: secret, Auth: consume.Auth(t.Auth), Key: key, Issuer: t.Issuer,
				Scope: t.Scope, Resource: t.Resource, Audience: t.Audience, HTTPClient: client,
				InsecureHTTP: t.DangerPlainHTTP, Timeout: or(t.FetchTimeout, defaultFetchTimeout), Now: a.deps.Now,
			},
			Patience: or(t.Wait, defaultWait), Life: t.Life, Grace: t.Grace, MaxWaiting: or(t.MaxWaiting, defaultMaxWaiting), KeepFresh: t.KeepFresh,
			FetchTimeout: or(t.FetchTimeout, defaultFetchTimeout) + time.Second,
			Observer:     o, Now: a.deps.Now,
		},
	}, nil
}

// tokenClient returns the client of token requests.
func tokenClient(caFile string, cert CertificateFiles) (*http.Client, error) {
	t, err := trust(caFile, cert)
	if err != nil {
		return nil, err
	}
	const patience = 5 * time.Second // for one address of several, and a handshake
	dialer := &net.Dialer{Timeout: patience, KeepAlive: 30 * time.Second}
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSHandshakeTimeout: patience, TLSClientConfig: t,
			ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 8, IdleConnTimeout: 90 * time.Second, DisableCompression: true,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// endedContext has ended. It never changes.
var endedContext = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// or returns v, or fallback where v is zero.
func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}
