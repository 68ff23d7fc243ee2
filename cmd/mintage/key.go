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
	"github.com/mintage-auth/mintage/internal/apply"
)

// keyCommand is mintage key.
func (a *app) keyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Signing keys: list, rotate, kill",
		Example: `  mintage key list --tenant prod
  mintage key rotate --tenant prod --yes
  mintage key rotate --tenant prod --alg RS256 --wait 0s --yes
  mintage key kill KID --tenant prod --yes`,
		Args: nounArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	a.serverFlags(cmd)
	a.tenantFlag(cmd)
	a.outputFlags(cmd)
	cmd.AddCommand(a.keyListCommand(), a.keyRotateCommand(), a.keyKillCommand())
	return cmd
}

func (a *app) keyListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the signing keys of a tenant",
		Example: "  mintage key list --tenant prod -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			api, tenant, err := a.tenantAPI(cmd.Context())
			if err != nil {
				return err
			}
			r := result{head: []string{"KID", "ALG", "STATE", "SIGNS FROM", "SIGNS UNTIL", "VERIFIES UNTIL"}}
			docs := []*adminclient.SigningKey{}
			for k, err := range api.Keys(cmd.Context(), tenant, adminclient.List{}) {
				if err != nil {
					return err
				}
				docs = append(docs, k)
				r.name = append(r.name, k.KID)
				r.rows = append(r.rows, keyRow(k))
			}
			r.doc = docs
			return a.print(r)
		},
	}
}

func keyRow(k *adminclient.SigningKey) []string {
	return []string{k.KID, k.Alg, k.State, when(k.SignsFrom), dash(k.SignsUntil), dash(k.VerifiesUntil)}
}

// dash is when something ends, or a dash for a date that is not set yet.
func dash(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return when(*t)
}

func (a *app) keyRotateCommand() *cobra.Command {
	var alg, wait string
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Publish a new signing key, which takes over when every cache has it",
		Long: `Publish a new signing key. It signs once the caches of the JWKS have run out,
and the key before it verifies until the last token that it signed has ended.
With --wait 0s it signs at once: verifiers that do not fetch the JWKS for a kid
that they do not know refuse its tokens until their cache runs out.`,
		Example: `  mintage key rotate --tenant prod --yes
  mintage key rotate --tenant prod --alg RS256 --yes -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.keyRotate(cmd.Context(), alg, wait) },
	}
	cmd.Flags().StringVar(&alg, "alg", "", "algorithm whose key is rotated: "+strings.Join(append(mintage.SigningAlgs(), mintage.SealingAlg), ", ")+"; left out: the tenant's default")
	cmd.Flags().StringVar(&wait, "wait", "", "how long it is published before it signs; left out: as long as a JWKS is cached, and a margin")
	a.writeFlags(cmd)
	return cmd
}

// duration reads a duration as files have it, or one of nothing.
func duration(s string) (time.Duration, error) {
	if s == "0s" || s == "0" {
		return 0, nil
	}
	d, err := apply.ParseDuration(s)
	if err == nil && d == 0 {
		return 0, errors.New("it has to end")
	}
	return time.Duration(d), err
}

// spanFlag reads a flag that is a duration of a second at least.
func spanFlag(flag, said, example string) (time.Duration, error) {
	d, err := duration(said)
	if err != nil || d <= 0 {
		return 0, usage(fmt.Sprintf("--%s %q is no duration", flag, said), "--"+flag+" "+example)
	}
	return d, nil
}

func (a *app) keyRotate(ctx context.Context, alg, wait string) error {
	rotation := adminclient.KeyRotation{Alg: alg}
	if wait != "" {
		d, err := duration(wait)
		if err != nil {
			return usage(fmt.Sprintf("--wait %q is no duration: %v", wait, err), "10m or 0s")
		}
		seconds := int64(d / time.Second)
		rotation.Wait = &seconds
	}
	api, tenant, err := a.tenantAPI(ctx)
	if err != nil {
		return err
	}
	does := "This makes a new signing key for the tenant " + tenant + "."
	if err := a.confirmed(danger{does: does, name: tenant}); err != nil {
		return err
	}
	if a.flags.dryRun {
		return a.print(result{doc: rotation, rows: [][]string{{"would rotate a key of", tenant}}})
	}
	k, err := api.RotateKey(ctx, tenant, rotation)
	if err != nil {
		return err
	}
	r := result{doc: k, rows: [][]string{keyRow(k)}, name: []string{k.KID}}
	if k.State == "next" {
		r.note = "published; it signs from " + when(k.SignsFrom)
	}
	return a.print(r)
}

func (a *app) keyKillCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kill KID",
		Short: "End a key at once, in an emergency, and every token that it signed",
		Long: `End a key at once: it neither signs nor verifies any more, its private half is
destroyed, and another key signs from now on. Its tokens are inactive at
introspection and for everybody who follows the revocations. A verifier that does
neither accepts them until it fetches the JWKS again (5 minutes), and refuses
tokens of the new key until then if it does not fetch for a kid that it does not
know. For an ordinary change of keys use mintage key rotate.`,
		Example: `  mintage key list --tenant prod
  mintage key kill q3vx6c5dyz2ahn4k --tenant prod --yes`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.keyKill(cmd.Context(), args[0]) },
	}
	a.writeFlags(cmd)
	return cmd
}

func (a *app) keyKill(ctx context.Context, kid string) error {
	api, tenant, err := a.tenantAPI(ctx)
	if err != nil {
		return err
	}
	does := "This ends the key " + kid + " of the tenant " + tenant + " and every token that it signed."
	if err := a.confirmed(danger{does: does, name: kid}); err != nil {
		return err
	}
	if a.flags.dryRun {
		return a.print(result{doc: map[string]string{"kid": kid}, rows: [][]string{{"would kill the key", kid}}})
	}
	did, err := api.KillKey(ctx, tenant, kid)
	if err != nil {
		return err
	}
	r := result{doc: did, rows: [][]string{keyRow(&did.Killed)}, name: []string{did.Killed.KID}}
	if did.Heir != nil {
		r.rows = append(r.rows, keyRow(did.Heir))
		r.name = append(r.name, did.Heir.KID)
	}
	return a.print(r)
}
