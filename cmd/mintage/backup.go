package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/internal/config"
	"github.com/mintage-auth/mintage/internal/server"
)

// backupCommand is mintage backup.
func (a *app) backupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Copy the database while the server runs",
		Long: `Write a consistent copy of the SQLite database to a new file, mode 0600, while
servers use it. It works on the data directory itself, on the machine and as the
user of the server. The copy is whole and on the disk when the command is done, and
nothing is there when it fails. The master key is never in it: keep that elsewhere.

PostgreSQL has its own ways: see the page on backups.`,
		Example: `  mintage backup --to /backup/mintage.db --verify
  mintage backup --data /var/lib/mintage --to /backup/
  mintage backup --config server.yaml --to /backup/ -o name`,
		Args: cobra.NoArgs,
	}
	a.outputFlags(cmd)
	sources := a.dataFlags(cmd)
	to := cmd.Flags().String("to", "", "new file, or a directory in which one is named by the time")
	verify := cmd.Flags().Bool("verify", false, "read the copy anew and check all of it")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *to == "" {
			return usage("say where the copy goes", "--to FILE, or --to DIRECTORY")
		}
		return a.backup(cmd.Context(), sources(), *to, *verify)
	}
	return cmd
}

func (a *app) backup(ctx context.Context, src config.Sources, to string, verify bool) error { //nolint:revive // a flag
	settings, err := a.dataSettings(src, "mintage backup --help")
	if err != nil {
		return err
	}
	name, err := server.Backup(ctx, dataConfig(settings), to, verify)
	if err != nil {
		return notBackedUp("no backup was made", err)
	}
	rows := [][]string{{"wrote", name}}
	if verify {
		rows = append(rows, []string{"verified", name})
	}
	return a.print(result{
		rows: rows, name: []string{name}, doc: map[string]any{"file": name, "verified": verify},
		note: "the master key is not in it: keep a copy of it elsewhere",
	})
}

// restoreCommand is mintage restore.
func (a *app) restoreCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore BACKUP",
		Short: "Put a backup back",
		Long: `Check a backup, and put it into the data directory. No server may be running
there. A database that is there is renamed and not lost, which asks first. The
master key that goes with the backup must be in its place: the command says when it
does not fit.

What happened after the backup was taken is undone. Clients made since are gone,
and what was revoked since is good again: revoke it anew.`,
		Example: `  mintage restore /backup/mintage.db
  mintage restore /backup/mintage.db --data /var/lib/mintage --yes`,
		Args: cobra.ExactArgs(1),
	}
	a.outputFlags(cmd)
	sources := a.dataFlags(cmd)
	a.writeFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return a.restore(cmd.Context(), sources(), args[0]) }
	return cmd
}

func (a *app) restore(ctx context.Context, src config.Sources, backup string) error {
	settings, err := a.dataSettings(src, "mintage restore --help")
	if err != nil {
		return err
	}
	does := "This makes the backup the database of " + settings.Data + "; one that is there is set aside."
	if err := a.confirmed(danger{does: does, name: settings.Data}); err != nil {
		return err
	}
	if a.flags.dryRun {
		return a.print(result{rows: [][]string{{"would restore", backup}, {"to", settings.Data}}})
	}
	done, err := server.Restore(ctx, dataConfig(settings), backup)
	if err != nil {
		return notBackedUp("nothing was restored", err)
	}
	rows := [][]string{{"restored", settings.Data}}
	if done.Kept != "" {
		rows = append(rows, []string{"kept what was there", done.Kept})
	}
	out := result{rows: rows, doc: map[string]any{"data": settings.Data, "kept": done.Kept, "opens": done.Opens == nil}}
	if done.Opens != nil {
		out.note = "the server will not start with it: " + done.Opens.Error()
	}
	return a.print(out)
}

// notBackedUp tells PostgreSQL from what failed.
func notBackedUp(what string, err error) error {
	if errors.Is(err, server.ErrPostgres) {
		return &failure{
			code: exitUsage, what: what, why: err.Error(), fix: "pg_dump --format=custom --file FILE, or continuous archiving: docs/howto/back-up.md",
		}
	}
	return &failure{code: exitFailed, what: what, why: err.Error()}
}

// dataSettings reads the settings of a command that works on the data directory.
func (a *app) dataSettings(src config.Sources, help string) (*config.Server, error) {
	settings, err := config.Load(src)
	if err != nil {
		return nil, &failure{code: exitUsage, what: "the settings are not valid, and nothing was done", why: err.Error(), fix: help}
	}
	return settings, nil
}

// dataConfig is what such a command needs of the server's configuration.
func dataConfig(s *config.Server) server.Config {
	return server.Config{Data: s.Data, Database: databaseConfig(s), MasterKeyFile: s.MasterKeyFile, MasterKeyCommand: s.MasterKeyCommand}
}
