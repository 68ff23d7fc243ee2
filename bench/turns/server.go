package turns

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

// Server is one process that is measured. Its fields up to Cmd are set before
// Start.
type Server struct {
	Name, Addr, Path string
	// Authorization is sent with each request; empty: a token that nobody reads.
	Authorization string
	Header        string // further header lines, each with its CRLF
	NoBody        bool   // the answer has none, instead of AnswerSize bytes
	Cmd           *exec.Cmd

	Rounds []float64 // µs of processor time for each answer
	Rate   float64   // the best, answers a second

	done chan struct{}
	log  string
}

// Launch starts the process. What it says goes to a file in dir.
func (s *Server) Launch(dir string) error {
	s.log = filepath.Join(dir, strings.Map(func(r rune) rune {
		if r < 'a' || r > 'z' {
			return '-'
		}
		return r
	}, s.Name)+".log")
	out, err := os.Create(s.log)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	s.Cmd.Env = append(os.Environ(), "GOGC=400", "GOMEMLIMIT=1GiB") // as mintage sets them for itself
	s.Cmd.Stdout, s.Cmd.Stderr, s.Cmd.Dir = out, out, dir
	s.Cmd.Cancel = func() error { return s.Cmd.Process.Signal(os.Interrupt) }
	s.done = make(chan struct{})
	if err := s.Cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = s.Cmd.Wait()
		close(s.done)
	}()
	return nil
}

// Start starts the process and waits until it answers.
func (s *Server) Start(ctx context.Context, dir string) error {
	if err := s.Launch(dir); err != nil {
		return err
	}
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
			s.Stop()
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	s.Stop() // nobody else knows of it yet
	return why
}

// Stop ends the process and waits for it.
func (s *Server) Stop() {
	_ = s.Cmd.Process.Signal(os.Interrupt)
	select {
	case <-s.done:
	case <-time.After(3 * time.Second):
		_ = s.Cmd.Process.Kill()
		<-s.done
	}
}

// Measure is one turn: it notes what an answer took and returns how many came.
func (s *Server) Measure(ctx context.Context, connections int, length time.Duration) (int, error) {
	before, err := s.CPU()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	n, err := s.load(ctx, connections, length)
	if err != nil {
		return 0, err
	}
	took := time.Since(began)
	after, err := s.CPU()
	if err != nil {
		return 0, err
	}
	s.Rounds = append(s.Rounds, float64((after-before)/time.Microsecond)/float64(n))
	s.Rate = max(s.Rate, float64(n)/took.Seconds())
	return n, nil
}

// ticks is USER_HZ.
const ticks = 100

// CPU returns the processor time that the process has used.
func (s *Server) CPU() (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.Cmd.Process.Pid))
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

// FreeAddress returns a loopback address that nobody listens on.
func FreeAddress(ctx context.Context) (string, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}
