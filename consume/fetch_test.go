package consume_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage/consume"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// tripper is a token endpoint without a network.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, body string, header ...string) tripper {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Request: r, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

const (
	clientID = "cli ent"
	secret   = "s+cr:t/é"
)

func source(rt http.RoundTripper) *consume.ClientCredentials {
	return &consume.ClientCredentials{
		TokenURL: "https://auth.example/oauth2/token?tenant=acme",
		ClientID: clientID, Secret: consume.SecretValue(secret),
		HTTPClient: &http.Client{Transport: rt},
		Now:        func() time.Time { return noon },
	}
}

const good = `{"access_token":"abc","token_type":"Bearer","expires_in":3600}`

// Each way of writing the request carries the same things, each of them once.
func TestRequest(t *testing.T) {
	t.Parallel()
	params := url.Values{
		"grant_type": {"client_credentials"}, "scope": {"a b"},
		"resource": {"https://x.example", "https://y.example"}, "audience": {"api"},
	}
	withCredentials := url.Values{"client_id": {clientID}, "client_secret": {secret}}
	maps.Copy(withCredentials, params)
	basic := func(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }
	for _, tt := range []struct {
		auth                  consume.Auth
		header, contentType   string
		query, body, jsonBody string
	}{
		{auth: "", header: basic("cli+ent:s%2Bcr%3At%2F%C3%A9"), contentType: "application/x-www-form-urlencoded", body: params.Encode()},
		{auth: consume.Basic, header: basic("cli+ent:s%2Bcr%3At%2F%C3%A9"), contentType: "application/x-www-form-urlencoded", body: params.Encode()},
		{auth: consume.BasicRaw, header: basic(clientID + ":" + secret), contentType: "application/x-www-form-urlencoded", body: params.Encode()},
		{auth: consume.Post, contentType: "application/x-www-form-urlencoded", body: withCredentials.Encode()},
		{
			auth: consume.JSON, contentType: "application/json",
			body: `{"audience":"api","client_id":"cli ent","client_secret":"s+cr:t/é","grant_type":"client_credentials",` +
				`"resource":["https://x.example","https://y.example"],"scope":"a b"}`,
		},
		{auth: consume.Query, query: "&" + withCredentials.Encode()},
	} {
		t.Run(string(tt.auth), func(t *testing.T) {
			t.Parallel()
			asked := 0
			c := source(tripper(func(r *http.Request) (*http.Response, error) {
				asked++
				var body []byte
				if r.Body != nil {
					body, _ = io.ReadAll(r.Body)
				}
				if r.Method != http.MethodPost || r.URL.RawQuery != "tenant=acme"+tt.query || string(body) != tt.body ||
					int(r.ContentLength) != len(body) || r.Header.Get("Authorization") != tt.header ||
					r.Header.Get("Content-Type") != tt.contentType || r.Header.Get("Accept") != "application/json" {
					t.Errorf("got %s %s %v %q", r.Method, r.URL, r.Header, body)
				}
				return answer(http.StatusOK, good)(r)
			}))
			c.Auth, c.Scope = tt.auth, []string{"b", "a", "b"}
			c.Resource, c.Audience = []string{"https://x.example", "https://y.example"}, []string{"api"}
			if _, err := c.Token(t.Context()); err != nil {
				t.Error(err)
			}
			if asked != 1 {
				t.Errorf("asked %d times, want once", asked)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		rt        tripper
		want      consume.Error
		temporary bool
		text      string
	}{
		{
			"RFC 6749",
			answer(401, `{"error":"invalid_client","error_description":"no","error_uri":"https://d.example","trace_id":"req_1"}`, "X-Request-Id", "req_0"),
			consume.Error{Code: "invalid_client", Description: "no", URI: "https://d.example", TraceID: "req_1", Status: 401},
			false,
			"token request: 401: invalid_client: no (trace id req_1)",
		},
		{"code alone", answer(400, `{"error":"invalid_grant"}`, "X-Request-Id", "req_0"), consume.Error{Code: "invalid_grant", Status: 400, TraceID: "req_0"}, false, ""},
		{"no JSON", answer(502, `<html>`), consume.Error{Status: 502}, true, "token request: 502"},
		{"busy, seconds", answer(429, ``, "Retry-After", "7"), consume.Error{Status: 429, RetryAfter: 7 * time.Second}, true, ""},
		{"busy, date", answer(503, ``, "Retry-After", noon.Add(time.Minute).Format(http.TimeFormat)), consume.Error{Status: 503, RetryAfter: time.Minute}, true, ""},
		{"busy, in the past", answer(503, ``, "Retry-After", "-5"), consume.Error{Status: 503}, true, ""},
		{"busy, nonsense", answer(503, ``, "Retry-After", "soon"), consume.Error{Status: 503}, true, ""},
		{"line breaks", answer(400, `{"error":"a\nlevel=INFO","error_description":"\u001b[31m\u2028x"}`), consume.Error{Code: "a level=INFO", Description: " [31m x", Status: 400}, false, ""},
		{"an error of another type", answer(400, `{"error":{"code":1}}`), consume.Error{Status: 400}, false, ""},
		{"an error with 200", answer(200, `{"error":"invalid_client"}`), consume.Error{Status: 200}, true, ""},
		{"redirect", answer(307, ``, "Location", "https://evil.example"), consume.Error{Status: 307}, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tok, err := source(tt.rt).Token(t.Context())
			e, ok := errors.AsType[*consume.Error](err)
			if !ok || tok != nil {
				t.Fatalf("got %v, %v", tok, err)
			}
			got := consume.Error{Code: e.Code, Description: e.Description, URI: e.URI, TraceID: e.TraceID, Status: e.Status, RetryAfter: e.RetryAfter}
			if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", tt.want) || e.Temporary() != tt.temporary {
				t.Errorf("got %+v temporary %v, want %+v %v", got, e.Temporary(), tt.want, tt.temporary)
			}
			if tt.text != "" && e.Error() != tt.text {
				t.Errorf("got %q, want %q", e.Error(), tt.text)
			}
		})
	}
	long := strings.Repeat("é", 10_000)
	_, err := source(answer(400, `{"error":"x","error_description":"`+long+`"}`)).Token(t.Context())
	if len(err.Error()) > 600 {
		t.Errorf("an error of %d bytes", len(err.Error()))
	}
}

// CL-08: the request goes to one URL and to no other.
func TestNoRedirect(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the secret went to another host")
	}))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/token" {
				t.Error("the redirect was followed")
			}
			w.Header().Set("Location", other.URL)
			w.WriteHeader(status)
		}))
		c := source(nil)
		c.TokenURL, c.HTTPClient = srv.URL+"/token", srv.Client()
		_, err := c.Token(t.Context())
		if e, ok := errors.AsType[*consume.Error](err); !ok || e.Status != status {
			t.Errorf("%d: got %v", status, err)
		}
		srv.Close()
	}
}

