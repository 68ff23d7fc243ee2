package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/adminclient"
)

// apiFlags are the flags of api create and edit.
type apiFlags struct {
	audience              string
	name, prefix          string
	scopes, introspectors []string
	format, alg, lifetime string
	dpopBound             bool
}

func (f *apiFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.prefix, "scope-prefix", "", "what precedes the name of each scope on the wire")
	fl.StringSliceVar(&f.introspectors, "introspector", nil, "client that may introspect its tokens; may be given several times")
	fl.BoolVar(&f.dpopBound, "dpop-bound", false, "whether no client gets a token for it without a DPoP proof")
	fl.StringVar(&f.format, "format", "", "how its tokens are made: jwt, stored or sealed; empty: as client, dialect or tenant say")
	fl.StringVar(&f.alg, "alg", "", "JWS algorithm of its tokens; empty: as client, dialect or tenant say")
	fl.StringVar(&f.lifetime, "lifetime", "", "how long its tokens live, such as 15m; empty: as client, dialect or tenant say")
}

// token returns the settings that the flags say.
func (f *apiFlags) token() (t adminclient.TokenSettings, err error) {
	t.Format, t.Alg = f.format, f.alg
	if f.lifetime == "" {
		return t, nil
	}
	d, err := spanFlag("lifetime", f.lifetime, "15m")
	t.Lifetime = int64(d.Seconds())
	return t, err
}

func (a *app) apiCreateCommand() *cobra.Command {
	var f apiFlags
	cmd := &cobra.Command{
		Use:   "create NAME [--audience IDENTIFIER]",
		Short: "Define an API: the audience of its tokens, and the scopes that mean something there",
		Example: `  mintage api create orders --audience https://api.example --scope orders/read="Read orders" --scope orders/write
  mintage api create https://api.example --tenant prod`,
		Long: "Define an API: the audience of its tokens, and the scopes that mean something there.\n\n" +
			"NAME is for commands and snippets. Without --audience it is the audience itself, and the API has no other name.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.apiCreate(cmd.Context(), args[0], f) },
	}
	cmd.Flags().StringVar(&f.audience, "audience", "", "identifier of the API: what its tokens have as audience, usually its address; it cannot be changed later")
	cmd.Flags().StringArrayVar(&f.scopes, "scope", nil, "scope that it defines, NAME or NAME=DESCRIPTION; may be given several times")
	f.add(cmd)
	a.writeFlags(cmd)
	return cmd
}

func (a *app) apiCreate(ctx context.Context, name string, f apiFlags) error {
	n := adminclient.NewResourceServer{Identifier: name, ResourceServerSettings: adminclient.ResourceServerSettings{
		ScopePrefix: f.prefix, Introspectors: f.introspectors, DPoPBound: f.dpopBound,
	}}
	if f.audience != "" {
		n.Identifier, n.Name = f.audience, name
	}
	for _, s := range f.scopes {
		scope, description, _ := strings.Cut(s, "=")
		n.Scopes = append(n.Scopes, adminclient.Scope{Name: scope, Description: description})
	}
	var err error
	if n.Token, err = f.token(); err != nil {
		return err
	}
	api, tenant, err := a.tenantAPI(ctx)
	if err != nil {
		return err
	}
	if a.flags.dryRun {
		return a.print(result{doc: n, rows: [][]string{{"would create", n.Identifier, "in", tenant}}, name: []string{n.Identifier}})
	}
	rs, err := api.CreateResourceServer(ctx, tenant, n)
	if err != nil {
		return err
	}
	return a.print(apiResult(rs))
}

