// Package chaos_test proves what Mintage promises for bad days, with the real
// binary as a process of its own and real load on it: what was acknowledged
// before a kill -9 is there after it (kill_test.go, R1 of the fault plan), and a
// key rotation refuses no good token wherever it is verified (rotation_test.go,
// R13). What was counted and listed stays so, and a request that is sent again
// under its key is carried out once (record_test.go). The same holds on
// PostgreSQL, whose server is killed too, and a database that is away for a while
// stops no JWT (postgres_test.go, R6 and R11), nor does one whose replica takes
// over (failover_test.go) or to which the way is cut (partition_test.go, R8 and
// R9); a checker of histories finds no contradiction between two nodes
// (history_test.go, R41, with links that fail: link_test.go). Three
// nodes behind nginx lose no request to a restart, and agree within moments
// (cluster_test.go), and are replaced by the next release and by the one before
// again while they do (upgrade_test.go, R15); ten times as many callers as connections to the database
// bring nothing down and leave nothing behind (crowd_test.go). Servers stop in order
// (stop_test.go, R16), share a file (twice_test.go, R33), are backed up under load
// (backup_test.go, R31), bear commits that are refused (conflict_test.go, R8), pauses
// (pause_test.go, R11) and a database that is slow (slowdatabase_test.go, R7). And an
// application behind package consume notices nothing of an issuer that is hostile
// on purpose (hostile_test.go). Nobody notices of slow callers at the gateway
// (slow_test.go, R19), and h2spec finds no more there than at a bare net/http
// server (h2spec_test.go). Nor does anything slow down that should not know of it
// when clients and expired tokens are counted in millions (scale_test.go, R34).
//
// The short form takes seconds, the ordinary one is what CI runs, and
// MINTAGE_CHAOS=long (make chaos) runs 1,000 kills, and the rotations with the
// cache ages of real life.
package chaos_test

import (
	"os"
	"testing"
)

// form is how long the proofs run.
type form int

const (
	formShort form = iota // go test -short
	formCI                // go test
	formLong              // MINTAGE_CHAOS=long
)

// theForm returns the form that was asked for.
func theForm() form {
	switch {
	case os.Getenv("MINTAGE_CHAOS") == "long":
		return formLong
	case testing.Short():
		return formShort
	}
	return formCI
}

// ci reports whether what is missing is a failure: CI has everything.
func ci() bool { return os.Getenv("CI") == "true" }
