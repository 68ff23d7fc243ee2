package examples_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/mintagetest"
)

// agentPrograms are programs without a word of OAuth, for the agent to stand in
// front of.
func agentPrograms() map[string][]string {
	return map[string][]string{
		"agent-node":   {"node", "agent-node/app.mjs"},
		"agent-python": {"/usr/bin/python3", "agent-python/app.py"},
	}
}

// TestAgentPrograms holds that the programs say what became of their calls:
// behind mintage agent, which puts the token on and replaces a refused one, none
// fails, and without it all do.
func TestAgentPrograms(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts interpreters")
	}
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	for name, command := range agentPrograms() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := mintagetest.New(t, mintagetest.Options{Hostility: mintagetest.Hostility{RefusePercent: 5}})
			if got := runProgram(t, command, agentBefore(t, bin, s)+"/orders", 50, time.Second); got.Failed != 0 || got.Calls < 20 {
				t.Errorf("behind the agent: %+v", got)
			}
			if n := s.Requests(); n != 2 {
				t.Errorf("%d requests for a token, want 2", n)
			}
			if got := runProgram(t, command, s.APIURL, 50, time.Second); got.Failed != got.Calls || got.Calls < 20 || !strings.Contains(strings.Join(got.Errors, " "), "401") {
				t.Errorf("without a token: %+v", got)
			}
			wrong := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }))
			t.Cleanup(wrong.Close)
			if got := runProgram(t, command, wrong.URL, 50, time.Second); got.Failed < got.Calls/2-1 || got.Failed > got.Calls/2+1 {
				t.Errorf("where bodies get lost: %+v", got)
			}
		})
	}
}

// agentBefore runs mintage agent between a program and the API of s, as a client
// of its own, and returns its URL.
func agentBefore(t *testing.T, bin string, s *mintagetest.Server) string {
	t.Helper()
	client := s.AddClient(mintagetest.ClientOptions{})
	dir, addr := t.TempDir(), freeAddress(t)
	config := fmt.Sprintf("listen: %s\nupstreams:\n  orders:\n    url: %s\n    token:\n      token_url: %s\n      client_id: %s\n      client_secret: { file: secret }\n",
		addr, s.APIURL, s.TokenURL, client.ID)
	for name, text := range map[string]string{"agent.yaml": config, "secret": client.Secret} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runAgent(t, bin, dir, addr)
	return "http://" + addr
}

// runAgent runs mintage agent with the agent.yaml of a folder until the test
// ends, and waits until it answers at addr.
func runAgent(t *testing.T, bin, dir, addr string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, bin, "agent", "--config", filepath.Join(dir, "agent.yaml"))
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 15 * time.Second
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the agent said:\n%s", stderr.String())
		}
	})
	client := &http.Client{Timeout: 10 * time.Second}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for patience := time.After(30 * time.Second); ; {
		if res, err := client.Get("http://" + addr + "/healthz"); err == nil {
			_ = res.Body.Close()
			return
		}
		select {
		case <-tick.C:
		case <-patience:
			t.Fatal("the agent was not there in 30 s")
		}
	}
}

// outcome is what a program prints.
type outcome struct {
	Calls  int      `json:"calls"`
	Failed int      `json:"failed"`
	Errors []string `json:"errors"`
}

// runProgram runs a program that sends an API so many requests a second.
func runProgram(t *testing.T, command []string, api string, rate int, length time.Duration) (o outcome) {
	t.Helper()
	file, err := filepath.Abs(command[1])
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "env", command[0], file)
	cmd.Env = append(os.Environ(), "API="+api, fmt.Sprintf("RATE=%d", rate), fmt.Sprintf("SECONDS=%.0f", length.Seconds()), "NO_PROXY=127.0.0.1", "PATH="+nodeFolder(t)+os.Getenv("PATH"))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, stderr.String())
	}
	if err := json.Unmarshal(out, &o); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	return o
}
