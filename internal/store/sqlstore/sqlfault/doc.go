// Package sqlfault is a disk that fails on purpose, for tests: SQLite's calls of
// files below a directory fail when they are told to, or are recorded, so that
// the moment of a power cut can be made anew, any of them.
//
// It is a VFS of SQLite around the one that is the default, and becomes the
// default itself in the process that uses it; files below other directories pass
// it by. The parts are disk.go (which call fails), record.go (what a power cut
// leaves) and vfs.go (the way into SQLite).
package sqlfault
