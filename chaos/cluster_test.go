package chaos_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
)

// cluster is several nodes over one PostgreSQL, with nginx before their public
// listeners.
type cluster struct {
	nodes []*server
	front string // host:port of nginx
}

// newCluster starts the nodes and nginx. Beside the database the nodes share
// the master key and nothing else: the first node's, or a folder that all start
// with at once, as deploy/compose has it. They then agree on one key, one schema
// and one administrator.
func newCluster(t *testing.T, n int, folder bool) *cluster {
	t.Helper()
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return newClusterOf(t, bin, n, folder)
}

// newClusterOf is newCluster with nodes that run another binary.
func newClusterOf(t *testing.T, bin string, n int, folder bool) *cluster { //nolint:revive // which of the two
	t.Helper()
	d := newDatabase(t)
	c := &cluster{front: address(t)}
	var wg sync.WaitGroup
	for i := range n {
		s := newServer(t)
		s.bin = bin
		s.env = []string{"MINTAGE_DATABASE_URL=" + d.url()}
		if c.nodes = append(c.nodes, s); folder {
			s.data = c.nodes[0].data
		} else if i > 0 {
			s.env = append(s.env, "MINTAGE_MASTER_KEY_FILE="+filepath.Join(c.nodes[0].data, "master.key"))
		}
		wg.Go(func() {
			if _, err := s.start(); err != nil {
				t.Error(err)
			}
		})
		if !folder {
			wg.Wait()
		}
	}
	if wg.Wait(); t.Failed() {
		t.FailNow()
	}
	c.startFront(t)
	return c
}

// startFront starts nginx and waits until it answers.
func (c *cluster) startFront(t *testing.T) {
	t.Helper()
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		nginx, err = exec.LookPath("/usr/sbin/nginx") // which is not on the PATH of everybody
	}
	if err != nil {
		if ci() {
			t.Fatal("nginx is not installed: make setup")
		}
		t.Skip("nginx is not installed: make setup")
	}
	dir := t.TempDir()
	var list strings.Builder
	for _, s := range c.nodes {
		fmt.Fprintf(&list, "server %s max_fails=0; ", s.public)
	}
	shipped, err := os.ReadFile(filepath.FromSlash("../deploy/compose/nginx.conf"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(shipped)
	for _, r := range []struct{ from, to string }{
		{"server node1:9400 max_fails=0;\n    server node2:9400 max_fails=0;\n    server node3:9400 max_fails=0;", list.String()},
		{"listen 8080;", "listen " + c.front + ";"},
		{"/tmp/", dir + "/"}, // what it writes
	} {
		if !strings.Contains(text, r.from) {
			t.Fatalf("deploy/compose/nginx.conf has no %q", r.from)
		}
		text = strings.ReplaceAll(text, r.from, r.to)
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var said lockedBuffer
	cmd := exec.Command(nginx, "-p", dir, "-e", "stderr", "-c", file, "-g", "daemon off; master_process off;")
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for end := time.Now().Add(readyIn); ; {
		resp, err := http.Get("http://" + c.front + "/")
		if err == nil {
			_ = resp.Body.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatalf("nginx is not ready: %s", said.tail(2000))
		}
		time.Sleep(20 * time.Millisecond) // another process, which tells nobody
	}
}

// callers returns clients that reach the public listeners by nginx, and the
// admin API of the first node.
func (c *cluster) callers(t *testing.T) *callers {
	t.Helper()
	all, err := c.nodes[0].call()
	if err != nil {
		t.Fatal(err)
	}
	all.public = "http://" + c.front
	return all
}

// at returns clients of one node, which asks for the tenant by its host.
func (c *cluster) at(all *callers, node *server) *callers {
	return &callers{
		http:   &http.Client{Timeout: 20 * time.Second, Transport: hostOf{c.front, &http.Transport{MaxIdleConnsPerHost: 8}}},
		public: "http://" + node.public, api: all.api,
	}
}

// asAdmin is at with the admin API of the same node, whose reads see its writes.
func (c *cluster) asAdmin(t *testing.T, all *callers, node *server) *callers {
	t.Helper()
	here, err := node.callAt("http://" + node.admin)
	if err != nil {
		t.Fatal(err)
	}
	o := c.at(all, node)
	o.api = here.api
	return o
}

// newPair starts two nodes on a database, and makes them ready for the callers.
func newPair(t *testing.T, d *database) (*cluster, *callers) {
	t.Helper()
	cl := &cluster{}
	for i := range 2 {
		s := newServer(t)
		s.env = []string{"MINTAGE_DATABASE_URL=" + d.url()}
		if cl.nodes = append(cl.nodes, s); i > 0 {
			s.data = cl.nodes[0].data
		}
		if _, err := s.start(); err != nil {
			t.Fatal(err)
		}
	}
	cl.front = cl.nodes[0].public
	all := cl.callers(t)
	if err := prepare(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	return cl, all
}

// hostOf sends each request with another host.
type hostOf struct {
	host string
	next http.RoundTripper
}

func (h hostOf) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host = h.host
	return h.next.RoundTrip(r)
}

// learn waits until a node knows the tenant.
func (c *cluster) learn(t *testing.T, all *callers, node *server) {
	t.Helper()
	for o, end := c.at(all, node), time.Now().Add(readyIn); ask(t.Context(), t, o, pathStored).Status != http.StatusOK; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a node does not know the tenant")
		}
	}
}

