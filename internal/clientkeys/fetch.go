package clientkeys

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/jose"
)

// maxDocument bounds the answer of a jwks_uri, in bytes: sixteen RSA keys with
// their certificates are shorter.
const maxDocument = 128 << 10

// fetch asks a jwks_uri for the keys and for how long they may be kept.
func (s *Source) fetch(ctx context.Context, uri string) ([]*jose.Key, time.Duration, error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return nil, 0, errors.New("too many other fetches are under way")
	}
	if err := mintage.ValidateJWKSURI(uri); err != nil {
		return nil, 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, http.NoBody)
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	req.Header.Set("User-Agent", "mintage")
	res, err := s.HTTP.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("the answer has the status %d", res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxDocument+1))
	switch {
	case err != nil:
		return nil, 0, err
	case len(body) > maxDocument:
		return nil, 0, fmt.Errorf("the answer is longer than %d bytes", maxDocument)
	}
	keys, err := readKeys(body)
	return keys, life(res.Header), err
}

// readKeys reads a JWK Set. Keys that are not for us are left out (RFC 7517 §5);
// one without a kid gets its thumbprint, as those by value have it.
func readKeys(doc []byte) ([]*jose.Key, error) {
	all, err := jose.ParseKeySet(doc)
	if err != nil {
		return nil, err
	}
	algs := mintage.AssertionAlgs()
	keys := make([]*jose.Key, 0, len(all))
	for _, k := range all {
		if k.Alg() != "" && !slices.Contains(algs, string(k.Alg())) {
			continue
		}
		if k.ID() == "" {
			if k, err = k.Named(k.Thumbprint()); err != nil {
				return nil, err
			}
		}
		keys = append(keys, k)
	}
	if len(keys) > mintage.MaxClientKeys {
		return nil, fmt.Errorf("the set has more than %d keys", mintage.MaxClientKeys)
	}
	return keys, nil
}

// life reads max-age of Cache-Control (RFC 9111 §5.2.2.1) and holds it between
// its bounds.
func life(h http.Header) time.Duration {
	d := defaultLife
	for directive := range strings.SplitSeq(h.Get("Cache-Control"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return shortestLife
		case "max-age":
			if n, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 32); err == nil {
				d = time.Duration(n) * time.Second
			}
		}
	}
	return min(max(d, shortestLife), longestLife)
}
