package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/adminclient"
)

// tenantCommand is mintage tenant. Tenants are made and changed by mintage
// apply.
func (a *app) tenantCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tenant",
		Short: "Tenants: list, show (make and change them with mintage apply)",
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
	)
	return cmd
}

func (a *app) tenantList(cmd *cobra.Command) error {
	api, err := a.connect("cli")
	if err != nil {
		return err
	}
	r := result{head: []string{"ID", "ISSUER", "STATUS"}}
	docs := []*adminclient.Tenant{}
	for t, err := range api.Tenants(cmd.Context(), adminclient.List{Limit: 200}) {
		if err != nil {
			return err
		}
		docs = append(docs, t)
		r.name = append(r.name, t.ID)
		r.rows = append(r.rows, []string{t.ID, t.Issuer, tenantStatus(t)})
	}
	r.doc = docs
	return a.print(r)
}

func tenantStatus(t *adminclient.Tenant) string {
	words := []string{"active"}
	if t.Disabled {
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
	rows := [][]string{{"id", t.ID}, {"issuer", t.Issuer}, {"status", tenantStatus(t)}}
	for _, path := range sortedKeys(t.TokenPaths) {
		rows = append(rows, []string{"token endpoint", t.Issuer + path + "  " + t.TokenPaths[path]})
	}
	if t.ManagedBy != "" {
		rows = append(rows, []string{"declared in", t.ManagedBy})
	}
	return a.print(result{doc: t, rows: rows, name: []string{t.ID}})
}
