package enforce

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// defaultTimeout bounds one request to an issuer.
const defaultTimeout = 10 * time.Second

// checkURL refuses URLs that an issuer should not be asked at.
func checkURL(raw string, insecure bool) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("the URL cannot be read")
	case u.User != nil:
		return errors.New("the URL has credentials in it")
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("the URL is not an absolute https URL")
	case u.Scheme == "http" && !insecure && !loopback(u.Hostname()):
		return errors.New("the URL is not https")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// direct returns the client without cookies and without redirects: an issuer
// is asked where the configuration says and nowhere else.
func direct(c *http.Client) (*http.Client, error) {
	if c == nil {
		return nil, errors.New("there is no HTTP client")
	}
	client := *c
	client.Jar = nil
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client, nil
}

// readAll reads an answer of at most size bytes.
func readAll(res *http.Response, size int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(res.Body, size+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(body)) > size:
		return nil, fmt.Errorf("the answer is longer than %d bytes", size)
	}
	return body, nil
}

// statusError is an answer other than what was asked for.
type statusError struct {
	status int
	after  time.Duration // of Retry-After; zero: it does not say
}

func (e *statusError) Error() string { return fmt.Sprintf("the issuer answered %d", e.status) }

func newStatusError(res *http.Response) *statusError {
	e := &statusError{status: res.StatusCode}
	if d, err := time.ParseDuration(res.Header.Get("Retry-After") + "s"); err == nil && d > 0 {
		e.after = min(d, time.Minute)
	}
	return e
}
