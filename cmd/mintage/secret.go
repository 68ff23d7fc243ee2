package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/apply"
)

// secretCommand is mintage client secret.
func (a *app) secretCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "secret",
		Short: "A client's secrets: add, list, revoke, pause",
		Example: `  mintage client secret add "Nightly export" --expires 90d
  mintage client secret list "Nightly export"
  mintage client secret revoke "Nightly export" --secret 2026-08 --yes`,
		Args: nounArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.secretAddCommand(), a.secretListCommand(), a.secretRevokeCommand(), a.secretPauseCommand())
	return cmd
}

// newSecret spells out --secret-name and --expires.
func newSecret(name, expires string) (adminclient.NewSecret, error) {
	n := adminclient.NewSecret{Name: name}
	switch expires {
	case "":
	case "never":
		n.NoExpiry = true
	default:
		d, err := apply.ParseDuration(expires)
		if err != nil || d <= 0 {
			return n, usage(fmt.Sprintf("--expires %q is no duration", expires), "90d, 12h, 30m or never")
		}
		n.ExpiresIn = int64(time.Duration(d) / time.Second)
	}
	return n, nil
}

func (a *app) secretAddCommand() *cobra.Command {
	var name, expires, writeEnv string
	cmd := &cobra.Command{
		Use:   "add CLIENT",
		Short: "Make another secret for a client and print it, once; the others live on",
		Example: `  mintage client secret add "Nightly export" --name 2026-11 --expires 90d
  mintage client secret add "Nightly export" --write-env export.env`,
		Args:        cobra.ExactArgs(1),
		Annotations: map[string]string{outputEnv: "yes"},
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := newSecret(name, expires)
			if err != nil {
				return err
			}
			return a.secretAdd(cmd.Context(), args[0], n, writeEnv)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "label; left out: today's date")
	cmd.Flags().StringVar(&expires, "expires", "", "when it ends, such as 90d, or never; left out: the tenant's default")
	cmd.Flags().StringVar(&writeEnv, "write-env", "", "write id and secret to this new file (mode 0600) instead of printing the secret")
	a.writeFlags(cmd)
	return cmd
}

func (a *app) secretAdd(ctx context.Context, client string, n adminclient.NewSecret, writeEnv string) error {
	out, err := newEnvFile(writeEnv)
	if err != nil {
		return err
	}
	defer out.discard()
	api, c, err := a.findClient(ctx, client)
	if err != nil {
		return err
	}
	if a.flags.dryRun {
		return a.print(result{doc: n, rows: [][]string{{"would add a secret to", c.Name}}})
	}
	made, err := api.AddSecret(ctx, c.Tenant, c.ClientID, n)
	if err != nil {
		return err
	}
	return a.revealSecret(made, out)
}

// revealSecret prints a new secret, unless it goes to a file.
func (a *app) revealSecret(made *adminclient.CreatedSecret, out *envFile) error {
	env := [][2]string{{"MINTAGE_CLIENT_ID", made.ClientID}, {"MINTAGE_CLIENT_SECRET", made.ClientSecret}}
	r := result{
		doc: made, name: []string{made.ID}, env: env,
		rows: [][]string{{"client id", made.ClientID}, {"client secret", made.ClientSecret}},
		note: "The secret is shown once; the server keeps only a hash of it.",
	}
	if out != nil {
		if err := out.commit(env); err != nil {
			return err
		}
		r = result{doc: made.Secret, name: r.name, env: env[:1], rows: r.rows[:1], note: "wrote " + out.path}
	}
	return a.printOnce(r)
}

func (a *app) secretListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list CLIENT",
		Short:   "List what is known of a client's secrets",
		Example: `  mintage client secret list "Nightly export" -o json`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, c, err := a.findClient(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			r := result{doc: c.Secrets, head: []string{"NAME", "ID", "HINT", "STATE", "CREATED BY", "LAST USED", "EXPIRES"}}
			for i := range c.Secrets {
				s := &c.Secrets[i]
				r.name = append(r.name, s.ID)
				r.rows = append(r.rows, []string{s.Name, s.ID, s.Hint, secretState(s), s.CreatedBy, lastUse(s), expiry(s.ExpiresAt)})
			}
			return a.print(r)
		},
	}
}

// expiry says when something ends.
func expiry(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return when(*t)
}

func (a *app) secretRevokeCommand() *cobra.Command {
	var name string
	var last bool
	cmd := &cobra.Command{
		Use:   "revoke CLIENT --secret SECRET",
		Short: "End a secret at once",
		Example: `  mintage client secret revoke "Nightly export" --secret 2026-08 --yes
  mintage client secret revoke "Nightly export" --secret 2026-11 --last --yes`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			api, c, err := a.findClient(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			does := fmt.Sprintf("This ends the secret %s of %s at once.", name, c.Name)
			if err := a.confirmed(danger{does: does, name: c.Name}); err != nil || a.flags.dryRun {
				return err
			}
			if err := api.RevokeSecret(cmd.Context(), c.Tenant, c.ClientID, name, last); err != nil {
				return err
			}
			fmt.Fprintf(a.stderr, "revoked %s of %s\n", name, c.ClientID)
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "secret", "", "label or id of the secret")
	cmd.Flags().BoolVar(&last, "last", false, "revoke it even if the client has no other")
	_ = cmd.MarkFlagRequired("secret")
	a.writeFlags(cmd)
	return cmd
}
