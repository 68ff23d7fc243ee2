package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/mintage-auth/mintage/bench/turns"
)

// Names in the report.
const (
	nameGateway = "mintage gateway"
	nameLogging = "mintage gateway, one log line for each request"
	nameAuth    = "nginx, auth_request to a cached Go endpoint"
	nameReverse = "httputil.ReverseProxy, no check"
	nameNginx   = "nginx, no check"
	nameBackend = "the backend itself"
)

// bench is one run.
type bench struct {
	dir, bin string
	running  []*turns.Server
	fronts   []*front
	asked    []*front // whom fronts ask, P10
	skipped  []string
}

// front is one way to the backend: what is sent to the first server goes
// through all of them.
type front struct {
	name    string
	servers []*turns.Server
	rounds  []float64 // µs for each answer, of all servers
}

func (b *bench) stop() {
	for _, s := range b.running {
		s.Stop()
	}
}

func claims(issuer string) ([]byte, error) {
	now := time.Now().Unix()
	return json.Marshal(map[string]any{
		"iss": issuer, "sub": "bench", "aud": audience, "client_id": "bench", "scope": scope, "iat": now, "exp": now + 3600, "jti": "bench-1",
	})
}

// startAll starts the backend and what stands in front of it.
func (b *bench) startAll(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var addrs [9]string
	for i := range addrs {
		if addrs[i], err = turns.FreeAddress(ctx); err != nil {
			return err
		}
	}
	backend, auth := addrs[0], addrs[1]
	keys, token, err := newToken("http://" + backend)
	if err != nil {
		return err
	}
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		nginx = ""
		b.skipped = append(b.skipped, "nginx is not installed: scripts/setup does")
	}
	for name, text := range map[string]string{
		"keys.json": string(keys), "quiet.yaml": gatewayFile(addrs[2], addrs[3], backend, "off"), "all.yaml": gatewayFile(addrs[4], addrs[5], backend, "all"),
		"plain.conf": nginxFile(b.dir, "plain", addrs[7], backend, ""), "asking.conf": nginxFile(b.dir, "auth", addrs[8], backend, auth),
	} {
		if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	file := func(name string) string { return filepath.Join(b.dir, name) }
	commands := []struct {
		name, addr string
		command    []string
	}{
		{nameBackend, backend, []string{self, "backend", backend, file("keys.json")}},
		{nameGateway, addrs[2], []string{b.bin, "gateway", "--config", file("quiet.yaml")}},
		{nameLogging, addrs[4], []string{b.bin, "gateway", "--config", file("all.yaml")}},
		{nameReverse, addrs[6], []string{self, "proxy", addrs[6], backend}},
		{nameNginx, addrs[7], []string{nginx, "-c", file("plain.conf"), "-p", b.dir}},
	}
	for _, c := range commands {
		if c.command[0] == "" {
			continue
		}
		s, err := b.start(ctx, &turns.Server{Name: c.name, Addr: c.addr, Path: readyPath}, token, c.command...)
		if err != nil {
			return err
		}
		b.fronts = append(b.fronts, &front{name: c.name, servers: []*turns.Server{s}})
	}
	if err := b.startForward(ctx, self, backend, token); err != nil {
		return err
	}
	if nginx == "" {
		return nil
	}
	return b.startAuth(ctx, token, []string{self, "auth", auth, backend}, addrs[8], []string{nginx, "-c", file("asking.conf"), "-p", b.dir})
}

// startAuth starts nginx with the endpoint that it asks. The endpoint is there
// when nginx answers.
func (b *bench) startAuth(ctx context.Context, token string, endpoint []string, addr string, nginx []string) error {
	a := &turns.Server{Name: "endpoint", Addr: endpoint[2], Path: readyPath, Cmd: exec.CommandContext(ctx, endpoint[0], endpoint[1:]...)} //nolint:gosec // ourselves
	if err := a.Launch(b.dir); err != nil {
		return err
	}
	b.running = append(b.running, a)
	s, err := b.start(ctx, &turns.Server{Name: nameAuth, Addr: addr, Path: readyPath}, token, nginx...)
	if err != nil {
		return err
	}
	b.fronts = append(b.fronts, &front{name: nameAuth, servers: []*turns.Server{s, a}})
	return nil
}

func (b *bench) start(ctx context.Context, s *turns.Server, token string, command ...string) (*turns.Server, error) {
	s.Authorization = "Bearer " + token
	s.Cmd = exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // what is measured
	if err := s.Start(ctx, b.dir); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	b.running = append(b.running, s)
	return s, nil
}

// measure is one turn.
func (f *front) measure(ctx context.Context, connections int, length time.Duration) error {
	var before time.Duration
	for _, s := range f.servers[1:] {
		used, err := s.CPU()
		if err != nil {
			return err
		}
		before += used
	}
	n, err := f.servers[0].Measure(ctx, connections, length)
	if err != nil {
		return err
	}
	each := f.servers[0].Rounds[len(f.servers[0].Rounds)-1]
	for _, s := range f.servers[1:] {
		used, err := s.CPU()
		if err != nil {
			return err
		}
		before -= used
	}
	f.rounds = append(f.rounds, each-float64(before/time.Microsecond)/float64(n))
	return nil
}

func (f *front) smallest() float64 { return slices.Min(f.rounds) }

func gatewayFile(addr, admin, backend, log string) string {
	return fmt.Sprintf(`listen: %s
admin_listen: %s
audience: %s
access_log: %s
issuers: [{ issuer: "http://%[5]s", jwks_uri: "http://%[5]s%[6]s" }]
routes: [{ name: orders, path: "/orders/{id}", upstream: "http://%[5]s", scopes: %[7]s }]
`, addr, admin, audience, log, backend, keysPath, scope)
}

// nginxFile is a proxy in one process, whose time is then all there is. With an
// address of an endpoint it asks there about each request.
func nginxFile(dir, name, addr, backend, auth string) string {
	ask, endpoint := "", ""
	if auth != "" {
		ask = "auth_request /_auth; auth_request_set $client $upstream_http_x_client_id; proxy_set_header X-Client-Id $client;"
		endpoint = `location = /_auth {
      internal; proxy_pass http://auth; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_pass_request_body off; proxy_set_header Content-Length "";
    }`
		auth = "upstream auth { server " + auth + "; keepalive 256; keepalive_requests 1000000; }"
	}
	return fmt.Sprintf(`daemon off; master_process off; worker_processes 1; pid %[1]s/%[2]s.pid; error_log %[1]s/%[2]s.err;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000;
  client_body_temp_path %[1]s/t1; proxy_temp_path %[1]s/t2; fastcgi_temp_path %[1]s/t3; uwsgi_temp_path %[1]s/t4; scgi_temp_path %[1]s/t5;
  upstream backend { server %[4]s; keepalive 256; keepalive_requests 1000000; }
  %[5]s
  server {
    listen %[3]s;
    location / { %[6]s proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; }
    %[7]s
  }
}
`, dir, name, addr, backend, auth, ask, endpoint)
}
