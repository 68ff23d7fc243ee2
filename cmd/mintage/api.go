package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
)

// apiCommand is mintage api: resource servers, by the word that people use.
func (a *app) apiCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "api",
		Aliases: []string{"resource-server"},
		Short:   "APIs (resource servers): list, show, create, edit, delete; their scopes are mintage scope",
		Example: `  mintage api list --tenant prod
  mintage api create orders --audience https://api.example --scope orders/read="Read orders"
  mintage api show https://api.example --tenant prod`,
		Args: nounArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	a.serverFlags(cmd)
	a.tenantFlag(cmd)
	a.outputFlags(cmd)
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List the APIs of a tenant", Example: "  mintage api list --tenant prod", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return a.apiList(cmd.Context()) },
		},
		&cobra.Command{
			Use: "show API", Short: "Show an API with its scopes", Example: "  mintage api show orders --tenant prod", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				_, rs, err := a.findAPI(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.print(apiResult(rs))
			},
		},
		a.apiCreateCommand(), a.apiEditCommand(), a.apiDeleteCommand(),
	)
	return cmd
}

func (a *app) apiList(ctx context.Context) error {
	api, tenant, err := a.tenantAPI(ctx)
	if err != nil {
		return err
	}
	return listed(a, []string{"IDENTIFIER", "NAME", "SCOPES"}, api.ResourceServers(ctx, tenant, wholeList),
		func(rs *adminclient.ResourceServer) (string, []string) {
			return rs.Identifier, []string{rs.Identifier, rs.Name, strings.Join(scopeNames(rs), " ")}
		})
}

func scopeNames(rs *adminclient.ResourceServer) []string {
	names := make([]string, len(rs.Scopes))
	for i, s := range rs.Scopes {
		names[i] = s.Name
	}
	return names
}

// apiResult is how one API is shown.
func apiResult(rs *adminclient.ResourceServer) result {
	rows := [][]string{{"identifier", rs.Identifier}, {"name", rs.Name}}
	for _, s := range rs.Scopes {
		rows = append(rows, []string{"scope", strings.TrimSuffix(rs.ScopePrefix+s.Name+"  "+s.Description, "  ")})
	}
	for _, id := range rs.Introspectors {
		rows = append(rows, []string{"introspected by", id})
	}
	if rs.DPoPBound {
		rows = append(rows, []string{"tokens", "bound to a DPoP key"})
	}
	if rs.ManagedBy != "" {
		rows = append(rows, []string{"declared in", rs.ManagedBy})
	}
	return result{doc: rs, rows: rows, name: []string{rs.Identifier}}
}

// findAPI is findResourceServer for a command that is about one.
func (a *app) findAPI(ctx context.Context, name string) (*adminclient.Client, *adminclient.ResourceServer, error) {
	api, tenant, err := a.tenantAPI(ctx)
	if err != nil {
		return nil, nil, err
	}
	rs, err := findResourceServer(ctx, api, tenant, name)
	return api, rs, err
}

// findResourceServer returns the resource server with an identifier or a short
// name.
func findResourceServer(ctx context.Context, api *adminclient.Client, tenant, name string) (*adminclient.ResourceServer, error) {
	rs, err := api.ResourceServer(ctx, tenant, name)
	if err == nil || !errors.Is(err, mintage.ErrNotFound) {
		return rs, err
	}
	for rs, err := range api.ResourceServers(ctx, tenant, wholeList) {
		if err != nil {
			return nil, err
		}
		if rs.Name == name {
			return rs, nil
		}
	}
	return nil, &failure{
		code: exitNotFound, what: fmt.Sprintf("tenant %s has no API %q", tenant, name), fix: "mintage api list --tenant " + tenant,
	}
}

// sortedKeys returns the keys of m in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
