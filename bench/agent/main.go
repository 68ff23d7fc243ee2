// Command agent measures what mintage agent costs for each request that it
// passes on, beside nginx as a plain proxy and a bare httputil.ReverseProxy, in
// front of one backend and all in one run:
//
//	go run ./bench/agent      # or: make bench
//
// What counts is the processor time of the proxy's process for one answer (utime
// and stime of /proc/PID/stat), the smallest of several rounds in which all take
// turns, as a ratio. The two others do less: they put a fixed token on each
// request and know no caller from another.
//
// main.go has the order of things, servers.go the backend and the bare proxy,
// peers.go the processes that are measured, report.go prints. The turns and the
// load generator are those of bench/turns.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/mintage-auth/mintage/bench/turns"
)

// options are the flags.
type options struct {
	rounds      int
	length      time.Duration
	connections int
	bin         string
	out         string
	note        string
}

func main() {
	if len(os.Args) == 4 { // agent backend|proxy ADDRESS BACKEND
		fmt.Fprintln(os.Stderr, serve(os.Args[1], os.Args[2], os.Args[3]))
		os.Exit(1) //nolint:forbidigo // this is main
	}
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "rounds in which all take turns; the smallest figure counts")
	flag.DurationVar(&o.length, "length", time.Second, "length of one run of the load generator")
	flag.IntVar(&o.connections, "connections", 64, "connections that are kept busy")
	flag.StringVar(&o.bin, "mintage", "", "binary to measure (default: built from this tree)")
	flag.StringVar(&o.out, "o", "", "file that the report is also written to")
	flag.StringVar(&o.note, "note", "", "a line for the report, such as what else runs on the machine")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:forbidigo,gocritic // this is main; the signals end with it
	}
}

// run measures everything and prints the report.
func run(ctx context.Context, o options, w io.Writer) error {
	dir, err := os.MkdirTemp("", "mintage-bench-agent-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if o.bin == "" {
		o.bin = filepath.Join(dir, "mintage")
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", o.bin, "./cmd/mintage") //nolint:gosec // into our own directory
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build mintage (run this from the root of the checkout): %w\n%s", err, out)
		}
	}
	all, skipped, err := startAll(ctx, dir, o.bin)
	defer func() {
		for _, s := range all {
			s.Stop()
		}
	}()
	if err != nil {
		return err
	}
	before := turns.LoadAverage()
	for _, s := range all { // connections, buffers
		if _, err := s.Measure(ctx, o.connections, o.length/4); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		s.Rounds = nil
	}
	for range o.rounds {
		for _, s := range all {
			if _, err := s.Measure(ctx, o.connections, o.length); err != nil {
				return fmt.Errorf("%s: %w", s.Name, err)
			}
		}
	}
	text := report(ctx, o, all, skipped, before)
	if _, err := io.WriteString(w, text); err != nil || o.out == "" {
		return err
	}
	return os.WriteFile(o.out, []byte(text), 0o644) //nolint:gosec // a report for everybody
}
