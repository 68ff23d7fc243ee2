package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mintage-auth/mintage/internal/relay"
)

// healthFailures is how often a check has to fail before an upstream counts as
// unwell: one lost packet is no outage.
const healthFailures = 2

// keptBody is up to which size a body is read whole before it is passed on, in
// bytes: it then leaves with the header, and a connection that was closed
// meanwhile costs nothing.
const keptBody = 64 << 10

// upstream is a backend with its connections.
type upstream struct {
	config  Upstream
	hosts   [2]*relay.Upstream // by whether the caller's Host goes on
	client  *http.Client       // for health checks
	check   string             // URL; empty: none
	unwell  atomic.Bool
	stop    context.CancelFunc
	running sync.WaitGroup
}

// preserved is the index of upstream.hosts.
func preserved(r *Route) int {
	if r.PreserveHost {
		return 1
	}
	return 0
}

// newUpstream returns an upstream. Start begins its health checks.
func newUpstream(c *Upstream) (*upstream, error) {
	u := &upstream{config: *c}
	at, err := url.Parse(c.URL)
	if err != nil {
		return nil, fmt.Errorf("upstream %s: %w", c.Name, err)
	}
	protocol := relay.HTTP1
	switch at.Scheme {
	case "h2c":
		at.Scheme, protocol = "http", relay.H2C
	case "h2":
		at.Scheme, protocol = "https", relay.Auto
	}
	conf, err := c.tls()
	if err != nil {
		return nil, fmt.Errorf("upstream %s: %w", c.Name, err)
	}
	for i := range u.hosts {
		u.hosts[i], err = relay.New(relay.Config{
			URL: at, Protocol: protocol, TLS: conf, ConnectTimeout: c.ConnectTimeout, AnswerTimeout: c.AnswerTimeout,
			MaxReplay: keptBody, PreserveHost: i == 1,
		})
		if err != nil {
			return nil, fmt.Errorf("upstream %s: %w", c.Name, err)
		}
	}
	if c.Health != "" {
		u.check = at.Scheme + "://" + at.Host + c.Health
		protocols := new(http.Protocols)
		protocols.SetHTTP1(protocol != relay.H2C)
		protocols.SetHTTP2(protocol == relay.Auto)
		protocols.SetUnencryptedHTTP2(protocol == relay.H2C)
		u.client = &http.Client{
			Timeout: min(c.Interval, c.ConnectTimeout),
			Transport: &http.Transport{
				TLSClientConfig: conf.Clone(), DialContext: (&net.Dialer{Timeout: c.ConnectTimeout}).DialContext, Protocols: protocols, MaxIdleConns: 1,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return u, nil
}

// tls returns how TLS is spoken with the upstream.
func (u *Upstream) tls() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: u.ServerName}
	if u.CA != "" {
		pem, err := os.ReadFile(u.CA)
		if err != nil {
			return nil, err
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate", u.CA)
		}
	}
	if u.Cert != "" {
		pair, err := tls.LoadX509KeyPair(u.Cert, u.Key)
		if err != nil {
			return nil, err
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}

// start begins the health checks, if there are any.
func (u *upstream) start(log *slog.Logger) {
	ctx, cancel := context.WithCancel(context.Background())
	u.stop = cancel
	if u.check == "" {
		return
	}
	u.running.Go(func() {
		tick := time.NewTicker(u.config.Interval)
		defer tick.Stop()
		for failed := 0; ; {
			err := u.probe(ctx)
			switch {
			case ctx.Err() != nil:
				return
			case err == nil:
				failed = 0
			default:
				failed++
			}
			if unwell := failed >= healthFailures; u.unwell.Swap(unwell) != unwell {
				u.tell(ctx, log, err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
}

func (u *upstream) tell(ctx context.Context, log *slog.Logger, err error) {
	if err != nil {
		log.LogAttrs(ctx, slog.LevelWarn, "an upstream fails its health check and gets no requests",
			slog.String("upstream", u.config.Name), slog.String("error", err.Error()))
		return
	}
	log.LogAttrs(ctx, slog.LevelInfo, "an upstream passes its health check again", slog.String("upstream", u.config.Name))
}

// probe makes one health check.
func (u *upstream) probe(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.check, http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "mintage-gateway")
	res, err := u.client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, res.Body, 64<<10)
	closeErr := res.Body.Close()
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return err
	case res.StatusCode < 200 || res.StatusCode > 299:
		return fmt.Errorf("it answers %d", res.StatusCode)
	}
	return closeErr
}

// close ends the health checks and the idle connections.
func (u *upstream) close() {
	u.stop()
	u.running.Wait()
	for _, h := range u.hosts {
		h.Close()
	}
	if u.client != nil {
		u.client.CloseIdleConnections()
	}
}
