package enforce

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/internal/strictjson"
)

// maxKeySetSize bounds the answer of an issuer, in bytes: a hundred RSA keys
// with their certificates are shorter. Its metadata are too.
const maxKeySetSize = 512 << 10

// fetch asks the issuer for its keys and for how long they may be kept.
func (s *RemoteKeySet) fetch(ctx context.Context) (StaticKeySet, time.Duration, error) {
	jwks := s.URL
	if jwks == "" {
		var err error
		if jwks, err = s.discover(ctx); err != nil {
			return nil, 0, err
		}
	}
	body, header, err := s.get(ctx, jwks, "application/jwk-set+json, application/json")
	if err != nil {
		return nil, 0, err
	}
	keys, err := ParseKeySet(body)
	if err != nil {
		return nil, 0, err
	}
	return keys, keyLife(header), nil
}

// get asks for one document.
func (s *RemoteKeySet) get(ctx context.Context, from, accept string) ([]byte, http.Header, error) {
	client, err := direct(s.Client)
	if err != nil {
		return nil, nil, err
	}
	if err := checkURL(from, s.InsecureHTTP); err != nil {
		return nil, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil) //nolint:gosec // the configuration says which URL, no token does
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", accept)
	res, err := client.Do(req) //nolint:gosec // as above
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, nil, newStatusError(res)
	}
	body, err := readAll(res, maxKeySetSize)
	return body, res.Header, err
}

// discover finds the keys by the issuer's metadata, which has to name exactly
// this issuer (RFC 8414 §3.3).
func (s *RemoteKeySet) discover(ctx context.Context) (string, error) {
	if s.Issuer == "" {
		return "", errors.New("there is neither a URL nor an Issuer")
	}
	places, err := wellKnown(s.Issuer)
	if err != nil {
		return "", fmt.Errorf("issuer: %w", err)
	}
	var trouble error
	for _, place := range places {
		body, _, err := s.get(ctx, place, "application/json")
		if err != nil {
			trouble = err
			continue
		}
		doc, err := strictjson.Parse(body, strictjson.Options{})
		if err != nil {
			return "", fmt.Errorf("metadata: %w", err)
		}
		iss, _ := doc.Lookup("issuer")
		if name, _ := iss.Str(); name != s.Issuer {
			return "", errors.New("metadata: they are of another issuer")
		}
		uri, _ := doc.Lookup("jwks_uri")
		if jwks, ok := uri.Str(); ok && jwks != "" {
			return jwks, nil
		}
		return "", errors.New("metadata: there is no jwks_uri")
	}
	return "", fmt.Errorf("metadata: %w", trouble)
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
