package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/mintage-auth/mintage/enforce"
)

// issuer is an authorization server with what is known of it.
type issuer struct {
	config   Issuer
	accepted *enforce.Issuer
	keys     *enforce.RemoteKeySet
	feed     *enforce.Feed // nil: its revocations are not followed
	stop     context.CancelFunc
	running  sync.WaitGroup
}

// profiles are how the tokens of foreign issuers differ.
func profile(name string) enforce.Profile {
	switch name {
	case "cognito":
		return enforce.Cognito(nil, "", "").Profile
	case "auth0":
		return enforce.Auth0(nil, "").Profile
	case "keycloak":
		return enforce.Keycloak(nil, "").Profile
	case "oidc":
		return enforce.OIDC(nil, "").Profile
	}
	return enforce.Profile{}
}

func (g *Gateway) newIssuer(c Issuer) (*issuer, error) {
	i := &issuer{
		config: c, stop: func() {},
		keys: &enforce.RemoteKeySet{URL: c.JWKS, Issuer: c.Name, Client: g.deps.Client, Log: g.log},
	}
	i.accepted = &enforce.Issuer{
		Name: c.Name, Keys: i.keys, Algorithms: c.Algorithms, Profile: profile(c.Profile), Clients: c.ClientIDs,
	}
	if in := c.Introspection; in != nil {
		if _, err := readSecret(in.SecretFile); err != nil {
			return nil, err
		}
		i.accepted.Introspector = &enforce.Introspector{
			URL: in.URL, Client: g.deps.Client, ClientID: in.ClientID, Log: g.log,
			Secret: func(context.Context) (string, error) { return readSecret(in.SecretFile) },
		}
	}
	if c.Revocations == nil {
		return i, nil
	}
	if g.deps.FeedToken == nil {
		return nil, errors.New("gateway: Deps has no FeedToken")
	}
	token, err := g.deps.FeedToken(*c.Revocations)
	if err != nil {
		return nil, err
	}
	i.feed = &enforce.Feed{Issuer: c.Name, URL: c.Revocations.URL, Client: g.deps.Client, Token: token.Token, Rejected: token.Rejected, Keys: i.keys, Log: g.log}
	i.accepted.Revocations = i.feed
	ctx, cancel := context.WithCancel(context.Background())
	i.stop = cancel
	i.running.Go(func() {
		if err := i.feed.Run(ctx); err != nil && ctx.Err() == nil {
			g.log.LogAttrs(ctx, slog.LevelError, "the revocations of an issuer are not followed",
				slog.String("issuer", c.Name), slog.String("error", err.Error()))
		}
	})
	return i, nil
}

func (i *issuer) close() {
	i.stop()
	i.running.Wait()
	i.keys.Close()
}

// readSecret reads a secret from a file that others cannot read.
func readSecret(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others: chmod 600 %s", name, name)
	}
	data, err := os.ReadFile(name) //nolint:gosec // the operator names the file
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(data))
	if secret == "" {
		return "", fmt.Errorf("%s is empty", name)
	}
	return secret, nil
}

// staleness says how old the knowledge of an issuer's revocations is, and
// whether they are followed at all. It is less than zero where nothing was ever
// heard.
func (l *live) staleness(name string) (age time.Duration, followed bool) {
	i := l.issuers[name]
	if i == nil || i.feed == nil {
		return 0, false
	}
	return i.feed.Staleness(), true
}
