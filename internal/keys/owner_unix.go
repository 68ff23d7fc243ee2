//go:build unix

package keys

import (
	"io/fs"
	"os"
	"syscall"
)

// ours reports whether a file belongs to the user that this process runs as.
func ours(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int64(st.Uid) == int64(os.Geteuid())
}
