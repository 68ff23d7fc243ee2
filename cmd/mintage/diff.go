package main

import (
	"context"

	"github.com/spf13/cobra"
)

func (a *app) diffCommand() *cobra.Command {
	var f applyFlags
	with := ""
	cmd := &cobra.Command{
		Use:   "diff -f FILE|DIR | --with TENANT",
		Short: "Show what apply would change, or how two tenants differ, and change nothing",
		Long: `Compare a file, or a folder of files, with what the server serves now. References
to secrets must lead somewhere, as for apply. With --exit-code, exit code 3 says
that there are differences.

With --with, compare two tenants of the server, such as a sandbox and its
production: everything but secrets, issuers and aliases.`,
		Example: `  mintage diff -f tenants.yaml
  mintage diff -f tenants.yaml --exit-code
  mintage diff --tenant sandbox --with production --exit-code
  mintage diff -f tenants.yaml -o json > plan.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if with != "" {
				return a.compareTenants(cmd.Context(), with, f)
			}
			return a.diff(cmd.Context(), f)
		},
	}
	a.stateFlags(cmd, &f)
	a.tenantFlag(cmd)
	cmd.Flags().StringVar(&with, "with", "", "tenant that --tenant is compared with, instead of a file")
	cmd.MarkFlagsOneRequired("file", "with")
	cmd.MarkFlagsMutuallyExclusive("file", "with")
	cmd.Flags().BoolVar(&f.exitCode, "exit-code", false, "exit with 3 when there are differences")
	return cmd
}

func (a *app) diff(ctx context.Context, f applyFlags) error {
	d, err := a.declare(ctx, f)
	if err != nil {
		return err
	}
	if err := a.printPlan(d.doc, d.plan); err != nil {
		return err
	}
	if f.exitCode && !d.plan.Empty() {
		return silent(exitDifferent)
	}
	return nil
}
