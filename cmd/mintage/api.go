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
// They are made and changed by mintage apply.
func (a *app) apiCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "api",
		Aliases: []string{"resource-server"},
		Short:   "APIs (resource servers) and their scopes: list, show (make and change them with mintage apply)",
		Example: `  mintage api list --tenant prod
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
			RunE: func(cmd *cobra.Command, args []string) error { return a.apiShow(cmd.Context(), args[0]) },
		},
	)
	return cmd
}

func (a *app) apiList(ctx context.Context) error {
	api, tenant, err := a.tenantAPI(ctx)
	if err != nil {
		return err
	}
	r := result{head: []string{"IDENTIFIER", "NAME", "SCOPES"}}
	docs := []*adminclient.ResourceServer{}
	for rs, err := range api.ResourceServers(ctx, tenant, adminclient.List{Limit: 200}) {
		if err != nil {
			return err
		}
		docs = append(docs, rs)
		r.name = append(r.name, rs.Identifier)
		r.rows = append(r.rows, []string{rs.Identifier, rs.Name, strings.Join(scopeNames(rs), " ")})
	}
	r.doc = docs
	return a.print(r)
}

func scopeNames(rs *adminclient.ResourceServer) []string {
	names := make([]string, len(rs.Scopes))
	for i, s := range rs.Scopes {
		names[i] = s.Name
	}
	return names
}

func (a *app) apiShow(ctx context.Context, name string) error {
	api, tenant, err := a.tenantAPI(ctx)
	if err != nil {
		return err
	}
	rs, err := findResourceServer(ctx, api, tenant, name)
	if err != nil {
		return err
	}
	rows := [][]string{{"identifier", rs.Identifier}, {"name", rs.Name}}
	for _, s := range rs.Scopes {
		rows = append(rows, []string{"scope", strings.TrimSuffix(rs.ScopePrefix+s.Name+"  "+s.Description, "  ")})
	}
	return a.print(result{doc: rs, rows: rows, name: []string{rs.Identifier}})
}

// findResourceServer returns the resource server with an identifier or a short
// name.
func findResourceServer(ctx context.Context, api *adminclient.Client, tenant, name string) (*adminclient.ResourceServer, error) {
	rs, err := api.ResourceServer(ctx, tenant, name)
	if err == nil || !errors.Is(err, mintage.ErrNotFound) {
		return rs, err
	}
	for rs, err := range api.ResourceServers(ctx, tenant, adminclient.List{Limit: 200}) {
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