// endless is a body that never ends and, with wait, comes a byte a second.
type endless struct {
	wait time.Duration
	ctx  context.Context //nolint:containedctx // a body has no other way to know that nobody reads it any more
	read *int
}

func (e endless) Read(p []byte) (int, error) {
	if e.wait == 0 {
		*e.read += len(p)
		return len(p), nil
	}
	select {
	case <-time.After(e.wait):
		*e.read++
		return 1, nil
	case <-e.ctx.Done():
		return 0, e.ctx.Err()
	}
}

func (endless) Close() error { return nil }

// CL-13.
func TestAnswerIsBounded(t *testing.T) {
	t.Parallel()
	for _, wait := range []time.Duration{0, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			read := 0
			began := time.Now()
			_, err := source(tripper(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, Body: endless{wait, r.Context(), &read}}, nil
			})).Token(t.Context())
			if e, ok := errors.AsType[*consume.Error](err); !ok || !e.Temporary() {
				t.Errorf("got %v", err)
			}
			if took := time.Since(began); read > 2<<20 || took > 30*time.Second {
				t.Errorf("read %d bytes in %v, want at most 1 MiB in 30 s", read, took)
			}
		})
	}
}

// What cannot work is told before anything is sent.
func TestMisuse(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(c *consume.ClientCredentials){
		"no URL":              func(c *consume.ClientCredentials) { c.TokenURL = "" },
		"relative URL":        func(c *consume.ClientCredentials) { c.TokenURL = "/token" },
		"plain http":          func(c *consume.ClientCredentials) { c.TokenURL = "http://auth.example/token" },
		"credentials in it":   func(c *consume.ClientCredentials) { c.TokenURL = "https://a:" + secret + "@auth.example/" },
		"not a URL":           func(c *consume.ClientCredentials) { c.TokenURL = "https://a\x00" + secret },
		"no client id":        func(c *consume.ClientCredentials) { c.ClientID = "" },
		"no secret":           func(c *consume.ClientCredentials) { c.Secret = nil },
		"no HTTP client":      func(c *consume.ClientCredentials) { c.HTTPClient = nil },
		"no such method":      func(c *consume.ClientCredentials) { c.Auth = "magic" },
		"no such scope":       func(c *consume.ClientCredentials) { c.Scope = []string{"a b"} },
		"raw id with a colon": func(c *consume.ClientCredentials) { c.Auth, c.ClientID = consume.BasicRaw, "a:b" },
	} {
		c := source(tripper(func(*http.Request) (*http.Response, error) {
			t.Errorf("%s: a request was sent", name)
			return nil, errors.New("no")
		}))
		change(c)
		_, err := c.Token(t.Context())
		if e, ok := errors.AsType[*consume.Error](err); !ok || e.Temporary() || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	c := source(answer(200, good))
	c.TokenURL, c.InsecureHTTP = "http://auth.example/token", true
	if _, err := c.Token(t.Context()); err != nil {
		t.Errorf("InsecureHTTP: %v", err)
	}
}

// Neither the secret nor the token shows itself, not even where the secret is
// in the URL and the network fails.
func TestNothingSecretIsShown(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	tok, err := source(answer(200, `{"access_token":"the-token","token_type":"Bearer"}`)).Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	refused := errors.New("connection refused")
	c := source(tripper(func(*http.Request) (*http.Response, error) { return nil, refused }))
	c.Auth, c.Secret = consume.Query, consume.SecretValue("the-secret")
	_, failed := c.Token(t.Context())
	if !errors.Is(failed, refused) {
		t.Errorf("got %v, want the cause in it", failed)
	}
	logger.Info("x", slog.Any("token", tok), slog.Any("error", failed))
	out := log.String() + fmt.Sprintf("%v %+v %#v %s %v %+v", tok, tok, tok, tok, failed, c.Secret)
	if strings.Contains(out, "the-token") || strings.Contains(out, "the-secret") {
		t.Errorf("shown in %s", out)
	}
}

func TestSecretFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	var sent string
	c := source(tripper(func(r *http.Request) (*http.Response, error) {
		_, sent, _ = r.BasicAuth()
		return answer(200, good)(r)
	}))
	c.Auth, c.Secret = consume.BasicRaw, consume.SecretFile(path)
	_, err := c.Token(t.Context())
	if e, ok := errors.AsType[*consume.Error](err); !ok || !e.Temporary() || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
	for content, want := range map[string]string{"one": "one", "two\n": "two", "three\r\n": "three", " four \n": " four ", "five\n\n": "five\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Token(t.Context()); err != nil || sent != want {
			t.Errorf("%q: sent %q, %v, want %q", content, sent, err, want)
		}
	}
	for _, content := range []string{"", "\n", strings.Repeat("x", 100_000)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Token(t.Context()); err == nil {
			t.Errorf("%.10q is taken for a secret", content)
		}
	}
}

// The caller's deadline holds.
func TestDeadline(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := source(tripper(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})).Token(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
