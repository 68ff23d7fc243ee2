//go:build !unix

package main

// noCoreDumps does nothing: there are none.
func noCoreDumps() error { return nil }
