package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"
)

// app is what commands see of the process, so that tests can replace it.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) string
	terminal       bool // stdout is one
	canAsk         bool // stdin is one, and questions are allowed

	flags globalFlags
}

// globalFlags are the flags of every command that talks to a server.
type globalFlags struct {
	url         string
	credentials string
	profile     string
	tenant      string

	output   string
	json     bool
	jq       string
	template string

	yes     bool
	confirm string
	dryRun  bool
}

// execute runs the command that args name and returns the exit code.
func (a *app) execute(ctx context.Context, args []string) int {
	root := a.root() //nolint:contextcheck // commands get ctx from cobra
	root.SetArgs(args)
	root.SetContext(ctx)
	err := root.ExecuteContext(ctx)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	return a.report(err)
}

// root returns the tree of commands.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "mintage",
		Short: "OAuth 2.0 for machines: issue, enforce and use client-credentials tokens",
		Example: `  mintage dev
  mintage serve --config server.yaml
  mintage client create "Nightly export" --tenant prod --api https://api.example --scope orders/read -o json`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		Args:              nounArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.checkOutput(cmd) },
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(help)
	root.AddCommand(
		a.devCommand(), a.initCommand(), a.serveCommand(), a.loginCommand(), a.logoutCommand(), a.whoamiCommand(), a.gatewayCommand(), a.agentCommand(),
		a.applyCommand(), a.diffCommand(), a.exportCommand(), a.importCommand(),
		a.tenantCommand(), a.organizationCommand(), a.operatorCommand(), a.apiCommand(), a.scopeCommand(), a.clientCommand(), a.keyCommand(), a.masterKeyCommand(), a.adminCredentialsCommand(), a.tokenCommand(),
		a.explainCommand(), a.logCommand(), a.auditCommand(), a.usageCommand(), a.attackCommand(),
		a.statusCommand(), a.doctorCommand(), a.configCommand(), a.backupCommand(), a.restoreCommand(), a.migrateCommand(), a.hashCommand(), a.lintCommand(), a.dialectCommand(), a.versionCommand(),
	)
	root.AddCommand(helpTopics()...)
	completion(root)
	return root
}

// serverFlags adds the flags of a command that talks to a server.
func (a *app) serverFlags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVar(&a.flags.url, "url", "", "URL of the admin listener (default $MINTAGE_URL, else the credentials file's or the profile's)")
	f.StringVar(&a.flags.credentials, "credentials-file", "", "administrator's credentials (default $MINTAGE_CREDENTIALS_FILE, else the profile's)")
	f.StringVar(&a.flags.profile, "profile", "", "profile of mintage login, with its server and session (default $MINTAGE_PROFILE, else the one signed in to last)")
}

// tenantFlag adds --tenant.
func (a *app) tenantFlag(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&a.flags.tenant, "tenant", "", "tenant (default $MINTAGE_TENANT, else the profile's, else the only one)")
}

// outputFlags adds the flags that choose how data is printed.
func (a *app) outputFlags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVarP(&a.flags.output, "output", "o", "", "json, yaml, table, name or env (default: table on a terminal, else tab-separated)")
	f.BoolVar(&a.flags.json, "json", false, "the same as --output json")
	f.StringVar(&a.flags.jq, "jq", "", "print what this jq expression makes of the JSON")
	f.StringVar(&a.flags.template, "template", "", "print what this Go template makes of the JSON")
}

// writeFlags adds the flags of a command that changes something.
func (a *app) writeFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&a.flags.yes, "yes", false, "do not ask")
	f.StringVar(&a.flags.confirm, "confirm", "", "do not ask, if this is the name of what changes")
	f.BoolVar(&a.flags.dryRun, "dry-run", false, "say what would be done and do nothing")
}
