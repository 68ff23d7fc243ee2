package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/internal/config"
	"github.com/mintage-auth/mintage/internal/server"
)

// migrateCommand is mintage migrate.
func (a *app) migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "migrate",
		Short:   "The database's schema, and moving to PostgreSQL: status, up, copy",
		Example: "  mintage migrate status --data /var/lib/mintage",
		Args:    nounArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	a.outputFlags(cmd)
	cmd.AddCommand(a.migrateStatusCommand(), a.migrateUpCommand(), a.migrateCopyCommand())
	return cmd
}

func (a *app) migrateStatusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say how far the schema is, and change nothing",
		Long: `Say which version the schema of the database has, and which this release has.
Migrations only add, so that the release before runs on the newer schema too.`,
		Example: `  mintage migrate status
  mintage migrate status --config server.yaml -o json`,
		Args: cobra.NoArgs,
	}
	sources := a.dataFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.migrateStatus(cmd.Context(), sources()) }
	return cmd
}

func (a *app) migrateStatus(ctx context.Context, src config.Sources) error {
	settings, err := a.dataSettings(src, "mintage migrate status --help")
	if err != nil {
		return err
	}
	s, err := server.Schema(ctx, dataConfig(settings))
	if err != nil {
		return &failure{code: exitFailed, what: "the schema cannot be read", why: err.Error()}
	}
	state := "up to date"
	switch {
	case s.Minimum > s.Newest:
		state = "too new for this release"
	case s.Have > s.Newest:
		state = "newer, and this release runs on it"
	case s.Have < s.Newest:
		state = "mintage migrate up, or the next start, brings it up to date"
	}
	return a.print(result{
		rows: [][]string{
			{"store", settings.Store}, {"schema", fmt.Sprint(s.Have)}, {"this release", fmt.Sprint(s.Newest)}, {"state", state},
		},
		doc: map[string]any{"store": settings.Store, "schema": s.Have, "newest": s.Newest, "minimum": s.Minimum},
	})
}

func (a *app) migrateUpCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Bring the schema up to date",
		Long: `Bring the schema of the database up to date, as each start of a server does. Servers
of this release and of the one before may be running. Where several do this at once,
one does it and the others wait.`,
		Example: `  mintage migrate up
  mintage migrate up --config server.yaml`,
		Args: cobra.NoArgs,
	}
	sources := a.dataFlags(cmd)
	a.writeFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if a.flags.dryRun {
			return a.migrateStatus(cmd.Context(), sources())
		}
		settings, err := a.dataSettings(sources(), "mintage migrate up --help")
		if err != nil {
			return err
		}
		if err := server.Migrate(cmd.Context(), dataConfig(settings)); err != nil {
			return &failure{code: exitFailed, what: "the schema is as it was", why: err.Error()}
		}
		return a.migrateStatus(cmd.Context(), sources())
	}
	return cmd
}

func (a *app) migrateCopyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "copy",
		Short: "Copy a SQLite database to PostgreSQL",
		Long: `Copy all that a SQLite database holds to a PostgreSQL database that is empty, in one
transaction, and read every row back before it counts. No server may be running on
either. The SQLite database stays as it is; what a server writes to it afterwards is
not in the copy. Then start the servers with --database and the same master key.

Write the URL without a password. That comes from MINTAGE_DATABASE_URL in the place
of --to, or from a .pgpass file.`,
		Example: `  mintage migrate copy --from data --to postgres://mintage@db.example.com/mintage
  MINTAGE_DATABASE_URL=... mintage migrate copy --from /var/lib/mintage`,
		Args: cobra.NoArgs,
	}
	fl := cmd.Flags()
	from := fl.String("from", "data", "data directory of the SQLite database")
	to := fl.String("to", "", "URL of the PostgreSQL database (default $MINTAGE_DATABASE_URL)")
	a.writeFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		src := config.Sources{Environ: a.environ(), Flags: map[string]string{}}
		if *to != "" {
			src.Flags["database"] = *to
		}
		return a.migrateCopy(cmd.Context(), src, *from)
	}
	return cmd
}

func (a *app) migrateCopy(ctx context.Context, src config.Sources, from string) error {
	settings, err := a.dataSettings(src, "mintage migrate copy --help")
	if err != nil {
		return err
	}
	if settings.Store != config.StorePostgres {
		return usage("say which PostgreSQL database the copy goes to", "--to postgres://USER@HOST/DATABASE, or MINTAGE_DATABASE_URL")
	}
	if a.flags.dryRun {
		return a.print(result{rows: [][]string{{"would copy", from}}})
	}
	copied, err := server.CopyToPostgres(ctx, dataConfig(settings), from)
	if err != nil {
		return &failure{code: exitFailed, what: "nothing was copied", why: err.Error()}
	}
	out := result{head: []string{"TABLE", "ROWS"}, note: "every row was read back; start the servers with --database and the same master key"}
	var list []map[string]any
	for _, t := range copied {
		out.rows = append(out.rows, []string{t.Table, fmt.Sprint(t.Rows)})
		list = append(list, map[string]any{"table": t.Table, "rows": t.Rows})
	}
	out.doc = list
	return a.print(out)
}
