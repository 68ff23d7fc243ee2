package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/profile"
)

// localServer is where mintage dev, and a server without settings, listens.
const localServer = "http://127.0.0.1:9401"

func (a *app) loginCommand() *cobra.Command {
	var quiet bool
	cmd := &cobra.Command{
		Use:   "login [URL]",
		Short: "Sign the command line in as yourself, by the console",
		Long: `Sign the command line in as an operator, with what that operator may do and where.
The command shows a code and the address of a page of the console. Open the page in
a browser that is signed in, compare the code, and confirm. The session ends after
twelve hours, after two without a command, or with mintage logout; the console lists
it under Your account, and ends it too.

URL is that of the admin listener; left out, the profile's, else ` + localServer + `.
The profile becomes the one that commands use. Profiles are in
~/.config/mintage/config.yaml, sessions in ~/.local/state/mintage, for you alone.`,
		Example: `  mintage login https://admin.auth.example.com
  mintage login https://admin.auth.example.com --profile prod
  mintage login --no-browser`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			at := ""
			if len(args) == 1 {
				at = args[0]
			}
			return a.login(cmd.Context(), at, quiet)
		},
	}
	cmd.Flags().BoolVar(&quiet, "no-browser", false, "print the address and open nothing")
	a.profileFlag(cmd)
	a.outputFlags(cmd)
	return cmd
}

func (a *app) profileFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.flags.profile, "profile", "", "name of the profile (default $MINTAGE_PROFILE, else the one signed in to last)")
}

// login pairs the command line with a console, and keeps the session.
func (a *app) login(ctx context.Context, at string, quiet bool) error { //nolint:revive // a flag
	name, p, err := a.profile()
	if err != nil {
		return err
	}
	env := a.env("MINTAGE_URL")
	if a.flags.profile != "" {
		env = ""
	}
	at = trimmed(cmp.Or(at, env, p.URL, localServer))
	if err := profile.CheckURL(at); err != nil {
		return usage(err.Error(), "mintage login https://admin.auth.example.com")
	}
	api := &adminclient.Client{BaseURL: at, HTTP: a.httpClient(requestTimeout), Via: "cli", UserAgent: userAgent()}
	host, _ := os.Hostname() // it is for people to recognize
	if mintage.ValidateName(host) != nil {
		host = ""
	}
	start, err := api.StartPairing(ctx, adminclient.NewPairing{Host: host})
	if err != nil {
		return a.noPairing(at, err)
	}
	page, err := url.Parse(start.VerificationURI)
	if err != nil || page.Scheme != "https" && page.Scheme != "http" || page.Host == "" {
		return &failure{code: exitFailed, what: at + " does not answer as a Mintage server does"}
	}
	shown := clean([]string{start.UserCode, page.String()})
	fmt.Fprintf(a.stderr, "Pairing code: %s\nOpen this page, see that it shows the same code, and confirm:\n  %s\n", shown[0], shown[1])
	if a.canAsk && !quiet {
		fmt.Fprint(a.stderr, "press Enter to open the browser …\n")
		go a.offerBrowser(page.String()) // it waits for a key that may never come
	}
	got, err := awaitPairing(ctx, api, start)
	if err != nil {
		return err
	}
	return a.signedIn(name, at, got)
}

// signedIn keeps a session and says whose it is.
func (a *app) signedIn(name, at string, got *adminclient.PairingResult) error {
	self := got.Self
	s := &profile.Session{URL: at, Token: got.SessionToken, Email: self.Operator.Email, Tenant: self.Tenant, Expires: self.Session.ExpiresAt}
	if err := errors.Join(a.dirs().WriteSession(name, s), a.dirs().Keep(name, at)); err != nil {
		return &failure{code: exitFailed, what: "the session could not be kept", why: err.Error(), fix: "end it in the console under Your account"}
	}
	r := selfResult(&whoIs{Profile: name, URL: at, Self: *self})
	r.note = fmt.Sprintf("signed in; profile %q is now the default", name)
	return a.print(r)
}

// noPairing says why a server signs no command line in.
func (*app) noPairing(at string, err error) error {
	p, ok := errors.AsType[*adminclient.Problem](err)
	if ok && p.Status == http.StatusNotFound {
		return &failure{code: exitFailed, what: at + " signs no command line in", why: p.Error(), fix: "name the admin listener of a server of this release"}
	}
	return err
}

// awaitPairing asks until somebody confirmed. Answers that fail on the way do no
// harm: it asks again.
func awaitPairing(ctx context.Context, api *adminclient.Client, start *adminclient.Pairing) (*adminclient.PairingResult, error) {
	const leastInterval, mostFailures = 1, 5
	every := time.NewTicker(time.Duration(max(leastInterval, start.Interval)) * time.Second)
	defer every.Stop()
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(start.ExpiresIn)*time.Second, errLate)
	defer cancel()
	for failures := 0; ; {
		select {
		case <-every.C:
		case <-ctx.Done():
			return nil, late(ctx)
		}
		got, err := api.RedeemPairing(ctx, start.DeviceCode)
		p, refused := errors.AsType[*adminclient.Problem](err)
		switch {
		case err == nil && got.Status == "denied":
			return nil, &failure{code: exitDenied, what: "not signed in", why: "somebody said no in the console, or may not sign in there"}
		case err == nil && got.SessionToken != "" && got.Self != nil && got.Self.Operator != nil && got.Self.Session != nil:
			return got, nil
		case err == nil:
			failures = 0
		case ctx.Err() != nil, errors.Is(err, mintage.ErrNotFound):
			return nil, late(ctx)
		case refused && p.Status != http.StatusTooManyRequests && p.Status < http.StatusInternalServerError:
			return nil, err
		default:
			if failures++; failures >= mostFailures {
				return nil, err
			}
		}
	}
}

var errLate = errors.New("nobody confirmed in time")

// late says why it waits no more.
func late(ctx context.Context) error {
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), errLate) {
		return ctx.Err()
	}
	return &failure{code: exitDenied, what: "not signed in", why: errLate.Error(), fix: "mintage login"}
}

// offerBrowser opens a page once Enter is pressed.
func (a *app) offerBrowser(page string) {
	if _, err := bufio.NewReader(a.stdin).ReadString('\n'); err != nil {
		return
	}
	if err := openBrowser(page); err != nil {
		fmt.Fprintln(a.stderr, "no browser could be started: open the page yourself")
	}
}

// openBrowser opens a page with what the system has for it.
func openBrowser(page string) error {
	name, args := "xdg-open", []string{page}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", page}
	}
	return exec.Command(name, args...).Start() //nolint:gosec,noctx // an http or https URL; the browser outlives the command
}
