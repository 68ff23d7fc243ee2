package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"
)

// Goals of performance.md.
const (
	growthJWT    = 1.15 // P15
	growthStored = 1.5  // P15
	perTokenMost = 110  // P16, bytes
	syncsMost    = 3    // P5, of one sync
	floorMost    = 2    // P6
	memorySome   = 40   // P14, MB with 100,000 clients
	memoryAll    = 64   // P14, MB with a million
)

// storeReport writes what was measured as Markdown.
func storeReport(ctx context.Context, o *storeOptions, engines []*storeEngine, before string) string {
	var w strings.Builder
	fmt.Fprintf(&w, "# What the database costs, %s\n\n", time.Now().UTC().Format("2006-01-02 15:04 UTC"))
	fmt.Fprintf(&w, "Commit %s, %s, %s/%s, %d cores, %s. Load average %s before the run and %s after it (the generator included). %d connections on loopback, "+
		"%d rounds of %v in turns. The large database has %d clients and %d live stored tokens. `make bench-store` makes this page.\n",
		commit(ctx), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), machine(), before, loadAverage(), o.connections, o.rounds, o.length, o.clients, o.tokens)
	if o.note != "" {
		fmt.Fprintf(&w, "\n%s\n", o.note)
	}
	w.WriteString("\nµs are processor time for one answer, the smallest of the rounds; in parentheses the median. On PostgreSQL they are those of the server process " +
		"and of all of PostgreSQL's together. The ratios are what counts: they are from one run.\n")
	for _, e := range engines {
		e.report(&w, o)
	}
	return w.String()
}

func (e *storeEngine) report(w *strings.Builder, o *storeOptions) {
	fmt.Fprintf(w, "\n## %s\n\n| | µs | best requests/s | p50 | p99 |\n|---|---|---|---|---|\n", e.name)
	for _, name := range e.order {
		m := e.runs[name]
		fmt.Fprintf(w, "| %s | %.1f (%.1f) | %.0f | %.2f ms | %.2f ms |\n", name, m.cpu, median(m.all), m.rate, ms(m.p50), ms(m.p99))
	}
	w.WriteString("\n| goal | what | figure | at most | |\n|---|---|---|---|---|\n")
	row := func(goal, what, unit string, figure, most float64) {
		said := "no goal"
		limit := "-"
		if most > 0 {
			said, limit = verdict(figure, most), fmt.Sprintf("%g%s", most, unit)
		}
		fmt.Fprintf(w, "| %s | %s | %.2f%s | %s | %s |\n", goal, what, figure, unit, limit, said)
	}
	cpu := func(name string) float64 { return e.runs[name].cpu }
	row("P15", "JWT: one client of many over one of few", "", cpu("JWT"+storeBig)/cpu("JWT"+storeFew), growthJWT)
	row("P15", "JWT: all clients in turn over one of few", "", cpu("JWT"+storeBigAny)/cpu("JWT"+storeFew), growthJWT)
	row("P15", "sealed: on the large database over on the other", "", cpu("sealed"+storeBig)/cpu("sealed"+storeFew), growthJWT)
	row("P15", "stored: one client of many over one of few", "", cpu("stored"+storeBig)/cpu("stored"+storeFew), growthStored)
	row("P15", "stored: all clients in turn over one of few", "", cpu("stored"+storeBigAny)/cpu("stored"+storeFew), growthStored)
	bytesMost := float64(perTokenMost)
	row("P16", fmt.Sprintf("on disk for each of %d live stored tokens", o.tokens), " B", e.perToken, bytesMost)
	row("P16", "on disk for each stored token that the server wrote in this run", " B", e.perWritten, bytesMost)
	row("P14", "resident, just started on the large database", " MB", float64(e.idle)/1e6, 0)
	for _, u := range e.used {
		most := float64(memoryAll)
		if u.clients <= 100_000 {
			most = memorySome
		}
		row("P14", fmt.Sprintf("resident, once %d clients got a token", u.clients), " MB", float64(u.bytes)/1e6, most)
	}
	row("R34", "from exec to the first token on the large database", " ms", ms(e.begun), 5000)
	if e.name == "PostgreSQL" {
		row("P6", fmt.Sprintf("stored, over %.1f µs for a row by unnest in batches of %d", e.floor, floorBatch), "", cpu("stored"+storeFew)/e.floor, floorMost)
		row("P6", fmt.Sprintf("stored: tokens/s with %d connections over those with %d", 10*poolSize, o.connections), "", e.crowd[1].rate()/e.crowd[0].rate(), 0)
		fmt.Fprintf(w, "\nWith %d connections and a pool of %d: %.0f tokens/s, p50 %.2f ms, p99 %.2f ms; with %d: %.0f tokens/s, p99 %.2f ms.\n",
			10*poolSize, poolSize, e.crowd[1].rate(), ms(e.crowd[1].p50), ms(e.crowd[1].p99), o.connections, e.crowd[0].rate(), ms(e.crowd[0].p99))
		return
	}
	row("P5", fmt.Sprintf("stored with one connection: p50 over a sync of 4 KB (%.3f ms)", ms(e.sync)), "", float64(e.one.p50)/float64(e.sync), syncsMost)
	fmt.Fprintf(w, "\nStored with one connection: p50 %.3f ms, p99 %.3f ms; with %d: %.0f tokens/s; with %d: %.0f tokens/s, p99 %.2f ms.\n",
		ms(e.one.p50), ms(e.one.p99), o.connections, e.crowd[0].rate(), 10*poolSize, e.crowd[1].rate(), ms(e.crowd[1].p99))
}
