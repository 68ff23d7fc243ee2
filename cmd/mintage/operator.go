package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
)

// operatorCommand is mintage operator.
func (a *app) operatorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "operator",
		Short: "The people who administer: invite, change, disable, sign out, recover",
		Example: `  mintage operator list
  mintage operator invite bob@example.com --role viewer
  mintage operator disable bob@example.com`,
		Args: nounArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	online := []*cobra.Command{
		{
			Use: "list", Short: "List the operators", Example: "  mintage operator list -o json", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return a.operatorList(cmd.Context()) },
		},
		{
			Use: "show OPERATOR", Short: "Show an operator, by identifier or e-mail address", Example: "  mintage operator show ada@example.com",
			Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				_, o, err := a.findOperator(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.print(operatorResult(o))
			},
		},
		a.operatorInviteCommand(), a.operatorInvitationsCommand(), a.operatorEditCommand(), a.operatorStateCommand("disable"), a.operatorStateCommand("enable"),
		a.operatorDeleteCommand(), a.operatorSessionsCommand(),
	}
	for _, c := range online {
		a.serverFlags(c)
		a.outputFlags(c)
	}
	cmd.AddCommand(append(online, a.operatorRecoverCommand())...)
	return cmd
}

// operatorFlags are what somebody may do, and where.
type operatorFlags struct{ name, role, member string }

func (f *operatorFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.name, "name", "", "what people call them")
	fl.StringVar(&f.role, "role", "", "owner, admin, developer or viewer")
	fl.StringVar(&f.member, "organization", "", "TENANT/ORGANIZATION in which they have the role; left out: over everything")
}

// membership reads --organization.
func (f *operatorFlags) membership() (tenant, organization string, err error) {
	if f.member == "" {
		return "", "", nil
	}
	tenant, organization, ok := strings.Cut(f.member, "/")
	if !ok || tenant == "" || organization == "" {
		return "", "", usage("--organization names a tenant and an organization", "--organization prod/acme")
	}
	return tenant, organization, nil
}

func (a *app) operatorInviteCommand() *cobra.Command {
	var f operatorFlags
	cmd := &cobra.Command{
		Use:   "invite EMAIL",
		Short: "Make a one-time link by which somebody becomes an operator",
		Long: `Make a link that works once, for seven days, and send it to them yourself. It is
printed once: whoever has it can become the operator.`,
		Example: `  mintage operator invite bob@example.com --role viewer
  mintage operator invite mia@acme.example --role admin --organization prod/acme`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.operatorInvite(cmd.Context(), args[0], f) },
	}
	f.add(cmd)
	a.writeFlags(cmd)
	return cmd
}

func (a *app) operatorInvite(ctx context.Context, email string, f operatorFlags) error {
	tenant, organization, err := f.membership()
	if err != nil {
		return err
	}
	if f.role == "" {
		return usage("a role is needed", "--role viewer, for example")
	}
	api, err := a.connect("cli")
	if err != nil {
		return err
	}
	n := adminclient.NewInvitation{Email: email, Name: f.name, Role: f.role, Tenant: tenant, Organization: organization}
	if a.flags.dryRun {
		return a.print(result{doc: n, rows: [][]string{{"would invite", email, "as", f.role}}, name: []string{email}})
	}
	i, err := api.Invite(ctx, n)
	if err != nil {
		return err
	}
	return a.print(result{
		doc: i, name: []string{i.ID},
		rows: [][]string{{"invited", i.Email}, {"as", i.Role}, {"link", i.Link}, {"ends", when(i.ExpiresAt)}},
		note: "send them the link; it works once and is shown once",
	})
}

func (a *app) operatorInvitationsCommand() *cobra.Command {
	var drop string
	cmd := &cobra.Command{
		Use:   "invitations",
		Short: "List the one-time links that still work, or take one back",
		Example: `  mintage operator invitations
  mintage operator invitations --take-back inv_4fQ2…`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			api, err := a.connect("cli")
			if err != nil {
				return err
			}
			if drop != "" {
				return api.DeleteInvitation(cmd.Context(), drop)
			}
			return listed(a, []string{"ID", "FOR", "KIND", "AS", "ENDS"}, api.Invitations(cmd.Context(), wholeList),
				func(i *adminclient.Invitation) (string, []string) {
					return i.ID, []string{i.ID, i.Email, i.Kind, place(i.Role, i.Tenant, i.Organization), when(i.ExpiresAt)}
				})
		},
	}
	cmd.Flags().StringVar(&drop, "take-back", "", "identifier of the one that is to work no more")
	return cmd
}

// place says what somebody is, and where.
func place(role, tenant, organization string) string {
	if organization == "" {
		return role
	}
	return role + " of " + tenant + "/" + organization
}

func (a *app) operatorEditCommand() *cobra.Command {
	var f operatorFlags
	var leave bool
	cmd := &cobra.Command{
		Use:   "edit OPERATOR",
		Short: "Change an operator's name, role or place",
		Example: `  mintage operator edit bob@example.com --role developer
  mintage operator edit mia@acme.example --role viewer --organization prod/acme
  mintage operator edit mia@acme.example --organization prod/acme --leave
  mintage operator edit bob@example.com --role ''`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.operatorEdit(cmd.Context(), args[0], f, leave, cmd.Flags().Changed)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&leave, "leave", false, "take them out of the organization that is named")
	a.writeFlags(cmd)
	return cmd
}

