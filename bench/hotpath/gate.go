package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// committedFile has the ratios that the code may have, from the root of the
// checkout.
const committedFile = "bench/hotpath/instructions.json"

//go:embed instructions.json
var committed []byte

// tolerance is how much a ratio may grow, for what differs between two runs and
// between processors.
const tolerance = 1.02

// mostRecorded is how much what is kept of requests may add to a token: request
// log, usage and last use, which are off the hot path but for noting them.
const mostRecorded = 1.05

// gate counts the instructions of every hot path and of the bare server's, and
// fails when a ratio of the two has grown. Only the ratio is committed, since
// the counts differ from one processor and one Go release to the next.
func gate(ctx context.Context, update bool) error { //nolint:revive // it is the flag
	counts, err := count(ctx)
	if err != nil {
		return err
	}
	var want map[string]float64
	if err := json.Unmarshal(committed, &want); err != nil {
		return fmt.Errorf("%s: %w", committedFile, err)
	}
	got := map[string]float64{}
	var grown []error
	for _, s := range gated() {
		ours, limit := counts["ours "+s.name], counts["limit "+s.name]
		ratio := ours / limit
		got[s.name] = float64(int(ratio*1000+0.5)) / 1000
		fmt.Printf("%-14s %8.0f instructions, the bare server %8.0f: %.3f, committed %.3f\n", s.name, ours, limit, ratio, want[s.name])
		switch {
		case ratio > want[s.name]*tolerance:
			grown = append(grown, fmt.Errorf("%s takes %.3f times the instructions of the bare server, and may take %.3f: "+
				"find out why, or run .tools/hotpath gate -update and give the reason in the commit", s.name, ratio, want[s.name]))
		case ratio < want[s.name]/tolerance:
			fmt.Printf("%-14s got better: .tools/hotpath gate -update keeps it so\n", s.name)
		}
	}
	for _, s := range gated() {
		without, ok := counts["unrecorded "+s.name]
		if !ok {
			continue // no token is issued
		}
		ratio := counts["ours "+s.name] / without
		fmt.Printf("%-14s %8.0f instructions with request log and usage, %8.0f without: %.3f, at most %.2f\n",
			s.name, counts["ours "+s.name], without, ratio, mostRecorded)
		if ratio > mostRecorded {
			grown = append(grown, fmt.Errorf("%s takes %.3f times the instructions that it takes when nothing is kept of it, and may take %.2f",
				s.name, ratio, mostRecorded))
		}
	}
	if !update {
		return errors.Join(grown...)
	}
	text, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(committedFile, append(text, '\n'), 0o644) //nolint:gosec // a file of the checkout
}

// count runs this program under valgrind, and returns the instructions of one
// request for each step.
func count(ctx context.Context) (map[string]float64, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mintage-instructions-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	dump := filepath.Join(dir, "count")
	cmd := exec.CommandContext(ctx, "valgrind", "--tool=callgrind", "--dump-before=main.mark", //nolint:gosec // ourselves
		"--callgrind-out-file="+dump, self, "-gated")
	// One processor, no collector and no preemption, so that nothing but the
	// requests is counted.
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("valgrind (make setup installs it): %w\n%s", err, said.Bytes()[max(0, said.Len()-2000):])
	}
	counts := map[string]float64{}
	next := 1
	for line := range strings.Lines(out.String()) {
		fields := strings.Fields(line) // side, scenario, requests
		if len(fields) < 3 {
			return nil, fmt.Errorf("a line is %q", line)
		}
		n, err := strconv.Atoi(fields[2])
		if err != nil {
			return nil, err
		}
		next++ // what was done before the first mark
		best, err := least(dump, next)
		if err != nil {
			return nil, err
		}
		next += parts
		counts[fields[0]+" "+fields[1]] = best / float64(n/parts)
	}
	return counts, nil
}

// least returns the smallest count of the parts of a step.
func least(dump string, first int) (float64, error) {
	best := 0.0
	for i := range parts {
		raw, err := os.ReadFile(fmt.Sprintf("%s.%d", dump, first+i))
		if err != nil {
			return 0, fmt.Errorf("valgrind did not find the marks: build this with its symbols, by go build and not by go run: %w", err)
		}
		_, after, ok := strings.Cut(string(raw), "\ntotals: ")
		number, _, _ := strings.Cut(after, "\n")
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !ok {
			return 0, fmt.Errorf("a dump of valgrind has no total: %w", err)
		}
		if best == 0 || n < best {
			best = n
		}
	}
	return best, nil
}
