package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/adminclient"
)

// rotateFlags are the flags of client rotate.
type rotateFlags struct {
	overlap, expires, name, writeEnv string
	complete, cancel                 bool
}

func (a *app) clientRotateCommand() *cobra.Command {
	var f rotateFlags
	cmd := &cobra.Command{
		Use:   "rotate CLIENT",
		Short: "Replace a client's secret; the old one lives on for the overlap",
		Long: `Make a new secret, which is good at once, and print it, once. The secrets before it
end when the overlap is over, without anything being done. Until then --complete
ends them now, and --cancel revokes the new one and gives the old ones the end back
that they had.`,
		Example: `  mintage client rotate "Nightly export" --overlap 24h --write-env new.env
  mintage client rotate "Nightly export" --complete --yes
  mintage client rotate "Nightly export" --cancel --yes`,
		Args:        cobra.ExactArgs(1),
		Annotations: map[string]string{outputEnv: "yes"},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.complete && f.cancel, (f.complete || f.cancel) && cmp.Or(f.overlap, f.expires, f.name, f.writeEnv) != "":
				return usage("a rotation is begun, completed or cancelled", "one of --complete and --cancel, alone")
			case f.complete || f.cancel:
				return a.endRotation(cmd.Context(), args[0], f.complete)
			}
			return a.rotate(cmd.Context(), args[0], f)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.overlap, "overlap", "", "how long the old secret lives on, such as 24h, or 0s; left out: the tenant's default")
	fl.StringVar(&f.expires, "expires", "", "when the new secret ends, such as 90d, or never; left out: the tenant's default")
	fl.StringVar(&f.name, "name", "", "label of the new secret; left out: today's date")
	fl.StringVar(&f.writeEnv, "write-env", "", "write id and secret to this new file (mode 0600) instead of printing the secret")
	fl.BoolVar(&f.complete, "complete", false, "end the old secrets now")
	fl.BoolVar(&f.cancel, "cancel", false, "revoke the new secret and keep the old ones")
	a.writeFlags(cmd)
	return cmd
}

// rotate begins a rotation.
func (a *app) rotate(ctx context.Context, client string, f rotateFlags) error {
	n, err := newSecret(f.name, f.expires)
	if err != nil {
		return err
	}
	in := adminclient.SecretRotation{NewSecret: n}
	if f.overlap != "" {
		d, err := duration(f.overlap)
		if err != nil {
			return usage(fmt.Sprintf("--overlap %q is no duration: %v", f.overlap, err), "24h, 7d or 0s")
		}
		seconds := int64(d / time.Second)
		in.Overlap = &seconds
	}
	out, err := newEnvFile(f.writeEnv)
	if err != nil {
		return err
	}
	defer out.discard()
	api, c, err := a.findClient(ctx, client)
	if err != nil {
		return err
	}
	if a.flags.dryRun {
		return a.print(result{doc: in, rows: [][]string{{"would rotate the secret of", c.Name}}})
	}
	made, err := api.RotateSecret(ctx, c.Tenant, c.ClientID, in)
	if err != nil {
		return err
	}
	if err := a.revealSecret(made, out); err != nil {
		return err
	}
	a.tellRetiring(ctx, api, c)
	return nil
}

// tellRetiring says when the old secrets end. It is no failure when that cannot
// be asked any more.
func (a *app) tellRetiring(ctx context.Context, api *adminclient.Client, c *adminclient.RegisteredClient) {
	now, err := api.Client(ctx, c.Tenant, c.ClientID)
	if err != nil {
		return
	}
	for _, s := range now.Secrets {
		if s.State == adminclient.SecretRetiring {
			fmt.Fprintf(a.stderr, "old secret %s retires %s\n", strings.TrimSpace(s.Name+" "+s.Hint), expiry(s.ExpiresAt))
		}
	}
	fmt.Fprintf(a.stderr, "watch: mintage client secret list %s --tenant %s\n", c.ClientID, c.Tenant)
}

// endRotation completes or cancels one.
func (a *app) endRotation(ctx context.Context, client string, complete bool) error { //nolint:revive // one of two verbs
	api, c, err := a.findClient(ctx, client)
	if err != nil {
		return err
	}
	does, end, done := "This ends the old secrets of "+c.Name+" now.", api.CompleteRotation, "completed"
	if !complete {
		does, end, done = "This revokes the new secret of "+c.Name+".", api.CancelRotation, "cancelled"
	}
	if err := a.confirmed(danger{does: does, name: c.Name}); err != nil || a.flags.dryRun {
		return err
	}
	if _, err := end(ctx, c.Tenant, c.ClientID); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "%s the rotation of %s\n", done, c.ClientID)
	return nil
}

func (a *app) secretPauseCommand() *cobra.Command {
	var name, pause string
	cmd := &cobra.Command{
		Use:   "pause CLIENT --secret SECRET --for DURATION",
		Short: "Refuse a secret for a while, to see who still uses it; it works again by itself",
		Example: `  mintage client secret pause "Nightly export" --secret 2026-08 --for 5m --yes
  mintage client secret pause "Nightly export" --secret 2026-08 --for 0s`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := duration(pause)
			if err != nil {
				return usage(fmt.Sprintf("--for %q is no duration: %v", pause, err), "5m, or 0s to end a pause")
			}
			return a.pause(cmd.Context(), args[0], name, d)
		},
	}
	cmd.Flags().StringVar(&name, "secret", "", "label or id of the secret")
	cmd.Flags().StringVar(&pause, "for", "", "how long, at most 24h; 0s ends a pause")
	err := errors.Join(cmd.MarkFlagRequired("secret"), cmd.MarkFlagRequired("for"))
	if err != nil {
		panic(err) // a flag that is not there: a programmer's mistake
	}
	a.writeFlags(cmd)
	return cmd
}

// pause refuses a secret for a while, or ends that.
func (a *app) pause(ctx context.Context, client, name string, d time.Duration) error {
	api, c, err := a.findClient(ctx, client)
	if err != nil {
		return err
	}
	if d > 0 {
		does := fmt.Sprintf("This refuses the secret %s of %s for %s.", name, c.Name, d)
		if err := a.confirmed(danger{does: does, name: c.Name}); err != nil {
			return err
		}
	}
	if a.flags.dryRun {
		return nil
	}
	changed, err := api.PauseSecret(ctx, c.Tenant, c.ClientID, name, adminclient.SecretPause{Seconds: int64(d / time.Second)})
	if err != nil {
		return err
	}
	for _, s := range changed.Secrets {
		switch {
		case s.ID != name && s.Name != name:
		case s.PausedUntil == nil:
			fmt.Fprintf(a.stderr, "%s of %s works again\n", s.Name, c.ClientID)
		default:
			fmt.Fprintf(a.stderr, "%s of %s is refused until %s\n", s.Name, c.ClientID, when(*s.PausedUntil))
		}
	}
	return nil
}

// secretState is the state of a secret as people read it.
func secretState(s *adminclient.Secret) string {
	if s.PausedUntil != nil && (s.State == adminclient.SecretActive || s.State == adminclient.SecretRetiring) {
		return s.State + ", paused"
	}
	return s.State
}

// lastUse says when and from where a secret was used.
func lastUse(s *adminclient.Secret) string {
	if s.LastUsedAt == nil {
		return "never"
	}
	return strings.TrimSpace(when(*s.LastUsedAt) + " " + s.LastUsedFrom)
}
