//go:build unix

package main

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives a file the owner of another, who reads it when the server
// starts.
func keepOwner(f *os.File, as fs.FileInfo) error {
	s, ok := as.Sys().(*syscall.Stat_t)
	if !ok || int(s.Uid) == os.Getuid() {
		return nil
	}
	if err := f.Chown(int(s.Uid), int(s.Gid)); err != nil {
		return fmt.Errorf("the file belongs to another user: run this as that user: %w", err)
	}
	return nil
}
