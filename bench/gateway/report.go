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

// atMost is the goal P9: the gateway's time over that of nginx with auth_request
// and the endpoint that it asks.
const atMost = 0.5

// report writes what was measured as Markdown.
func (b *bench) report(ctx context.Context, o options, before string) string {
	var w strings.Builder
	fmt.Fprintf(&w, "# The gateway's cost for a request, %s\n\n", time.Now().UTC().Format("2006-01-02 15:04 UTC"))
	fmt.Fprintf(&w, "Commit %s, %s, %s/%s, %d cores. Load average %s before the run and %s after it. %d connections on loopback, GET with one ES256 "+
		"token and an answer of %d bytes, %d rounds of %v in turns. `go run ./bench/gateway` makes this page.\n",
		turns.Commit(ctx), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), before, turns.LoadAverage(), o.connections,
		turns.AnswerSize, o.rounds, o.length)
	if o.note != "" {
		fmt.Fprintf(&w, "\n%s\n", o.note)
	}
	w.WriteString("\nµs are processor time of all processes in front of the backend for one answer. Requests a second are for information, " +
		"with the generator on the same cores.\n\n| | µs, smallest | µs, median | over ReverseProxy | best requests/s |\n|---|---|---|---|---|\n")
	smallest := map[string]float64{}
	for _, f := range b.fronts {
		smallest[f.name] = f.smallest()
	}
	for _, f := range b.fronts {
		sorted := slices.Sorted(slices.Values(f.rounds))
		fmt.Fprintf(&w, "| %s | %.1f | %.1f | %.2f | %.0f |\n",
			f.name, smallest[f.name], sorted[len(sorted)/2], smallest[f.name]/smallest[nameReverse], f.servers[0].Rate)
	}
	ours := smallest[nameGateway]
	w.WriteString("\n")
	if n := smallest[nameAuth]; n > 0 {
		verdict := "reached"
		if ours/n > atMost {
			verdict = "**missed**"
		}
		fmt.Fprintf(&w, "Goal P9: the gateway at most %.2f of nginx with auth_request: %.2f, %s.", atMost, ours/n, verdict)
		fmt.Fprintf(&w, " Over nginx as a plain proxy: %.2f (goal 1.60).", ours/smallest[nameNginx])
	}
	fmt.Fprintf(&w, " Over a bare ReverseProxy, which looks at nothing: %.2f (no goal).\n", ours/smallest[nameReverse])
	b.reportForward(&w)
	for _, s := range b.skipped {
		fmt.Fprintf(&w, "\nNot measured: %s.\n", s)
	}
	return w.String()
}
