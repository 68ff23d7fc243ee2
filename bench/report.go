package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report writes what was measured as Markdown.
func (b *bench) report(ctx context.Context) string {
	var w strings.Builder
	fmt.Fprintf(&w, "# Figures of %s\n\n", b.began.UTC().Format("2006-01-02 15:04 UTC"))
	fmt.Fprintf(&w, "Commit %s, %s, %s/%s, %d cores, %s. Load average %s before the run and %s after it (the generator included). "+
		"%d connections on loopback, %d rounds of %v in turns. `make bench` makes this page.\n",
		commit(ctx), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), machine(), b.load, loadAverage(),
		b.connections, b.rounds, b.length)
	if b.note != "" {
		fmt.Fprintf(&w, "\n%s\n", b.note)
	}
	w.WriteString("\nµs are processor time of the server process for one answer, the smallest of the rounds; in parentheses the median. " +
		"The ratios are what counts: they are from one run. Requests a second and latencies (of the best round) are for information, " +
		"with the load generator on the same cores.\n")
	b.goals(&w)
	b.peerGoals(&w)
	b.importedGoal(&w)
	b.tenantGoal(&w)
	b.startGoal(&w)
	b.memoryGoal(&w)
	b.everything(&w)
	if len(b.skipped) > 0 {
		w.WriteString("\n## Not measured\n\n")
		for _, s := range b.skipped {
			fmt.Fprintf(&w, "- %s\n", s)
		}
	}
	return w.String()
}

// goals is ours over the limit.
func (b *bench) goals(w *strings.Builder) {
	w.WriteString("\n## Ours and the bare net/http server\n\n" +
		"| goal | scenario | ours, µs | limit, µs | ratio | at most | |\n|---|---|---|---|---|---|---|\n")
	for _, s := range scenarios() {
		ours, limit := b.runs[s.name], b.runs["limit "+s.limit]
		if ours == nil || limit == nil {
			continue
		}
		floor := fmt.Sprintf("%.1f (%s)", limit.cpu, s.limit[1:])
		if s.extra > 0 {
			floor = fmt.Sprintf("%.1f (%s) + %.1f for a row", limit.cpu, s.limit[1:], s.extra)
		}
		ratio := ours.cpu / (limit.cpu + s.extra)
		fmt.Fprintf(w, "| %s | %s | %.1f (%.1f) | %s | %.2f | %.2f | %s |\n",
			s.goal, s.name, ours.cpu, median(ours.all), floor, ratio, s.atMost, verdict(ratio, s.atMost))
	}
	if b.one.answers > 0 {
		fmt.Fprintf(w, "\nP5, stored with one connection: p50 %v, p99 %v for each token (written and synced before the answer).\n",
			b.one.p50.Round(time.Microsecond), b.one.p99.Round(time.Microsecond))
	}
}

// peerGoals is ours over the peers.
func (b *bench) peerGoals(w *strings.Builder) {
	var rows strings.Builder
	for _, s := range scenarios() {
		ours := b.runs[s.name]
		if ours == nil {
			continue
		}
		for _, g := range s.peers {
			theirs := b.runs[g.peer]
			if theirs == nil {
				continue
			}
			ratio, atMost, said := ours.cpu/theirs.cpu, "-", "no goal"
			if g.atMost > 0 {
				atMost, said = fmt.Sprintf("%.2f", g.atMost), verdict(ratio, g.atMost)
			}
			fmt.Fprintf(&rows, "| %s | %s | %.1f | %s | %.1f | %.3f | %s | %s |\n",
				s.goal, s.name, ours.cpu, g.peer, theirs.cpu, ratio, atMost, said)
		}
	}
	if rows.Len() > 0 {
		w.WriteString("\n## Ours and peers\n\nThe peers keep everything in memory and compare a plain secret.\n\n" +
			"| goal | scenario | ours, µs | peer | theirs, µs | ratio | at most | |\n|---|---|---|---|---|---|---|---|\n" + rows.String())
	}
}

// tenantGoal is P17.
func (b *bench) tenantGoal(w *strings.Builder) {
	one, all, alone := b.runs[manyOne], b.runs[manyAll], b.runs["JWT ES256"]
	if one == nil || all == nil || alone == nil {
		return
	}
	fmt.Fprintf(w, "\n## P17: %d tenants on one server\n\n| | µs for each token | ratio | at most | |\n|---|---|---|---|---|\n", b.tenants)
	fmt.Fprintf(w, "| a server with one tenant | %.1f | | | |\n", alone.cpu)
	fmt.Fprintf(w, "| %d tenants, all tokens from one of them | %.1f | %.2f | 1.10 | %s |\n",
		b.tenants, one.cpu, one.cpu/alone.cpu, verdict(one.cpu/alone.cpu, 1.1))
	fmt.Fprintf(w, "| %d tenants, tokens from each in turn | %.1f | %.2f | 1.10 | %s |\n",
		b.tenants, all.cpu, all.cpu/alone.cpu, verdict(all.cpu/alone.cpu, 1.1))
	fmt.Fprintf(w, "| the first token of each of them since the start | %.1f | %.2f | no goal | |\n", b.firsts.cpu, b.firsts.cpu/alone.cpu)
	small, large := b.find("mintage"), b.find(fmt.Sprintf("mintage, %d tenants", b.tenants))
	each := float64(large.idle-small.idle) / float64(b.tenants)
	fmt.Fprintf(w, "\nMemory for each idle tenant: %.0f bytes (at most 2,048: %s), after the load on all of them %.0f bytes.\n",
		each, verdict(each, 2048), float64(large.loaded-small.loaded)/float64(b.tenants))
}

