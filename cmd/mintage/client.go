package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
)

// clientCommand is mintage client.
func (a *app) clientCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "client",
		Short: "Clients: create, list, show, disable, enable, delete, secret",
		Example: `  mintage client create "Nightly export" --tenant prod --api https://api.example --scope orders/read
  mintage client list --tenant prod
  mintage client disable "Nightly export" --reason "left the programme" --yes`,
		Args: nounArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	a.serverFlags(cmd)
	a.tenantFlag(cmd)
	a.outputFlags(cmd)
	cmd.AddCommand(
		a.clientCreateCommand(), a.clientListCommand(), a.clientShowCommand(),
		a.clientDisableCommand(), a.clientEnableCommand(), a.clientDeleteCommand(),
		a.secretCommand(),
	)
	return cmd
}

// newClientFlags are the flags of client create.
type newClientFlags struct {
	apis, scopes []string
	organization string
	dialects     []string
	expires      string
	secretName   string
	labels       map[string]string
	writeEnv     string
}

func (a *app) clientCreateCommand() *cobra.Command {
	var f newClientFlags
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Register a client and print its id and its secret, which is shown once",
		Example: `  mintage client create "Nightly export" --tenant prod --api https://api.example --scope orders/read
  mintage client create billing --api saas --scope api/write --write-env billing.env
  mintage client create billing --api saas --scope api/write -o env`,
		Args:        cobra.ExactArgs(1),
		Annotations: map[string]string{outputEnv: "yes"},
		RunE:        func(cmd *cobra.Command, args []string) error { return a.clientCreate(cmd.Context(), args[0], f) },
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&f.apis, "api", nil, "identifier or name of the API that the client calls; several are possible")
	fl.StringSliceVar(&f.scopes, "scope", nil, "scopes at that API; left out: all, now and later")
	fl.StringVar(&f.organization, "organization", "", "organization that owns the client")
	fl.StringSliceVar(&f.dialects, "dialect", nil, "dialects that the client may speak; left out: all of the tenant's")
	fl.StringVar(&f.expires, "expires", "", "when the secret ends, such as 90d, or never; left out: the tenant's default")
	fl.StringVar(&f.secretName, "secret-name", "", "label of the secret; left out: today's date")
	fl.StringToStringVar(&f.labels, "label", nil, "labels, NAME=VALUE")
	fl.StringVar(&f.writeEnv, "write-env", "", "write id and secret to this new file (mode 0600) instead of printing the secret")
	a.writeFlags(cmd)
	return cmd
}

// clientCreate registers a client. With several APIs each scope goes to the one
// API that defines it.
func (a *app) clientCreate(ctx context.Context, name string, f newClientFlags) error {
	in := adminclient.NewClient{ClientSettings: adminclient.ClientSettings{
		Name: name, Organization: f.organization, Dialects: f.dialects, Labels: f.labels,
	}}
	secret, err := newSecret(f.secretName, f.expires)
	if err != nil {
		return err
	}
	in.Secret = &secret
	out, err := newEnvFile(f.writeEnv)
	if err != nil {
		return err
	}
	defer out.discard()
	api, err := a.connect("cli")
	if err != nil {
		return err
	}
	tenant, err := a.tenantID(ctx, api)
	if err != nil {
		return err
	}
	if in.Grants, err = grantsFor(ctx, api, tenant, f.apis, f.scopes); err != nil {
		return err
	}
	if a.flags.dryRun {
		return a.print(result{doc: in, rows: [][]string{{"would create", name, "in", tenant}}})
	}
	made, err := api.CreateClient(ctx, tenant, in)
	if err != nil {
		return err
	}
	return a.revealClient(made, out)
}

// revealClient prints a new client, with its secret unless that went to a file.
func (a *app) revealClient(c *adminclient.CreatedClient, out *envFile) error {
	env := [][2]string{{"MINTAGE_CLIENT_ID", c.ClientID}, {"MINTAGE_CLIENT_SECRET", c.ClientSecret}}
	r := result{
		doc: c, name: []string{c.ClientID}, env: env,
		rows: [][]string{{"client id", c.ClientID}, {"client secret", c.ClientSecret}},
		note: "The secret is shown once; the server keeps only a hash of it.",
	}
	if out != nil {
		if err := out.commit(env); err != nil {
			return err
		}
		c.ClientSecret = ""
		r.doc, r.rows, r.env = c.RegisteredClient, r.rows[:1], env[:1]
		r.note = "wrote " + out.path
	}
	return a.printOnce(r)
}

