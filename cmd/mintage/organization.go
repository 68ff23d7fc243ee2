package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
)

// organizationCommand is mintage organization.
func (a *app) organizationCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "organization",
		Short: "Organizations: the companies that own clients of a tenant, and what they may grant to them",
		Example: `  mintage organization list --tenant prod
  mintage organization create acme --name "Acme Hotels" --grant saas=api/write --max-clients 20
  mintage organization show acme -o json`,
		Args: nounArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	a.serverFlags(cmd)
	a.tenantFlag(cmd)
	a.outputFlags(cmd)
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List the organizations of a tenant", Example: "  mintage organization list --tenant prod", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return a.organizationList(cmd.Context()) },
		},
		&cobra.Command{
			Use: "show ORGANIZATION", Short: "Show an organization", Example: "  mintage organization show acme --tenant prod", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				_, o, err := a.findOrganization(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.print(organizationResult(o))
			},
		},
		a.organizationCreateCommand(), a.organizationEditCommand(), a.organizationDeleteCommand(),
	)
	return cmd
}

// organizationFlags are the flags of create and edit.
type organizationFlags struct {
	name       string
	grants     []string
	maxClients int
}

func (f *organizationFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.name, "name", "", "what people call it")
	fl.StringArrayVar(&f.grants, "grant", nil,
		"what its people may grant to its clients, API=SCOPE,SCOPE, or API for all scopes; may be given several times")
	fl.IntVar(&f.maxClients, "max-clients", 0, "how many clients it has at most when its own people make one; 0: any number")
}

func (a *app) organizationCreateCommand() *cobra.Command {
	var f organizationFlags
	cmd := &cobra.Command{
		Use:   "create ORGANIZATION",
		Short: "Make an organization under an identifier of your choice",
		Example: `  mintage organization create acme --name "Acme Hotels" --grant saas=api/read,api/write
  mintage organization create acme --grant saas --max-clients 20 --tenant prod`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.organizationCreate(cmd.Context(), args[0], f) },
	}
	f.add(cmd)
	a.writeFlags(cmd)
	return cmd
}

func (a *app) organizationCreate(ctx context.Context, id string, f organizationFlags) error {
	api, tenant, err := a.tenantAPI(ctx)
	if err != nil {
		return err
	}
	n := adminclient.NewOrganization{ID: id, OrganizationSettings: adminclient.OrganizationSettings{Name: f.name, MaxClients: f.maxClients}}
	if n.Name == "" {
		n.Name = id
	}
	if n.Grants, err = organizationGrants(ctx, api, tenant, f.grants); err != nil {
		return err
	}
	if a.flags.dryRun {
		return a.print(result{doc: n, rows: [][]string{{"would create", id, "in", tenant}}, name: []string{id}})
	}
	o, err := api.CreateOrganization(ctx, tenant, n)
	if err != nil {
		return err
	}
	return a.print(organizationResult(o))
}

func (a *app) organizationEditCommand() *cobra.Command {
	var f organizationFlags
	cmd := &cobra.Command{
		Use:   "edit ORGANIZATION",
		Short: "Change an organization's name, what it may grant and how many clients it may have",
		Example: `  mintage organization edit acme --max-clients 50
  mintage organization edit acme --grant saas=api/read --grant files
  mintage organization edit acme --grant ''`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.organizationEdit(cmd.Context(), args[0], f, cmd.Flags().Changed)
		},
	}
	f.add(cmd)
	a.writeFlags(cmd)
	return cmd
}

func (a *app) organizationEdit(ctx context.Context, id string, f organizationFlags, given func(flag string) bool) error {
	patch := adminclient.Patch{}
	if given("name") {
		patch["name"] = f.name
	}
	if given("max-clients") {
		patch["max_clients"] = f.maxClients
	}
	if len(patch) == 0 && !given("grant") {
		return usage("nothing is to change", "name what: --max-clients 50, for example")
	}
	api, o, err := a.findOrganization(ctx, id)
	if err != nil {
		return err
	}
	if given("grant") {
		grants, err := organizationGrants(ctx, api, o.Tenant, f.grants)
		if err != nil {
			return err
		}
		patch["grants"] = append([]adminclient.Grant{}, grants...)
	}
	if err := a.confirmedIfProtected(ctx, api, o.Tenant, "changes the organization "+o.ID, o.ID); err != nil {
		return err
	}
	if a.flags.dryRun {
		return a.print(organizationResult(o))
	}
	if o, err = api.UpdateOrganization(ctx, o.Tenant, o.ID, patch, o.Version); err != nil {
		return err
	}
	return a.print(organizationResult(o))
}