func (a *app) apiEditCommand() *cobra.Command {
	var f apiFlags
	var r adminclient.Removal
	cmd := &cobra.Command{
		Use:   "edit API",
		Short: "Change an API's name, prefix, tokens and introspectors",
		Example: `  mintage api edit orders --lifetime 15m
  mintage api edit https://api.example --name orders
  mintage api edit orders --introspector mc_4fXGQZr1tPq9sW2e,mc_1omoaLk2c8Vb3Xy9`,
		Long: "Change an API's name, prefix, tokens and introspectors. Its identifier stays: tokens carry it and the API compares it; " +
			"make another API, move the clients, and delete this one. Another prefix gives each scope another name on the wire, " +
			"so that clients which ask by name break: it needs --cascade where there are any.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			patch, err := f.patch(cmd.Flags().Changed)
			if err != nil {
				return err
			}
			return a.apiEdit(cmd.Context(), args[0], patch, r)
		},
	}
	cmd.Flags().StringVar(&f.name, "name", "", "another short name; empty: none")
	f.add(cmd)
	cascadeFlag(cmd, &r.Cascade, "change the default scopes of clients with the prefix")
	a.writeFlags(cmd)
	return cmd
}

// patch returns what the given flags change.
func (f *apiFlags) patch(given func(flag string) bool) (adminclient.Patch, error) {
	t, err := f.token()
	if err != nil {
		return nil, err
	}
	patch, token := adminclient.Patch{}, map[string]any{}
	for _, m := range []struct {
		flag, member string
		value        any
		into         map[string]any
	}{
		{"name", "name", f.name, patch},
		{"scope-prefix", "scope_prefix", f.prefix, patch},
		{"introspector", "introspectors", append([]string{}, f.introspectors...), patch},
		{"dpop-bound", "dpop_bound_access_tokens", f.dpopBound, patch},
		{"format", "format", orNull(t.Format), token},
		{"alg", "alg", orNull(t.Alg), token},
		{"lifetime", "lifetime", orNull(t.Lifetime), token},
	} {
		if given(m.flag) {
			m.into[m.member] = m.value
		}
	}
	if len(token) > 0 {
		patch["token"] = token
	}
	if len(patch) == 0 {
		return nil, usage("nothing is to change", "name what: --lifetime 15m, for example")
	}
	return patch, nil
}

// orNull is a value in a patch: the zero one takes the member away.
func orNull[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

func (a *app) apiEdit(ctx context.Context, name string, patch adminclient.Patch, r adminclient.Removal) error {
	api, rs, err := a.findAPI(ctx, name)
	if err != nil {
		return err
	}
	if err := a.confirmedIfProtected(ctx, api, rs.Tenant, "changes the API "+rs.Identifier, apiName(rs)); err != nil {
		return err
	}
	if a.flags.dryRun {
		return a.print(apiResult(rs))
	}
	r.Version = rs.Version
	if rs, err = api.UpdateResourceServer(ctx, rs.Tenant, rs.Identifier, patch, r); err != nil {
		return err
	}
	return a.print(apiResult(rs))
}

// apiName is what people call an API.
func apiName(rs *adminclient.ResourceServer) string {
	if rs.Name != "" {
		return rs.Name
	}
	return rs.Identifier
}

// cascadeFlag adds --cascade.
func cascadeFlag(cmd *cobra.Command, to *bool, does string) {
	cmd.Flags().BoolVar(to, "cascade", false, does+"; else they keep it from being done")
}

func (a *app) apiDeleteCommand() *cobra.Command {
	var cascade bool
	cmd := &cobra.Command{
		Use:   "delete API",
		Short: "Delete an API and its scopes",
		Example: `  mintage api delete orders --tenant prod --confirm orders
  mintage api delete orders --tenant prod --cascade --confirm orders`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			api, rs, err := a.findAPI(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			does := "This deletes the API " + rs.Identifier + " and cannot be undone."
			if cascade {
				does = "This deletes the API " + rs.Identifier + " with all grants that clients and organizations have there, and cannot be undone."
			}
			if err := a.confirmed(danger{does: does, name: apiName(rs)}); err != nil {
				return err
			}
			if a.flags.dryRun {
				return a.print(apiResult(rs))
			}
			r := adminclient.Removal{Version: rs.Version, Cascade: cascade}
			if err := api.DeleteResourceServer(cmd.Context(), rs.Tenant, rs.Identifier, r); err != nil {
				return err
			}
			fmt.Fprintf(a.stderr, "deleted the API %s\n", rs.Identifier)
			return nil
		},
	}
	cascadeFlag(cmd, &cascade, "take the grants there from the clients and organizations that have them")
	a.writeFlags(cmd)
	return cmd
}
