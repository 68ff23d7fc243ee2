package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/internal/agent"
	"github.com/mintage-auth/mintage/internal/config"
	"github.com/mintage-auth/mintage/internal/gateway"
	"github.com/mintage-auth/mintage/internal/linelog"
)

// gatewayFlags are the flags of mintage gateway: a file, or routes in one line.
type gatewayFlags struct {
	config, listen, adminListen, forwardAuth string
	routes, scopes                           []string
	issuer, audience                         string
	mode, accessLog                          string
	check                                    bool
}

func (a *app) gatewayCommand() *cobra.Command {
	var f gatewayFlags
	cmd := &cobra.Command{
		Use:   "gateway",
		Short: "Stand in front of an API and let requests with a good token through",
		Long: `Stand in front of an API: requests with a good token go on to the upstream of
their route, with the caller's identity in headers; the rest is answered here.
gateway.yaml says what is let through, or --route does for a few routes.

It reads its file, and the certificates and keys that are named there, again
when one of them changes and at SIGHUP; what is not valid changes nothing and is
named in the log. SIGTERM and SIGINT finish what is under way, for as long as
bounds.drain_timeout says, and end it; Ctrl-C once more ends it at once. Health,
metrics and what operators want to know are on the admin listener.`,
		Example: `  mintage gateway --config gateway.yaml
  mintage gateway --config gateway.yaml --check
  mintage gateway --route /api=http://127.0.0.1:9000 --require orders/read --issuer https://auth.example --audience https://api.example
  mintage gateway --forward-auth 127.0.0.1:9412 --route /api --issuer https://auth.example --audience https://api.example`,
		Args: cobra.NoArgs,
	}
	fl := cmd.Flags()
	fl.StringVar(&f.config, "config", "", "the gateway's file (default $MINTAGE_GATEWAY_CONFIG)")
	fl.BoolVar(&f.check, "check", false, "say whether the file is valid, without starting anything")
	fl.StringVar(&f.listen, "listen", "", "address of the gateway (default 127.0.0.1:9410)")
	fl.StringVar(&f.adminListen, "admin-listen", "", "address of health, metrics and status (default 127.0.0.1:9411)")
	fl.StringVar(&f.forwardAuth, "forward-auth", "", "address where nginx, Traefik, Caddy and Envoy ask (default nowhere)")
	fl.StringArrayVar(&f.routes, "route", nil, "PATH=UPSTREAM: what is below the path goes to the upstream; may be repeated")
	fl.StringArrayVar(&f.scopes, "require", nil, "scope that the routes need; may be repeated")
	fl.StringVar(&f.issuer, "issuer", "", "issuer whose tokens the routes accept")
	fl.StringVar(&f.audience, "audience", "", "identifier of the API, which a token's aud must have")
	fl.StringVar(&f.mode, "mode", "", "of the routes: enforce, warn or observe (default enforce)")
	fl.StringVar(&f.accessLog, "access-log", "", "all, refused or off (default all)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.gateway(cmd.Context(), &f) }
	return cmd
}

// gatewayConfig reads the file or the flags.
func (a *app) gatewayConfig(f *gatewayFlags) (*gateway.Config, error) {
	file := cmp.Or(f.config, a.env("MINTAGE_GATEWAY_CONFIG"))
	switch {
	case file != "" && (len(f.routes) > 0 || f.issuer != "" || f.audience != "" || len(f.scopes) > 0 || f.mode != ""):
		return nil, errors.New("--config and --route exclude one another: what --route says stands in the file")
	case file == "" && len(f.routes) == 0:
		return nil, errors.New("there is neither --config nor --route")
	}
	var c *gateway.Config
	var err error
	if file != "" {
		if c, err = gateway.ReadConfig(file); err != nil {
			return nil, err
		}
	} else if c, err = f.config1(); err != nil {
		return nil, err
	}
	for to, given := range map[*string]string{
		&c.Listen: f.listen, &c.AdminListen: f.adminListen, &c.ForwardAuth.Listen: f.forwardAuth, &c.AccessLog: f.accessLog,
	} {
		if given != "" {
			*to = given
		}
	}
	if !slices.Contains([]string{"", gateway.LogAll, gateway.LogRefused, gateway.LogOff}, c.AccessLog) {
		return nil, errors.New("--access-log is all, refused or off")
	}
	return c, c.Validate()
}

// config1 is what the flags say for one issuer and a few routes.
func (f *gatewayFlags) config1() (*gateway.Config, error) {
	c := &gateway.Config{Audience: f.audience, Identity: gateway.Identity{Headers: gateway.DefaultIdentityHeaders()}}
	switch {
	case f.issuer == "":
		return nil, errors.New("--issuer is missing: the issuer identifier, as the tokens' iss says it")
	case f.audience == "":
		return nil, errors.New("--audience is missing: without it every token of the issuer would pass, for whatever API it is")
	case !slices.Contains([]string{"", gateway.Enforce, gateway.Warn, gateway.Observe}, f.mode):
		return nil, errors.New("--mode is enforce, warn or observe")
	}
	c.Issuers = []gateway.Issuer{{Name: f.issuer}}
	for _, s := range f.routes {
		if f.forwardAuth == "" && !strings.Contains(s, "=") {
			return nil, fmt.Errorf("--route %s: %w", s, gateway.ErrRoute)
		}
		r, err := gateway.ParseRoute(s, f.scopes)
		if err != nil {
			return nil, fmt.Errorf("--route %s: %w", s, err)
		}
		r.Mode = f.mode
		c.Routes = append(c.Routes, r)
	}
	return c, nil
}

// gateway serves until ctx ends.
func (a *app) gateway(ctx context.Context, f *gatewayFlags) error {
	began := time.Now()
	c, err := a.gatewayConfig(f)
	if err != nil {
		return &failure{
			code: exitUsage, what: "the gateway's settings are not valid, and nothing was started", why: err.Error(), fix: "mintage gateway --help",
		}
	}
	if f.check {
		fmt.Fprintf(a.stdout, "valid: %d routes, %d upstreams, %d issuers\n", len(c.Routes), len(c.Upstreams), len(c.Issuers))
		return nil
	}
	a.tuneMemory(ctx)
	lines := linelog.NewWriter(a.stderr)
	defer lines.Close() //nolint:errcheck // there is no other place to say that stderr is gone
	log := logger(lines, config.LogJSON, slog.LevelInfo)
	transport := &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	b := thisBuild()
	g, err := gateway.New(c, gateway.Deps{ //nolint:contextcheck // what it begins lives until Close
		Log: log, Client: client, Version: b.Version, Commit: b.Commit,
		FeedToken: func(r gateway.Revocations) (gateway.FeedToken, error) { //nolint:contextcheck // each request for a token brings its own
			return feedToken(client, r)
		},
	})
	if err != nil {
		return &failure{code: exitFailed, what: "the gateway did not start", why: err.Error()}
	}
	s, err := gateway.Open(ctx, g, c)
	if err != nil {
		g.Close()
		return &failure{code: exitFailed, what: "the gateway did not start", why: err.Error()}
	}
	re := &gatewayReloader{server: s, read: func() (*gateway.Config, error) { return a.gatewayConfig(f) }, log: log}
	defer re.follow(ctx, cmp.Or(f.config, a.env("MINTAGE_GATEWAY_CONFIG")))()
	g.Ready(ctx)
	outlastSIGTERM()
	return s.Run(ctx, func() {
		log.LogAttrs(ctx, slog.LevelInfo, "ready", slog.String("version", b.Version), slog.String("listen", s.Addr().String()),
			slog.String("admin", s.AdminAddr().String()), slog.Int("routes", len(c.Routes)), slog.Int64("took_ms", time.Since(began).Milliseconds()))
	})
}

// feedToken returns what gets the tokens for the feed of revocations. One that
// was rejected, as after its key was killed, is renewed.
func feedToken(client *http.Client, r gateway.Revocations) (gateway.FeedToken, error) {
	secret := consume.SecretFile(r.SecretFile)
	if _, err := secret(context.Background()); err != nil {
		return gateway.FeedToken{}, err
	}
	source := &consume.Source{Fetcher: &consume.ClientCredentials{
		TokenURL: r.TokenURL, ClientID: r.ClientID, Secret: secret, HTTPClient: client, Scope: []string{"mintage/revocations:read"},
	}}
	var last atomic.Pointer[consume.Token]
	return gateway.FeedToken{
		Token: func(ctx context.Context) (string, error) {
			tok, err := source.Token(ctx)
			if err != nil {
				return "", err
			}
			last.Store(tok)
			return tok.Value, nil
		},
		Rejected: func(ctx context.Context, token string) {
			if tok := last.Load(); tok != nil && tok.Value == token {
				_, _ = source.Renew(ctx, tok) // the next Token tells of what went wrong
			}
		},
	}, nil
}

// gatewayReloader reads the gateway's file again.
type gatewayReloader struct {
	server *gateway.Server
	read   func() (*gateway.Config, error)
	log    *slog.Logger
}

// follow reloads at each SIGHUP and when the file changes, until the function
// that it returns is called.
func (re *gatewayReloader) follow(ctx context.Context, file string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	hangup, changed := make(chan os.Signal, 1), make(chan struct{}, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	watched := func() {}
	if file != "" {
		watched = agent.Watch(ctx, file, func() {
			select {
			case changed <- struct{}{}:
			default:
			}
		})
	}
	var following sync.WaitGroup
	following.Go(func() {
		look := time.NewTicker(filesEvery)
		defer look.Stop()
		for seen := stamps(re.server.Files()); ; {
			select {
			case <-hangup:
			case <-changed:
			case <-look.C:
				if maps.Equal(stamps(re.server.Files()), seen) {
					continue
				}
			case <-ctx.Done():
				return
			}
			before := stamps(re.server.Files()) // what is written from here on is seen next time
			re.reload(ctx)
			if seen = stamps(re.server.Files()); sameNames(seen, before) {
				seen = before
			}
		}
	})
	return func() {
		signal.Stop(hangup)
		cancel()
		following.Wait()
		watched()
	}
}

// filesEvery is how often the files are looked at that gateway.yaml names.
const filesEvery = 2 * time.Second

// fileStamp is what tells that a file has changed; zero where there is none.
type fileStamp struct {
	at   time.Time
	size int64
}

func stamps(names []string) map[string]fileStamp {
	all := map[string]fileStamp{}
	for _, name := range names {
		all[name] = fileStamp{}
		if info, err := os.Stat(name); err == nil {
			all[name] = fileStamp{info.ModTime(), info.Size()}
		}
	}
	return all
}

// sameNames says whether a and b are of the same files.
func sameNames(a, b map[string]fileStamp) bool {
	return slices.Equal(slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b)))
}

// reload takes over what the file says now, all of it or nothing.
func (re *gatewayReloader) reload(ctx context.Context) {
	restart, err := re.server.Reload(re.read) //nolint:contextcheck // what it begins lives until Close
	if err != nil {
		re.log.LogAttrs(ctx, slog.LevelError, "the gateway's file is not valid and the old one stays", slog.String("error", err.Error()))
		return
	}
	re.log.LogAttrs(ctx, slog.LevelInfo, "the gateway's file is read again")
	if len(restart) > 0 {
		slices.Sort(restart)
		re.log.LogAttrs(ctx, slog.LevelWarn, "settings have changed that need a restart", slog.String("settings", strings.Join(restart, " ")))
	}
}
