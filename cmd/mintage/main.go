// Command mintage is the authorization server and its command line.
//
// One file per noun: serve.go and dev.go run the server; apply.go, client.go,
// secret.go, key.go, tenant.go, api.go and token.go talk to a running one
// through adminclient and never touch its database. What all commands share is
// in app.go (the process, as far as commands see it), connect.go (the way to
// the admin API), output.go (formats), confirm.go (danger) and exit.go (exit
// codes and the three lines of an error).
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

func main() { os.Exit(run()) }

// outlastSIGTERM keeps further SIGTERMs from cutting short how a server ends:
// supervisors send more than one, and what is under way has a bound of its own.
// Ctrl-C, once the end has begun, ends the process at once.
func outlastSIGTERM() { signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM) }

// run is main without the exit, so that testscript can call it.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends what does not end in order
	a := &app{
		stdin:    os.Stdin,
		stdout:   os.Stdout,
		stderr:   os.Stderr,
		env:      os.Getenv,
		terminal: term.IsTerminal(int(os.Stdout.Fd())),
		canAsk:   term.IsTerminal(int(os.Stdin.Fd())) && os.Getenv("MINTAGE_NO_INPUT") == "",
	}
	return a.execute(ctx, os.Args[1:])
}
