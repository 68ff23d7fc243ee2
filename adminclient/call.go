package adminclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Prefix is the path of the admin API below the admin listener's URL.
const Prefix = "/admin/v1"

// HeaderVia is the request header that says which tool makes a change; the
// audit log keeps it.
const HeaderVia = "Mintage-Via"

// HeaderIdempotencyKey is the request header with the caller's key for a
// request, under which it is carried out once, however often it is sent
// (draft-ietf-httpapi-idempotency-key-header).
const HeaderIdempotencyKey = "Idempotency-Key"

// HeaderReplayed is the answer header that says true where a request was sent
// again, and the answer is the one that was given then.
const HeaderReplayed = "Idempotent-Replayed"

// HeaderTraceID is the answer header with the request's trace id.
const HeaderTraceID = "X-Request-Id"

// maxAnswer bounds what is read of an answer: a page of 200 clients with all
// their secrets is well below.
const maxAnswer = 32 << 20

// Client calls the admin API of one server. It is safe for concurrent use.
type Client struct {
	BaseURL string // URL of the admin listener, without Prefix
	// HTTP sends the requests. It must be set, with a timeout.
	HTTP *http.Client
	// Token returns the access token for a call; it is asked before each and
	// should keep what it got.
	Token func(ctx context.Context) (string, error)
	// UserAgent says what program asks; empty: Go's own.
	UserAgent string
	// Via says in the audit log which tool made a change: cli, apply, or empty
	// for api.
	Via string
}

// request is one call.
type request struct {
	method     string
	path       string // escaped, below Prefix
	query      url.Values
	body       any // nil: none
	mergePatch bool
	version    int64  // zero: whichever
	key        string // idempotency key; empty: none
	open       bool   // whether it goes without a token
}

// call sends r and decodes the answer.
func call[T any](ctx context.Context, c *Client, r request) (*T, error) {
	var v T
	if err := c.do(ctx, r, &v); err != nil {
		return nil, err
	}
	return &v, nil
}

// do sends r and decodes the answer into v, unless v is nil. A request that has
// a key is sent again when its answer is lost.
func (c *Client) do(ctx context.Context, r request, v any) error {
	if c.HTTP == nil || c.Token == nil && !r.open {
		return errors.New("adminclient: Client.HTTP and Client.Token must be set")
	}
	if !r.open { // nobody's answers are kept
		r.key = keyFor(ctx, r.method)
	}
	for done := 1; ; done++ {
		t := c.try(ctx, r, v)
		if r.key == "" || done == attempts || !t.again() || t.pause(ctx, done) != nil {
			return t.err
		}
	}
}

// try sends r once.
func (c *Client) try(ctx context.Context, r request, v any) tried {
	req, err := c.newRequest(ctx, r)
	if err != nil {
		return tried{err: &unsentError{err}}
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return tried{err: fmt.Errorf("call the admin API: %w", err)}
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return tried{err: fmt.Errorf("read the admin API's answer: %w", err)}
	case len(body) > maxAnswer:
		return tried{err: &unsentError{fmt.Errorf("the admin API's answer has more than %d bytes", maxAnswer)}}
	case resp.StatusCode/100 != 2:
		return tried{err: problemOf(resp, body), after: resp.Header.Get("Retry-After")}
	case v == nil:
		return tried{}
	}
	if err := json.Unmarshal(body, v); err != nil {
		return tried{err: &unsentError{fmt.Errorf("%s did not answer as an admin API does: %w", c.BaseURL, err)}}
	}
	return tried{}
}

func (c *Client) newRequest(ctx context.Context, r request) (*http.Request, error) {
	target := strings.TrimRight(c.BaseURL, "/") + Prefix + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	var body io.Reader
	if r.body != nil {
		b, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, body)
	if err != nil {
		return nil, fmt.Errorf("admin URL: %w", err)
	}
	if !r.open {
		token, err := c.Token(ctx)
		if err != nil {
			return nil, fmt.Errorf("get a token for the admin API: %w", err)
		}
		req.Header.Set("Authorization", "Bearer "+token) // RFC 6750 §2.1
	}
	req.Header.Set("Accept", "application/json")
	switch {
	case r.mergePatch:
		req.Header.Set("Content-Type", "application/merge-patch+json")
	case body != nil:
		req.Header.Set("Content-Type", "application/json")
	}
	if r.version != 0 {
		req.Header.Set("If-Match", strconv.Quote(strconv.FormatInt(r.version, 10)))
	}
	if r.key != "" {
		req.Header.Set(HeaderIdempotencyKey, strconv.Quote(r.key))
	}
	if c.Via != "" {
		req.Header.Set(HeaderVia, c.Via)
	}
	if c.UserAgent != "" {
		req.Header.Set("User-Agent", c.UserAgent)
	}
	return req, nil
}

// problemOf reads a failure. What is no problem document, such as a proxy's
// page, becomes one that says so.
func problemOf(resp *http.Response, body []byte) error {
	p := &Problem{}
	if ct, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && ct == ContentTypeProblem {
		if err := json.Unmarshal(body, p); err == nil {
			p.Status = resp.StatusCode
			return p
		}
	}
	return &Problem{
		Title: http.StatusText(resp.StatusCode), Status: resp.StatusCode,
		Detail:  fmt.Sprintf("the server answered %s, and not as an admin API does", resp.Status),
		TraceID: resp.Header.Get(HeaderTraceID),
	}
}
