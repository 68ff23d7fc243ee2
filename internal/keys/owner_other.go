//go:build !unix

package keys

import "io/fs"

// ours reports whether a file belongs to the user that this process runs as,
// which only Unix knows.
func ours(fs.FileInfo) bool { return true }