// grantsFor spells out --api and --scope.
func grantsFor(ctx context.Context, api *adminclient.Client, tenant string, apis, scopes []string) ([]adminclient.Grant, error) {
	if len(apis) == 0 {
		if len(scopes) > 0 {
			return nil, usage("--scope needs the API that defines it", "--api IDENTIFIER")
		}
		return nil, nil
	}
	grants := make([]adminclient.Grant, len(apis))
	for i, name := range apis {
		rs, err := findResourceServer(ctx, api, tenant, name)
		if err != nil {
			return nil, err
		}
		grants[i].ResourceServer = rs.Identifier
		if len(scopes) == 0 {
			grants[i].Scopes = []string{mintage.AllScopes}
			continue
		}
		for _, sc := range scopes {
			if len(apis) == 1 || defines(rs, sc) {
				grants[i].Scopes = append(grants[i].Scopes, sc)
			}
		}
		if len(grants[i].Scopes) == 0 {
			return nil, usage("no --scope is one of "+rs.Identifier, "mintage api show "+name)
		}
	}
	return grants, nil
}

func defines(rs *adminclient.ResourceServer, scope string) bool {
	for _, s := range rs.Scopes {
		if s.Name == scope {
			return true
		}
	}
	return false
}

func (a *app) clientListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the clients of a tenant",
		Example: "  mintage client list --tenant prod -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			api, tenant, err := a.tenantAPI(cmd.Context())
			if err != nil {
				return err
			}
			r := result{doc: []*adminclient.RegisteredClient{}, head: []string{"NAME", "ID", "STATUS", "APIS", "SECRET EXPIRES"}}
			docs := []*adminclient.RegisteredClient{}
			for c, err := range api.Clients(cmd.Context(), tenant, adminclient.List{Limit: 200}) {
				if err != nil {
					return err
				}
				docs = append(docs, c)
				r.name = append(r.name, c.ClientID)
				r.rows = append(r.rows, []string{c.Name, c.ClientID, clientStatus(c), strings.Join(grantNames(c), " "), soonestExpiry(c)})
			}
			r.doc = docs
			return a.print(r)
		},
	}
}

func clientStatus(c *adminclient.RegisteredClient) string {
	switch {
	case c.PurgeAt != nil:
		return "deleted at " + when(*c.PurgeAt)
	case c.Disabled:
		return "disabled"
	}
	return "active"
}

func grantNames(c *adminclient.RegisteredClient) []string {
	names := make([]string, len(c.Grants))
	for i, g := range c.Grants {
		names[i] = g.ResourceServer
	}
	return names
}

// soonestExpiry is when the next live secret ends.
func soonestExpiry(c *adminclient.RegisteredClient) string {
	var soonest *time.Time
	live := false
	for _, s := range c.Secrets {
		if s.State != adminclient.SecretActive {
			continue
		}
		live = true
		if s.ExpiresAt != nil && (soonest == nil || s.ExpiresAt.Before(*soonest)) {
			soonest = s.ExpiresAt
		}
	}
	switch {
	case !live:
		return "no live secret"
	case soonest == nil:
		return "never"
	}
	return when(*soonest)
}

// when prints a time the way that all commands do.
func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func (a *app) clientShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show CLIENT",
		Short:   "Show a client, by its id or its name",
		Example: `  mintage client show "Nightly export" --tenant prod --jq '.secrets[].hint'`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, c, err := a.findClient(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.print(clientResult(c))
		},
	}
}

