package agent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/internal/relay"
)

// upstream is one upstream in force.
type upstream struct {
	config *UpstreamConfig
	keeper *keeper
	relay  *relay.Upstream // nil: the token is only handed out
	now    func() time.Time

	header atomic.Pointer[header]
	seen   *seen

	count   [6]func() // by class of status
	replays func()
}

// seen is what the status tells of an upstream, over all reloads.
type seen struct {
	last   atomic.Pointer[lastResult]
	queued atomic.Int64 // requests that wait for a token
}

// header is a token as it is written, which is kept so that it is not put
// together for each request.
type header struct {
	token *consume.Token
	value string
}

// lastResult is how the last request ended.
type lastResult struct {
	at     time.Time
	status int // zero: there was no answer
	took   time.Duration
	code   string // the agent's own, where it answered itself
}

// relay returns how the upstream is reached.
func (u *UpstreamConfig) relay(t *tls.Config) relay.Config {
	return relay.Config{
		URL: u.URL, Protocol: u.Protocol, TLS: t, ConnectTimeout: u.ConnectTimeout, AnswerTimeout: u.AnswerTimeout, MaxReplay: u.MaxReplay,
	}
}

// trust returns the TLS settings that a file of authorities and a certificate
// make; nil without either.
func trust(caFile string, cert CertificateFiles) (*tls.Config, error) {
	if err := cert.load(); err != nil {
		return nil, err
	}
	if caFile == "" && cert.File == "" {
		return nil, nil //nolint:nilnil // the system's
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if cert.File != "" {
		t.GetClientCertificate = consume.CertificateFiles(cert.File, cert.KeyFile)
	}
	if caFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(caFile) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate in PEM", caFile)
	}
	t.RootCAs = pool
	return t, nil
}

// forward sends r on with a token. Target is what follows the upstream's name.
func (u *upstream) forward(w http.ResponseWriter, r *http.Request, target string) {
	began := u.now()
	l := loan{upstream: u}
	status, err := u.relay.Forward(w, r, target, &l)
	res := &lastResult{at: began, status: status}
	if err != nil {
		f := describe(err, began)
		res.code = f.code
		if r.Context().Err() == nil || errors.Is(err, context.DeadlineExceeded) {
			f.write(w)
		}
	}
	if class := res.status / 100; class < len(u.count) {
		u.count[class]()
	}
	res.took = u.now().Sub(began)
	u.seen.last.Store(res)
}

// loan is the token of one request.
type loan struct {
	upstream *upstream
	token    *consume.Token
}

// First implements relay.Credential.
func (l *loan) First(ctx context.Context) (string, error) {
	tok, err := l.upstream.token(ctx)
	if err != nil {
		return "", err
	}
	l.token = tok
	return l.upstream.authorization(tok), nil
}

// Again implements relay.Credential: the rules of consume, on an answer that
// the relay holds.
func (l *loan) Again(ctx context.Context, challenges []string, whole bool) (string, bool) { //nolint:revive // relay.Credential has it
	if !consume.Refused(challenges) {
		return "", false
	}
	u := l.upstream
	tok, err := u.queue(ctx, func(ctx context.Context) (*consume.Token, error) { return u.keeper.source.Renew(ctx, l.token) })
	if err != nil || !whole {
		return "", false
	}
	u.replays()
	return u.authorization(tok), true
}

// token returns the token that is good, and waits for it no longer than is
// configured.
func (u *upstream) token(ctx context.Context) (*consume.Token, error) {
	// A source with a good token does not look at the context. With one that is
	// over it tells of having none without a wait; only then is it worth what a
	// deadline costs.
	if tok, err := u.keeper.source.Token(endedContext); err == nil { //nolint:contextcheck // see above
		return tok, nil
	}
	return u.queue(ctx, u.keeper.source.Token)
}

// queue has a request wait for what get returns, as long as is configured: the
// source waits out failures that may pass, and counts who waits.
func (u *upstream) queue(ctx context.Context, get func(context.Context) (*consume.Token, error)) (*consume.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, u.keeper.wait)
	defer cancel()
	defer u.seen.queued.Add(-1)
	u.seen.queued.Add(1)
	return get(ctx)
}

// authorization returns the value of the header.
func (u *upstream) authorization(tok *consume.Token) string {
	if h := u.header.Load(); h != nil && h.token == tok {
		return h.value
	}
	h := &header{token: tok, value: tok.Header()}
	u.header.Store(h)
	return h.value
}
