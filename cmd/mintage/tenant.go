package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/adminclient"
)

// tenantCommand is mintage tenant. All else about tenants is changed by mintage
// apply.
func (a *app) tenantCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tenant",
		Short: "Tenants: list, show, create, disable, enable, delete (change them with mintage apply)",
		Example: `  mintage tenant list
  mintage tenant show prod -o json`,
		Args: nounArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	a.serverFlags(cmd)
	a.outputFlags(cmd)
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List the tenants", Example: "  mintage tenant list", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return a.tenantList(cmd) },
		},
		&cobra.Command{
			Use: "show TENANT", Short: "Show a tenant", Example: "  mintage tenant show prod", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error { return a.tenantShow(cmd, args[0]) },
		},
		a.tenantCreateCommand(), a.tenantSwitchCommand("disable", true), a.tenantSwitchCommand("enable", false),
		a.tenantDeleteCommand(),
	)
	return cmd
}

func (a *app) tenantCreateCommand() *cobra.Command {
	var n adminclient.NewTenant
	cmd := &cobra.Command{
		Use:     "create TENANT --issuer URL",
		Short:   "Make a tenant with a signing key and nothing else",
		Example: "  mintage tenant create sandbox --issuer https://sandbox.auth.example.com",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			api, err := a.connect("cli")
			if err != nil {
				return err
			}
			n.ID = args[0]
			if a.flags.dryRun {
				fmt.Fprintln(a.stderr, "would create the tenant "+n.ID)
				return nil
			}
			t, err := api.CreateTenant(cmd.Context(), n)
			if err != nil {
				return err
			}
			return a.print(tenantResult(t))
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&n.Issuer, "issuer", "", "issuer identifier: the https URL below which the tenant answers")
	fl.StringSliceVar(&n.Aliases, "alias", nil, "other host under which it is reached; may be given several times")
	fl.BoolVar(&n.Protected, "protected", false, "it is production: changes ask first, and secrets say live")
	_ = cmd.MarkFlagRequired("issuer")
	a.writeFlags(cmd)
	return cmd
}

// tenantSwitchCommand is mintage tenant disable or enable.
func (a *app) tenantSwitchCommand(verb string, disabled bool) *cobra.Command {
	short := map[bool]string{
		true: "Let a tenant answer nothing, as if it were not there", false: "Let a tenant answer again, as before it was disabled or deleted",
	}
	cmd := &cobra.Command{
		Use: verb + " TENANT", Short: short[disabled], Example: "  mintage tenant " + verb + " sandbox", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.tenantSwitch(cmd, args[0], verb, disabled) },
	}
	a.writeFlags(cmd)
	return cmd
}

func (a *app) tenantSwitch(cmd *cobra.Command, id, verb string, disabled bool) error { //nolint:revive // it is what the command does
	api, err := a.connect("cli")
	if err != nil {
		return err
	}
	t, err := api.Tenant(cmd.Context(), id)
	if err != nil {
		return err
	}
	if t.Disabled == disabled {
		fmt.Fprintf(a.stderr, "the tenant %s is %sd already\n", id, verb)
		return nil
	}
	if disabled || t.Protected {
		does := fmt.Sprintf("This %ss the tenant %s.", verb, id)
		if t.Protected {
			does = fmt.Sprintf("This %ss the protected tenant %s.", verb, id)
		}
		if err := a.confirmed(danger{does: does, name: id}); err != nil {
			return err
		}
	}
	if a.flags.dryRun {
		fmt.Fprintf(a.stderr, "would %s the tenant %s\n", verb, id)
		return nil
	}
	if _, err := api.UpdateTenant(cmd.Context(), id, adminclient.Patch{"disabled": disabled}, t.Version); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "%sd the tenant %s\n", verb, id)
	return nil
}

func (a *app) tenantDeleteCommand() *cobra.Command {
	var r adminclient.TenantRemoval
	cmd := &cobra.Command{
		Use:   "delete TENANT",
		Short: "Delete a tenant: at once when it owns nothing, else in seven days",
		Example: `  mintage tenant delete sandbox --confirm sandbox
  mintage tenant delete sandbox --cascade --confirm sandbox`,
		Long: "Delete a tenant. One that owns nothing is gone at once. With --cascade, one that owns clients, organizations or APIs " +
			"answers nothing from now on, and is gone with all of them after seven days; mintage tenant enable undoes that before.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.tenantDelete(cmd.Context(), args[0], r) },
	}
	cascadeFlag(cmd, &r.Cascade, "delete the clients, organizations and APIs that it owns")
	a.writeFlags(cmd)
	return cmd
}

func (a *app) tenantDelete(ctx context.Context, id string, r adminclient.TenantRemoval) error {
	api, err := a.connect("cli")
	if err != nil {
		return err
	}
	t, err := api.Tenant(ctx, id)
	if err != nil {
		return err
	}
	does := "This deletes the tenant " + id + "."
	if t.Protected {
		does = "This deletes the protected tenant " + id + "."
	}
	if err := a.confirmed(danger{does: does, name: id}); err != nil {
		return err
	}
	if a.flags.dryRun {
		return a.print(tenantResult(t))
	}
	r.Version, r.Protected = t.Version, t.Protected
	d, err := api.DeleteTenant(ctx, id, r)
	switch {
	case err != nil:
		return err
	case d.PurgeAt == nil:
		fmt.Fprintf(a.stderr, "deleted the tenant %s\n", id)
	default:
		fmt.Fprintf(a.stderr, "the tenant %s answers nothing now, and is gone at %s; undo: mintage tenant enable %s\n", id, when(*d.PurgeAt), id)
	}
	return nil
}

func (a *app) tenantList(cmd *cobra.Command) error {
	api, err := a.connect("cli")
	if err != nil {
		return err
	}
	return listed(a, []string{"ID", "ISSUER", "STATUS"}, api.Tenants(cmd.Context(), wholeList),
		func(t *adminclient.Tenant) (string, []string) { return t.ID, []string{t.ID, t.Issuer, tenantStatus(t)} })
}

func tenantStatus(t *adminclient.Tenant) string {
	words := []string{"active"}
	switch {
	case t.PurgeAt != nil:
		words[0] = "deleted at " + when(*t.PurgeAt)
	case t.Disabled:
		words[0] = "disabled"
	}
	if t.Protected {
		words = append(words, "protected")
	}
	if t.BuiltIn {
		words = append(words, "built in")
	}
	return strings.Join(words, ", ")
}

func (a *app) tenantShow(cmd *cobra.Command, id string) error {
	api, err := a.connect("cli")
	if err != nil {
		return err
	}
	t, err := api.Tenant(cmd.Context(), id)
	if err != nil {
		return err
	}
	return a.print(tenantResult(t))
}

// tenantResult is how one tenant is shown.
func tenantResult(t *adminclient.Tenant) result {
	rows := [][]string{{"id", t.ID}, {"issuer", t.Issuer}, {"status", tenantStatus(t)}}
	for _, path := range sortedKeys(t.TokenPaths) {
		rows = append(rows, []string{"token endpoint", t.Issuer + path + "  " + t.TokenPaths[path]})
	}
	if t.ManagedBy != "" {
		rows = append(rows, []string{"declared in", t.ManagedBy})
	}
	return result{doc: t, rows: rows, name: []string{t.ID}}
}
