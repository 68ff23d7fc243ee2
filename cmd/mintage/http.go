package main

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// httpClient returns the client of every request that a command makes. With
// MINTAGE_DEBUG=http it says on stderr what is asked and answered, without
// headers, queries and bodies, for they hold secrets and tokens.
func (a *app) httpClient(timeout time.Duration) *http.Client {
	hc := &http.Client{Timeout: timeout, CheckRedirect: noRedirect}
	if a.env("MINTAGE_DEBUG") == "http" {
		hc.Transport = &debugTransport{next: http.DefaultTransport, out: a.stderr}
	}
	return hc
}

// noRedirect keeps a token or a secret from following a redirect.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// debugTransport tells of requests.
type debugTransport struct {
	next http.RoundTripper
	out  io.Writer
}

// RoundTrip sends r.
func (d *debugTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	res, err := d.next.RoundTrip(r)
	took := time.Since(began).Round(time.Millisecond)
	where := r.URL.Scheme + "://" + r.URL.Host + r.URL.EscapedPath()
	if err != nil {
		fmt.Fprintf(d.out, "http: %s %s: no answer after %s\n", r.Method, where, took)
		return nil, err
	}
	fmt.Fprintf(d.out, "http: %s %s: %d after %s  %s\n", r.Method, where, res.StatusCode, took, res.Header.Get("X-Request-Id"))
	return res, nil
}

// readBounded reads all of r, and refuses more than limit bytes.
func readBounded(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("it is longer than %d bytes", limit)
	}
	return data, err
}
