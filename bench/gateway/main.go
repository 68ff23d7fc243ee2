// Command gateway measures what mintage gateway costs for each request that it
// checks and passes on, beside nginx that asks a Go endpoint with a cache of
// verified tokens (auth_request), a bare httputil.ReverseProxy and nginx as a
// plain proxy, in front of one backend and all in one run:
//
//	go run ./bench/gateway      # or: make bench-gateway
//
// What counts is the processor time of the processes in front of the backend for
// one answer (utime and stime of /proc/PID/stat), the smallest of several rounds
// in which all take turns, as a ratio. The gateway and the endpoint look at the
// token, which is the same all the time; the two others look at nothing.
//
// main.go has the order of things, servers.go the servers that are Go, peers.go
// the processes that are measured, report.go prints. The turns and the load
// generator are those of bench/turns.
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
	"slices"
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
	if len(os.Args) == 4 { // gateway WHAT ADDRESS OTHER
		fmt.Fprintln(os.Stderr, serve(os.Args[1], os.Args[2], os.Args[3]))
		os.Exit(1) //nolint:forbidigo // this is main
	}
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "rounds in which all take turns; the smallest figure counts")
	flag.DurationVar(&o.length, "length", time.Second, "length of one run of the load generator")
	flag.IntVar(&o.connections, "connections", 16, "connections that are kept busy")
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
	dir, err := os.MkdirTemp("", "mintage-bench-gateway-")
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
	b := &bench{dir: dir, bin: o.bin}
	defer b.stop()
	if err := b.startAll(ctx); err != nil {
		return err
	}
	before := turns.LoadAverage()
	for _, f := range slices.Concat(b.fronts, b.asked) { // connections, buffers, caches
		if err := f.measure(ctx, o.connections, o.length/4); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		f.rounds = nil
	}
	for range o.rounds {
		for _, f := range slices.Concat(b.fronts, b.asked) {
			if err := f.measure(ctx, o.connections, o.length); err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
		}
	}
	text := b.report(ctx, o, before)
	if _, err := io.WriteString(w, text); err != nil || o.out == "" {
		return err
	}
	return os.WriteFile(o.out, []byte(text), 0o644) //nolint:gosec // a report for everybody
}
