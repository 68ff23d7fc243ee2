package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/adminclient"
)

// scopeCommand is mintage scope.
func (a *app) scopeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "scope",
		Short: "Scopes of an API: list, add, edit, remove",
		Example: `  mintage scope list orders --unused 90d
  mintage scope add orders orders/refund --description "Pay back an order"
  mintage scope remove orders orders/refund --yes`,
		Args: nounArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	a.serverFlags(cmd)
	a.tenantFlag(cmd)
	a.outputFlags(cmd)
	cmd.AddCommand(a.scopeListCommand(), a.scopeAddCommand(), a.scopeEditCommand(), a.scopeRemoveCommand())
	return cmd
}

func (a *app) scopeListCommand() *cobra.Command {
	var unused, since string
	cmd := &cobra.Command{
		Use:   "list API",
		Short: "List the scopes of an API, how many may have each and how many do",
		Example: `  mintage scope list orders
  mintage scope list orders --unused 90d -o name`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if unused != "" {
				since = unused
			}
			return a.scopeList(cmd.Context(), args[0], since, unused != "")
		},
	}
	cmd.Flags().StringVar(&unused, "unused", "", "only those that no token had for this long, such as 90d")
	cmd.Flags().StringVar(&since, "since", "30d", "how far back tokens are counted")
	cmd.MarkFlagsMutuallyExclusive("unused", "since")
	return cmd
}

func (a *app) scopeList(ctx context.Context, name, since string, unused bool) error { //nolint:revive // what the flag says
	d, err := spanFlag("since", since, "30d")
	if err != nil {
		return err
	}
	days := int((d + 24*time.Hour - 1) / (24 * time.Hour))
	if days < 1 || days > 400 {
		return usage("tokens are counted by the day: 1d to 400d", "--since 30d")
	}
	api, rs, err := a.findAPI(ctx, name)
	if err != nil {
		return err
	}
	p, err := api.Scopes(ctx, rs.Tenant, rs.Identifier, days)
	if err != nil {
		return err
	}
	if unused {
		p.Items = slices.DeleteFunc(p.Items, func(s adminclient.ScopeUse) bool { return s.Tokens > 0 })
	}
	r := result{doc: p.Items, head: []string{"SCOPE", "DESCRIPTION", "CLIENTS", "USED BY", "TOKENS"}}
	for _, s := range p.Items {
		r.name = append(r.name, s.Name)
		r.rows = append(r.rows, []string{s.Name, s.Description, strconv.Itoa(s.Clients), strconv.Itoa(s.UsedBy), strconv.FormatInt(s.Tokens, 10)})
	}
	return a.print(r)
}

// scopeChange is what add and edit have in common.
func (a *app) scopeChange(
	use, short, example string, change func(ctx context.Context, api *adminclient.Client, rs *adminclient.ResourceServer, s adminclient.Scope) (*adminclient.ResourceServer, error),
) *cobra.Command {
	var s adminclient.Scope
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			s.Name = args[1]
			api, rs, err := a.findAPI(ctx, args[0])
			if err != nil {
				return err
			}
			if err := a.confirmedIfProtected(ctx, api, rs.Tenant, "changes the API "+rs.Identifier, apiName(rs)); err != nil {
				return err
			}
			if a.flags.dryRun {
				return a.print(apiResult(rs))
			}
			if rs, err = change(ctx, api, rs, s); err != nil {
				return err
			}
			return a.print(apiResult(rs))
		},
	}
	cmd.Flags().StringVar(&s.Description, "description", "", "what the scope allows, for people")
	a.writeFlags(cmd)
	return cmd
}

func (a *app) scopeAddCommand() *cobra.Command {
	return a.scopeChange("add API SCOPE", "Add a scope to an API",
		`  mintage scope add orders orders/refund --description "Pay back an order"`,
		func(ctx context.Context, api *adminclient.Client, rs *adminclient.ResourceServer, s adminclient.Scope) (*adminclient.ResourceServer, error) {
			return api.AddScope(ctx, rs.Tenant, rs.Identifier, s, rs.Version)
		})
}

func (a *app) scopeEditCommand() *cobra.Command {
	cmd := a.scopeChange("edit API SCOPE --description TEXT", "Change the description of a scope",
		`  mintage scope edit orders orders/refund --description "Pay back a whole order"`,
		func(ctx context.Context, api *adminclient.Client, rs *adminclient.ResourceServer, s adminclient.Scope) (*adminclient.ResourceServer, error) {
			return api.UpdateScope(ctx, rs.Tenant, rs.Identifier, s.Name, adminclient.Patch{"description": s.Description}, rs.Version)
		})
	cmd.Long = "Change the description of a scope. Its name stays, since clients ask by it: add one under the new name, " +
		"give it to the clients, and remove the old one once no token has it any more (mintage scope list API --unused 30d)."
	_ = cmd.MarkFlagRequired("description")
	return cmd
}

func (a *app) scopeRemoveCommand() *cobra.Command {
	var cascade bool
	cmd := &cobra.Command{
		Use:   "remove API SCOPE",
		Short: "Remove a scope from an API",
		Example: `  mintage scope remove orders orders/refund --confirm orders/refund
  mintage scope remove orders orders/refund --cascade --yes`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			api, rs, err := a.findAPI(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			scope := args[1]
			does := fmt.Sprintf("This removes the scope %s from the API %s.", scope, rs.Identifier)
			if err := a.confirmed(danger{does: does, name: scope}); err != nil {
				return err
			}
			if a.flags.dryRun {
				return a.print(apiResult(rs))
			}
			r := adminclient.Removal{Version: rs.Version, Cascade: cascade}
			if err := api.RemoveScope(cmd.Context(), rs.Tenant, rs.Identifier, scope, r); err != nil {
				return err
			}
			fmt.Fprintf(a.stderr, "removed the scope %s from %s\n", scope, rs.Identifier)
			return nil
		},
	}
	cascadeFlag(cmd, &cascade, "take it from the clients and organizations that hold it")
	a.writeFlags(cmd)
	return cmd
}
