package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/internal/config"
	"github.com/mintage-auth/mintage/internal/server"
)

// dataSettings are the settings of serve that the commands read too that work
// on its data directory.
var dataSettings = []string{"data", "master-key-file", "master-key-command", "database", "database-url-file"}

// dataFlags adds the flags of such a command, and of more settings, and returns
// what reads them.
func (a *app) dataFlags(cmd *cobra.Command, more ...string) func() config.Sources {
	names := slices.Concat(dataSettings, more)
	fl := cmd.Flags()
	file := fl.String("config", "", "settings file (default $MINTAGE_CONFIG, else none)")
	for _, s := range config.Settings() {
		if slices.Contains(names, s.Flag()) {
			fl.String(s.Flag(), "", settingUsage(s))
		}
	}
	return func() config.Sources {
		given := map[string]string{}
		for _, name := range names {
			if fl.Changed(name) {
				given[name] = fl.Lookup(name).Value.String()
			}
		}
		return config.Sources{File: cmp.Or(*file, a.env("MINTAGE_CONFIG")), Environ: a.environ(), Flags: given}
	}
}

// adminCredentialsCommand is mintage admin-credentials.
func (a *app) adminCredentialsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "admin-credentials",
		Short:   "The administrator's credentials in the data directory: new",
		Example: "  mintage admin-credentials new --data /var/lib/mintage",
		Args:    nounArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.adminCredentialsNewCommand())
	return cmd
}

func (a *app) adminCredentialsNewCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "new",
		Short: "Make another administrator when the credentials are lost",
		Long: `Make another client of the tenant mintage that may do everything, and put its
credentials into admin.json in the data directory. It works on the data directory
itself, on the machine and as the user of the server, which may be running: it knows
the client within a second. Whoever can do this can read the master key, so that it
needs no other permission; the audit log says that the server did it.

The clients that were there stay. Disable the one whose credentials were lost. An
admin.json that is there is replaced, which asks first.`,
		Example: `  mintage admin-credentials new --data /var/lib/mintage
  mintage admin-credentials new --config server.yaml --yes`,
		Args: cobra.NoArgs,
	}
	sources := a.dataFlags(cmd)
	a.writeFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.adminCredentialsNew(cmd.Context(), sources()) }
	return cmd
}

func (a *app) adminCredentialsNew(ctx context.Context, src config.Sources) error {
	settings, err := config.Load(src)
	if err != nil {
		return &failure{
			code: exitUsage, what: "the settings are not valid, and nothing was done", why: err.Error(), fix: "mintage admin-credentials new --help",
		}
	}
	path := server.CredentialsPath(settings.Data)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		does := "This replaces " + path + "; what it holds stays valid, and is perhaps in no other place."
		if err := a.confirmed(danger{does: does, name: settings.Data}); err != nil {
			return err
		}
	}
	if a.flags.dryRun {
		return a.print(result{rows: [][]string{{"would make an administrator and write", path}}})
	}
	made, err := server.RecoverAdministrator(ctx, server.Config{
		Data: settings.Data, Database: databaseConfig(settings), MasterKeyFile: settings.MasterKeyFile, MasterKeyCommand: settings.MasterKeyCommand,
	})
	if err != nil {
		return &failure{code: exitFailed, what: "no administrator was made", why: err.Error(), fix: "name the server's data directory: --data DIR"}
	}
	return a.print(result{
		rows: [][]string{{"made the administrator", made.ClientID}, {"wrote", path}},
		note: "export MINTAGE_CREDENTIALS_FILE=" + path + "; then disable the client that was lost: mintage client disable CLIENT --tenant mintage",
	})
}
