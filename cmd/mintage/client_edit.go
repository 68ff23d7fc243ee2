package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/adminclient"
)

// editFlags are the flags of client edit; only those that are given change
// anything.
type editFlags struct {
	name                    string
	allowFrom               []string
	tokens, introspections  int
	labels                  map[string]string
	multiAudience, downscop bool
	dpopBound               bool
	auth                    authFlags
}

func (a *app) clientEditCommand() *cobra.Command {
	var f editFlags
	cmd := &cobra.Command{
		Use:   "edit CLIENT",
		Short: "Change a client's name, authentication, networks, limits and labels",
		Example: `  mintage client edit "Label printer" --tokens-per-minute 60
  mintage client edit "Label printer" --allow-from 203.0.113.0/24,2001:db8::/32
  mintage client edit "Label printer" --allow-from ''
  mintage client edit "Label printer" --auth private_key_jwt --jwks-uri https://printer.example.com/jwks.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.auth.read(); err != nil {
				return err
			}
			return a.clientEdit(cmd.Context(), args[0], f.patch(cmd.Flags().Changed))
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.name, "name", "", "another name")
	fl.StringSliceVar(&f.allowFrom, "allow-from", nil, "networks from which the client may ask; empty: all")
	fl.IntVar(&f.tokens, "tokens-per-minute", 0, "tokens that the client may have in a minute; 0: any number")
	fl.IntVar(&f.introspections, "introspections-per-minute", 0, "introspections that the client may ask for in a minute; 0: any number")
	fl.StringToStringVar(&f.labels, "label", nil, "labels, NAME=VALUE; an empty value takes the label away")
	fl.BoolVar(&f.multiAudience, "multi-audience", false, "whether one token may be for several APIs")
	fl.BoolVar(&f.downscop, "downscope", false, "whether what the client may not have is left out instead of refused")
	fl.BoolVar(&f.dpopBound, "dpop-bound", false, "whether the client gets no token without a DPoP proof")
	f.auth.register(cmd)
	a.writeFlags(cmd)
	return cmd
}

// patch returns what the given flags change.
func (f *editFlags) patch(given func(name string) bool) adminclient.Patch {
	patch, limits := adminclient.Patch{}, map[string]any{}
	for _, m := range []struct {
		flag, member string
		value        any
		into         map[string]any
	}{
		{"name", "name", f.name, patch},
		{"multi-audience", "multi_audience", f.multiAudience, patch},
		{"downscope", "downscope", f.downscop, patch},
		{"dpop-bound", "dpop_bound_access_tokens", f.dpopBound, patch},
		{"allow-from", "allow_from", append([]string{}, f.allowFrom...), patch},
		{"tokens-per-minute", "tokens_per_minute", f.tokens, limits},
		{"introspections-per-minute", "introspections_per_minute", f.introspections, limits},
	} {
		if given(m.flag) {
			m.into[m.member] = m.value
		}
	}
	if len(limits) > 0 {
		patch["limits"] = limits
	}
	f.auth.patch(given, patch)
	if given("label") {
		labels := map[string]any{}
		for name, value := range f.labels {
			labels[name] = value
			if value == "" {
				labels[name] = nil
			}
		}
		patch["labels"] = labels
	}
	return patch
}

func (a *app) clientEdit(ctx context.Context, name string, patch adminclient.Patch) error {
	if len(patch) == 0 {
		return usage("nothing is to change", "name what: --tokens-per-minute 60, for example")
	}
	api, c, err := a.findClient(ctx, name)
	if err != nil {
		return err
	}
	if err := a.confirmedIfProtected(ctx, api, c.Tenant, "changes "+c.Name, c.Name); err != nil {
		return err
	}
	return a.patchClient(ctx, api, c, patch)
}

// patchClient changes a client that was looked up, and prints what it is then;
// with --dry-run what it is.
func (a *app) patchClient(ctx context.Context, api *adminclient.Client, c *adminclient.RegisteredClient, patch adminclient.Patch) error {
	if !a.flags.dryRun {
		var err error
		if c, err = api.UpdateClient(ctx, c.Tenant, c.ClientID, patch, c.Version); err != nil {
			return err
		}
	}
	return a.print(clientResult(c))
}
