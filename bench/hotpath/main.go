// Command hotpath runs single hot paths of the whole server within one process,
// beside those of the bare net/http server, where nothing else on the machine
// disturbs the count:
//
//	go run ./bench/hotpath                     # time and allocations, native
//	go build -o .tools/hotpath ./bench/hotpath # go run strips the symbols that valgrind needs
//	.tools/hotpath gate                        # instructions under valgrind, against the committed ratios
//	.tools/hotpath gate -update                # and write them
//
// Connections are pipes, so that what the kernel does is left out; the rest is
// what mintage serve does for a request.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mintage-auth/mintage/bench/limit"
)

func main() {
	if err := command(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "hotpath:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func command(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "gate" {
		fl := flag.NewFlagSet("gate", flag.ExitOnError)
		update := fl.Bool("update", false, "write the ratios that were counted")
		_ = fl.Parse(args[1:]) // it exits
		return gate(ctx, *update)
	}
	var o options
	fl := flag.NewFlagSet("hotpath", flag.ExitOnError)
	fl.BoolVar(&o.gated, "gated", false, "the scenarios of the gate alone")
	fl.StringVar(&o.only, "only", "", "the one scenario to run")
	fl.StringVar(&o.side, "side", "", "ours, unrecorded or limit alone")
	fl.IntVar(&o.n, "n", 0, "requests of each scenario; 0: as many as are counted under valgrind")
	fl.IntVar(&o.rounds, "rounds", 1, "rounds, of which the fastest counts")
	fl.StringVar(&o.profile, "cpuprofile", "", "file to write a profile to")
	fl.StringVar(&o.allocations, "memprofile", "", "file to write a profile of every allocation to")
	_ = fl.Parse(args) // it exits
	return o.run(ctx)
}

// options are the flags of a run.
type options struct {
	only, side           string
	profile, allocations string
	n, rounds            int
	gated                bool
}

// step is one scenario on one side.
type step struct {
	scenario
	name    string // side and scenario
	side    *side
	request []byte
}

// run runs all steps, in turns when there are several rounds.
func (o options) run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "mintage-hotpath-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var products []*product // with what is kept of requests, and without
	for _, unrecorded := range []bool{false, true} {
		made, err := openProduct(ctx, filepath.Join(dir, strconv.FormatBool(unrecorded)), o.scenarios(), unrecorded)
		if err != nil {
			return err
		}
		products = append(products, made)
		defer func() { err = errors.Join(err, made.close()) }() //nolint:contextcheck // it is closed whatever became of ctx
	}
	bare, err := limit.New(400)
	if err != nil {
		return err
	}
	l := serve(func(ln net.Listener) error {
		return (&http.Server{Handler: bare, ReadHeaderTimeout: 5 * time.Second}).Serve(ln)
	})
	defer func() { err = errors.Join(err, l.close()) }()
	steps, err := o.steps(products[0], products[1], l)
	if err != nil {
		return err
	}
	if o.profile != "" {
		f, err := os.Create(o.profile)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	if o.allocations != "" {
		runtime.MemProfileRate = 1
	}
	if err := o.takeTurns(steps); err != nil || o.allocations == "" {
		return err
	}
	f, err := os.Create(o.allocations)
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
}

// scenarios are those to run.
func (o options) scenarios() []scenario {
	list := scenarios()
	if o.gated {
		list = gated()
	}
	return slices.DeleteFunc(list, func(s scenario) bool { return o.only != "" && o.only != s.name })
}

// steps lists what is run.
func (o options) steps(p, q *product, l *side) ([]step, error) {
	var steps []step
	for _, s := range o.scenarios() {
		if o.n > 0 {
			s.requests = o.n
			if s.ungated {
				s.requests = max(parts, o.n/10) // each takes a millisecond
			}
		}
		for _, on := range []struct {
			name string
			*product
		}{{"ours", p}, {"unrecorded", q}} {
			if s.asks && on.product == q {
				continue // introspection is not recorded
			}
			request, err := on.request(s)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			steps = append(steps, step{scenario: s, name: on.name + " " + s.name, side: on.side, request: request})
		}
		steps = append(steps, step{
			scenario: s, name: "limit " + s.name, side: l, request: post(host, s.limit, limit.Client, limit.Secret, tokenForm()),
		})
	}
	return slices.DeleteFunc(steps, func(s step) bool { return o.side != "" && !strings.HasPrefix(s.name, o.side+" ") }), nil
}

func (o options) takeTurns(steps []step) error {
	best := make([]figures, len(steps))
	for range o.rounds {
		for i, s := range steps {
			got, err := s.measure()
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			if best[i].took == 0 || got.took < best[i].took {
				best[i] = got
			}
		}
	}
	for i, s := range steps {
		fmt.Printf("%-20s %6d requests %8.2f µs %8.1f allocations %8.0f bytes\n",
			s.name, s.requests, float64(best[i].took.Nanoseconds())/1e3, best[i].allocs, best[i].bytes)
	}
	return nil
}

// figures are for one request.
type figures struct {
	took          time.Duration
	allocs, bytes float64
}

// measure sends the requests over the connections of the scenario.
func (s step) measure() (figures, error) {
	clients := make([]*client, s.connections)
	for i := range clients {
		clients[i] = s.side.dial()
	}
	const warm = 4 // connections, caches, buffers
	if err := s.send(clients, warm); err != nil {
		return figures{}, err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	mark()
	var err error
	for range parts {
		err = errors.Join(err, s.send(clients, s.requests/s.connections/parts))
		mark()
	}
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	for _, c := range clients {
		_ = c.Close()
	}
	n := float64(s.requests)
	return figures{
		took:   took / time.Duration(s.requests),
		allocs: float64(after.Mallocs-before.Mallocs) / n,
		bytes:  float64(after.TotalAlloc-before.TotalAlloc) / n,
	}, err
}

// parts are those in which the requests are counted. The smallest count
// is that of the slice in which the scheduler did least beside.
const parts = 5

// mark is where valgrind writes what it has counted so far.
//
//go:noinline
func mark() { runtime.KeepAlive(nil) }

// send sends n requests on each connection.
func (s step) send(clients []*client, n int) error {
	errs := make([]error, len(clients))
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			for range n {
				if _, err := c.ask(s.request); err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
