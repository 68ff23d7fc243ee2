package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/internal/config"
	"github.com/mintage-auth/mintage/internal/server"
)

// masterKeyCommand is mintage master-key.
func (a *app) masterKeyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "master-key",
		Short:   "The key that all others are sealed under: rotate",
		Example: "  mintage master-key rotate --data /var/lib/mintage --yes",
		Args:    nounArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.masterKeyRotateCommand())
	return cmd
}

func (a *app) masterKeyRotateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Make a new master key and wrap the data key with it",
		Long: `Make a new master key, wrap the data key with it and replace the file. Secrets,
signing keys and tokens stay as they are. It works on the data directory itself, on
the machine and as the user of the server, which may be running: it reads the file
when it starts. A rotation that was stopped is finished by the next start, or by
running this again.

Backups of the database that were made before open with the old key only. Keep a
copy of it with them until they are gone, and then of the new one elsewhere.`,
		Example: `  mintage master-key rotate --data /var/lib/mintage --yes
  mintage master-key rotate --config server.yaml --yes`,
		Args: cobra.NoArgs,
	}
	sources := a.dataFlags(cmd)
	a.writeFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.masterKeyRotate(cmd.Context(), sources()) }
	return cmd
}

func (a *app) masterKeyRotate(ctx context.Context, src config.Sources) error {
	settings, err := config.Load(src)
	if err != nil {
		return &failure{
			code: exitUsage, what: "the settings are not valid, and nothing was done", why: err.Error(), fix: "mintage master-key rotate --help",
		}
	}
	does := "This replaces the master key of " + settings.Data + "; backups made until now open with the old one only."
	if err := a.confirmed(danger{does: does, name: settings.Data}); err != nil {
		return err
	}
	if a.flags.dryRun {
		return a.print(result{rows: [][]string{{"would rotate the master key of", settings.Data}}})
	}
	if err := server.RotateMasterKey(ctx, server.Config{
		Data: settings.Data, Database: databaseConfig(settings), MasterKeyFile: settings.MasterKeyFile, MasterKeyCommand: settings.MasterKeyCommand,
	}); err != nil {
		return &failure{code: exitFailed, what: "the master key was not rotated", why: err.Error()}
	}
	return a.print(result{rows: [][]string{{"rotated the master key of", settings.Data}}, note: "keep a copy of the new file elsewhere"})
}