// confirmedIfProtected asks before a change in a protected tenant.
func (a *app) confirmedIfProtected(ctx context.Context, api *adminclient.Client, tenant, does, name string) error {
	t, err := api.Tenant(ctx, tenant)
	if err != nil || !t.Protected {
		return err
	}
	return a.confirmed(danger{does: fmt.Sprintf("This %s in the protected tenant %s.", does, tenant), name: name})
}

func (a *app) organizationDeleteCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "delete ORGANIZATION",
		Short:   "Delete an organization that owns no client",
		Example: "  mintage organization delete acme --tenant prod --confirm acme",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			api, o, err := a.findOrganization(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := a.confirmed(danger{does: "This deletes the organization " + o.ID + ".", name: o.ID}); err != nil {
				return err
			}
			if a.flags.dryRun {
				return a.print(organizationResult(o))
			}
			if err := api.DeleteOrganization(cmd.Context(), o.Tenant, o.ID, o.Version); err != nil {
				return err
			}
			fmt.Fprintf(a.stderr, "deleted the organization %s\n", o.ID)
			return nil
		},
	}
	a.writeFlags(cmd)
	return cmd
}

func (a *app) organizationList(ctx context.Context) error {
	api, tenant, err := a.tenantAPI(ctx)
	if err != nil {
		return err
	}
	return listed(a, []string{"ID", "NAME", "MAY GRANT", "MAX CLIENTS"}, api.Organizations(ctx, tenant, wholeList),
		func(o *adminclient.Organization) (string, []string) {
			var may []string
			for _, g := range o.Grants {
				may = append(may, g.ResourceServer)
			}
			return o.ID, []string{o.ID, o.Name, strings.Join(may, " "), bound(o.MaxClients)}
		})
}

// bound is how a number is shown of which zero means any.
func bound(n int) string {
	if n == 0 {
		return "any"
	}
	return strconv.Itoa(n)
}

// findOrganization returns the organization with an id or, else, with a name
// that no other has.
func (a *app) findOrganization(ctx context.Context, name string) (*adminclient.Client, *adminclient.Organization, error) {
	api, tenant, err := a.tenantAPI(ctx)
	if err != nil {
		return nil, nil, err
	}
	o, err := api.Organization(ctx, tenant, name)
	if err == nil || !errors.Is(err, mintage.ErrNotFound) {
		return api, o, err
	}
	var found []*adminclient.Organization
	var ids []string
	for o, err := range api.Organizations(ctx, tenant, wholeList) {
		if err != nil {
			return nil, nil, err
		}
		if o.Name == name {
			found, ids = append(found, o), append(ids, o.ID)
		}
	}
	switch len(found) {
	case 1:
		return api, found[0], nil
	case 0:
		return nil, nil, &failure{
			code: exitNotFound, what: fmt.Sprintf("tenant %s has no organization %q", tenant, name), fix: "mintage organization list --tenant " + tenant,
		}
	}
	return nil, nil, ambiguous("organizations", name, ids)
}

// organizationGrants reads --grant. A scope that the API does not define, the
// server refuses.
func organizationGrants(ctx context.Context, api *adminclient.Client, tenant string, flags []string) ([]adminclient.Grant, error) {
	var grants []adminclient.Grant
	for _, f := range flags {
		if f == "" {
			continue // --grant '' takes them all away
		}
		name, scopes := f, []string{mintage.AllScopes}
		if i := strings.LastIndexByte(f, '='); i >= 0 {
			name, scopes = f[:i], strings.Split(f[i+1:], ",")
		}
		rs, err := findResourceServer(ctx, api, tenant, name)
		if err != nil {
			return nil, err
		}
		grants = append(grants, adminclient.Grant{ResourceServer: rs.Identifier, Scopes: scopes})
	}
	return grants, nil
}

// organizationResult is how one organization is shown.
func organizationResult(o *adminclient.Organization) result {
	rows := [][]string{{"id", o.ID}, {"name", o.Name}, {"tenant", o.Tenant}}
	for _, g := range o.Grants {
		rows = append(rows, []string{"may grant", strings.Join(g.Scopes, " ") + " at " + g.ResourceServer})
	}
	rows = append(rows, []string{"clients at most", bound(o.MaxClients)})
	if o.ManagedBy != "" {
		rows = append(rows, []string{"declared in", o.ManagedBy})
	}
	return result{doc: o, rows: rows, name: []string{o.ID}}
}
