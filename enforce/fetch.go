package enforce

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxKeySetSize bounds the answer of an issuer, in bytes: a hundred RSA keys
// with their certificates are shorter.
const maxKeySetSize = 512 << 10

// fetch asks the issuer for its keys and for how long they may be kept.
func (s *RemoteKeySet) fetch(ctx context.Context) (StaticKeySet, time.Duration, error) {
	u, err := url.Parse(s.URL)
	switch {
	case err != nil:
		return nil, 0, fmt.Errorf("URL: %w", err)
	case u.User != nil:
		return nil, 0, errors.New("the URL has credentials in it")
	case s.Client == nil:
		return nil, 0, errors.New("there is no HTTP client")
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, 0, errors.New("the URL is not an absolute https URL")
	case u.Scheme == "http" && !s.InsecureHTTP && !loopback(u.Hostname()):
		return nil, 0, errors.New("the URL is not https")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil) //nolint:gosec // the configuration says which URL, no token does
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	client := *s.Client
	client.Jar = nil
	client.CheckRedirect = sameHost
	res, err := client.Do(req) //nolint:gosec // as above
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("the issuer answered %d", res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxKeySetSize+1))
	switch {
	case err != nil:
		return nil, 0, err
	case len(body) > maxKeySetSize:
		return nil, 0, fmt.Errorf("the answer is longer than %d bytes", maxKeySetSize)
	}
	keys, err := ParseKeySet(body)
	if err != nil {
		return nil, 0, err
	}
	return keys, keyLife(res.Header), nil
}

// sameHost follows redirects on the same scheme and host, three at most.
func sameHost(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	if len(via) > 3 || req.URL.Scheme != first.Scheme || req.URL.Host != first.Host {
		return errors.New("redirected to another host, or too often")
	}
	return nil
}

// keyLife reads max-age of Cache-Control (RFC 9111 §5.2.2.1) and holds it
// between its bounds.
func keyLife(h http.Header) time.Duration {
	life := defaultKeyLife
	for directive := range strings.SplitSeq(h.Get("Cache-Control"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return shortestKeyLife
		case "max-age":
			if n, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 32); err == nil {
				life = time.Duration(n) * time.Second
			}
		}
	}
	return min(max(life, shortestKeyLife), longestKeyLife)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
