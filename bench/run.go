package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/bench/limit"
)

// bench is one run of everything.
type bench struct {
	options
	dir   string
	began time.Time
	load  string // load average before it began

	product   *product  // one tenant
	many      *product  // many tenants
	firsts    *measured // their first tokens
	limit     *process
	limitAddr string
	peerList  []*peer

	runs    map[string]*measured // by name
	order   []string
	skipped []string // what was not measured, and why
	memory  []memory
	starts  []startFigures
	one     load          // the stored scenario with one connection
	bcrypt  time.Duration // one check here, the fastest of three
}

// measured is one thing that is measured in each round.
type measured struct {
	process *process
	target  target
	beside  func() (time.Duration, error) // processor time of others that work for it; nil: nobody does
	cpu     float64                       // µs for each answer, the smallest of the rounds
	all     []float64
	rate    float64 // the highest of the rounds
	p50     time.Duration
	p99     time.Duration
}

// memory is the resident set of a process.
type memory struct {
	name         string
	idle, loaded int64
}

func (b *bench) close() {
	for _, p := range b.peerList {
		p.stop()
	}
	b.limit.stop()
	for _, p := range []*product{b.product, b.many} {
		if p != nil {
			p.stop()
		}
	}
}

// add notes something to measure.
func (b *bench) add(name string, p *process, t target) {
	if b.runs == nil {
		b.runs = map[string]*measured{}
	}
	b.runs[name] = &measured{process: p, target: t}
	b.order = append(b.order, name)
}

// setUp starts the product and the limit server, and makes the scenarios.
func (b *bench) setUp(ctx context.Context) (err error) {
	if b.product, err = newProduct(ctx, b.bin, filepath.Join(b.dir, "product")); err != nil {
		return err
	}
	if err := b.product.prepare(ctx); err != nil {
		return err
	}
	fixed := 0
	targets := map[string]target{}
	for _, s := range scenarios() {
		t, err := b.product.target(ctx, s)
		if err != nil {
			b.skipped = append(b.skipped, s.name+": this build says: "+err.Error())
			continue
		}
		answer, err := b.product.answered(ctx, t.addr, t.requests[0], 30*time.Second)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if s.introspects {
			if !strings.Contains(string(answer), `"active":true`) {
				return fmt.Errorf("%s: %s", s.name, answer)
			}
			fixed = len(answer)
		}
		targets[s.name] = t
	}
	if err := b.product.restart(ctx); err != nil { // as it is when nothing was just made
		return err
	}
	for _, s := range scenarios() {
		if t, ok := targets[s.name]; ok {
			b.add(s.name, b.product.process, t)
		}
	}
	return b.startLimit(ctx, fixed, targets)
}

// startLimit starts the bare server, with the collector set as the product
// sets it.
func (b *bench) startLimit(ctx context.Context, fixed int, targets map[string]target) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if b.limitAddr, err = freeAddress(ctx); err != nil {
		return err
	}
	if b.limit, err = start(b.dir, "limit", []string{"GOGC=400", "GOMEMLIMIT=1GiB"}, self, "limit", b.limitAddr, strconv.Itoa(fixed)); err != nil {
		return err
	}
	paths := map[string]bool{"/fixed": true, "/opaque": true}
	for _, s := range scenarios() {
		if _, ok := targets[s.name]; ok {
			paths[s.limit] = true
		}
	}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		request := post(b.limitAddr, path, limit.Client, limit.Secret, tokenForm())
		if _, err := b.limit.answered(ctx, b.limitAddr, request, 30*time.Second); err != nil {
			return fmt.Errorf("limit server: %w", err)
		}
		b.add("limit "+path, b.limit, target{addr: b.limitAddr, requests: [][]byte{request}})
	}
	return nil
}

// limitName is what the bare server's process is called.
const limitName = "limit (bare net/http)"

// manyNames are the two sides of P17.
const (
	manyOne = "ES256, one of many tenants"
	manyAll = "ES256, all of many tenants in turn"
)

// addManyTenants makes a second server with many tenants.
func (b *bench) addManyTenants(ctx context.Context) (err error) {
	if b.tenants == 0 {
		b.skipped = append(b.skipped, "P17, many tenants: -tenants 0")
		return nil
	}
	if b.many, err = newProduct(ctx, b.bin, filepath.Join(b.dir, "many")); err != nil {
		return err
	}
	requests, err := b.many.addTenants(ctx, b.tenants)
	if err != nil {
		return err
	}
	if err := b.many.restart(ctx); err != nil {
		return err
	}
	b.firsts = &measured{process: b.many.process, target: target{addr: b.many.public, requests: requests, once: true}}
	b.add(manyOne, b.many.process, target{addr: b.many.public, requests: requests[:1]})
	b.add(manyAll, b.many.process, target{addr: b.many.public, requests: requests})
	return nil
}

// takeTurns runs the rounds.
func (b *bench) takeTurns(ctx context.Context) error {
	processes := b.processes()
	for name, p := range processes {
		b.memory = append(b.memory, memory{name: name, idle: p.memory()})
	}
	for _, name := range b.order { // connections, caches, buffers
		m := b.runs[name]
		if _, err := m.target.run(ctx, b.connections, b.length/4); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if b.firsts != nil { // what a tenant costs that nobody asked before is a figure of its own
		if err := b.firsts.measure(ctx, b.connections, 0); err != nil {
			return err
		}
	}
	for round := range b.rounds {
		for _, name := range b.order {
			if err := b.runs[name].measure(ctx, b.connections, b.length); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		fmt.Fprintf(os.Stderr, "bench: round %d of %d, load %s\n", round+1, b.rounds, loadAverage())
	}
	for i := range b.memory {
		b.memory[i].loaded = processes[b.memory[i].name].memory()
	}
	slices.SortFunc(b.memory, func(x, y memory) int { return int(x.loaded - y.loaded) })
	if m := b.runs["stored"]; m != nil {
		one, err := m.target.run(ctx, 1, b.length)
		b.one = one
		return err
	}
	return nil
}

// processes are the servers that run.
func (b *bench) processes() map[string]*process {
	all := map[string]*process{"mintage": b.product.process, limitName: b.limit}
	if b.many != nil {
		all[fmt.Sprintf("mintage, %d tenants", b.tenants)] = b.many.process
	}
	for _, p := range b.peerList {
		all[p.name] = p.process
	}
	return all
}

// measure is one turn.
func (m *measured) measure(ctx context.Context, connections int, length time.Duration) error {
	before, err := m.used()
	if err != nil {
		return err
	}
	l, err := m.target.run(ctx, connections, length)
	if err != nil {
		return err
	}
	after, err := m.used()
	if err != nil {
		return err
	}
	each := float64((after-before)/time.Microsecond) / float64(l.answers)
	if m.cpu == 0 || each < m.cpu {
		m.cpu = each
	}
	if l.rate() > m.rate {
		m.rate, m.p50, m.p99 = l.rate(), l.p50, l.p99
	}
	m.all = append(m.all, each)
	return nil
}

// used is the processor time that was used for it.
func (m *measured) used() (time.Duration, error) {
	own, err := m.process.cpu()
	if err != nil || m.beside == nil {
		return own, err
	}
	theirs, err := m.beside()
	return own + theirs, err
}

// loadAverage is what /proc/loadavg says of the last minute.
func loadAverage() string {
	raw, _ := os.ReadFile("/proc/loadavg")
	one, _, _ := strings.Cut(string(raw), " ")
	return one
}
