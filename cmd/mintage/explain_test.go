package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mintage-auth/mintage/internal/explain"
)

// Each reason is explained by the command, in the words of the table, and has
// its page; and each page is of a reason.
func TestExplainReasons(t *testing.T) {
	t.Parallel()
	const dir = "../../docs/errors/reasons"
	pages := map[string]bool{}
	files, err := filepath.Glob(dir + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		pages[strings.TrimSuffix(filepath.Base(file), ".md")] = true
	}
	for _, r := range explain.Reasons() {
		p := newProcess("", nil)
		root := p.root()
		root.SetArgs([]string{"explain", r.Code})
		if err := root.ExecuteContext(t.Context()); err != nil {
			t.Errorf("%s: %v", r.Code, err)
			continue
		}
		for _, want := range []string{"why  " + r.Cause, "reason " + r.Code, r.Cure, "/docs/errors/reasons/" + r.Code} {
			if !strings.Contains(p.out.String(), want) {
				t.Errorf("%s: %q is not in\n%s", r.Code, want, p.out.String())
			}
		}
		page, err := os.ReadFile(filepath.Join(dir, r.Code+".md"))
		if err != nil || !strings.Contains(string(page), r.Cause) || !strings.Contains(string(page), r.Cure) {
			t.Errorf("%s: the page is not of this reason: %v", r.Code, err)
		}
		delete(pages, r.Code)
	}
	for code := range pages {
		t.Errorf("%s has a page and is no reason", code)
	}
}

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
