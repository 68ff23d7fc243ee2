package mintage_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sharedClients holds scripts that run clients and verifiers which other people
// wrote against a running server.
const sharedClients = "../shared/clients/t"

// forwardAuth needs the gateway's endpoint, which this version has not.
const forwardAuth = "deb-nginx-auth-request.sh"

// clientsState is what the scripts expect to find: one client that may use one
// scope of one API, in every dialect that its tenant speaks.
const clientsState = `apiVersion: mintage/v1
tenants:
  - id: clients
    issuer: %s
    token_paths: { /oauth2/token: rfc, /access-token: myparcel, /oauth/token: doorkeeper }
resource_servers:
  - identifier: https://api.clients.example
    tenants: [clients]
    scopes: { orders/read: Read orders }
clients:
  - id: m2m-client
    name: Real clients
    tenants: [clients]
    token: { alg: RS256 }
    ladder: { query_credentials: allow }
    grants: [{ resource_server: https://api.clients.example, scopes: [orders/read] }]
    secrets: [{ name: test, value: { env: CLIENTS_TEST_SECRET } }]
`

// TestRealClients runs curl, requests, oauth4webapi, go-oidc and the others
// against the built binary: what they read by accident is part of the contract.
func TestRealClients(t *testing.T) { //nolint:tparallel // one script at a time: they share the server's keys
	t.Parallel()
	if testing.Short() {
		t.Skip("takes minutes and needs the network")
	}
	scripts, err := filepath.Glob(filepath.Join(sharedClients, "*.sh"))
	if err != nil {
		t.Fatal(err)
	}
	if len(scripts) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not there", sharedClients)
		}
		t.Skipf("%s is not there", sharedClients)
	}
	secret := rand.Text() + rand.Text()
	srv := startServer(t)
	state := filepath.Join(t.TempDir(), "tenants.yaml")
	if err := os.WriteFile(state, fmt.Appendf(nil, clientsState, srv.base), 0o600); err != nil {
		t.Fatal(err)
	}
	srv.command(t, []string{"CLIENTS_TEST_SECRET=" + secret}, "apply", "-f", state, "--yes")
	env := append(os.Environ(),
		"PATH="+toolPath(t), "BASE="+srv.base, "CLIENT_ID=m2m-client", "CLIENT_SECRET="+secret, "SCOPE=orders/read",
		"AUDIENCE=https://api.clients.example", "SESSIONM_STRICT=1",
	)
	passed := 0
	for _, script := range scripts {
		if filepath.Base(script) == forwardAuth {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(script), ".sh"), func(t *testing.T) {
			runClient(t, script, env)
		})
		passed++
	}
	t.Logf("ran %d of %d scripts; %s needs forward authentication", passed, len(scripts), forwardAuth)
}

// runClient runs one script: exit 0 is PASS, 77 is SKIP.
func runClient(t *testing.T, script string, env []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", script)
	cmd.Env = env
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return
	case cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == 77 && os.Getenv("CI") != "true":
		t.Skipf("%s", lastLines(out, 1))
	}
	t.Errorf("%v\n%s", err, lastLines(out, 20))
}

// runningServer is a mintage serve of its own with fresh data.
type runningServer struct {
	binary, base, admin, data string
}

// startServer builds the binary, starts it and stops it with the test.
func startServer(t *testing.T) *runningServer {
	t.Helper()
	dir := t.TempDir()
	s := &runningServer{
		binary: filepath.Join(dir, "mintage"), data: filepath.Join(dir, "data"),
		base: "http://" + freeAddr(t), admin: "http://" + freeAddr(t),
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", s.binary, "./cmd/mintage")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	var log bytes.Buffer // read after the process has ended
	serve := exec.Command(s.binary, "serve", "--data", s.data,
		"--listen", strings.TrimPrefix(s.base, "http://"), "--admin-listen", strings.TrimPrefix(s.admin, "http://"))
	serve.Stdout, serve.Stderr = &log, &log
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = serve.Process.Signal(syscall.SIGTERM)
		if err := serve.Wait(); err != nil || t.Failed() {
			t.Errorf("serve: %v\n%s", err, lastLines(log.Bytes(), 40))
		}
	})
	s.waitReady(t)
	return s
}

func (s *runningServer) waitReady(t *testing.T) {
	t.Helper()
	client := &http.Client{Timeout: time.Second}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		<-tick.C
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.admin+"/readyz", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			continue
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
	}
	t.Fatal("the server was not ready within 30 s")
}

// command runs mintage with the administrator's credentials.
func (s *runningServer) command(t *testing.T, env []string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), s.binary, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Env = append(cmd.Env, "MINTAGE_CREDENTIALS_FILE="+filepath.Join(s.data, "admin.json"), "MINTAGE_NO_INPUT=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("mintage %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// freeAddr returns a loopback address whose port was free a moment ago.
func freeAddr(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().String()
}

// toolPath is PATH with the Node.js in front that scripts/setup installed where
// the system's is too old.
func toolPath(t *testing.T) string {
	t.Helper()
	node, err := filepath.Abs(".tools/node/bin")
	if err != nil {
		t.Fatal(err)
	}
	return node + string(os.PathListSeparator) + os.Getenv("PATH")
}

func lastLines(out []byte, n int) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
