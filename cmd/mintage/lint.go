package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/lint"
)

func (a *app) lintCommand() *cobra.Command {
	var failOn string
	cmd := &cobra.Command{
		Use:   "lint",
		Short: "Grade a tenant: secrets without an end, unused clients, what weakens security",
		Long: `Look at a tenant and say what is allowed and yet better otherwise, with a rule, a
sentence and a cure for each finding. Exit code 8 says that something was found at
the level of --fail-on or above. -o sarif prints SARIF 2.1.0, for code scanners.`,
		Example: `  mintage lint --tenant prod
  mintage lint --tenant prod --fail-on warning -o json
  mintage lint --tenant prod -o sarif > mintage.sarif`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{outputSarif: "yes"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			level := lint.Level(failOn)
			if failOn != "never" && !slices.Contains(lint.Levels(), level) {
				return usage(fmt.Sprintf("--fail-on %q is no level", failOn), "note, warning, error or never")
			}
			return a.lint(cmd.Context(), level)
		},
	}
	cmd.Flags().StringVar(&failOn, "fail-on", string(lint.Error), "level from which the check fails: note, warning, error or never")
	a.serverFlags(cmd)
	a.tenantFlag(cmd)
	a.outputFlags(cmd)
	return cmd
}

func (a *app) lint(ctx context.Context, failOn lint.Level) error {
	api, tenant, err := a.tenantAPI(ctx)
	if err != nil {
		return err
	}
	in := lint.Input{Now: time.Now()}
	if in.Tenant, err = api.Tenant(ctx, tenant); err != nil {
		return err
	}
	for rs, err := range api.ResourceServers(ctx, tenant, adminclient.List{Limit: 200}) {
		if err != nil {
			return err
		}
		if !rs.BuiltIn {
			in.ResourceServers = append(in.ResourceServers, rs)
		}
	}
	for c, err := range api.Clients(ctx, tenant, adminclient.List{Limit: 200}) {
		if err != nil {
			return err
		}
		in.Clients = append(in.Clients, c)
	}
	findings := lint.Grade(in)
	if err := a.printFindings(findings); err != nil {
		return err
	}
	if slices.ContainsFunc(findings, func(f lint.Finding) bool { return f.Level.AtLeast(failOn) }) && failOn != "never" {
		return silent(exitNo)
	}
	return nil
}

func (a *app) printFindings(findings []lint.Finding) error {
	if a.flags.output == outputSarif {
		return writeJSON(a.stdout, lint.ToSarif(findings, version))
	}
	r := result{doc: findings, head: []string{"LEVEL", "RULE", "OBJECT", "ID", "FOUND", "CURE"}}
	for i := range findings {
		f := &findings[i]
		object := f.Kind
		if f.Name != "" {
			object += " " + f.Name
		}
		r.name = append(r.name, f.ID)
		r.rows = append(r.rows, []string{string(f.Level), f.Rule, object, f.ID, f.Message, f.Cure})
	}
	if len(findings) == 0 {
		r.note = "nothing was found"
	}
	return a.print(r)
}
