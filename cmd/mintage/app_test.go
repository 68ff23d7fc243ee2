package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/internal/explain"
)

// process is an app whose streams a test can read.
type process struct {
	app
	out, err bytes.Buffer
}

func newProcess(stdin string, env map[string]string) *process {
	p := new(process)
	p.app = app{
		stdin: strings.NewReader(stdin), stdout: &p.out, stderr: &p.err,
		env: func(name string) string { return env[name] },
	}
	return p
}

func TestConfirmed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		flags globalFlags
		ask   bool
		typed string
		want  int
	}{
		{name: "typed", ask: true, typed: "Nightly export\n"},
		{name: "typed without a line break", ask: true, typed: "Nightly export"},
		{name: "something else typed", ask: true, typed: "yes\n", want: exitFailed},
		{name: "nothing typed", ask: true, want: exitFailed},
		{name: "nobody to ask", want: exitUsage},
		{name: "--yes", flags: globalFlags{yes: true}},
		{name: "--confirm", flags: globalFlags{confirm: "Nightly export"}},
		{name: "--confirm of another", flags: globalFlags{confirm: "Nightly"}, ask: true, typed: "Nightly export\n", want: exitUsage},
		{name: "--dry-run", flags: globalFlags{dryRun: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newProcess(test.typed, nil)
			p.flags, p.canAsk = test.flags, test.ask
			err := p.confirmed(danger{does: "This deletes Nightly export.", name: "Nightly export"})
			if got := p.report(err); got != test.want {
				t.Errorf("exit code %d, want %d: %v", got, test.want, err)
			}
			asked := strings.HasPrefix(p.err.String(), "This deletes Nightly export. Type Nightly export to go on: ")
			if wantAsked := test.ask && test.flags.confirm == ""; asked != wantAsked {
				t.Errorf("asked %t, want %t: %s", asked, wantAsked, p.err.String())
			}
			if p.out.Len() > 0 {
				t.Errorf("standard output has %q", p.out.String())
			}
		})
	}
}

