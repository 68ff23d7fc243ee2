package agent

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mintage-auth/mintage/internal/telemetry"
)

// maxTokenAnswer bounds an answer of a token endpoint, in bytes.
const maxTokenAnswer = 1 << 20

// cacheHeader says whether an answer came from the cache.
const cacheHeader = "Mintage-Agent-Cache"

// endpoint answers token requests in the place of a server's token endpoint.
// The application sends it the request that it would send there, and gets the
// answer that it would get; equal requests share one token.
type endpoint struct {
	config  *EndpointConfig
	trusts  [sha256.Size]byte // fingerprint of its authorities
	client  *http.Client
	metrics *telemetry.Agent
	log     *slog.Logger
	now     func() time.Time
	secret  []byte // of cache keys
	cache   *cache
	seldom  *seldom

	ctx     context.Context //nolint:containedctx // of requests that belong to several callers, until close
	cancel  context.CancelFunc
	flights sync.WaitGroup

	requests, fetched, saved atomic.Uint64
}

// newEndpoint makes an endpoint; before, of the same path, is used on if it is
// configured the same.
func (a *Agent) newEndpoint(c *EndpointConfig, before *endpoint) (*endpoint, error) {
	trusts := fingerprint(c.CAFile)
	if before != nil && before.config.same(c) && before.trusts == trusts {
		return before, nil
	}
	client, err := tokenClient(c.CAFile, CertificateFiles{})
	if err != nil {
		return nil, err
	}
	e := &endpoint{
		config: c, trusts: trusts, client: client, metrics: a.metrics, log: a.log, now: a.now, secret: make([]byte, 32), seldom: &a.seldom,
		cache: &cache{entries: map[cacheKey]*entry{}},
	}
	_, _ = rand.Read(e.secret) // never fails
	e.ctx, e.cancel = context.WithCancel(context.Background())
	return e, nil
}

func (e *endpoint) close() {
	e.cancel()
	e.flights.Wait()
	e.client.CloseIdleConnections()
}

// same reports whether two configurations are.
func (e *EndpointConfig) same(o *EndpointConfig) bool {
	return fmt.Sprintf("%#v", *e) == fmt.Sprintf("%#v", *o)
}

// serve answers a token request.
func (e *endpoint) serve(w http.ResponseWriter, r *http.Request) {
	e.requests.Add(1)
	q, f := e.readTokenRequest(r)
	if f != nil {
		e.metrics.TokenRequest(e.config.Path, resultError, false)
		if f.status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", http.MethodPost)
		}
		f.write(w)
		return
	}
	if !q.keep {
		e.metrics.TokenRequest(e.config.Path, resultForwarded, false)
		e.fetch(r.Context(), q).write(w, e.now(), resultForwarded)
		return
	}
	key := q.key(e.secret, e.config.Path, e.config.Headers)
	p, how := e.cache.get(r.Context(), key, e.now(), or(e.config.MaxWaiting, defaultMaxWaiting), func() *flight { return e.fly(key, q) })
	saved := p != nil && p.status == http.StatusOK && p.life > 0 && how != resultMiss
	if saved {
		e.saved.Add(1)
	}
	e.metrics.TokenRequest(e.config.Path, how, saved)
	switch {
	case p != nil:
		p.write(w, e.now(), how)
	case r.Context().Err() == nil:
		(&refusal{
			status: http.StatusServiceUnavailable, code: "temporarily_unavailable", retry: time.Second,
			text: "As many token requests as may already wait for the server.",
		}).write(w)
	}
}

// fly asks the server in a goroutine of its own: others than the caller who
// started it may come to wait for the answer.
func (e *endpoint) fly(key cacheKey, q *tokenRequest) *flight {
	f := &flight{done: make(chan struct{})}
	e.flights.Go(func() {
		p := e.fetch(e.ctx, q)
		e.cache.landed(key, f, p, e.now(), or(e.config.RefusedFor, defaultRefusedFor))
	})
	return f
}

// fetch sends a request on and reads the answer. Where there is none, the
// answer says so in the form of an OAuth error.
func (e *endpoint) fetch(ctx context.Context, q *tokenRequest) *reply {
	e.fetched.Add(1)
	ctx, cancel := context.WithTimeout(ctx, or(e.config.Timeout, defaultFetchTimeout))
	defer cancel()
	at := e.now()
	p, err := e.ask(ctx, q, at)
	if err == nil {
		return p
	}
	if e.seldom.now(e.config.Path, at) {
		e.log.LogAttrs(ctx, slog.LevelWarn, "a token endpoint gave no answer",
			slog.String("endpoint", e.config.Path), slog.String("error", err.Error()))
	}
	return &reply{
		status: http.StatusServiceUnavailable, at: at, retry: time.Second,
		header: http.Header{"Content-Type": {"application/json;charset=UTF-8"}, codeHeader: {"temporarily_unavailable"}},
		body:   []byte(`{"error":"temporarily_unavailable","error_description":"The token endpoint behind the agent gave no answer."}` + "\n"),
	}
}

func (e *endpoint) ask(ctx context.Context, q *tokenRequest, at time.Time) (*reply, error) {
	target := e.config.URL
	if q.query != "" {
		sep := "?"
		if strings.Contains(target, "?") {
			sep = "&"
		}
		target += sep + q.query
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(q.body)) //nolint:gosec // to the configured host; the caller chooses the query
	if err != nil {
		return nil, errors.New("the request cannot be written") // the error would show the query
	}
	req.Header = q.header.Clone()
	if _, ok := req.Header["User-Agent"]; !ok {
		req.Header["User-Agent"] = nil
	}
	res, err := e.client.Do(req) //nolint:gosec // as above
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok { // its URL holds the query
			err = u.Err
		}
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxTokenAnswer+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxTokenAnswer:
		return nil, errors.New("the answer is too long")
	case res.StatusCode/100 == 3:
		return nil, errors.New("the token endpoint redirects, which is not followed: correct the url")
	}
	return newReply(res, body, at, e.config.Life), nil
}

func (e *endpoint) status() EndpointStatus {
	return EndpointStatus{
		Path: e.config.Path, URL: e.config.URL, Requests: e.requests.Load(), Fetched: e.fetched.Load(), Saved: e.saved.Load(),
		Kept: e.cache.kept(e.now()),
	}
}
