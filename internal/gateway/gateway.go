package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/oauth"
)

// Deps are what a Gateway is given beside its Config.
type Deps struct {
	Log    *slog.Logger     // nil: nothing is logged
	Client *http.Client     // for the issuers; it must be set
	Now    func() time.Time // nil: time.Now
}

// Gateway decides on calls and passes them on. It is safe for concurrent use.
type Gateway struct {
	deps     Deps
	log      *slog.Logger
	live     atomic.Pointer[live]
	limits   *limiter
	observed *observed
}

// live is what a Config means, as long as it is in force. It is never changed.
type live struct {
	config    *Config
	table     *table
	protected *protected
	front     *front
	verifier  *enforce.Verifier
	scopes    map[*Route]oauth.Scope
	keys      map[string]*enforce.RemoteKeySet // by issuer
}

// New returns a Gateway with a Config, which it validates. Close ends what it
// does in the background.
func New(c *Config, deps Deps) (*Gateway, error) {
	if deps.Client == nil {
		return nil, errors.New("gateway: Deps has no Client")
	}
	g := &Gateway{deps: deps, log: deps.Log, limits: newLimiter(), observed: newObserved()}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	l, err := g.build(c, nil)
	if err != nil {
		return nil, err
	}
	g.live.Store(l)
	return g, nil
}

// Reload puts another Config in force, or with an error leaves everything as
// it is. Listeners stay as they are; what of them has changed is named.
func (g *Gateway) Reload(c *Config) error {
	l, err := g.build(c, g.live.Load())
	if err != nil {
		return err
	}
	g.live.Store(l)
	return nil
}

// Close ends what the gateway does in the background and waits for it.
func (g *Gateway) Close() {
	for _, keys := range g.live.Load().keys {
		keys.Close()
	}
}

func (g *Gateway) now() time.Time {
	if g.deps.Now != nil {
		return g.deps.Now()
	}
	return time.Now()
}

// build makes what c says, with what before had that is the same still.
func (g *Gateway) build(c *Config, before *live) (*live, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	t, err := newTable(c.Routes)
	if err != nil {
		return nil, err
	}
	l := &live{
		config: c, table: t, protected: newProtected(c.Identity), front: newFront(c), scopes: map[*Route]oauth.Scope{},
		keys: map[string]*enforce.RemoteKeySet{},
	}
	for _, r := range c.Routes {
		l.scopes[r] = oauth.NewScope(r.Scopes...)
	}
	g.verify(l, before)
	return l, nil
}

// verify builds the verifier.
func (g *Gateway) verify(l, before *live) {
	var issuers enforce.Issuers
	for _, i := range l.config.Issuers {
		url := i.JWKS
		if url == "" {
			url = i.Name + "/.well-known/jwks.json"
		}
		if before != nil && before.keys[i.Name] != nil && before.keys[i.Name].URL == url {
			l.keys[i.Name] = before.keys[i.Name] // with the keys that it has
		} else {
			l.keys[i.Name] = &enforce.RemoteKeySet{URL: url, Client: g.deps.Client, Log: g.log}
		}
		issuers = append(issuers, &enforce.Issuer{
			Name: i.Name, Keys: l.keys[i.Name], Algorithms: i.Algorithms, InsecureUntyped: i.Profile != "rfc9068",
		})
	}
	l.verifier = &enforce.Verifier{
		Issuers: issuers, Audience: l.config.Audience, AnyAudience: l.config.AnyAudience, Leeway: l.config.Leeway, Now: g.deps.Now,
	}
}

// staleness says how old the knowledge of an issuer's revocations is, and
// whether they are followed at all.
func (l *live) staleness(string) (time.Duration, bool) { return 0, false }

// challenge returns the WWW-Authenticate value of a refusal.
func (l *live) challenge(e *oauth.Error, r *Route) string {
	return l.verifier.Challenge(e, l.scopes[r]...)
}

// Ready fetches the keys of all issuers, so that the first request does not
// wait for them.
func (g *Gateway) Ready(ctx context.Context) {
	for _, keys := range g.live.Load().keys {
		_, _ = keys.Key(ctx, "") // an unknown kid is not what this is about
	}
}
