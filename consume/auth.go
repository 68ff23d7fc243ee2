package consume

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/oauth"
)

// Auth says how the request carries the client's credentials and parameters.
// Nothing is ever tried in turn: a server that reads another way is told by its
// error, and sees the secret once.
type Auth string

// The ways that servers read. The zero value is Basic.
const (
	// Basic is an Authorization header with both halves form-encoded first, as
	// RFC 6749 §2.3.1 says.
	Basic Auth = "basic"
	// BasicRaw is the same without that encoding, as many servers want it. It
	// makes a difference only where an id or a secret has other characters than
	// letters, digits and -_.
	BasicRaw Auth = "basic_raw"
	// Post is client_id and client_secret in the form body.
	Post Auth = "post"
	// JSON is all parameters as members of a JSON object in the body.
	JSON Auth = "json"
	// Query is all parameters in the URL, where proxies and logs see the
	// secret. Some servers read nothing else.
	Query Auth = "query"
	// PrivateKeyJWT is an assertion in the form body that the client's Key signs
	// (RFC 7523 §2.2). It needs Key and Issuer, and no Secret.
	PrivateKeyJWT Auth = "private_key_jwt"
	// TLS is client_id in the form body and a certificate of the connection (RFC
	// 8705 §2): the HTTPClient's transport brings it, as CertificateFiles does.
	// It needs no Secret.
	TLS Auth = "tls_client_auth"
)

// credentials are what a request says of the client.
type credentials struct {
	id, secret, assertion string

	// mark is another one when the secret or key is, and zero where neither is
	// ours to know.
	mark [sha256.Size]byte
}

// method is one way of authentication.
type method struct {
	// lacks says what it cannot do without.
	lacks func(c *ClientCredentials) error
	// mark returns the mark of the credentials as they are now.
	mark func(ctx context.Context, c *ClientCredentials) ([sha256.Size]byte, error)
	// load gets the credentials for a request that is sent at a time.
	load func(ctx context.Context, c *ClientCredentials, at time.Time) (credentials, error)
	// write makes a request's URL, header and body. The parameters hold no
	// credentials yet.
	write func(r *http.Request, params url.Values, c credentials) (body string)
}

// withSecret is a method that sends a secret.
func withSecret(write func(*http.Request, url.Values, credentials) string) method {
	return method{
		lacks: func(c *ClientCredentials) error {
			if c.Secret == nil {
				return errors.New("there is no client secret")
			}
			return nil
		},
		mark: func(ctx context.Context, c *ClientCredentials) ([sha256.Size]byte, error) {
			cred, err := loadSecret(ctx, c, time.Time{})
			return cred.mark, err
		},
		load:  loadSecret,
		write: write,
	}
}

func loadSecret(ctx context.Context, c *ClientCredentials, _ time.Time) (credentials, error) {
	secret, err := c.Secret(ctx)
	if err != nil {
		return credentials{}, fmt.Errorf("the client secret: %w", err)
	}
	return credentials{id: c.ClientID, secret: secret, mark: sha256.Sum256([]byte(secret))}, nil
}

// methods are those there are.
var methods = map[Auth]method{
	Basic: withSecret(func(r *http.Request, params url.Values, c credentials) string {
		r.Header.Set("Authorization", oauth.BasicHeader(c.id, c.secret))
		return form(r, params)
	}),
	BasicRaw: withSecret(func(r *http.Request, params url.Values, c credentials) string {
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.id+":"+c.secret)))
		return form(r, params)
	}),
	Post:          withSecret(func(r *http.Request, params url.Values, c credentials) string { return form(r, c.in(params)) }),
	JSON:          withSecret(jsonBody),
	Query:         withSecret(inQuery),
	PrivateKeyJWT: {lacks: lacksKey, mark: markKey, load: loadAssertion, write: inAssertion},
	TLS: {
		lacks: func(*ClientCredentials) error { return nil },
		mark:  func(context.Context, *ClientCredentials) (mark [sha256.Size]byte, err error) { return mark, nil },
		load: func(_ context.Context, c *ClientCredentials, _ time.Time) (credentials, error) {
			return credentials{id: c.ClientID}, nil
		},
		write: func(r *http.Request, params url.Values, c credentials) string {
			params.Set("client_id", c.id)
			return form(r, params)
		},
	},
}

// in adds c to params.
func (c credentials) in(params url.Values) url.Values {
	params.Set("client_id", c.id)
	params.Set("client_secret", c.secret)
	return params
}

func form(r *http.Request, params url.Values) string {
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return params.Encode()
}

// jsonBody writes a parameter that is there once as a string and one that is
// there several times as an array.
func jsonBody(r *http.Request, params url.Values, c credentials) string {
	doc := make(map[string]any, len(params)+2)
	for name, values := range c.in(params) {
		if doc[name] = values; len(values) == 1 {
			doc[name] = values[0]
		}
	}
	b, _ := json.Marshal(doc) // strings always encode
	r.Header.Set("Content-Type", "application/json")
	return string(b)
}

func inQuery(r *http.Request, params url.Values, c credentials) string {
	query := c.in(params).Encode()
	if r.URL.RawQuery != "" {
		query = r.URL.RawQuery + "&" + query
	}
	r.URL.RawQuery = query
	return ""
}

// check says what is missing or cannot be.
func (c *ClientCredentials) check() error {
	if err := c.preset.lacks(c); err != nil {
		return err
	}
	if err := checkEndpoint("the token URL", c.TokenURL, c.InsecureHTTP); err != nil {
		return err
	}
	m, ok := methods[c.auth()]
	switch {
	case c.ClientID == "":
		return errors.New("there is no client id")
	case c.Auth == BasicRaw && strings.Contains(c.ClientID, ":"): // RFC 7617 §2
		return errors.New("a client id with a colon in it needs Basic, which encodes it")
	case c.HTTPClient == nil:
		return errors.New("there is no HTTP client")
	case !ok:
		return fmt.Errorf("the authentication method %q does not exist", c.Auth)
	}
	if err := m.lacks(c); err != nil {
		return err
	}
	for _, s := range c.Scope {
		if !oauth.ValidScopeToken(s) {
			return fmt.Errorf("%q is not a scope", s)
		}
	}
	for name := range c.Params {
		if ours[name] {
			return fmt.Errorf("the parameter %s has a field of its own", name)
		}
	}
	return nil
}

// ours are the parameters that Params cannot set.
var ours = map[string]bool{
	"grant_type": true, "scope": true, "resource": true, "audience": true,
	"client_id": true, "client_secret": true, "client_assertion": true, "client_assertion_type": true,
}

// checkEndpoint says why a URL, called what, cannot be used.
func checkEndpoint(what, raw string, insecure bool) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New(what + " cannot be parsed")
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New(what + " is not an absolute https URL")
	case u.Scheme == "http" && !insecure && !loopback(u.Hostname()):
		return errors.New(what + " is not https")
	case u.User != nil || u.Fragment != "":
		return errors.New(what + " has credentials or a fragment in it")
	}
	return nil
}
