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
	feed     *follower // nil: its revocations are not followed
}

// follower follows the revocations of an issuer.
type follower struct {
	*enforce.Feed
	before  *enforce.Feed // answers until this one is heard, and is not read any more; nil: none
	stop    context.CancelFunc
	running sync.WaitGroup
}

// Ended is that of the feed before as long as nothing was heard of this one.
func (f *follower) Ended(ctx context.Context, t *enforce.Token) (bool, error) {
	ended, err := f.Feed.Ended(ctx, t)
	if err != nil && f.before != nil {
		return f.before.Ended(ctx, t)
	}
	return ended, err
}

// Staleness is that of what Ended answers with.
func (f *follower) Staleness() time.Duration {
	if d := f.Feed.Staleness(); d >= 0 || f.before == nil {
		return d
	}
	return f.before.Staleness()
}

func (f *follower) close() {
	f.stop()
	f.running.Wait()
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

// newIssuer returns an issuer, with what old has that c says too; nil: there
// was none of that name.
func (g *Gateway) newIssuer(c Issuer, old *issuer) (*issuer, error) {
	if old == nil {
		old = &issuer{}
	}
	i := &issuer{config: c, keys: old.keys}
	if old.keys == nil || old.config.JWKS != c.JWKS {
		i.keys = &enforce.RemoteKeySet{URL: c.JWKS, Issuer: c.Name, Client: g.deps.Client, Log: g.log}
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
		if was := old.config.Introspection; was != nil && *was == *in {
			i.accepted.Introspector = old.accepted.Introspector
		}
	}
	if c.Revocations == nil {
		return i, nil
	}
	if old.feed == nil || old.keys != i.keys || *old.config.Revocations != *c.Revocations {
		if err := g.follow(i, old.feed); err != nil {
			return nil, err
		}
	} else {
		i.feed = old.feed
	}
	i.accepted.Revocations = i.feed
	return i, nil
}

// follow begins to follow the revocations of i, in the place of before, which
// may be nil.
func (g *Gateway) follow(i *issuer, before *follower) error {
	c := i.config
	if g.deps.FeedToken == nil {
		return errors.New("gateway: Deps has no FeedToken")
	}
	token, err := g.deps.FeedToken(*c.Revocations)
	if err != nil {
		return err
	}
	f := &follower{Feed: &enforce.Feed{
		Issuer: c.Name, URL: c.Revocations.URL, Client: g.deps.Client, Token: token.Token, Rejected: token.Rejected, Keys: i.keys, Log: g.log,
	}}
	if before != nil {
		f.before = before.Feed
		if before.Feed.Staleness() < 0 && before.before != nil {
			f.before = before.before
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	f.stop = cancel
	f.running.Go(func() {
		if err := f.Run(ctx); err != nil && ctx.Err() == nil {
			g.log.LogAttrs(ctx, slog.LevelError, "the revocations of an issuer are not followed",
				slog.String("issuer", c.Name), slog.String("error", err.Error()))
		}
	})
	i.feed = f
	return nil
}

// release ends what i has and next does not go on with; next may be nil.
func (i *issuer) release(next *issuer) {
	if i == next {
		return
	}
	if next == nil {
		next = &issuer{}
	}
	if i.feed != nil && i.feed != next.feed {
		i.feed.close()
	}
	if i.keys != next.keys {
		i.keys.Close()
	}
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
