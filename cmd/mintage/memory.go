package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

const (
	// gcMost lets the heap grow to five times what lives, while that is little:
	// collecting it often costs more than the memory. gcLeast is Go's own.
	gcMost, gcLeast = 400, 100
	// gcRoom is how much the heap may grow between two collections, in bytes, as
	// far as gcLeast and gcMost let it.
	gcRoom = 64 << 20
	// gcEvery is how often that is looked at.
	gcEvery = 10 * time.Second

	// memoryLimit is where the collector works harder, in bytes, unless the
	// container has less. It is soft: nothing fails there.
	memoryLimit = 1 << 30
	// cgroupLimit holds how much memory the container has, in bytes, or max.
	cgroupLimit = "/sys/fs/cgroup/memory.max"
)

// tuneMemory sets the collector for a server until ctx ends, unless the usual
// variables do.
func (a *app) tuneMemory(ctx context.Context) {
	if a.env("GOGC") == "" {
		debug.SetGCPercent(gcMost)
		go followHeap(ctx)
	}
	if a.env("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softLimit(cgroupLimit))
	}
}

// followHeap sets the collector by what lives.
func followHeap(ctx context.Context) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	tick := time.NewTicker(gcEvery)
	defer tick.Stop()
	for current := gcMost; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(live)
		if next := gcPercent(live[0].Value.Uint64()); next != current {
			debug.SetGCPercent(next)
			current = next
		}
	}
}

// gcPercent is how much the heap may grow, in hundredths of what lives, in
// steps: each change stops the world for a moment.
func gcPercent(live uint64) int {
	const step = 50
	percent := gcMost
	if live > gcRoom*100/gcMost {
		percent = int(gcRoom*100/live) / step * step
	}
	return max(percent, gcLeast)
}

// softLimit is memoryLimit, or four fifths of what a container has.
func softLimit(cgroup string) int64 {
	data, err := os.ReadFile(cgroup) // #nosec G304 -- a file of the kernel
	if err != nil {
		return memoryLimit
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	if err != nil || n <= 0 {
		return memoryLimit
	}
	return min(memoryLimit, n/5*4)
}
