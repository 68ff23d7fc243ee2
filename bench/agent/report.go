package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/bench/turns"
)

// atMost is the goal: the agent's time over that of the bare ReverseProxy.
const atMost = 0.6

// report writes what was measured as Markdown.
func report(ctx context.Context, o options, all []*turns.Server, skipped []string, before string) string {
	var w strings.Builder
	fmt.Fprintf(&w, "# The agent's cost for a request, %s\n\n", time.Now().UTC().Format("2006-01-02 15:04 UTC"))
	fmt.Fprintf(&w, "Commit %s, %s, %s/%s, %d cores. Load average %s before the run and %s after it. %d connections on loopback, GET with an answer of "+
		"%d bytes, %d rounds of %v in turns. `go run ./bench/agent` makes this page.\n",
		turns.Commit(ctx), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), before, turns.LoadAverage(), o.connections, turns.AnswerSize, o.rounds, o.length)
	if o.note != "" {
		fmt.Fprintf(&w, "\n%s\n", o.note)
	}
	w.WriteString("\nµs are processor time of the process for one answer. Requests a second are for information, with the generator on the same cores.\n\n" +
		"| | µs, smallest | µs, median | over ReverseProxy | best requests/s |\n|---|---|---|---|---|\n")
	smallest := map[string]float64{}
	for _, s := range all {
		smallest[s.Name] = slices.Min(s.Rounds)
	}
	for _, s := range all {
		sorted := slices.Sorted(slices.Values(s.Rounds))
		fmt.Fprintf(&w, "| %s | %.1f | %.1f | %.2f | %.0f |\n",
			s.Name, smallest[s.Name], sorted[len(sorted)/2], smallest[s.Name]/smallest[nameReverse], s.Rate)
	}
	ratio, verdict := smallest[nameAgent]/smallest[nameReverse], "reached"
	if ratio > atMost {
		verdict = "**missed**"
	}
	fmt.Fprintf(&w, "\nGoal: the agent at most %.2f of a bare httputil.ReverseProxy: %.2f, %s.", atMost, ratio, verdict)
	if n := smallest[nameNginx]; n > 0 {
		fmt.Fprintf(&w, " Over nginx as a plain proxy: %.2f (no goal).", smallest[nameAgent]/n)
	}
	w.WriteString("\n")
	for _, s := range skipped {
		fmt.Fprintf(&w, "\nNot measured: %s.\n", s)
	}
	return w.String()
}
