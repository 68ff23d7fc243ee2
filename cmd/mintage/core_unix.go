//go:build unix

package main

import (
	"fmt"
	"syscall"
)

// noCoreDumps keeps what is in memory out of files: keys and secrets are.
func noCoreDumps() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("switch core dumps off: %w", err)
	}
	return nil
}
