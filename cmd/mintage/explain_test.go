package main

import (
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptWaitRequests waits until the request log of a tenant counts so many
// requests with a reason: waitrequests TENANT REASON COUNT.
func scriptWaitRequests(ts *testscript.TestScript, _ bool, args []string) {
	const patience = 10 * time.Second
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < patience; <-tick.C {
		err := ts.Exec("mintage", "log", "list", "--tenant", args[0], "--reason", args[1], "--jq", "[.[].count] | add")
		if err == nil && strings.TrimSpace(ts.ReadFile("stdout")) == args[2] {
			return
		}
	}
	ts.Fatalf("no %s requests with the reason %s after %s: %s", args[2], args[1], patience, ts.ReadFile("stdout"))
}
