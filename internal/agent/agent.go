package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/internal/relay"
	"github.com/mintage-auth/mintage/internal/telemetry"
)

const (
	// drainTimeout is how long requests under way may take at the end.
	drainTimeout = 30 * time.Second
	// retireAfter is when what a reload put out of force is closed at the
	// earliest: requests that began before it are then done waiting for its
	// token.
	retireAfter = time.Minute

	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10 // bytes
)

// Deps are what an Agent is given beside its Config.
type Deps struct {
	Log     *slog.Logger        // nil: nothing is logged
	Env     func(string) string // nil: os.Getenv
	Stdin   io.Reader           // where a secret may be; nil: none
	Now     func() time.Time    // nil: time.Now
	Version string
	Commit  string

	stdin stdin
}

// Agent lends tokens. It is safe for concurrent use.
type Agent struct {
	deps    *Deps
	log     *slog.Logger
	metrics *telemetry.Agent
	began   time.Time
	seldom  seldom
	live    atomic.Pointer[live]

	listeners []net.Listener
	status    net.Listener // nil: none

	mu      sync.Mutex // one reload at a time; the fields below
	retired []*retired
	warming sync.WaitGroup
	closed  bool
}

// live is what a Config means while it is in force. It is never changed.
type live struct {
	config    *Config
	guard     *guard
	upstreams map[string]*upstream
	endpoints map[string]*endpoint
	proxied   map[string]*upstream // by host:port, those that HTTP_PROXY reaches
	keepers   map[string]*keeper
	accessKey []byte // empty: none
}

// retired is what was put out of force and is still waited for.
type retired struct {
	timer *time.Timer
	close func()
}

// Open makes an Agent and opens its listeners. The caller calls Run, or Close.
func Open(ctx context.Context, c *Config, deps *Deps) (*Agent, error) {
	a := &Agent{deps: deps, log: deps.Log, metrics: telemetry.NewAgent(deps.Version, deps.Commit)}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if deps.Env == nil {
		deps.Env = os.Getenv
	}
	a.began = a.now()
	l, err := a.build(ctx, c, nil)
	if err != nil {
		return nil, err
	}
	a.live.Store(l)
	if a.listeners, err = listen(ctx, c); err != nil {
		a.Close()
		return nil, err
	}
	if c.StatusListen != "" {
		if a.status, err = new(net.ListenConfig).Listen(ctx, "tcp", c.StatusListen); err != nil {
			a.Close()
			return nil, fmt.Errorf("listen: %w", err)
		}
	}
	return a, nil
}

// now is the time. Sources are given Deps.Now itself: without one they serve
// their tokens by a timer, and need not look at the time for each request.
func (a *Agent) now() time.Time {
	if a.deps.Now != nil {
		return a.deps.Now()
	}
	return time.Now()
}

// Addrs returns where the agent listens, in the order of Config.Listen.
func (a *Agent) Addrs() []net.Addr {
	var all []net.Addr
	for _, ln := range a.listeners {
		all = append(all, ln.Addr())
	}
	return all
}

// StatusAddr returns where health and metrics are, or nil.
func (a *Agent) StatusAddr() net.Addr {
	if a.status == nil {
		return nil
	}
	return a.status.Addr()
}

// Run serves until ctx ends, finishes what is under way and closes the agent.
func (a *Agent) Run(ctx context.Context) error {
	defer a.Close()
	// Requests outlive ctx: they are what the end waits for.
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	main := a.server(base, http.HandlerFunc(a.serve))
	all := map[net.Listener]*http.Server{}
	for _, ln := range a.listeners {
		all[ln] = main
	}
	if a.status != nil {
		all[a.status] = a.server(base, http.HandlerFunc(a.serveStatus))
	}
	failed := make(chan error, len(all))
	var serving sync.WaitGroup
	serving.Go(func() { a.live.Load().warm(base) })
	for ln, s := range all {
		serving.Go(func() {
			if err := s.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		})
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	drain, stop := context.WithTimeout(base, drainTimeout)
	defer stop()
	for _, s := range all {
		if e := s.Shutdown(drain); e != nil {
			a.log.LogAttrs(base, slog.LevelWarn, "requests were cut off at the end")
			_ = s.Close()
		}
	}
	cancel()
	serving.Wait()
	return err
}

// server returns a server of one or more listeners.
func (a *Agent) server(base context.Context, h http.Handler) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler: h, Protocols: protocols, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ConnContext: withPeer, BaseContext: func(net.Listener) context.Context { return base },
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
}

// Close ends everything at once.
func (a *Agent) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	a.closed = true
	closeAll(a.listeners)
	if a.status != nil {
		_ = a.status.Close()
	}
	for _, r := range a.retired {
		if r.timer.Stop() {
			r.close()
		}
	}
	a.live.Load().close(nil)
	a.warming.Wait()
}