func TestPrintForms(t *testing.T) {
	t.Parallel()
	r := result{
		doc: []map[string]string{{"id": "<a>"}}, head: []string{"ID", "NAME"},
		rows: [][]string{{"<a>", "evil\x1b[31m\tname\n"}}, name: []string{"<a>"}, note: "a note",
	}
	for _, test := range []struct {
		name     string
		flags    globalFlags
		terminal bool
		want     string
		note     bool
	}{
		{name: "cells", want: "<a>\tevil [31m name \n", note: true},
		{name: "table at a terminal", terminal: true, want: "ID   NAME\n<a>  evil [31m name \n", note: true},
		{name: "table", flags: globalFlags{output: "table"}, want: "ID   NAME\n<a>  evil [31m name \n", note: true},
		{name: "name", flags: globalFlags{output: "name"}, want: "<a>\n", note: true},
		{name: "json", flags: globalFlags{json: true}, want: "[\n  {\n    \"id\": \"<a>\"\n  }\n]\n"},
		{name: "yaml", flags: globalFlags{output: "yaml"}, want: "- id: <a>\n"},
		{name: "jq", flags: globalFlags{jq: ".[].id"}, want: "<a>\n"},
		{name: "jq document", flags: globalFlags{jq: "length"}, want: "1\n"},
		{name: "template", flags: globalFlags{template: "{{range .}}{{.id}}{{end}}"}, want: "<a>\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newProcess("", nil)
			p.flags, p.terminal = test.flags, test.terminal
			if err := p.print(r); err != nil {
				t.Fatal(err)
			}
			if got := p.out.String(); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			if got := p.err.String() == "a note\n"; got != test.note {
				t.Errorf("note %t, want %t", got, test.note)
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	problem := func(status int) error {
		return fmt.Errorf("wrapped: %w", &adminclient.Problem{Status: status, TraceID: "req_1"})
	}
	for _, test := range []struct {
		err  error
		want int
	}{
		{nil, exitOK},
		{errors.New("anything"), exitFailed},
		{silent(exitDifferent), exitDifferent},
		{problem(http.StatusBadRequest), exitUsage},
		{problem(http.StatusUnauthorized), exitDenied},
		{problem(http.StatusForbidden), exitDenied},
		{problem(http.StatusNotFound), exitNotFound},
		{problem(http.StatusConflict), exitConflict},
		{problem(http.StatusPreconditionFailed), exitConflict},
		{problem(http.StatusServiceUnavailable), exitUnreachable},
		{problem(http.StatusInternalServerError), exitFailed},
		{context.DeadlineExceeded, exitUnreachable},
		{&consume.Error{Status: http.StatusUnauthorized, Code: "invalid_client"}, exitDenied},
		{&consume.Error{Status: http.StatusBadRequest, Code: "invalid_scope"}, exitDenied},
		{&consume.Error{Status: http.StatusBadRequest, Code: "invalid_request"}, exitFailed},
		{&consume.Error{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable"}, exitUnreachable},
		{&consume.Error{Cause: errors.New("connection refused")}, exitUnreachable},
	} {
		p := newProcess("", nil)
		if got := p.report(test.err); got != test.want {
			t.Errorf("%v: exit code %d, want %d", test.err, got, test.want)
		}
	}
}

// TestReport holds the form of an error: what, why, fix, id.
func TestReport(t *testing.T) {
	t.Parallel()
	p := newProcess("", nil)
	code := p.report(&adminclient.Problem{
		Status: http.StatusConflict, Code: "secret.limit", Title: "Too many.", TraceID: "req_1",
		Errors: []adminclient.MemberError{{Pointer: "/name", Detail: "one"}, {Detail: "two"}},
	})
	reason, _ := explain.Lookup("secret.limit")
	want := "error: Too many.\n  why: /name: one\n       two\n  fix: " + reason.Cure + "\n  id:  req_1\n"
	if got := p.err.String(); got != want || code != exitConflict {
		t.Errorf("exit code %d\ngot  %q\nwant %q", code, got, want)
	}
}

// TestInterrupted cancels a command while it waits for a server.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server does not notice that the client is gone
		cancel()
		<-r.Context().Done()
	}))
	t.Cleanup(srv.Close)
	p := newProcess("", map[string]string{"MINTAGE_CLIENT_SECRET": "hunter2"})
	if got := p.execute(ctx, []string{"token", "get", "--url", srv.URL, "--client-id", "a"}); got != exitInterrupted {
		t.Errorf("exit code %d, want %d: %s", got, exitInterrupted, p.err.String())
	}
}

// TestHostileServer asks servers for a token that answer nonsense, redirect or
// never stop, and looks for the secret in what is said about it.
func TestHostileServer(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
		},
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			for range 4 << 10 {
				if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<10)); err != nil {
					return
				}
			}
		},
		"html": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>hello</html>")) },
		"control": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"access_token":"a\u001b[2J","token_type":"Bearer"}`))
		},
		"escapes": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_request","error_description":"\u001b[2J\n\nerror: fake"}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(answer)
			t.Cleanup(srv.Close)
			p := newProcess("", map[string]string{"MINTAGE_CLIENT_SECRET": "hunter2", "MINTAGE_DEBUG": "http"})
			code := p.execute(t.Context(), []string{"token", "get", "--url", srv.URL + "?q=1", "--dialect", "doorkeeper", "--client-id", "a"})
			if code == exitOK || p.out.Len() > 0 {
				t.Errorf("exit code %d, standard output %q", code, p.out.String())
			}
			if said := p.err.String(); strings.Contains(said, "hunter2") || strings.ContainsAny(said, "\x1b") || strings.Contains(said, "\nerror: fake") {
				t.Errorf("standard error has %q", said)
			}
		})
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]time.Duration{"0s": 0, "0": 0, "30s": 30 * time.Second, "90d": 90 * 24 * time.Hour} {
		if got, err := duration(in); err != nil || got != want {
			t.Errorf("%s: got %s, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "never", "soon", "-1s", "1.5h"} {
		if got, err := duration(in); err == nil {
			t.Errorf("%q: got %s, want an error", in, got)
		}
	}
	for in, want := range map[time.Duration]string{
		0: "0 s", 59 * time.Second: "59 s", 41*time.Minute + 5*time.Second: "41 min",
		90 * time.Minute: "1 h 30 min", 47 * time.Hour: "47 h", time.Hour - time.Millisecond: "1 h", 14 * 24 * time.Hour: "14 days",
	} {
		if got := humanDuration(in); got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
	for in, want := range map[int64]string{1: "1 s", 60: "1 min", 3600: "1 h", 86400: "1 d", 1209600: "14 d", 90: "90 s"} {
		if got := seconds(in); got != want {
			t.Errorf("%d: got %q, want %q", in, got, want)
		}
	}
}

func TestSoftLimit(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]int64{
		"max\n": memoryLimit, "nonsense": memoryLimit, "0": memoryLimit, "268435456\n": 214748364, "17179869184": memoryLimit,
	} {
		path := filepath.Join(t.TempDir(), "memory.max")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := softLimit(path); got != want {
			t.Errorf("%q: got %d, want %d", content, got, want)
		}
	}
	if got := softLimit(filepath.Join(t.TempDir(), "none")); got != memoryLimit {
		t.Errorf("without a file: got %d, want %d", got, memoryLimit)
	}
}

// TestInspectClaims holds claims that are not what they should be.
func TestInspectClaims(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	for _, test := range []struct{ name, raw, want string }{
		{"exp", `1800002460`, "2027-01-15 08:41 UTC, in 41 min"},
		{"exp", `1799999999.5`, "2027-01-15 07:59 UTC, 1 s ago"},
		{"exp", `"soon"`, "soon"},
		{"exp", `1e300`, "1e300"},
		{"exp", `-5`, "-5"},
		{"aud", `["a","b"]`, "a b"},
		{"cnf", `{ "jkt": "x" }`, `{"jkt":"x"}`},
		{"scope", `"a b"`, "a b"},
		{"x", `null`, ""},
	} {
		if got := showMember(test.name, []byte(test.raw), now); got != test.want {
			t.Errorf("%s %s: got %q, want %q", test.name, test.raw, got, test.want)
		}
	}
}

func TestGCPercent(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for live, want := range map[uint64]int{0: 400, 16 * mib: 400, 17 * mib: 350, 30 * mib: 200, 60 * mib: 100, 64 * mib: 100, 4096 * mib: 100} {
		if got := gcPercent(live); got != want {
			t.Errorf("with %d MiB live: %d, want %d", live/mib, got, want)
		}
	}
}
