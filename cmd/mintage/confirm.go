package main

import (
	"bufio"
	"fmt"
	"strings"
)

// danger says what a command is about to do that cannot be taken back, or that
// is done to production.
type danger struct {
	does string // one sentence, such as "This deletes the client Nightly export."
	name string // what is to be typed to go on
}

// confirmed asks before a dangerous change. Without a terminal to ask at, it is
// an error that names the flag to use. A dry run does nothing and need not ask.
func (a *app) confirmed(d danger) error {
	switch {
	case a.flags.dryRun, a.flags.yes, a.flags.confirm != "" && a.flags.confirm == d.name:
		return nil
	case a.flags.confirm != "":
		return usage(fmt.Sprintf("--confirm %q is not the name %q", a.flags.confirm, d.name), "--confirm "+d.name)
	case !a.canAsk:
		return &failure{
			code: exitUsage, what: d.does + " It needs a confirmation, and there is no terminal to ask at.",
			fix: "--yes or --confirm " + d.name,
		}
	}
	fmt.Fprintf(a.stderr, "%s Type %s to go on: ", d.does, d.name)
	line, err := bufio.NewReader(a.stdin).ReadString('\n')
	if strings.TrimSpace(line) == d.name {
		return nil
	}
	if err != nil {
		fmt.Fprintln(a.stderr)
	}
	return &failure{code: exitFailed, what: "nothing was done"}
}
