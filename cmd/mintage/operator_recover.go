package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/config"
	"github.com/mintage-auth/mintage/internal/server"
)

func (a *app) operatorSessionsCommand() *cobra.Command {
	var end string
	var endAll bool
	cmd := &cobra.Command{
		Use:   "sessions OPERATOR",
		Short: "List where an operator is signed in, or sign them out",
		Example: `  mintage operator sessions bob@example.com
  mintage operator sessions bob@example.com --end-all`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			api, o, err := a.findOperator(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if end != "" || endAll {
				return api.EndSessions(cmd.Context(), o.ID, end)
			}
			return listed(a, []string{"ID", "BY", "FROM", "SINCE", "LAST SEEN", "BROWSER"}, api.Sessions(cmd.Context(), o.ID, wholeList),
				func(s *adminclient.Session) (string, []string) {
					return s.ID, []string{s.ID, s.Method, s.Address, when(s.CreatedAt), when(s.LastSeenAt), s.UserAgent}
				})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&end, "end", "", "identifier of the session to end")
	fl.BoolVar(&endAll, "end-all", false, "end all of them")
	cmd.MarkFlagsMutuallyExclusive("end", "end-all")
	return cmd
}

func (a *app) operatorRecoverCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "recover EMAIL",
		Short: "Make a one-time link when nobody can sign in any more",
		Long: `Make a link that works once, for a day: for the operator of that address it gives
other credentials, and ends those that they had; if there is none, it makes an owner.
It works on the data directory itself, on the machine and as the user of the server,
which may be running. Whoever can do this can read the master key, so that it needs
no other permission; the audit log says that the server did it. Where the console has
a listener or a URL of its own, name the settings file or say so, as to the server.`,
		Example: `  mintage operator recover ada@example.com --data /var/lib/mintage
  mintage operator recover ada@example.com --config server.yaml`,
		Args: cobra.ExactArgs(1),
	}
	sources := a.dataFlags(cmd, "console-listen", "console-url")
	a.outputFlags(cmd)
	a.writeFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.operatorRecover(cmd.Context(), sources(), args[0])
	}
	return cmd
}

func (a *app) operatorRecover(ctx context.Context, src config.Sources, email string) error {
	settings, err := a.dataSettings(src, "mintage operator recover --help")
	if err != nil {
		return err
	}
	if err := mintage.ValidateEmail(mintage.NormalEmail(email)); err != nil {
		return usage(email+" is no e-mail address", "mintage operator recover ada@example.com")
	}
	if a.flags.dryRun {
		return a.print(result{rows: [][]string{{"would make a link for", email}}})
	}
	at, err := server.RecoverOperator(ctx, server.Config{
		Data: settings.Data, Database: databaseConfig(settings), MasterKeyFile: settings.MasterKeyFile, MasterKeyCommand: settings.MasterKeyCommand,
		ConsoleListen: settings.ConsoleListen, ConsoleURL: settings.ConsoleURL,
	}, settings.TLS.On(), email)
	if err != nil {
		return &failure{code: exitFailed, what: "no link was made", why: err.Error(), fix: "name the server's data directory: --data DIR"}
	}
	return a.print(result{
		doc: map[string]string{"email": mintage.NormalEmail(email), "link": at}, rows: [][]string{{"link", at}}, name: []string{at},
		note: "open it in a browser; it works once, for a day",
	})
}
