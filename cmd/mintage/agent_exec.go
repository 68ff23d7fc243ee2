package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/consume"
)

// execFlags are the flags of agent exec.
type execFlags struct {
	agentFlags
	config, upstream, env, tokenFile string
}

func (a *app) agentExecCommand() *cobra.Command {
	var f execFlags
	cmd := &cobra.Command{
		Use:   "exec --upstream NAME [flags] -- COMMAND [ARGUMENT...]",
		Short: "Run a command with a token in a file that is kept fresh, or in a variable",
		Long: `Run a command that finds a token in the file that MINTAGE_TOKEN_FILE names. The
file has mode 0600, is replaced in one step each time the token is renewed, and
goes when the command ends. Signals reach the command, and its exit code is that
of mintage.

The token comes from a running agent, or with --config from settings of an agent
that runs nowhere else. With --env the token as it is at the start is in a
variable; it is not renewed there.`,
		Example: `  mintage agent exec --upstream orders -- sh -c 'curl -H "Authorization: Bearer $(cat $MINTAGE_TOKEN_FILE)" https://api.example/orders'
  mintage agent exec --config agent.yaml --upstream orders --token-file /run/app/token -- ./app
  mintage agent exec --upstream orders --env API_TOKEN -- ./one-shot-job`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.agentExec(cmd.Context(), f, args) },
	}
	fl := cmd.Flags()
	fl.SetInterspersed(false)
	fl.StringVar(&f.upstream, "upstream", "", "name of the upstream whose token the command gets")
	fl.StringVar(&f.config, "config", "", "keep the token here, by this agent's file, instead of asking a running agent")
	fl.StringVar(&f.env, "env", "", "name of a variable for the token, instead of a file")
	fl.StringVar(&f.tokenFile, "token-file", "", "where the token's file is (default: in a temporary folder)")
	a.agentFlags(cmd, &f.agentFlags)
	cmd.MarkFlagsMutuallyExclusive("env", "token-file")
	cmd.MarkFlagsMutuallyExclusive("config", "agent")
	return cmd
}

// tokens is where a token comes from.
type tokens func(ctx context.Context) (*consume.Token, error)

// agentTokens returns where the token comes from, and what to close at the end.
func (a *app) agentTokens(ctx context.Context, f execFlags) (tokens, func(), error) {
	if f.upstream == "" {
		return nil, nil, usage("no upstream is named", "--upstream NAME; mintage agent status -o name lists them")
	}
	if f.config != "" {
		ag, err := a.tokensFrom(ctx, f.config)
		if err != nil {
			return nil, nil, err
		}
		return func(ctx context.Context) (*consume.Token, error) { return ag.Token(ctx, f.upstream) }, ag.Close, nil
	}
	c, err := a.agentClient(f.agentFlags)
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context) (*consume.Token, error) { return c.token(ctx, f.upstream) }, func() {}, nil
}

func (a *app) agentExec(ctx context.Context, f execFlags, args []string) error {
	get, closeTokens, err := a.agentTokens(ctx, f)
	if err != nil {
		return err
	}
	defer closeTokens()
	tok, err := get(ctx)
	if err != nil {
		return err
	}
	if f.env != "" {
		return a.runWith(args, f.env+"="+tok.Value)
	}
	if f.tokenFile == "" {
		dir, err := os.MkdirTemp("", "mintage-exec-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		f.tokenFile = filepath.Join(dir, "token")
	}
	if f.tokenFile, err = filepath.Abs(f.tokenFile); err != nil {
		return err
	}
	if err := writeToken(f.tokenFile, tok.Value); err != nil {
		return usage("the token's file cannot be written: "+err.Error(), "name another with --token-file")
	}
	defer func() { _ = os.Remove(f.tokenFile) }()
	// The command, not ctx, says when to stop: a signal is for it to act on.
	fresh, stop := context.WithCancel(context.WithoutCancel(ctx))
	var keeping sync.WaitGroup
	keeping.Go(func() { a.keepFresh(fresh, get, tok, f.tokenFile) })
	defer keeping.Wait()
	defer stop()
	return a.runWith(args, "MINTAGE_TOKEN_FILE="+f.tokenFile)
}

// Asking an agent of this machine costs next to nothing; it is asked ten times
// in what is left of a token's life, within these.
const (
	oftenest   = 200 * time.Millisecond
	leastOften = time.Minute
)

// keepFresh writes the token's file anew each time there is another token.
func (a *app) keepFresh(ctx context.Context, get tokens, tok *consume.Token, file string) {
	failing := false
	for {
		wait := leastOften
		if !tok.Expires.IsZero() {
			wait = min(max(time.Until(tok.Expires)/10, oftenest), leastOften)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		next, err := get(ctx)
		if err == nil && next.Value != tok.Value {
			err = writeToken(file, next.Value)
		}
		switch {
		case err == nil:
			tok, failing = next, false
		case ctx.Err() == nil && !failing:
			failing = true
			fmt.Fprintln(a.stderr, "mintage agent exec: the token is not renewed:", err)
		}
	}
}

// writeToken replaces a file in one step, so that a reader sees one token or
// the other.
func writeToken(path, token string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".token-") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(token)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// passed are the signals that reach the command.
var passed = []os.Signal{
	syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGCONT,
}

// runWith runs a command with a variable more and returns its exit code.
func (a *app) runWith(args []string, variable string) error {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, passed...)
	defer signal.Stop(signals)
	cmd := exec.Command(args[0], args[1:]...) //nolint:gosec,noctx // the command that was asked for; a signal ends it
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.stdin, a.stdout, a.stderr
	name, _, _ := strings.Cut(variable, "=")
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, name+"=") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, variable)
	if err := cmd.Start(); err != nil {
		return &failure{code: exitNotFound, what: "the command does not start", why: err.Error()}
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			if s == syscall.SIGINT && a.canAsk {
				continue // the terminal has sent it to the command too
			}
			_ = cmd.Process.Signal(s)
		case err := <-ended:
			return exitOf(err)
		}
	}
}

// exitOf returns the exit code of a command that has ended, as shells have it.
func exitOf(err error) error {
	if err == nil {
		return nil
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return silent(128 + int(status.Signal()))
	}
	return silent(exit.ExitCode())
}
