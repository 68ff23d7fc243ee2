package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/internal/agent"
	"github.com/mintage-auth/mintage/oauth"
)

// agentFlags say where a running agent is.
type agentFlags struct{ addr, keyFile string }

func (a *app) agentFlags(cmd *cobra.Command, f *agentFlags) {
	fl := cmd.Flags()
	fl.StringVar(&f.addr, "agent", "", "where the agent listens: host:port or unix:/path (default $MINTAGE_AGENT, else "+agent.DefaultListen+")")
	fl.StringVar(&f.keyFile, "access-key-file", "", "file with the agent's access key, where it has one (default $MINTAGE_AGENT_KEY_FILE)")
}

// agentClient talks to a running agent.
type agentClient struct {
	http *http.Client
	addr string
	key  string
}

func (a *app) agentClient(f agentFlags) (*agentClient, error) {
	c := &agentClient{addr: cmp.Or(f.addr, a.env("MINTAGE_AGENT"), agent.DefaultListen), key: "true"}
	if file := cmp.Or(f.keyFile, a.env("MINTAGE_AGENT_KEY_FILE")); file != "" {
		key, err := a.readSecret(file)
		if err != nil {
			return nil, err
		}
		c.key = key
	}
	t := &http.Transport{DisableKeepAlives: true} // and no proxy: it is this machine
	c.http = &http.Client{Timeout: requestTimeout, Transport: t, CheckRedirect: noRedirect}
	if path, ok := strings.CutPrefix(c.addr, "unix:"); ok {
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	return c, nil
}

// get asks the agent for a document.
func (c *agentClient) get(ctx context.Context, path string, into any) error {
	host := c.addr
	if strings.HasPrefix(host, "unix:") {
		host = "localhost"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+path, http.NoBody)
	if err != nil {
		return usage(c.addr+" is no address of an agent", "--agent 127.0.0.1:7070 or --agent unix:/run/mintage-agent/agent.sock")
	}
	req.Header.Set(agent.AgentHeader, c.key)
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &failure{
			code: exitUnreachable, what: "no agent answers at " + c.addr, why: err.Error(),
			fix: "start one with: mintage agent --config agent.yaml   or say where it is: --agent, MINTAGE_AGENT",
		}
	}
	defer func() { _ = res.Body.Close() }()
	body, err := readBounded(res.Body, maxProbe)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return agentFailure(res.StatusCode, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return &failure{code: exitFailed, what: "what answers at " + c.addr + " is no agent", why: err.Error()}
	}
	return nil
}

// agentFailure turns an answer of the agent into a failure.
func agentFailure(status int, body []byte) error {
	var doc struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &doc) != nil || doc.Error == "" {
		return &failure{code: exitFailed, what: fmt.Sprintf("the agent answered %d", status)}
	}
	f := &failure{code: exitFailed, what: "the agent refused: " + doc.Error, why: doc.Description}
	switch status {
	case http.StatusForbidden, http.StatusBadGateway:
		f.code = exitDenied
	case http.StatusNotFound:
		f.code, f.fix = exitNotFound, "mintage agent status"
	case http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		f.code = exitUnreachable
	}
	return f
}

func (a *app) agentStatusCommand() *cobra.Command {
	var f agentFlags
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the upstreams of a running agent, their tokens, and how many were saved",
		Example: `  mintage agent status
  mintage agent status --agent unix:/run/mintage-agent/agent.sock -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.agentStatus(cmd.Context(), f) },
	}
	a.agentFlags(cmd, &f)
	a.outputFlags(cmd)
	return cmd
}

func (a *app) agentStatus(ctx context.Context, f agentFlags) error {
	c, err := a.agentClient(f)
	if err != nil {
		return err
	}
	var s agent.Status
	if err := c.get(ctx, "/status", &s); err != nil {
		return err
	}
	r := result{doc: s, head: []string{"UPSTREAM", "TOKEN EXPIRES", "NEXT REFRESH", "QUEUED", "LAST RESULT"}}
	now := time.Now()
	for _, u := range s.Upstreams {
		last := u.Last.String()
		if u.Error != "" {
			last = u.Error
		}
		r.rows = append(r.rows, []string{u.Name, until(u.Expires, now), until(u.NextRefresh, now), strconv.FormatInt(u.Queued, 10), cmp.Or(last, "–")})
		r.name = append(r.name, u.Name)
	}
	for _, e := range s.TokenEndpoints {
		r.rows = append(r.rows, []string{e.Path, "–", "–", "–", fmt.Sprintf("%d of %d token requests saved", e.Saved, e.Requests)})
		r.name = append(r.name, e.Path)
	}
	return a.print(r)
}

// until says how far away an instant is.
func until(t *time.Time, now time.Time) string {
	switch {
	case t == nil:
		return "–"
	case !t.After(now):
		return "now"
	}
	return "in " + humanDuration(t.Sub(now))
}

// agentToken gets the token of an upstream from a running agent.
func (c *agentClient) token(ctx context.Context, name string) (*consume.Token, error) {
	if strings.ContainsAny(name, "/?#% ") || name == "" {
		return nil, usage(fmt.Sprintf("%q is no name of an upstream", name), "mintage agent status -o name")
	}
	var doc tokenAnswer
	if err := c.get(ctx, "/token/"+name, &doc); err != nil {
		return nil, err
	}
	tok := &consume.Token{Value: doc.AccessToken, Type: doc.TokenType}
	if doc.AccessToken == "" {
		return nil, errors.New("the agent answered without a token")
	}
	if doc.ExpiresIn != nil {
		tok.Expires = time.Now().Add(time.Duration(*doc.ExpiresIn) * time.Second)
	}
	if scope, err := oauth.ParseScope(doc.Scope); err == nil && doc.Scope != "" {
		tok.Scope = scope
	}
	return tok, nil
}

// tokensFrom keeps tokens in this process, as agent exec --config does.
func (a *app) tokensFrom(ctx context.Context, file string) (*agent.Agent, error) {
	c, err := loadAgent(file)
	if err != nil {
		return nil, err
	}
	return agent.Tokens(ctx, c, &agent.Deps{Env: os.Getenv, Stdin: a.stdin})
}
