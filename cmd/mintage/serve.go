package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/internal/config"
	"github.com/mintage-auth/mintage/internal/linelog"
	"github.com/mintage-auth/mintage/internal/server"
)

func (a *app) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server: tokens, introspection, revocation, metadata and keys on one
address, administration, health and metrics on another. The first start makes the
database, the master key and an administrator's credentials (admin.json) in the
data directory. SIGTERM and SIGINT finish what is under way, for as long as
drain_timeout says, and end it; Ctrl-C once more ends it at once. SIGHUP
reads the settings and the certificates again: what can change while the server
runs changes, the rest is named in the log, and settings that are not valid change
nothing.

Each setting is a flag, a MINTAGE_ variable, or a member of the file that
--config names; a flag beats a variable, which beats the file.`,
		Example: `  mintage serve
  mintage serve --config server.yaml
  mintage serve --data /var/lib/mintage --listen 0.0.0.0:443 --tls-cert fullchain.pem --tls-key privkey.pem`,
		Args: cobra.NoArgs,
	}
	sources := a.settingFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.serve(cmd.Context(), sources()) }
	return cmd
}

// settingFlags adds a flag for each setting, and returns what reads them.
func (a *app) settingFlags(cmd *cobra.Command) func() config.Sources {
	fl := cmd.Flags()
	file := fl.String("config", "", "settings file (default $MINTAGE_CONFIG, else none)")
	for _, s := range config.Settings() {
		fl.String(s.Flag(), "", settingUsage(s))
	}
	return func() config.Sources {
		given := map[string]string{}
		for _, s := range config.Settings() {
			if fl.Changed(s.Flag()) {
				given[s.Flag()] = fl.Lookup(s.Flag()).Value.String()
			}
		}
		return config.Sources{File: cmp.Or(*file, a.env("MINTAGE_CONFIG")), Environ: a.environ(), Flags: given}
	}
}

func settingUsage(s config.Setting) string {
	if s.Default == "" {
		return s.Usage
	}
	return s.Usage + " (default " + s.Default + ")"
}

// serve runs the server until ctx ends.
func (a *app) serve(ctx context.Context, src config.Sources) error {
	began := time.Now()
	settings, err := config.Load(src)
	if err != nil {
		return &failure{
			code: exitUsage, what: "the settings are not valid, and nothing was started", why: err.Error(), fix: "mintage serve --help",
		}
	}
	a.tuneMemory(ctx)
	if err := noCoreDumps(); err != nil {
		return err
	}
	cfg, err := serverConfig(settings)
	if err != nil {
		return err
	}
	level := new(slog.LevelVar)
	level.Set(settings.Log.Level)
	lines := linelog.NewWriter(a.stderr)
	defer lines.Close() //nolint:errcheck // there is no other place to say that stderr is gone
	cfg.Log = logger(lines, settings.Log.Format, level)
	s, err := server.Open(ctx, cfg)
	if err != nil {
		return &failure{code: exitFailed, what: "the server did not start", why: err.Error()}
	}
	re := &reloader{server: s, source: src, level: level, log: cfg.Log, start: settings, now: settings}
	defer re.follow(ctx)()
	outlastSIGTERM()
	return s.Run(ctx, func() {
		cfg.Log.LogAttrs(ctx, slog.LevelInfo, "ready",
			slog.String("version", cfg.Version),
			slog.String("token", s.PublicAddr().String()),
			slog.String("admin", s.AdminAddr().String()),
			slog.String("console", s.ConsoleURL()),
			slog.String("data", cfg.Data),
			slog.String("store", settings.Store),
			slog.Int64("took_ms", time.Since(began).Milliseconds()))
		a.offerSetup(ctx, s, cfg.Log)
	})
}

// offerSetup prints the link by which the first owner of the console is made,
// while there is nobody. It is a secret, and so not for the log.
func (a *app) offerSetup(ctx context.Context, s *server.Server, log *slog.Logger) {
	at, err := s.SetupURL(ctx)
	switch {
	case err != nil:
		log.LogAttrs(ctx, slog.LevelWarn, "the link to set up the console could not be made", slog.String("error", err.Error()))
	case at != "":
		fmt.Fprintf(a.stderr, "Nobody can sign in to the console yet. This link makes the first owner; it works once, for a day:\n  %s\n", at)
	}
}

// serverConfig reads what the settings name.
func serverConfig(s *config.Server) (server.Config, error) {
	b := thisBuild()
	cfg := server.Config{
		Listen: s.Listen, AdminListen: s.AdminListen, AdminURL: s.AdminURL,
		ConsoleListen: s.ConsoleListen, ConsoleURL: s.ConsoleURL,
		Data: s.Data, MasterKeyFile: s.MasterKeyFile, MasterKeyCommand: s.MasterKeyCommand, BehindProxy: s.BehindProxy,
		JWKSNetworks: s.JWKSNetworks,
		Database:     databaseConfig(s), DocsURL: s.DocsURL, DrainTimeout: s.DrainTimeout,
		KeepRequests: s.RequestLog.Keep, RefusedOnly: !s.RequestLog.Tokens,
		RequestsPerMinute: s.RequestsPerMinute, KeyPeriod: s.KeyPeriod, ClientLabels: s.ClientLabels, Version: b.Version, Commit: b.Commit,
	}
	cfg.OIDC = oidcConfig(s.OIDC)
	var errs [2]error
	cfg.TLS, errs[0] = certificate("tls", s.TLS)
	cfg.AdminTLS, errs[1] = certificate("admin_tls", s.AdminTLS)
	return cfg, errors.Join(errs[:]...)
}

// databaseConfig says which database the settings name.
func databaseConfig(s *config.Server) server.Database {
	return server.Database{
		URL: s.Database.URL, MaxConns: s.Database.MaxConnections, StatementTimeout: s.Database.StatementTimeout,
	}
}

// oidcConfig says by which OpenID provider people may sign in to the console.
func oidcConfig(o config.OIDC) *server.OIDC {
	if o.Issuer == "" {
		return nil
	}
	name := o.Name
	if u, err := url.Parse(o.Issuer); name == "" && err == nil {
		name = u.Hostname()
	}
	return &server.OIDC{Name: name, Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret}
}

// certificate loads the certificate and the key of a listener, if it has any.
func certificate(setting string, t config.TLS) (*server.KeyPair, error) {
	if !t.On() {
		return nil, nil //nolint:nilnil // plain HTTP has none
	}
	pair, err := server.LoadKeyPair(server.KeyFiles(t))
	if err != nil {
		return nil, &failure{
			code: exitUsage, what: "the certificate of the setting " + setting + " cannot be used", why: err.Error(),
			fix: "name a PEM file with the chain and one with its private key",
		}
	}
	return pair, nil
}

// logger writes as the settings say.
func logger(w *linelog.Writer, format string, level slog.Leveler) *slog.Logger {
	if format == config.LogText {
		return linelog.NewText(w, level)
	}
	return linelog.NewJSON(w, level)
}

// environ is the environment as config reads it.
func (a *app) environ() []string {
	var all []string
	for _, kv := range os.Environ() {
		if strings.HasPrefix(kv, "MINTAGE_") {
			all = append(all, kv)
		}
	}
	return all
}

// seconds prints whole seconds by the largest unit that divides them.
func seconds(n int64) string {
	for _, unit := range []struct {
		name string
		size int64
	}{{"d", 24 * 3600}, {"h", 3600}, {"min", 60}} {
		if n >= unit.size && n%unit.size == 0 {
			return fmt.Sprintf("%d %s", n/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%d s", n)
}
