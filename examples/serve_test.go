package examples_test

import (
	"bufio"
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// serve runs mintage serve until stop is called or the test ends, and waits
// until it is ready. Stop returns when it is gone.
func (ex *example) serve(bin, data, addr, admin string) (stop func()) {
	ex.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, bin, "serve", "--data", data, "--listen", addr, "--admin-listen", admin)
	cmd.Env = serverEnv()
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 15 * time.Second
	stderr, err := cmd.StderrPipe()
	if err != nil {
		ex.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		ex.t.Fatal(err)
	}
	ready := make(chan bool, 1)
	var log bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		for sc := bufio.NewScanner(stderr); sc.Scan(); {
			log.WriteString(sc.Text() + "\n")
			if strings.Contains(sc.Text(), "ready") {
				select {
				case ready <- true:
				default:
				}
			}
		}
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
		_ = cmd.Wait()
	})
	ex.t.Cleanup(func() {
		stop()
		if ex.t.Failed() {
			ex.t.Logf("the server said:\n%s", log.String())
		}
	})
	select {
	case <-ready:
	case <-done:
		ex.t.Fatalf("the server ended before it was ready:\n%s", log.String())
	case <-time.After(30 * time.Second):
		ex.t.Fatal("the server was not ready in 30 s")
	}
	return stop
}

// serverEnv is the environment without what it tells the tests, which is no
// setting of the server.
func serverEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "MINTAGE_CHAOS=") })
}

// freeAddress returns a free address below the ports that the system gives to
// outgoing connections, which could take it before it is used or at a restart.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		ln, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(20000+rand.IntN(12000)))
		if err != nil {
			continue
		}
		defer func() { _ = ln.Close() }()
		return ln.Addr().String()
	}
	t.Fatal("no free port in a hundred tries")
	return ""
}