// TestClusterRestarts: three nodes behind nginx, restarted one after the other,
// by kill -9 and by SIGTERM in turns, under load. No request fails that one
// retry, which is nginx's, can save.
func TestClusterRestarts(t *testing.T) {
	c := newCluster(t, 3, true)
	all := c.callers(t)
	if err := prepare(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	learning := time.Now()
	for _, node := range c.nodes {
		c.learn(t, all, node)
	}
	t.Logf("all nodes know the tenant after %v", time.Since(learning).Round(time.Millisecond))
	load := startLoad(t, all, 0)
	restarts := map[form]int{formShort: 2, formCI: 6, formLong: 200}[theForm()]
	for i := range restarts {
		node := c.nodes[i%len(c.nodes)]
		if i%2 == 0 {
			node.kill()
		} else {
			_ = node.cmd.Process.Signal(syscall.SIGTERM)
			<-node.done
		}
		if _, err := node.start(); err != nil {
			t.Fatal(err)
		}
		load.goesOn(t)
	}
	for what, n := range load.stop() {
		t.Errorf("%d times %s", n, what)
	}
	t.Logf("%d nodes, %d restarts, %d tokens, %d failed requests", len(c.nodes), restarts, load.answers.Load(), load.failures())
}

// TestClusterChanges is RV-07 and AD-11 on processes of their own: what one
// node revokes, disables or rotates is refused by the others within 5 s, and
// within 1 s on a machine that has time for it.
func TestClusterChanges(t *testing.T) {
	ctx := t.Context()
	c := newCluster(t, 3, false)
	all := c.callers(t)
	if err := prepare(ctx, all); err != nil {
		t.Fatal(err)
	}
	var delays []time.Duration
	others := []*callers{c.at(all, c.nodes[1]), c.at(all, c.nodes[2])}
	everywhere := func(what string, so func(*callers) bool) {
		t.Helper()
		began := time.Now()
		for _, o := range others {
			for !so(o) {
				if time.Since(began) > 5*time.Second {
					t.Fatalf("%s: not in force on all nodes after 5 s", what)
				}
				time.Sleep(2 * time.Millisecond) // other processes
			}
			delays = append(delays, time.Since(began))
		}
	}
	for range map[form]int{formShort: 3, formCI: 8, formLong: 300}[theForm()] {
		made, err := all.api.CreateClient(ctx, tenant, adminclient.NewClient{ClientSettings: adminclient.ClientSettings{
			Name: "changes", Grants: []adminclient.Grant{{ResourceServer: resource, Scopes: []string{scope}}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		id, old := made.ClientID, made.ClientSecret
		status := func(secret string, want int) func(*callers) bool {
			return func(o *callers) bool {
				a, err := o.token(ctx, pathJWT, id, secret)
				return err == nil && a.Status == want
			}
		}
		everywhere("a new client", status(old, http.StatusOK))
		a, err := others[0].token(ctx, pathStored, id, old)
		if err := good("a stored token", a, err); err != nil {
			t.Fatal(err)
		}
		if err := all.api.RevokeToken(ctx, tenant, adminclient.TokenRevocation{ClientID: id}); err != nil {
			t.Fatal(err)
		}
		everywhere("a revocation", func(o *callers) bool { return tokenIs(a.AccessToken, false)(ctx, o, nil) == nil })
		fresh, err := all.api.RotateSecret(ctx, tenant, id, adminclient.SecretRotation{Overlap: new(int64)})
		if err != nil {
			t.Fatal(err)
		}
		everywhere("a rotation", status(old, http.StatusUnauthorized))
		everywhere("a new secret", status(fresh.ClientSecret, http.StatusOK))
		if _, err := all.api.UpdateClient(ctx, tenant, id, adminclient.Patch{"disabled": true}, 0); err != nil {
			t.Fatal(err)
		}
		everywhere("a disabled client", status(fresh.ClientSecret, http.StatusUnauthorized))
	}
	slices.Sort(delays)
	t.Logf("%d changes on one node, seen by two others: median %v, p99 %v, longest %v", len(delays)/2,
		delays[len(delays)/2].Round(time.Microsecond), delays[len(delays)*99/100].Round(time.Microsecond), delays[len(delays)-1].Round(time.Microsecond))
}
