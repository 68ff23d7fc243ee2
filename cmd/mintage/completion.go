package main

import "github.com/spf13/cobra"

// completion adds cobra's command that prints completion scripts, with examples
// as all commands have them.
func completion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	cmd, _, err := root.Find([]string{"completion"})
	if err != nil {
		return
	}
	cmd.Args = nounArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.Example = "  mintage completion bash > /etc/bash_completion.d/mintage\n  mintage completion zsh > ~/.zfunc/_mintage"
	for _, shell := range cmd.Commands() {
		shell.Example = "  mintage completion " + shell.Name()
	}
}
