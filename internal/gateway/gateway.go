package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/telemetry"
	"github.com/mintage-auth/mintage/oauth"
)

// Deps are what a Gateway is given beside its Config.
type Deps struct {
	Log    *slog.Logger     // nil: nothing is logged
	Client *http.Client     // for the issuers; it must be set
	Now    func() time.Time // nil: time.Now

	// FeedToken returns what gets the tokens for reading a feed. It must be set
	// where an issuer has revocations.
	FeedToken func(Revocations) (FeedToken, error)

	Version, Commit string // for the metrics
}

// FeedToken gets the tokens for reading a feed; see enforce.Feed.
type FeedToken struct {
	Token    func(context.Context) (string, error)
	Rejected func(ctx context.Context, token string) // nil: nobody is told
}

// Gateway decides on calls and passes them on. It is safe for concurrent use.
type Gateway struct {
	deps     Deps
	log      *slog.Logger
	live     atomic.Pointer[live]
	limits   *limiter
	failures *failures
	observed *observed
	metrics  *telemetry.Gateway
	streams  atomic.Int64 // that are open

	conversations conversations

	reloading sync.Mutex
	draining  atomic.Bool
	opened    atomic.Pointer[Server] // nil: no listeners yet
}

// live is what a Config means, as long as it is in force. It is never changed.
type live struct {
	config       *Config
	table        *table
	protected    *protected
	identities   *identities
	front        *front
	verifier     *enforce.Verifier
	issuers      map[string]*issuer
	upstreams    map[string]*upstream
	scopes       map[*Route]oauth.Scope
	counts       map[*Route]*routeCounts
	internal     *internalTokens           // nil: none are made
	metadata     *enforce.ResourceMetadata // nil: there is no URL of the API
	metadataPath string
	replaced     chan struct{} // closed when another is in force
}

// routeCounts are the metrics of a route that are needed for nearly every
// request.
type routeCounts struct {
	allowed  func()
	duration func(time.Duration)
}

// New returns a Gateway with a Config, which it validates. Close ends what it
// does in the background.
func New(c *Config, deps Deps) (*Gateway, error) {
	if deps.Client == nil {
		return nil, errors.New("gateway: Deps has no Client")
	}
	g := &Gateway{deps: deps, log: deps.Log, limits: newLimiter(), failures: newFailures(), observed: newObserved()}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	g.metrics = telemetry.NewGateway(deps.Version, deps.Commit, g.state())
	l, err := g.build(c, &live{})
	if err != nil {
		return nil, err
	}
	g.live.Store(l)
	return g, nil
}

// Reload puts another Config in force, or with an error leaves everything as
// it is. Addresses and certificates of listeners are not the Gateway's.
func (g *Gateway) Reload(c *Config) error {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	before := g.live.Load()
	l, err := g.build(c, before)
	if err != nil {
		return err
	}
	g.live.Store(l)
	close(before.replaced)
	l.release(before)
	return nil
}

// Close ends what the gateway does in the background and waits for it.
func (g *Gateway) Close() {
	g.conversations.cut()
	g.reloading.Lock()
	defer g.reloading.Unlock()
	(&live{}).release(g.live.Load())
}

// release ends what before has and l does not go on with.
func (l *live) release(before *live) {
	for name, u := range before.upstreams {
		if l.upstreams[name] != u {
			u.close()
		}
	}
	for name, i := range before.issuers {
		i.release(l.issuers[name])
	}
}

func (g *Gateway) now() time.Time {
	if g.deps.Now != nil {
		return g.deps.Now()
	}
	return time.Now()
}

// build makes what c says, with what before had that is the same still. With an
// error nothing goes on in the background that did not before.
func (g *Gateway) build(c *Config, before *live) (_ *live, err error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	l := &live{
		config: c, protected: newProtected(c.Identity), identities: newIdentities(), front: newFront(c), scopes: map[*Route]oauth.Scope{}, counts: map[*Route]*routeCounts{},
		issuers: map[string]*issuer{}, upstreams: map[string]*upstream{}, replaced: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			before.release(l)
		}
	}()
	if l.table, err = newTable(c.Routes); err != nil {
		return nil, err
	}
	for _, r := range c.Routes {
		l.scopes[r] = oauth.NewScope(r.Scopes...)
		l.counts[r] = &routeCounts{allowed: g.metrics.Requests(r.Name, "allowed", reasonOK), duration: g.metrics.Duration(r.Name)}
	}
	if l.internal, err = newInternalTokens(c.Identity.JWT, before.internal); err != nil {
		return nil, err
	}
	for _, u := range c.Upstreams {
		if old := before.upstreams[u.Name]; old != nil && old.config == *u && u.CA == "" && u.Cert == "" { // files may have changed
			l.upstreams[u.Name] = old
			continue
		}
		up, err := newUpstream(u)
		if err != nil {
			return nil, err
		}
		up.start(g.log)
		l.upstreams[u.Name] = up
	}
	if err := g.buildIssuers(l, before); err != nil {
		return nil, err
	}
	return l, g.buildVerifier(l, before)
}

func (g *Gateway) buildIssuers(l, before *live) error {
	for _, c := range l.config.Issuers {
		if old := before.issuers[c.Name]; old != nil && reflect.DeepEqual(old.config, c) {
			l.issuers[c.Name] = old
			continue
		}
		i, err := g.newIssuer(c, before.issuers[c.Name])
		if err != nil {
			return fmt.Errorf("issuer %s: %w", c.Name, err)
		}
		l.issuers[c.Name] = i
	}
	return nil
}

func (g *Gateway) buildVerifier(l, before *live) error {
	c := l.config
	v := &enforce.Verifier{
		Audience: c.Audience, AnyAudience: c.AnyAudience, Leeway: c.Leeway, Realm: c.Audience,
		Cache: &enforce.TokenCache{Size: c.CacheSize}, DPoP: &enforce.DPoP{}, Now: g.deps.Now,
	}
	if b := before.verifier; b != nil {
		v.DPoP = b.DPoP // what proofs were seen
		if before.config.CacheSize == c.CacheSize {
			v.Cache = b.Cache
		}
	}
	var all enforce.Issuers
	for _, i := range c.Issuers {
		all = append(all, l.issuers[i.Name].accepted)
	}
	v.Issuers = all
	l.verifier = v
	resource := c.Resource
	if resource == "" && checkResource(c.Audience) == nil {
		resource = c.Audience
	}
	if resource == "" {
		return nil
	}
	m := &enforce.ResourceMetadata{Resource: resource, TLSClientCertificateBoundAccessTokens: c.TLS != nil && c.TLS.ClientCertificates != CertificateNone}
	for _, i := range c.Issuers {
		m.AuthorizationServers = append(m.AuthorizationServers, i.Name)
	}
	var scopes []string
	for _, r := range c.Routes {
		scopes = append(scopes, r.Scopes...)
	}
	m.ScopesSupported = oauth.NewScope(scopes...)
	if err := m.Validate(); err != nil {
		return err
	}
	l.metadata, l.metadataPath, v.Metadata = m, m.Path(), m
	return nil
}

// Ready fetches the keys of all issuers, so that the first request does not
// wait for them.
func (g *Gateway) Ready(ctx context.Context) {
	for _, i := range g.live.Load().issuers {
		if i.keys != nil {
			_, _ = i.keys.Key(ctx, "") // an unknown kid is not what this is about
		}
	}
}