func (b *bench) find(name string) memory {
	for _, m := range b.memory {
		if m.name == name {
			return m
		}
	}
	return memory{}
}

// startGoal is P12.
func (b *bench) startGoal(w *strings.Builder) {
	if len(b.starts) == 0 {
		return
	}
	w.WriteString("\n## P12: from exec to the first 200 token\n\n" +
		"Goal: at most 14 ms on the machine of performance.md, at most 3 x go-oauth2 and 1/25 of oidc-provider; first boot at most 60 ms.\n\n" +
		"| server | fastest, ms | median, ms |\n|---|---|---|\n")
	for _, s := range b.starts {
		fmt.Fprintf(w, "| %s | %.1f | %.1f |\n", s.name, ms(s.best), ms(s.usual))
	}
	ours := b.start(startOne)
	w.WriteString("\nOurs, the fastest: " + held("%.1f ms", ours, 14) + ", first boot " + held("%.1f ms", b.start(startFirst), 60))
	if theirs := b.start("go-oauth2 opaque"); theirs > 0 {
		w.WriteString(", over go-oauth2 " + held("%.1f", ours/theirs, 3))
	}
	if theirs := b.start("oidc-provider"); theirs > 0 {
		w.WriteString(", over oidc-provider " + held("%.3f", ours/theirs, 1.0/25))
	}
	if many := b.start(startMany); many > 0 {
		w.WriteString(". P17, many tenants more than one: " + held("%.1f ms", many-ours, 10))
	}
	w.WriteString(".\n")
}

// start returns the fastest start of a server, in milliseconds.
func (b *bench) start(name string) float64 {
	for _, s := range b.starts {
		if s.name == name {
			return ms(s.best)
		}
	}
	return 0
}

// held prints a figure, its bound and the verdict.
func held(format string, got, atMost float64) string {
	bound := strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", atMost), "0"), ".")
	return fmt.Sprintf(format+" (at most %s: %s)", got, bound, verdict(got, atMost))
}

// memoryGoal is P13.
func (b *bench) memoryGoal(w *strings.Builder) {
	w.WriteString("\n## P13: memory, resident\n\n" +
		"Goal: at most 16 MB idle and 30 MB after load, and twice the bare server. " +
		"The bare server runs with the same collector settings (GOGC=400).\n\n" +
		"| process | idle, MB | after the load, MB |\n|---|---|---|\n")
	for _, m := range b.memory {
		fmt.Fprintf(w, "| %s | %.1f | %.1f |\n", m.name, float64(m.idle)/1e6, float64(m.loaded)/1e6)
	}
	ours, limit := b.find("mintage"), b.find(limitName)
	fmt.Fprintf(w, "\nOurs: idle %s, after the load of all scenarios %s; over the bare server, idle %s, after the load %s.\n",
		held("%.1f MB", float64(ours.idle)/1e6, 16), held("%.1f MB", float64(ours.loaded)/1e6, 30),
		held("%.2f", float64(ours.idle)/float64(limit.idle), 2), held("%.2f", float64(ours.loaded)/float64(limit.loaded), 2))
}

// everything lists each thing that was measured.
func (b *bench) everything(w *strings.Builder) {
	w.WriteString("\n## All figures\n\n| | µs, smallest | µs, median | µs, all rounds | best requests/s | p50 | p99 |\n|---|---|---|---|---|---|---|\n")
	for _, name := range b.order {
		m := b.runs[name]
		rounds := make([]string, 0, len(m.all))
		for _, v := range m.all {
			rounds = append(rounds, fmt.Sprintf("%.1f", v))
		}
		fmt.Fprintf(w, "| %s | %.1f | %.1f | %s | %.0f | %.2f ms | %.2f ms |\n",
			name, m.cpu, median(m.all), strings.Join(rounds, " "), m.rate, ms(m.p50), ms(m.p99))
	}
}

// verdict says whether a goal was reached.
func verdict(got, atMost float64) string {
	if got <= atMost {
		return "reached"
	}
	return "**missed**"
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[len(sorted)/2]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// commit is the commit of the tree, with a mark when it was changed.
func commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--abbrev=12").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// machine is the processor's name.
func machine() string {
	raw, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(raw)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
