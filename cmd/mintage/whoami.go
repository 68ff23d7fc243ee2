package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
)

// whoIs is who a command acts as, and where.
type whoIs struct {
	Profile string `json:"profile,omitempty"`
	URL     string `json:"url"`
	adminclient.Self
}

// trimmed is a URL without a slash at its end.
func trimmed(at string) string { return strings.TrimRight(at, "/") }

func (a *app) whoamiCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "whoami",
		Short: "Show who commands act as, with which role and where",
		Long: `Show the operator, or the client, as whom commands act: their role, what they are
confined to, the server, and when the session ends. Without any it ends with 4.`,
		Example: `  mintage whoami
  mintage whoami --profile prod -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.whoami(cmd.Context()) },
	}
	a.serverFlags(cmd)
	a.outputFlags(cmd)
	return cmd
}

func (a *app) whoami(ctx context.Context) error {
	to, err := a.access()
	if f, ok := errors.AsType[*failure](err); ok && f.what == noServer {
		return a.signedOut(&access{profile: "default"}, f.what)
	}
	if err != nil {
		return err
	}
	if to.token == "" && to.client.ClientID == "" && to.session == nil {
		return a.signedOut(to, "the profile "+to.profile+" has no session at "+to.url)
	}
	api, err := a.connect("cli")
	if err != nil {
		return err
	}
	self, err := api.Self(ctx)
	if err != nil {
		return a.explainEnd(to, err)
	}
	w := &whoIs{URL: to.url, Self: *self}
	if to.session != nil {
		w.Profile = to.profile
	}
	return a.print(selfResult(w))
}

// explainEnd says how to sign in where a session has ended.
func (a *app) explainEnd(to *access, err error) error {
	if p, ok := errors.AsType[*adminclient.Problem](err); ok && p.Status == http.StatusUnauthorized && to.session != nil {
		return a.signedOut(to, "the session of "+to.session.Email+" has ended")
	}
	return err
}

// selfResult is how people see who they are.
func selfResult(w *whoIs) result {
	who, ends := "client "+w.ClientID, ""
	if w.Operator != nil {
		who = w.Operator.Email
	}
	if w.Session != nil {
		ends = "session ends in " + roughly(time.Until(w.Session.ExpiresAt))
	}
	where := "everything"
	switch {
	case w.Organization != "":
		where = w.Tenant + "/" + w.Organization
	case w.Tenant != mintage.BuiltInTenant:
		where = w.Tenant
	}
	return result{doc: w, name: []string{who}, head: []string{"WHO", "ROLE", "WHERE", "SERVER", "SESSION"}, rows: [][]string{{who, w.Role, where, w.URL, ends}}}
}

// roughly says how long a time is.
func roughly(d time.Duration) string {
	if d.Round(time.Minute) >= 2*time.Hour {
		return fmt.Sprintf("%d h", int(d.Round(time.Hour)/time.Hour))
	}
	return fmt.Sprintf("%d min", max(0, int(d.Round(time.Minute)/time.Minute)))
}

func (a *app) logoutCommand() *cobra.Command {
	var local bool
	cmd := &cobra.Command{
		Use:   "logout",
		Short: "End the session of mintage login",
		Long: `End the session at the server, and delete it here. When the server cannot be
reached, the session stays here, since it is still open there: try again, or with
--local delete it here alone and end it in the console.`,
		Example: `  mintage logout
  mintage logout --profile prod`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.logout(cmd.Context(), local) },
	}
	cmd.Flags().BoolVar(&local, "local", false, "delete the session here, and tell the server nothing")
	a.profileFlag(cmd)
	return cmd
}

func (a *app) logout(ctx context.Context, local bool) error { //nolint:revive // a flag
	name, _, err := a.profile()
	if err != nil {
		return err
	}
	dirs := a.dirs()
	s, err := dirs.Session(name)
	if err != nil {
		if local {
			return dirs.ForgetSession(name)
		}
		return a.signedOut(&access{profile: name}, "the profile "+name+" has no session that can be used")
	}
	if !local && time.Now().Before(s.Expires) {
		api := &adminclient.Client{
			BaseURL: s.URL, HTTP: a.httpClient(requestTimeout), Via: "cli", UserAgent: userAgent(),
			Token: func(context.Context) (string, error) { return s.Token, nil },
		}
		err := api.EndOwnSession(ctx)
		if p, ok := errors.AsType[*adminclient.Problem](err); err != nil && (!ok || p.Status != http.StatusUnauthorized) {
			f := *describe(err)
			f.fix = "try again, or delete it here alone: mintage logout --local"
			return &f
		}
	}
	if err := dirs.ForgetSession(name); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "%s is signed out of %s\n", s.Email, s.URL)
	return nil
}
