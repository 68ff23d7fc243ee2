package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/mintage-auth/mintage/bench/turns"
)

// Names in the report.
const (
	nameAgent   = "mintage agent"
	nameReverse = "httputil.ReverseProxy"
	nameNginx   = "nginx"
	nameBackend = "the backend itself"
)

// startAll starts the backend and the proxies in front of it. Skipped says what
// there is not.
func startAll(ctx context.Context, dir, bin string) (all []*turns.Server, skipped []string, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	var addrs [4]string
	for i := range addrs {
		if addrs[i], err = turns.FreeAddress(ctx); err != nil {
			return nil, nil, err
		}
	}
	backend := addrs[0]
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("s"), 0o600); err != nil {
		return nil, nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "agent.yaml"), []byte(agentFile(addrs[1], backend)), 0o600); err != nil {
		return nil, nil, err
	}
	list := []*turns.Server{
		{Name: nameBackend, Addr: backend, Path: "/x", Cmd: exec.CommandContext(ctx, self, "backend", backend, "-")},                                   //nolint:gosec // ourselves
		{Name: nameAgent, Addr: addrs[1], Path: "/bench/x", Cmd: exec.CommandContext(ctx, bin, "agent", "--config", filepath.Join(dir, "agent.yaml"))}, //nolint:gosec // the binary that is measured
		{Name: nameReverse, Addr: addrs[2], Path: "/x", Cmd: exec.CommandContext(ctx, self, "proxy", addrs[2], backend)},                               //nolint:gosec // ourselves
	}
	if nginx, err := exec.LookPath("nginx"); err == nil {
		conf := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(conf, []byte(nginxFile(dir, addrs[3], backend)), 0o600); err != nil {
			return nil, nil, err
		}
		list = append(list, &turns.Server{Name: nameNginx, Addr: addrs[3], Path: "/x", Cmd: exec.CommandContext(ctx, nginx, "-c", conf, "-p", dir)}) //nolint:gosec // what is installed
	} else {
		skipped = append(skipped, "nginx is not installed: scripts/setup does")
	}
	for _, s := range list {
		if err := s.Start(ctx, dir); err != nil {
			return all, skipped, fmt.Errorf("%s: %w", s.Name, err)
		}
		all = append(all, s)
	}
	return all, skipped, nil
}

func agentFile(addr, backend string) string {
	return fmt.Sprintf(`listen: %s
upstreams:
  bench:
    url: http://%s
    token: { token_url: "http://%[2]s/token", client_id: a, client_secret: { file: secret } }
`, addr, backend)
}

// nginxFile is a plain proxy in one process, whose time is then all there is.
func nginxFile(dir, addr, backend string) string {
	return fmt.Sprintf(`daemon off; master_process off; worker_processes 1; pid %[1]s/nginx.pid; error_log %[1]s/nginx.err;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000;
  client_body_temp_path %[1]s/t1; proxy_temp_path %[1]s/t2; fastcgi_temp_path %[1]s/t3; uwsgi_temp_path %[1]s/t4; scgi_temp_path %[1]s/t5;
  upstream backend { server %[3]s; keepalive 256; keepalive_requests 1000000; }
  server {
    listen %[2]s;
    location / {
      proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Authorization "%[4]s";
    }
  }
}
`, dir, addr, backend, fixedToken)
}
