package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqlscale"
)

// syncTime is the median of a write of 4 KB at the end of a file and its sync.
func syncTime(name string) (time.Duration, error) {
	f, err := os.Create(name) //nolint:gosec // in our own directory
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	var all []time.Duration
	page := make([]byte, 4096)
	for range 500 {
		began := time.Now()
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			return 0, err
		}
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

// floorBatch is how many rows share a commit of the floor: what 64 connections
// can have under way.
const floorBatch = 64

// unnestFloor writes rows as narrow as those of tokens, in batches by unnest on
// one connection, and returns what a row costs this process and the server
// together, in µs: the smallest of the rounds.
func unnestFloor(ctx context.Context, at string, rounds int, length time.Duration) (float64, error) {
	db, err := sqlscale.Open(ctx, at)
	if err != nil {
		return 0, err
	}
	defer db.Close() //nolint:errcheck // the rows are of no use
	if err := db.CreateFloor(ctx); err != nil {
		return 0, err
	}
	best := 0.0
	for range rounds {
		rows := 0
		before, err := bothCPU()
		if err != nil {
			return 0, err
		}
		for end := time.Now().Add(length); time.Now().Before(end); rows += floorBatch {
			if err := db.WriteFloor(ctx, floorBatch); err != nil {
				return 0, err
			}
		}
		after, err := bothCPU()
		if err != nil {
			return 0, err
		}
		if each := float64((after-before)/time.Microsecond) / float64(rows); best == 0 || each < best {
			best = each
		}
	}
	return best, nil
}

// bothCPU is the processor time of this process and of PostgreSQL.
func bothCPU() (time.Duration, error) {
	mine, err := statTime(os.Getpid(), 2)
	if err != nil {
		return 0, err
	}
	theirs, err := postgresCPU()
	return mine + theirs, err
}

// postgresCPU is the processor time of the server that TEST_POSTGRES names: of
// the process that scripts/with-postgres started, its children, and those that
// have ended.
func postgresCPU() (time.Duration, error) {
	u, err := url.Parse(os.Getenv("TEST_POSTGRES"))
	if err != nil {
		return 0, err
	}
	text, err := os.ReadFile(filepath.Join(u.Query().Get("host"), "data", "postmaster.pid")) //nolint:gosec // the script's own folder
	if err != nil {
		return 0, fmt.Errorf("run this by scripts/with-postgres: %w", err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		return 0, err
	}
	sum, err := statTime(pid, 4)
	if err != nil {
		return 0, err
	}
	list, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0, err
	}
	for child := range strings.FieldsSeq(string(list)) {
		n, err := strconv.Atoi(child)
		if err != nil {
			return 0, err
		}
		t, err := statTime(n, 2)
		if err != nil && !errors.Is(err, os.ErrNotExist) { // it has ended
			return 0, err
		}
		sum += t
	}
	return sum, nil
}

// statTime reads utime and stime of a process, and with four fields those of
// its children that have ended too.
func statTime(pid, fields int) (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name in parentheses may have spaces; utime and stime are fields 14
	// and 15 of the whole line.
	all := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	var sum int64
	for _, f := range all[11 : 11+fields] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return time.Duration(sum) * time.Second / ticks, nil
}
