package consume

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/oauth"
)

const (
	// defaultTimeout bounds a request whose ClientCredentials says nothing.
	defaultTimeout = 30 * time.Second
	// maxAnswer bounds an answer, in bytes: a token has to fit in a header.
	maxAnswer = 1 << 20
)

// ClientCredentials gets tokens by the client credentials grant (RFC 6749
// §4.4). It is safe for concurrent use and is not modified by it.
type ClientCredentials struct {
	TokenURL string // must be https, but for loopback addresses
	ClientID string
	Secret   Secret

	// Auth is how the request is written; empty means Basic.
	Auth Auth

	Scope    []string // scope tokens; empty leaves the choice to the server
	Resource []string // RFC 8707 §2: absolute URIs
	Audience []string // the same by any identifier, for servers that read it

	// HTTPClient makes the requests. It must be set. Redirects are never
	// followed: the request holds a secret.
	HTTPClient *http.Client

	// InsecureHTTP allows a TokenURL of plain http on any host: whoever is on
	// the way then reads the secret and the token.
	InsecureHTTP bool

	// Timeout bounds one request with its answer; zero means 30 seconds.
	Timeout time.Duration

	// Now returns the time; nil means time.Now.
	Now func() time.Time
}

// Token asks for a token, once: what to do about a failure is the caller's to
// say. The error is an *Error.
func (c *ClientCredentials) Token(ctx context.Context) (*Token, error) {
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := c.check(); err != nil {
		return nil, &Error{Cause: err, misuse: true}
	}
	secret, err := c.Secret(ctx)
	if err != nil {
		return nil, &Error{Cause: fmt.Errorf("the client secret: %w", err)}
	}
	req, err := c.request(ctx, secret)
	if err != nil {
		return nil, &Error{Cause: err}
	}
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	sent := now()
	client := *c.HTTPClient
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Do(req)
	if err != nil {
		return nil, &Error{Cause: withoutURL(err)}
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, c.failed(res, nil, fmt.Errorf("reading the answer: %w", withoutURL(err)))
	case len(body) > maxAnswer:
		return nil, c.failed(res, nil, fmt.Errorf("the answer is longer than %d bytes", maxAnswer))
	case res.StatusCode != http.StatusOK:
		e := c.failed(res, body, nil)
		e.changed = c.changedFrom(sha256.Sum256([]byte(secret)))
		return nil, e
	}
	tok, err := c.read(body, sent)
	if err != nil {
		return nil, c.failed(res, nil, err)
	}
	return tok, nil
}

// changedFrom returns what tells whether the secret is still the one with this
// hash.
func (c *ClientCredentials) changedFrom(sent [sha256.Size]byte) func(context.Context) bool {
	return func(ctx context.Context) bool {
		secret, err := c.Secret(ctx)
		return err == nil && sha256.Sum256([]byte(secret)) != sent
	}
}

// request writes the request.
func (c *ClientCredentials) request(ctx context.Context, secret string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.TokenURL, nil)
	if err != nil {
		return nil, errors.New("the token URL cannot be used")
	}
	encode := encoders[c.auth()]
	if body := encode(req, c.params(), credentials{id: c.ClientID, secret: secret}); body != "" {
		req.ContentLength = int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
		if req.Body, err = req.GetBody(); err != nil {
			return nil, err
		}
	}
	req.Header.Set("Accept", "application/json")
	return req, nil
}

func (c *ClientCredentials) auth() Auth {
	if c.Auth == "" {
		return Basic
	}
	return c.Auth
}

// check says what is missing or cannot be.
func (c *ClientCredentials) check() error {
	u, err := url.Parse(c.TokenURL)
	switch {
	case err != nil:
		return errors.New("the token URL cannot be parsed")
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("the token URL is not an absolute https URL")
	case u.Scheme == "http" && !c.InsecureHTTP && !loopback(u.Hostname()):
		return errors.New("the token URL is not https")
	case u.User != nil || u.Fragment != "":
		return errors.New("the token URL has credentials or a fragment in it")
	case c.ClientID == "":
		return errors.New("there is no client id")
	case c.Auth == BasicRaw && strings.Contains(c.ClientID, ":"): // RFC 7617 §2
		return errors.New("a client id with a colon in it needs Basic, which encodes it")
	case c.Secret == nil:
		return errors.New("there is no client secret")
	case c.HTTPClient == nil:
		return errors.New("there is no HTTP client")
	case encoders[c.auth()] == nil:
		return fmt.Errorf("the authentication method %q does not exist", c.Auth)
	}
	for _, s := range c.Scope {
		if !oauth.ValidScopeToken(s) {
			return fmt.Errorf("%q is not a scope", s)
		}
	}
	return nil
}

// params are the parameters of RFC 6749 §4.4.2 and RFC 8707 §2.
func (c *ClientCredentials) params() url.Values {
	p := url.Values{"grant_type": {string(oauth.ClientCredentials)}}
	if len(c.Scope) > 0 {
		p.Set("scope", oauth.NewScope(c.Scope...).String())
	}
	for _, r := range c.Resource {
		p.Add("resource", r)
	}
	for _, a := range c.Audience {
		p.Add("audience", a)
	}
	return p
}

// withoutURL takes the URL out of an error of package http: with Query it has
// the secret in it.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
