package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/internal/explain"
)

// Exit codes; docs/reference/exit-codes.md explains them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitDifferent   = 3
	exitDenied      = 4
	exitNotFound    = 5
	exitConflict    = 6
	exitUnreachable = 7
	exitNo          = 8
	exitInterrupted = 130
)

// failure is an error as the command line prints it: what went wrong, why, what
// to do next, and the id that finds it in the server's log.
type failure struct {
	code  int
	what  string
	why   string
	fix   string
	trace string
}

// Error returns what went wrong and why, in one line.
func (f *failure) Error() string {
	if f.why == "" {
		return f.what
	}
	return f.what + ": " + f.why
}

// silent ends the program with a code after everything has been said.
type silent int

func (s silent) Error() string { return fmt.Sprintf("exit %d", int(s)) }

// usage is a failure of the words on the command line.
func usage(what, fix string) error { return &failure{code: exitUsage, what: what, fix: fix} }

// report prints err and returns the exit code.
func (a *app) report(err error) int {
	if err == nil {
		return exitOK
	}
	if s, ok := errors.AsType[silent](err); ok {
		return int(s)
	}
	f := describe(err)
	fmt.Fprintf(a.stderr, "error: %s\n", f.what)
	for _, line := range []struct{ label, text string }{{"  why: ", f.why}, {"  fix: ", f.fix}, {"  id:  ", f.trace}} {
		if line.text != "" {
			fmt.Fprintf(a.stderr, "%s%s\n", line.label, strings.ReplaceAll(line.text, "\n", "\n       "))
		}
	}
	return f.code
}

// describe turns any error into a failure.
func describe(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if p, ok := errors.AsType[*adminclient.Problem](err); ok {
		return describeProblem(p)
	}
	if e, ok := errors.AsType[*consume.Error](err); ok {
		return describeToken(e)
	}
	_, isURL := errors.AsType[*url.Error](err)
	_, isNet := errors.AsType[net.Error](err)
	switch {
	case isURL, isNet, errors.Is(err, context.DeadlineExceeded):
		return &failure{
			code: exitUnreachable, what: "the server cannot be reached", why: err.Error(),
			fix: "start it with: mintage serve   or set MINTAGE_URL",
		}
	case strings.HasPrefix(err.Error(), "unknown command"), strings.HasPrefix(err.Error(), "accepts "),
		strings.HasPrefix(err.Error(), "requires "), strings.HasPrefix(err.Error(), "required flag"),
		strings.HasPrefix(err.Error(), "at least one of the flags"), strings.HasPrefix(err.Error(), "if any flags in the group"):
		first, rest, _ := strings.Cut(err.Error(), "\n\n")
		return &failure{code: exitUsage, what: first, why: strings.TrimSpace(rest), fix: "mintage --help"}
	}
	return &failure{code: exitFailed, what: err.Error()}
}

// describeProblem turns an answer of the admin API into a failure.
func describeProblem(p *adminclient.Problem) *failure {
	f := &failure{code: exitFailed, what: p.Title, why: p.Detail, trace: p.TraceID}
	if p.Title == "" {
		f.what = http.StatusText(p.Status)
	}
	for _, e := range p.Errors {
		f.why = strings.TrimPrefix(f.why+"\n"+strings.TrimPrefix(e.Pointer+": "+e.Detail, ": "), "\n")
	}
	if reason, ok := explain.Lookup(p.Code); ok {
		f.fix = reason.Cure
	}
	switch p.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		f.code = exitDenied
		if p.Code == "session.ended" {
			break
		}
		f.fix = "use credentials with the scope that the command needs: MINTAGE_CREDENTIALS_FILE"
	case http.StatusNotFound:
		f.code = exitNotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		f.code = exitConflict
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		f.code = exitUsage
	case http.StatusServiceUnavailable:
		f.code = exitUnreachable
	}
	return f
}

// describeToken turns a refused token request into a failure.
func describeToken(e *consume.Error) *failure {
	f := &failure{code: exitFailed, what: "no token", why: e.Description, trace: e.TraceID}
	if e.Code != "" {
		f.what += ": " + e.Code
	}
	if f.why == "" && e.Cause != nil {
		f.why = e.Cause.Error()
	}
	switch e.Code {
	case "":
		if f.why == "" {
			f.why = fmt.Sprintf("the server answered %d", e.Status)
		}
	case "invalid_client", "unauthorized_client":
		f.code, f.fix = exitDenied, "check the client id and the secret"
	case "invalid_scope", "invalid_target":
		f.code, f.fix = exitDenied, "ask for what the client may have: mintage client show"
	case "invalid_dpop_proof":
		f.code, f.fix = exitDenied, "this command makes no DPoP proofs: ask with a library that does"
	}
	switch {
	case e.Temporary():
		f.code, f.fix = exitUnreachable, "check the URL, or try again later"
	case e.Status == 0:
		f.code = exitUsage
	}
	return f
}
