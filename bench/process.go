package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ticks is how many parts a second has in /proc/PID/stat: USER_HZ, which is 100
// on every architecture that Go runs on.
const ticks = 100

// process is a server that was started, and its log.
type process struct {
	cmd  *exec.Cmd
	log  string // file
	done chan struct{}
}

// start runs a program whose output goes to a file in dir.
func start(dir, name string, env []string, command ...string) (*process, error) {
	p := &process{log: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }()               // the program has its own
	p.cmd = exec.Command(command[0], command[1:]...) //nolint:gosec,noctx // the servers that are measured, which stop ends
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Dir = out, out, dir
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// stop ends the program and waits for it.
func (p *process) stop() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.done:
	case <-time.After(3 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// answered waits until a request is answered with 200, trying without a pause
// worth mentioning, and returns the body.
func (p *process) answered(ctx context.Context, addr string, request []byte, within time.Duration) ([]byte, error) {
	why := errors.New("no answer")
	for end := time.Now().Add(within); time.Now().Before(end); {
		body, err := once(ctx, addr, request)
		if err == nil {
			return body, nil
		}
		why = err
		select {
		case <-p.done:
			said, _ := os.ReadFile(p.log)
			return nil, fmt.Errorf("it ended: %s", said[max(0, len(said)-1000):])
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(500 * time.Microsecond):
		}
	}
	return nil, why
}

// once sends one request on a connection of its own.
func once(ctx context.Context, addr string, request []byte) ([]byte, error) {
	c, err := dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	status, body, err := c.roundTrip(request)
	if err == nil && status != 200 {
		err = fmt.Errorf("%d: %.300s", status, body)
	}
	return bytes.Clone(body), err
}

// cpu returns the processor time that the process has used.
func (p *process) cpu() (time.Duration, error) {
	return statTime(p.cmd.Process.Pid, 2)
}

// memory returns the resident set of the process, in bytes.
func (p *process) memory() int64 {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return n << 10
		}
	}
	return 0
}

// freeAddress returns a loopback address below the ports that the system gives
// to outgoing connections.
func freeAddress(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	for range 100 {
		addr := "127.0.0.1:" + strconv.Itoa(20000+rand.IntN(12000)) //nolint:gosec // a port is no secret
		if ln, err := lc.Listen(ctx, "tcp", addr); err == nil {
			return addr, ln.Close()
		}
	}
	return "", errors.New("no free port in a hundred tries")
}
