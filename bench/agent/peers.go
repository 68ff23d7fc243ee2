package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Names in the report.
const (
	nameAgent   = "mintage agent"
	nameReverse = "httputil.ReverseProxy"
	nameNginx   = "nginx"
	nameBackend = "the backend itself"
)

// server is one process that is measured.
type server struct {
	name, addr, path string
	cmd              *exec.Cmd
	done             chan struct{}
	log              string
	rounds           []float64 // µs for each answer
	rate             float64   // the best, a second
}

// startAll starts the backend and the proxies in front of it. Skipped says what
// there is not.
func startAll(ctx context.Context, dir, bin string) (all []*server, skipped []string, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	var addrs [4]string
	for i := range addrs {
		if addrs[i], err = freeAddress(ctx); err != nil {
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
	list := []*server{
		{name: nameBackend, addr: backend, path: "/x", cmd: exec.CommandContext(ctx, self, "backend", backend, "-")},                                   //nolint:gosec // ourselves
		{name: nameAgent, addr: addrs[1], path: "/bench/x", cmd: exec.CommandContext(ctx, bin, "agent", "--config", filepath.Join(dir, "agent.yaml"))}, //nolint:gosec // the binary that is measured
		{name: nameReverse, addr: addrs[2], path: "/x", cmd: exec.CommandContext(ctx, self, "proxy", addrs[2], backend)},                               //nolint:gosec // ourselves
	}
	if nginx, err := exec.LookPath("nginx"); err == nil {
		conf := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(conf, []byte(nginxFile(dir, addrs[3], backend)), 0o600); err != nil {
			return nil, nil, err
		}
		list = append(list, &server{name: nameNginx, addr: addrs[3], path: "/x", cmd: exec.CommandContext(ctx, nginx, "-c", conf, "-p", dir)}) //nolint:gosec // what is installed
	} else {
		skipped = append(skipped, "nginx is not installed: scripts/setup does")
	}
	for _, s := range list {
		if err := s.start(ctx, dir); err != nil {
			return all, skipped, fmt.Errorf("%s: %w", s.name, err)
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

// start starts the process and waits until it answers.
func (s *server) start(ctx context.Context, dir string) error {
	s.log = filepath.Join(dir, strings.Map(func(r rune) rune {
		if r < 'a' || r > 'z' {
			return '-'
		}
		return r
	}, s.name)+".log")
	out, err := os.Create(s.log)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	s.cmd.Env = append(os.Environ(), "GOGC=400", "GOMEMLIMIT=1GiB") // as the agent sets them for itself
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.Dir = out, out, dir
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(os.Interrupt) }
	s.done = make(chan struct{})
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.done)
	}()
	why := errors.New("no answer")
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		if _, why = s.load(ctx, 1, time.Millisecond); why == nil {
			return nil
		}
		select {
		case <-s.done:
			said, _ := os.ReadFile(s.log)
			return fmt.Errorf("it ended: %s", said[max(0, len(said)-1000):])
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return why
}

// stop ends the process and waits for it.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(os.Interrupt)
	select {
	case <-s.done:
	case <-time.After(3 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.done
	}
}

// measure is one turn.
func (s *server) measure(ctx context.Context, connections int, length time.Duration) error {
	before, err := s.cpu()
	if err != nil {
		return err
	}
	began := time.Now()
	n, err := s.load(ctx, connections, length)
	if err != nil {
		return err
	}
	took := time.Since(began)
	after, err := s.cpu()
	if err != nil {
		return err
	}
	s.rounds = append(s.rounds, float64((after-before)/time.Microsecond)/float64(n))
	s.rate = max(s.rate, float64(n)/took.Seconds())
	return nil
}

// ticks is USER_HZ.
const ticks = 100

// cpu returns the processor time that the process has used.
func (s *server) cpu() (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	var sum int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return time.Duration(sum) * time.Second / ticks, nil
}

// freeAddress returns a loopback address that nobody listens on.
func freeAddress(ctx context.Context) (string, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}
