package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/internal/agent"
	"github.com/mintage-auth/mintage/internal/config"
	"github.com/mintage-auth/mintage/internal/linelog"
)

func (a *app) agentCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Keep tokens for the programs of this machine, in any language",
		Long: `Run the agent beside an application. It passes requests for
http://127.0.0.1:7070/UPSTREAM/ on with a fresh token, hands tokens out at
/token/UPSTREAM, and answers token requests from a cache in the place of a
server's token endpoint, as agent.yaml says.

It lends tokens to whoever reaches it, and so listens on loopback or on a Unix
socket. It reads its file again when that changes and at SIGHUP; one that is not
valid changes nothing. SIGTERM and SIGINT finish what is under way, for up to 30
seconds, and end it; Ctrl-C once more ends it at once.`,
		Example: `  mintage agent --config agent.yaml
  curl http://127.0.0.1:7070/orders/v1/list
  mintage agent status`,
		Args: nounArgs,
	}
	file := a.agentConfigFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.runAgent(cmd.Context(), file()) }
	cmd.AddCommand(a.agentCheckCommand(), a.agentStatusCommand(), a.agentExecCommand())
	return cmd
}

// agentConfigFlag adds --config, and returns what reads it.
func (a *app) agentConfigFlag(cmd *cobra.Command) func() string {
	file := cmd.Flags().String("config", "", "the agent's file (default $MINTAGE_AGENT_CONFIG, else agent.yaml)")
	return func() string { return cmp.Or(*file, a.env("MINTAGE_AGENT_CONFIG"), "agent.yaml") }
}

// loadAgent reads the agent's file.
func loadAgent(file string) (*agent.Config, error) {
	c, err := agent.Load(file)
	if err != nil {
		return nil, &failure{
			code: exitUsage, what: "the agent's file is not valid, and nothing was started", why: err.Error(),
			fix: "mintage agent check --config " + file,
		}
	}
	return c, nil
}

func (a *app) agentCheckCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "check",
		Short:   "Say whether the agent's file is valid, without starting anything",
		Example: `  mintage agent check --config agent.yaml`,
		Args:    cobra.NoArgs,
	}
	file := a.agentConfigFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		c, err := agent.Load(file())
		if err != nil {
			return &failure{code: exitUsage, what: file() + " is not valid", why: err.Error()}
		}
		fmt.Fprintf(a.stdout, "%s is valid: %d upstreams, %d token endpoints, listening on %s\n",
			file(), len(c.Upstreams), len(c.TokenEndpoints), strings.Join(c.Listen, ", "))
		return nil
	}
	return cmd
}

// runAgent serves until ctx ends.
func (a *app) runAgent(ctx context.Context, file string) error {
	began := time.Now()
	c, err := loadAgent(file)
	if err != nil {
		return err
	}
	a.tuneMemory(ctx)
	level := new(slog.LevelVar)
	level.Set(c.LogLevel)
	format := config.LogJSON
	if c.LogText {
		format = config.LogText
	}
	lines := linelog.NewWriter(a.stderr)
	defer lines.Close() //nolint:errcheck // there is no other place to say that stderr is gone
	log := logger(lines, format, level)
	b := thisBuild()
	ag, err := agent.Open(ctx, c, &agent.Deps{Log: log, Env: a.env, Stdin: a.stdin, Version: b.Version, Commit: b.Commit})
	if err != nil {
		return &failure{code: exitFailed, what: "the agent did not start", why: err.Error()}
	}
	re := &agentReloader{agent: ag, file: file, level: level, log: log}
	defer re.follow(ctx)()
	var addrs []string
	for _, addr := range ag.Addrs() {
		addrs = append(addrs, addr.String())
	}
	log.LogAttrs(ctx, slog.LevelInfo, "ready", slog.String("version", b.Version), slog.String("listen", strings.Join(addrs, " ")),
		slog.Int("upstreams", len(c.Upstreams)), slog.Int("token_endpoints", len(c.TokenEndpoints)),
		slog.Int64("took_ms", time.Since(began).Milliseconds()))
	outlastSIGTERM()
	return ag.Run(ctx)
}

// agentReloader reads the agent's file again.
type agentReloader struct {
	agent *agent.Agent
	file  string
	level *slog.LevelVar
	log   *slog.Logger
}

// follow reloads at each SIGHUP and when the file changes, until the function
// that it returns is called.
func (re *agentReloader) follow(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	hangup, changed := make(chan os.Signal, 1), make(chan struct{}, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	var following sync.WaitGroup
	watched := agent.Watch(ctx, re.file, func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	following.Go(func() {
		for {
			select {
			case <-hangup:
				re.reload(ctx)
			case <-changed:
				re.reload(ctx)
			case <-ctx.Done():
				return
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

// reload takes over what the file says now, all of it or nothing.
func (re *agentReloader) reload(ctx context.Context) {
	c, err := agent.Load(re.file)
	var restart []string
	if err == nil {
		restart, err = re.agent.Reload(ctx, c)
	}
	if err != nil {
		re.log.LogAttrs(ctx, slog.LevelError, "the file is not valid and the old one stays", slog.String("error", err.Error()))
		return
	}
	re.level.Set(c.LogLevel)
	re.log.LogAttrs(ctx, slog.LevelInfo, "the file is read again", slog.Int("upstreams", len(c.Upstreams)),
		slog.Int("token_endpoints", len(c.TokenEndpoints)))
	if len(restart) > 0 {
		re.log.LogAttrs(ctx, slog.LevelWarn, "settings have changed that need a restart", slog.String("settings", strings.Join(restart, " ")))
	}
}
