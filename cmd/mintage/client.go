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
		Short: "Clients: create, list, show, edit, disable, enable, delete, secret, key",
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
		a.clientCreateCommand(), a.clientListCommand(), a.clientShowCommand(), a.clientEditCommand(),
		a.clientDisableCommand(), a.clientEnableCommand(), a.clientDeleteCommand(),
		a.clientRotateCommand(), a.secretCommand(), a.clientKeyCommand(),
	)
	return cmd
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
	rows = append(rows, authRows(c)...)
	for _, g := range c.Grants {
		rows = append(rows, []string{"may", strings.Join(g.Scopes, " ") + " at " + g.ResourceServer})
	}
	for _, network := range c.AllowFrom {
		rows = append(rows, []string{"from", network})
	}
	for _, bound := range []struct {
		what string
		n    int
	}{{"tokens", c.Limits.TokensPerMinute}, {"introspections", c.Limits.IntrospectionsPerMinute}} {
		if bound.n > 0 {
			rows = append(rows, []string{"limit", fmt.Sprintf("%d %s a minute", bound.n, bound.what)})
		}
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
	return a.patchClient(ctx, api, c, patch)
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