func (a *app) operatorEdit(ctx context.Context, who string, f operatorFlags, leave bool, given func(flag string) bool) error {
	tenant, organization, err := f.membership()
	switch {
	case err != nil:
		return err
	case !given("name") && !given("role") && !leave:
		return usage("nothing is to change", "name what: --role viewer, for example")
	case leave && organization == "":
		return usage("--leave needs the organization", "--organization prod/acme --leave")
	}
	api, o, err := a.findOperator(ctx, who)
	if err != nil {
		return err
	}
	patch := adminclient.Patch{}
	if given("name") {
		patch["name"] = f.name
	}
	switch {
	case organization != "":
		patch["memberships"] = memberships(o.Memberships, adminclient.Membership{Tenant: tenant, Organization: organization, Role: f.role}, leave)
	case f.role != "":
		patch["role"] = f.role
	case given("role"):
		patch["role"] = nil
	}
	if a.flags.dryRun {
		return a.print(operatorResult(o))
	}
	if o, err = api.UpdateOperator(ctx, o.ID, patch, o.Version); err != nil {
		return err
	}
	return a.print(operatorResult(o))
}

// memberships returns list with m in it, or without one of its organization.
func memberships(list []adminclient.Membership, m adminclient.Membership, leave bool) []adminclient.Membership { //nolint:revive // a flag
	out := []adminclient.Membership{}
	for _, other := range list {
		if other.Tenant != m.Tenant || other.Organization != m.Organization {
			out = append(out, other)
		}
	}
	if !leave {
		out = append(out, m)
	}
	return out
}

// operatorStateCommand is disable or enable.
func (a *app) operatorStateCommand(verb string) *cobra.Command {
	short := "Let an operator sign in again"
	if verb == "disable" {
		short = "End an operator's sessions, and let them sign in no more"
	}
	cmd := &cobra.Command{
		Use: verb + " OPERATOR", Short: short, Example: "  mintage operator " + verb + " bob@example.com", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			api, o, err := a.findOperator(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if a.flags.dryRun {
				return a.print(operatorResult(o))
			}
			if o, err = api.UpdateOperator(cmd.Context(), o.ID, adminclient.Patch{"disabled": verb == "disable"}, o.Version); err != nil {
				return err
			}
			return a.print(operatorResult(o))
		},
	}
	a.writeFlags(cmd)
	return cmd
}

func (a *app) operatorDeleteCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "delete OPERATOR", Short: "Delete an operator, and end their sessions",
		Example: "  mintage operator delete bob@example.com --yes", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			api, o, err := a.findOperator(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := a.confirmed(danger{does: "This deletes the operator " + o.Email + ".", name: o.Email}); err != nil {
				return err
			}
			if a.flags.dryRun {
				return a.print(operatorResult(o))
			}
			if err := api.DeleteOperator(cmd.Context(), o.ID, o.Version); err != nil {
				return err
			}
			fmt.Fprintf(a.stderr, "deleted the operator %s\n", o.Email)
			return nil
		},
	}
	a.writeFlags(cmd)
	return cmd
}

func (a *app) operatorList(ctx context.Context) error {
	api, err := a.connect("cli")
	if err != nil {
		return err
	}
	r := result{head: []string{"ID", "EMAIL", "NAME", "ROLE", "STATUS", "LAST SIGN-IN"}}
	docs := []*adminclient.Operator{}
	for o, err := range api.Operators(ctx, adminclient.List{Limit: 200}) {
		if err != nil {
			return err
		}
		docs = append(docs, o)
		r.name = append(r.name, o.Email)
		r.rows = append(r.rows, []string{o.ID, o.Email, o.Name, rolesOf(o), operatorStatus(o), lastSignIn(o)})
	}
	r.doc = docs
	return a.print(r)
}

// rolesOf says all that an operator is.
func rolesOf(o *adminclient.Operator) string {
	var all []string
	if o.Role != "" {
		all = append(all, o.Role)
	}
	for _, m := range o.Memberships {
		all = append(all, place(m.Role, m.Tenant, m.Organization))
	}
	return cmp.Or(strings.Join(all, ", "), "none")
}

func operatorStatus(o *adminclient.Operator) string {
	if o.Disabled {
		return "disabled"
	}
	return "active"
}

func lastSignIn(o *adminclient.Operator) string {
	if o.LastSignIn == nil {
		return "never"
	}
	return when(*o.LastSignIn)
}

// findOperator returns the operator with an id or, else, with an e-mail address.
func (a *app) findOperator(ctx context.Context, who string) (*adminclient.Client, *adminclient.Operator, error) {
	api, err := a.connect("cli")
	if err != nil {
		return nil, nil, err
	}
	if !strings.Contains(who, "@") {
		o, err := api.Operator(ctx, who)
		if !errors.Is(err, mintage.ErrNotFound) {
			return api, o, err
		}
	}
	for o, err := range api.Operators(ctx, adminclient.List{Limit: 200}) {
		if err != nil {
			return nil, nil, err
		}
		if o.Email == mintage.NormalEmail(who) {
			return api, o, nil
		}
	}
	return nil, nil, &failure{code: exitNotFound, what: fmt.Sprintf("there is no operator %q", who), fix: "mintage operator list"}
}

// operatorResult is how one operator is shown.
func operatorResult(o *adminclient.Operator) result {
	return result{doc: o, name: []string{o.Email}, rows: [][]string{
		{"id", o.ID}, {"email", o.Email}, {"name", o.Name}, {"role", rolesOf(o)}, {"status", operatorStatus(o)}, {"last sign-in", lastSignIn(o)},
	}}
}