func clientResult(c *adminclient.RegisteredClient) result {
	rows := [][]string{
		{"name", c.Name},
		{"client id", c.ClientID},
		{"tenant", c.Tenant},
		{"status", strings.TrimSuffix(clientStatus(c)+": "+c.DisabledReason, ": ")},
	}
	if c.Organization != "" {
		rows = append(rows, []string{"organization", c.Organization})
	}
	for _, g := range c.Grants {
		rows = append(rows, []string{"may", strings.Join(g.Scopes, " ") + " at " + g.ResourceServer})
	}
	for _, s := range c.Secrets {
		rows = append(rows, []string{"secret", strings.Join([]string{s.Name, s.Hint, s.State, expiry(s.ExpiresAt)}, "  ")})
	}
	if c.ManagedBy != "" {
		rows = append(rows, []string{"declared in", c.ManagedBy})
	}
	return result{doc: c, rows: rows, name: []string{c.ClientID}}
}

func (a *app) clientDisableCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:     "disable CLIENT",
		Short:   "Refuse a client everywhere until it is enabled",
		Example: `  mintage client disable mc_4fXGQZr1tPq9sW2e --reason "left the programme" --yes`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.setDisabled(cmd.Context(), args[0], adminclient.Patch{"disabled": true, "disabled_reason": reason})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for whoever looks at the client later")
	a.writeFlags(cmd)
	return cmd
}

func (a *app) clientEnableCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "enable CLIENT",
		Short:   "Let a disabled client work again; a pruned one is kept",
		Example: "  mintage client enable mc_4fXGQZr1tPq9sW2e",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.setDisabled(cmd.Context(), args[0], adminclient.Patch{"disabled": false, "disabled_reason": nil})
		},
	}
	a.writeFlags(cmd)
	return cmd
}

func (a *app) setDisabled(ctx context.Context, name string, patch adminclient.Patch) error {
	api, c, err := a.findClient(ctx, name)
	if err != nil {
		return err
	}
	if disable, _ := patch["disabled"].(bool); disable {
		if err := a.confirmed(danger{does: fmt.Sprintf("This refuses %s at once.", c.Name), name: c.Name}); err != nil {
			return err
		}
	}
	if a.flags.dryRun {
		return a.print(clientResult(c))
	}
	c, err = api.UpdateClient(ctx, c.Tenant, c.ClientID, patch, c.Version)
	if err != nil {
		return err
	}
	return a.print(clientResult(c))
}

func (a *app) clientDeleteCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "delete CLIENT",
		Short:   "Delete a client and its secrets for good",
		Example: `  mintage client delete "Nightly export" --tenant prod --confirm "Nightly export"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			api, c, err := a.findClient(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := a.confirmed(danger{does: "This deletes " + c.Name + " and cannot be undone.", name: c.Name}); err != nil {
				return err
			}
			if a.flags.dryRun {
				return a.print(clientResult(c))
			}
			if err := api.DeleteClient(cmd.Context(), c.Tenant, c.ClientID, c.Version); err != nil {
				return err
			}
			fmt.Fprintf(a.stderr, "deleted %s\n", c.ClientID)
			return nil
		},
	}
	a.writeFlags(cmd)
	return cmd
}

// tenantAPI returns the admin API and the tenant that the command is about.
func (a *app) tenantAPI(ctx context.Context) (*adminclient.Client, string, error) {
	api, err := a.connect("cli")
	if err != nil {
		return nil, "", err
	}
	tenant, err := a.tenantID(ctx, api)
	return api, tenant, err
}

// findClient returns the client with an id or, else, with a name that no other
// has.
func (a *app) findClient(ctx context.Context, name string) (*adminclient.Client, *adminclient.RegisteredClient, error) {
	api, tenant, err := a.tenantAPI(ctx)
	if err != nil {
		return nil, nil, err
	}
	c, err := api.Client(ctx, tenant, name)
	if err == nil {
		return api, c, nil
	} else if !errors.Is(err, mintage.ErrNotFound) {
		return nil, nil, err
	}
	var found []*adminclient.RegisteredClient
	var ids []string
	for c, err := range api.Clients(ctx, tenant, adminclient.List{Name: name}) {
		if err != nil {
			return nil, nil, err
		}
		found = append(found, c)
		ids = append(ids, c.ClientID)
	}
	switch len(found) {
	case 1:
		return api, found[0], nil
	case 0:
		return nil, nil, &failure{
			code: exitNotFound, what: fmt.Sprintf("tenant %s has no client %q", tenant, name), fix: "mintage client list --tenant " + tenant,
		}
	}
	return nil, nil, ambiguous("clients", name, ids)
}
