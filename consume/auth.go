package consume

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/mintage-auth/mintage/oauth"
)

// Secret returns the client's secret. It is asked at each request, so that a
// secret that changes is noticed, and should be quick. Being a function, it
// shows nothing when it is printed.
type Secret func(ctx context.Context) (string, error)

// SecretValue returns a Secret that is known beforehand.
func SecretValue(secret string) Secret {
	return func(context.Context) (string, error) { return secret, nil }
}

// maxSecretSize bounds a secret file, in bytes.
const maxSecretSize = 64 << 10

// SecretFile returns a Secret that is read from a file at each request. A line
// break at its end is not part of it.
func SecretFile(path string) Secret {
	return func(context.Context) (string, error) {
		f, err := os.Open(path) //nolint:gosec // the program says which file
		if err != nil {
			return "", err
		}
		defer func() { _ = f.Close() }()
		b, err := io.ReadAll(io.LimitReader(f, maxSecretSize+1))
		switch {
		case err != nil:
			return "", err
		case len(b) > maxSecretSize:
			return "", fmt.Errorf("%s is too long for a secret", path)
		}
		s := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
		if s == "" {
			return "", fmt.Errorf("%s is empty", path)
		}
		return s, nil
	}
}

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
)

// credentials are what a request says of the client.
type credentials struct{ id, secret string }

// encoders make a request's URL, header and body. The parameters hold no
// credentials yet.
var encoders = map[Auth]func(r *http.Request, params url.Values, c credentials) (body string){
	Basic: func(r *http.Request, params url.Values, c credentials) string {
		r.Header.Set("Authorization", oauth.BasicHeader(c.id, c.secret))
		return form(r, params)
	},
	BasicRaw: func(r *http.Request, params url.Values, c credentials) string {
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.id+":"+c.secret)))
		return form(r, params)
	},
	Post:  func(r *http.Request, params url.Values, c credentials) string { return form(r, c.in(params)) },
	JSON:  jsonBody,
	Query: inQuery,
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
