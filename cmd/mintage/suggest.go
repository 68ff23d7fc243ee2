package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/internal/yamlfile"
)

// nounArgs refuses an argument of a command that only groups others, and names
// the nearest of them.
func nounArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	f := &failure{
		code: exitUsage, what: fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath()), fix: cmd.CommandPath() + " --help",
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand() {
			names = append(append(names, c.Name()), c.Aliases...)
		}
	}
	f.why = suggestion(args[0], names)
	return f
}

// flagError is what cobra says of a wrong flag, with the nearest one that
// exists and the place to look.
func flagError(cmd *cobra.Command, err error) error {
	f := &failure{code: exitUsage, what: err.Error(), fix: cmd.CommandPath() + " --help"}
	if unknown, ok := strings.CutPrefix(err.Error(), "unknown flag: --"); ok {
		name, _, _ := strings.Cut(unknown, "=")
		f.why = suggestion("--"+name, flagNames(cmd))
	}
	return f
}

// suggestion asks about the name that word was most likely meant to be.
func suggestion(word string, names []string) string {
	return strings.TrimPrefix(yamlfile.Suggest(word, names), ": ")
}

// flagNames returns the flags that cmd takes, with their hyphens.
func flagNames(cmd *cobra.Command) []string {
	var names []string
	for line := range strings.Lines(cmd.Flags().FlagUsages()) {
		if _, rest, ok := strings.Cut(line, "--"); ok {
			name, _, _ := strings.Cut(rest, " ")
			names = append(names, "--"+strings.TrimSpace(name))
		}
	}
	return names
}