// Reload puts another Config in force, or with an error leaves everything as it
// is. Tokens whose settings are the same are kept. Listeners stay as they are:
// restart says which settings want a new start.
func (a *Agent) Reload(ctx context.Context, c *Config) (restart []string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, errors.New("the agent is closed")
	}
	before := a.live.Load()
	l, err := a.build(ctx, c, before)
	if err != nil {
		a.metrics.Reloaded("refused")
		return nil, err
	}
	a.metrics.Reloaded("ok")
	if !slices.Equal(c.Listen, before.config.Listen) {
		restart = append(restart, "listen")
	}
	if c.StatusListen != before.config.StatusListen {
		restart = append(restart, "status_listen")
	}
	if err := openToOthers(c, a.listeners); err != nil {
		restart = append(restart, "allow_uids ("+err.Error()+")")
	}
	a.live.Store(l)
	l.nameKeepers()
	a.retire(before, l)
	a.warming.Go(func() { l.warm(context.WithoutCancel(ctx)) }) // the sources' closing ends it
	return restart, nil
}

// retire closes what next has not of before, when nobody waits for it any more.
func (a *Agent) retire(before, next *live) {
	r := &retired{close: func() { before.close(next) }}
	r.timer = time.AfterFunc(before.longestWait(), func() {
		a.mu.Lock()
		a.retired = slices.DeleteFunc(a.retired, func(o *retired) bool { return o == r })
		a.mu.Unlock()
		r.close()
	})
	a.retired = append(a.retired, r)
}

// longestWait is how long a request may wait for a token.
func (l *live) longestWait() time.Duration {
	longest := retireAfter
	for _, u := range l.upstreams {
		longest = max(longest, u.keeper.wait)
	}
	for _, e := range l.endpoints {
		longest = max(longest, or(e.config.Timeout, defaultFetchTimeout))
	}
	return longest
}

// nameKeepers has each keeper counted under the first upstream that uses it.
func (l *live) nameKeepers() {
	named := map[*keeper]bool{}
	for _, c := range l.config.Upstreams {
		if k := l.upstreams[c.Name].keeper; !named[k] {
			named[k] = true
			k.observer.upstream.Store(&c.Name)
		}
	}
}

// build makes what c says, with what before had that is the same still.
func (a *Agent) build(ctx context.Context, c *Config, before *live) (_ *live, err error) {
	if before == nil {
		before = &live{}
	}
	l := &live{
		config: c, guard: newGuard(c, uint32(os.Getuid())), //nolint:gosec // a user id
		upstreams: map[string]*upstream{}, endpoints: map[string]*endpoint{}, proxied: map[string]*upstream{}, keepers: map[string]*keeper{},
	}
	defer func() {
		if err != nil {
			l.close(before)
		}
	}()
	if c.AccessKey != nil {
		key, err := a.deps.secretValue(ctx, c.AccessKey)
		if err != nil {
			return nil, fmt.Errorf("access_key: %w", err)
		}
		l.accessKey = []byte(key)
	}
	for _, u := range c.Upstreams {
		if err := a.addUpstream(ctx, l, before, u); err != nil {
			return nil, fmt.Errorf("upstream %s: %w", u.Name, err)
		}
	}
	for _, e := range c.TokenEndpoints {
		made, err := a.newEndpoint(e, before.endpoints[e.Path])
		if err != nil {
			return nil, fmt.Errorf("token endpoint %s: %w", e.Path, err)
		}
		l.endpoints[e.Path] = made
	}
	return l, nil
}

func (a *Agent) addUpstream(ctx context.Context, l, before *live, c *UpstreamConfig) error {
	u := &upstream{config: c, now: a.now, seen: new(seen)}
	if old := before.upstreams[c.Name]; old != nil {
		u.seen = old.seen
	}
	u.count, u.replays = a.metrics.Requests(c.Name)
	key := c.Token.key()
	switch {
	case l.keepers[key] != nil:
		u.keeper = l.keepers[key]
	case before.keepers[key] != nil:
		u.keeper = before.keepers[key]
	default:
		var err error
		if u.keeper, err = a.newKeeper(ctx, c.Name, &c.Token); err != nil {
			return err
		}
	}
	l.keepers[key] = u.keeper
	if c.URL != nil {
		t, err := trust(c.CAFile, c.Certificate)
		if err != nil {
			return err
		}
		if u.relay, err = relay.New(c.relay(t)); err != nil {
			return err
		}
		if c.ForwardProxy {
			l.proxied[hostPort(c.URL.Host)] = u
		}
	}
	l.upstreams[c.Name] = u
	return nil
}

// close ends what l has and next has not.
func (l *live) close(next *live) {
	for key, k := range l.keepers {
		if next == nil || next.keepers[key] != k {
			k.close()
		}
	}
	for _, u := range l.upstreams {
		if u.relay != nil {
			u.relay.Close()
		}
	}
	for path, e := range l.endpoints {
		if next == nil || next.endpoints[path] != e {
			e.close()
		}
	}
}

// Tokens makes an Agent that listens nowhere: it keeps tokens for this process.
func Tokens(ctx context.Context, c *Config, deps *Deps) (*Agent, error) {
	none := *c
	none.Listen, none.StatusListen, none.TokenEndpoints = nil, "", nil
	return Open(ctx, &none, deps)
}

// ErrUnknown says that there is no upstream of a name.
var ErrUnknown = errors.New("there is no such upstream")

// Token returns the token of an upstream, and waits for it as a request would.
// Its errors are consume.Source's, and ErrUnknown.
func (a *Agent) Token(ctx context.Context, name string) (*consume.Token, error) {
	u := a.live.Load().upstreams[name]
	if u == nil {
		return nil, fmt.Errorf("%s: %w", name, ErrUnknown)
	}
	return u.token(ctx)
}
