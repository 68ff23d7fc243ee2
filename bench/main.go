package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"time"

	"github.com/mintage-auth/mintage/bench/limit"
)

// options are the flags.
type options struct {
	rounds      int
	length      time.Duration // of one run of the load generator
	connections int
	tenants     int
	starts      int
	peers       bool
	bin         string // of mintage; empty: built
	out         string
	note        string
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == "limit" {
		fmt.Fprintln(os.Stderr, serveLimit(os.Args[2], os.Args[3]))
		os.Exit(1) //nolint:forbidigo // this is main
	}
	if len(os.Args) > 1 && os.Args[1] == "store" {
		storeMain(os.Args[2:])
		return
	}
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "rounds in which all take turns; the smallest figure counts")
	flag.DurationVar(&o.length, "length", time.Second, "length of one run of the load generator")
	flag.IntVar(&o.connections, "connections", 64, "connections that are kept busy")
	flag.IntVar(&o.tenants, "tenants", 10_000, "tenants of the comparison with one; 0: none")
	flag.IntVar(&o.starts, "starts", 10, "starts of which the fastest counts; 0: none")
	flag.BoolVar(&o.peers, "peers", true, "measure the peers that can be installed")
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

// serveLimit is bench limit ADDRESS SIZE.
func serveLimit(addr, size string) error {
	n, err := strconv.Atoi(size)
	if err != nil {
		return err
	}
	h, err := limit.New(n)
	if err != nil {
		return err
	}
	srv := &http.Server{Addr: addr, Handler: h, ReadHeaderTimeout: 5 * time.Second}
	return srv.ListenAndServe()
}

// run measures everything and prints the report.
func run(ctx context.Context, o options, w io.Writer) error {
	dir, err := os.MkdirTemp("", "mintage-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if o.bin, err = built(ctx, dir, o.bin); err != nil {
		return err
	}
	b := &bench{options: o, dir: dir, began: time.Now(), load: loadAverage()}
	defer b.close()
	for _, part := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"set up", b.setUp}, {"imported secrets", b.addImported}, {"peers", b.addPeers}, {"tenants", b.addManyTenants}, {"rounds", b.takeTurns}, {"starts", b.measureStarts},
	} {
		began := time.Now()
		if err := part.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		fmt.Fprintf(os.Stderr, "bench: %s: %.0f s\n", part.name, time.Since(began).Seconds())
	}
	text := b.report(ctx)
	if _, err := io.WriteString(w, text); err != nil || o.out == "" {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(o.out), 0o755); err != nil { //nolint:gosec // in the checkout
		return err
	}
	return os.WriteFile(o.out, []byte(text), 0o644) //nolint:gosec // a report for everybody
}

// built returns the binary to measure, which it builds where none is named.
func built(ctx context.Context, dir, bin string) (string, error) {
	if bin != "" {
		return filepath.Abs(bin)
	}
	bin = filepath.Join(dir, "mintage")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", bin, "./cmd/mintage") //nolint:gosec // into our own directory
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build mintage (run bench from the root of the checkout): %w\n%s", err, out)
	}
	return bin, nil
}
