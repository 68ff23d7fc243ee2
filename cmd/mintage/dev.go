package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/internal/hostile"
	"github.com/mintage-auth/mintage/internal/server"
)

// devFlags are the flags of mintage dev.
type devFlags struct {
	listen, adminListen, data string
	life                      time.Duration
	hostile                   string // empty: off
}

func (a *app) devCommand() *cobra.Command {
	var f devFlags
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Everything in one process, with a demo client; not for production",
		Long: `Serve a demo tenant, API and client in every dialect, and print a curl line for
each that returns a token. Data is temporary unless --data names a directory.
On loopback addresses a refused request is told the full reason (error_debug).

With --hostile the issuer misbehaves on purpose, so that you see what your client
makes of it, and there is an API at /api/ that refuses good tokens:

` + hostileHelp + `
PUT /hostile with such a list changes it while the server runs: an empty body ends
all hostility, away makes the issuer unreachable. GET /hostile says how many
requests came, and how many tokens were refused.`,
		Example: `  mintage dev
  mintage dev --data ./.mintage
  mintage dev --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0
  mintage dev --hostile --token-life 30s
  mintage dev --hostile=refuse=5,503=10,retry-after=2s`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && f.hostile != "" {
				return usage(args[0]+" is an argument, not the value of --hostile", "--hostile="+args[0])
			}
			return cobra.NoArgs(cmd, args)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return a.dev(cmd.Context(), f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.listen, "listen", "127.0.0.1:9400", "address of the public listener")
	fl.StringVar(&f.adminListen, "admin-listen", "127.0.0.1:9401", "address of the admin listener")
	fl.StringVar(&f.data, "data", "", "directory for the data; left out: a temporary one")
	fl.DurationVar(&f.life, "token-life", 0, "how long the demo client's tokens live; 0: as long as the dialect says")
	fl.StringVar(&f.hostile, "hostile", "", "misbehave on purpose, as the list says")
	fl.Lookup("hostile").NoOptDefVal = hostile.Preset().String()
	return cmd
}

// dev serves until it is interrupted.
func (a *app) dev(ctx context.Context, f devFlags) error {
	began := time.Now()
	for _, addr := range []string{f.listen, f.adminListen} {
		if !isLoopback(addr) {
			return usage(addr+" is not a loopback address, and mintage dev speaks plain HTTP",
				"mintage serve with TLS, or an address such as 127.0.0.1:9400")
		}
	}
	if f.life < 0 || f.life%time.Second != 0 {
		return usage("--token-life is a number of whole seconds", "mintage dev --token-life 30s")
	}
	h, err := newHostileDev(f.hostile)
	if err != nil {
		return err
	}
	data, temporary := f.data, f.data == ""
	if temporary {
		dir, err := os.MkdirTemp("", "mintage-dev-")
		if err != nil {
			return fmt.Errorf("temporary data: %w", err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		data = dir
	}
	log := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	b := thisBuild()
	cfg := server.Config{
		Listen: f.listen, AdminListen: f.adminListen, Data: data,
		Debug: true, Version: b.Version, Commit: b.Commit, Log: log,
	}
	h.configure(&cfg)
	s, err := server.Open(ctx, cfg)
	if err != nil {
		return err
	}
	demo, err := s.Demo(ctx, server.DemoOptions{Life: f.life})
	if err != nil {
		_ = s.Close() //nolint:contextcheck // the first error is the one to tell
		return err
	}
	where := "in " + data
	if temporary {
		where = "temporary"
	}
	wait, err := h.run(ctx, s, demo, log)
	if err != nil {
		_ = s.Close() //nolint:contextcheck // the first error is the one to tell
		return err
	}
	defer wait()
	outlastSIGTERM()
	return s.Run(ctx, func() {
		a.greet(ctx, s, demo, where, time.Since(began))
		h.greet(a.stdout, demo)
	})
}

// isLoopback reports whether addr can be reached from this machine alone.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// greet prints what a developer needs. Each curl is a line of its own, so that
// it can be pasted whole.
func (a *app) greet(ctx context.Context, s *server.Server, d *server.Demo, where string, took time.Duration) {
	admin := "http://" + s.AdminAddr().String()
	console := s.ConsoleURL()
	if at, err := s.SetupURL(ctx); err == nil && at != "" {
		console += "   make yourself its owner, once: " + at
	}
	fmt.Fprintf(a.stdout, `mintage %s  development mode: data is %s, plain HTTP, not for production  (ready in %d ms)
  issuer   %s
  admin    %s   credentials in %s
  console  %s
  client   %s
  secret   %s

Get a token:
curl -u %s:%s -d grant_type=client_credentials %s/oauth2/token

The same client in the other dialects (cognito, myparcel, doorkeeper):
curl -u %s:%s -d grant_type=client_credentials %s/oauth2/token
curl -H 'Content-Type: application/json' -d '{"grant_type":"client_credentials","client_id":"%s","client_secret":"%s","scope":"*"}' %s/access-token
curl -X POST '%s/oauth/token?grant_type=client_credentials&client_id=%s&client_secret=%s'

Administer it:
export MINTAGE_CREDENTIALS_FILE=%s
mintage client list --tenant demo
`,
		thisBuild().Version, where, took.Milliseconds(),
		d.Issuer, admin, d.Credentials, console, d.ClientID, d.Secret,
		d.ClientID, d.Secret, d.Issuer,
		d.ClientID, d.Secret, d.CognitoIssuer,
		d.ClientID, d.Secret, d.Issuer,
		d.Issuer, d.ClientID, d.Secret,
		d.Credentials,
	)
}
