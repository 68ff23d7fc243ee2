package chaos_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// runningGateway is mintage gateway as a process of its own.
type runningGateway struct {
	addr, admin string
	cmd         *exec.Cmd
}

// newRunningGateway starts one with a public route to a backend.
func newRunningGateway(t *testing.T, backend string) *runningGateway {
	t.Helper()
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	g := &runningGateway{addr: address(t), admin: address(t)}
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	text := fmt.Sprintf(`listen: %s
admin_listen: %s
access_log: off
limits: { connections_per_address: 0 } # those of an address have tests of their own
bounds: { header_timeout: 4s, body_timeout: 4s }
routes: [{ name: all, path: "/{rest...}", public: true, upstream: %q }]
`, g.addr, g.admin, backend)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	said := &lockedBuffer{}
	g.cmd = exec.Command(bin, "gateway", "--config", file)
	g.cmd.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "MINTAGE_") })
	g.cmd.Stderr = said
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = g.cmd.Process.Kill()
		_ = g.cmd.Wait()
		if t.Failed() {
			t.Logf("the gateway said last:\n%s", said.tail(4000))
		}
	})
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if _, err := g.scrape(t.Context()); err == nil {
			return g
		} else if time.Since(began) > readyIn {
			t.Fatalf("the gateway is not ready: %v", err)
		}
	}
}

// scrape returns what /metrics says.
func (g *runningGateway) scrape(ctx context.Context) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.admin+"/metrics", http.NoBody)
	if err != nil {
		return "", err
	}
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	res, err := tr.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

// gauge returns a value of /metrics, -1 where it cannot be had.
func (g *runningGateway) gauge(ctx context.Context, name string) float64 {
	text, err := g.scrape(ctx)
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(text)
	if err != nil || m == nil {
		return -1
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return -1
	}
	return v
}
