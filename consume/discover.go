package consume

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/mintage-auth/mintage/oauth"
)

// Discover reads the metadata of an authorization server (RFC 8414 §3), which say
// its token URL and what it can do: where that document is by the RFC, else where
// OpenID Discovery has it. The document must name that very issuer, and its
// endpoints must be https, or on a loopback address. Redirects are not followed.
func Discover(ctx context.Context, client *http.Client, issuer string) (*oauth.Metadata, error) {
	if client == nil {
		return nil, errors.New("there is no HTTP client")
	}
	if err := checkEndpoint("the issuer", issuer, false); err != nil {
		return nil, err
	}
	u, err := url.Parse(issuer)
	if err != nil || u.RawQuery != "" {
		return nil, errors.New("the issuer has a query in it")
	}
	path := strings.TrimSuffix(u.Path, "/")
	at := *u
	at.Path, at.RawPath = "/.well-known/oauth-authorization-server"+path, ""
	m, status, err := metadata(ctx, client, at.String())
	if status == http.StatusNotFound {
		at.Path = path + "/.well-known/openid-configuration"
		m, _, err = metadata(ctx, client, at.String())
	}
	if err == nil {
		err = checkMetadata(m, issuer)
	}
	if err != nil {
		return nil, fmt.Errorf("metadata of %s: %w", issuer, err)
	}
	return m, nil
}

// metadata reads the document at a URL.
func metadata(ctx context.Context, client *http.Client, at string) (m *oauth.Metadata, status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, 0, err
	}
	r.Header.Set("Accept", "application/json")
	c := *client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := c.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, res.StatusCode, fmt.Errorf("the server answered %d", res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, res.StatusCode, err
	}
	if len(body) > maxAnswer || json.Unmarshal(body, &m) != nil || m == nil {
		return nil, res.StatusCode, errors.New("the answer is not a JSON object of a usual size")
	}
	return m, res.StatusCode, nil
}

// checkMetadata says why a document cannot be the issuer's.
func checkMetadata(m *oauth.Metadata, issuer string) error {
	if m.Issuer != issuer { // RFC 8414 §3.3: the same bytes
		return fmt.Errorf("they are of another issuer, %q", clean(m.Issuer))
	}
	for name, endpoint := range map[string]string{
		"token_endpoint": m.TokenEndpoint, "introspection_endpoint": m.IntrospectionEndpoint,
		"revocation_endpoint": m.RevocationEndpoint, "jwks_uri": m.JWKSURI,
	} {
		if endpoint == "" && name != "token_endpoint" {
			continue
		}
		if err := checkEndpoint(name, endpoint, false); err != nil {
			return err
		}
	}
	return nil
}
