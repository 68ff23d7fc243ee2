package consume

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
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
// §4.4). It is safe for concurrent use and must not be copied once it is in use.
type ClientCredentials struct {
	TokenURL string // must be https, but for loopback addresses
	ClientID string
	Secret   Secret

	// Auth is how the request is written; empty means Basic.
	Auth Auth

	// Key signs the assertions of PrivateKeyJWT, and Issuer is whom they are for:
	// the server's issuer identifier (RFC 8414 §2), or, for servers that want
	// that, the token URL. Nothing else uses the two.
	Key    Key
	Issuer string

	Scope    []string // scope tokens; empty leaves the choice to the server
	Resource []string // RFC 8707 §2: absolute URIs
	Audience []string // the same by any identifier, for servers that read it

	// Params are further parameters, which some servers ask for.
	Params url.Values

	// DPoP is set when tokens are to be bound to its key; nil means bearer tokens.
	DPoP *DPoP

	// HTTPClient makes the requests. It must be set. Redirects are never
	// followed: the request holds a secret.
	HTTPClient *http.Client

	// InsecureHTTP allows a TokenURL of plain http on any host: whoever is on
	// the way then reads the secret and the token.
	InsecureHTTP bool

	// Timeout bounds the request with its answer; zero means 30 seconds.
	Timeout time.Duration

	// Now returns the time; nil means time.Now.
	Now func() time.Time

	clock  clock  // the server's
	preset Preset // where it came from
}

// Token asks for a token. What to do about a failure is the caller's to say; the
// error is an *Error. The request is sent a second time in two cases, in which
// the first said what it lacks: a nonce for DPoP, and the right time in what the
// client signed.
func (c *ClientCredentials) Token(ctx context.Context) (*Token, error) {
	if err := c.check(); err != nil {
		return nil, &Error{Cause: err, misuse: true}
	}
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tok, again, err := c.ask(ctx)
	if again {
		tok, _, err = c.ask(ctx)
	}
	return tok, err
}

// ask sends the request once. Again says that it failed for want of something
// that its answer brought.
func (c *ClientCredentials) ask(ctx context.Context) (tok *Token, again bool, err error) {
	method := methods[c.auth()]
	cred, err := method.load(ctx, c, c.clock.at(c.now()))
	if err != nil {
		return nil, false, &Error{Cause: err}
	}
	req, err := c.request(ctx, method, cred)
	if err != nil {
		return nil, false, &Error{Cause: err}
	}
	sent := c.now()
	client := *c.HTTPClient
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Do(req)
	if err != nil {
		return nil, false, &Error{Cause: withoutURL(err)}
	}
	defer func() { _ = res.Body.Close() }()
	late := c.clock.learn(res.Header, sent, c.now())
	if c.DPoP != nil {
		c.DPoP.keep(req.URL, res.Header)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, false, c.failed(res, nil, fmt.Errorf("reading the answer: %w", withoutURL(err)))
	case len(body) > maxAnswer:
		return nil, false, c.failed(res, nil, fmt.Errorf("the answer is longer than %d bytes", maxAnswer))
	case res.StatusCode != http.StatusOK:
		e := c.failed(res, body, nil)
		e.changed = c.changedFrom(cred)
		return nil, late && c.signs() && !e.Temporary() || c.DPoP != nil && e.Code == "use_dpop_nonce", e
	}
	if tok, err = c.read(body, sent); err != nil {
		return nil, false, c.failed(res, nil, err)
	}
	return tok, false, nil
}

// signs reports whether requests hold something with a time in it.
func (c *ClientCredentials) signs() bool { return c.DPoP != nil || c.auth() == PrivateKeyJWT }

// changedFrom returns what tells whether others than the sent credentials would
// be sent now, or nil where nobody knows.
func (c *ClientCredentials) changedFrom(sent credentials) func(context.Context) bool {
	if sent.mark == [sha256.Size]byte{} {
		return nil
	}
	return func(ctx context.Context) bool {
		mark, err := methods[c.auth()].mark(ctx, c)
		return err == nil && mark != sent.mark
	}
}

// request writes the request.
func (c *ClientCredentials) request(ctx context.Context, m method, cred credentials) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.TokenURL, nil)
	if err != nil {
		return nil, errors.New("the token URL cannot be used")
	}
	if body := m.write(req, c.params(), cred); body != "" {
		req.ContentLength = int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
		if req.Body, err = req.GetBody(); err != nil {
			return nil, err
		}
	}
	req.Header.Set("Accept", "application/json")
	if c.DPoP != nil {
		return req, c.DPoP.prove(req, "", c.clock.at(c.now()))
	}
	return req, nil
}

func (c *ClientCredentials) auth() Auth {
	if c.Auth == "" {
		return Basic
	}
	return c.Auth
}

func (c *ClientCredentials) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// params are the parameters of RFC 6749 §4.4.2 and RFC 8707 §2, and the others.
func (c *ClientCredentials) params() url.Values {
	p := url.Values{}
	maps.Copy(p, c.Params)
	p.Set("grant_type", string(oauth.ClientCredentials))
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

// CacheKey returns what two ClientCredentials have in common when a token of one
// is as good as a token of the other: the token URL, the client and how it
// authenticates, scope, audiences, further parameters and the DPoP key, hashed.
// The secret is not part of it: a cache that is shared by several owners of
// secrets must add that.
func (c *ClientCredentials) CacheKey() (string, error) {
	key := struct {
		TokenURL string      `json:"token_url"`
		ClientID string      `json:"client_id"`
		Issuer   string      `json:"issuer"`
		Auth     Auth        `json:"auth"`
		Scope    oauth.Scope `json:"scope"`
		Resource []string    `json:"resource"`
		Audience []string    `json:"audience"`
		Params   url.Values  `json:"params"`
		KeyID    string      `json:"jkt"`
	}{
		TokenURL: c.TokenURL, ClientID: c.ClientID, Issuer: c.Issuer, Auth: c.auth(), Scope: oauth.NewScope(c.Scope...),
		Resource: slices.Sorted(slices.Values(c.Resource)), Audience: slices.Sorted(slices.Values(c.Audience)), Params: c.Params,
	}
	if c.DPoP != nil {
		var err error
		if key.KeyID, err = c.DPoP.Thumbprint(); err != nil {
			return "", err
		}
	}
	b, err := json.Marshal(key)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
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
