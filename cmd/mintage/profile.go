package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/profile"
)

// access is where a server is, and how a command asks there: with the token if
// there is one, else as the client, else as the operator whose session it is.
type access struct {
	url     string
	token   string
	client  credentials
	profile string
	session *profile.Session // nil: none at that URL
}

// access finds out which server a command is for. A flag beats the environment,
// which beats the profile; a profile that a flag names is one of flags.
func (a *app) access() (*access, error) {
	name, p, err := a.profile()
	if err != nil {
		return nil, err
	}
	env := a.env
	if a.flags.profile != "" {
		env = func(string) string { return "" }
	}
	to := &access{profile: name}
	if env("MINTAGE_TOKEN")+env("MINTAGE_TOKEN_FILE") != "" {
		if to.token, err = a.givenToken(); err != nil {
			return nil, err
		}
	}
	given := cmp.Or(a.flags.credentials, env("MINTAGE_CREDENTIALS_FILE"))
	if file := cmp.Or(given, p.CredentialsFile); file != "" {
		if to.client, err = a.readCredentials(file); err != nil {
			return nil, err
		}
	}
	if given != "" { // it is of a server, whatever the profile is of
		p.URL = cmp.Or(to.client.URL, p.URL)
	}
	at := strings.TrimRight(cmp.Or(a.flags.url, env("MINTAGE_URL")), "/")
	to.url = strings.TrimRight(cmp.Or(at, p.URL, to.client.URL), "/")
	if to.token == "" && to.client.ClientID == "" {
		if err := a.findSession(to); err != nil {
			return nil, err
		}
	}
	if to.url == "" {
		return nil, &failure{
			code: exitUsage, what: noServer,
			fix: "sign in with: mintage login URL   or set MINTAGE_URL, or MINTAGE_CREDENTIALS_FILE to the server's admin.json",
		}
	}
	return to, nil
}

// noServer is what a command fails with that knows no server.
const noServer = "no server is named"

// findSession adds the session of the profile, if it is for the server that is
// meant: it is shown to no other.
func (a *app) findSession(to *access) error {
	s, err := a.dirs().Session(to.profile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return &failure{code: exitDenied, what: "the session cannot be used", why: err.Error(), fix: "mintage login --profile " + to.profile}
	case to.url == "":
		to.url = s.URL
	}
	if s.URL == to.url {
		to.session = s
	}
	return nil
}

// profile returns the profile that a command is for, and its name.
func (a *app) profile() (string, profile.Profile, error) {
	given := cmp.Or(a.flags.profile, a.env("MINTAGE_PROFILE"))
	if given != "" {
		if err := profile.CheckName(given); err != nil {
			return "", profile.Profile{}, usage(err.Error(), "--profile prod")
		}
	}
	f, err := a.dirs().Read()
	if err != nil {
		return "", profile.Profile{}, &failure{code: exitUsage, what: "the file of profiles cannot be used", why: err.Error(), fix: "correct it, or take it away"}
	}
	name := cmp.Or(given, f.Default, profile.DefaultName)
	return name, f.Profiles[name], nil
}

// dirs are where profiles and sessions are.
func (a *app) dirs() profile.Dirs {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "." // nothing is there, and nothing can be kept
	}
	return profile.DirsOf(a.env, home)
}

// namedTenant returns the tenant that is named: by the flag, else the
// environment, else the profile, else as the only one that its session reaches.
// Empty: none is.
func (a *app) namedTenant() (string, error) {
	if a.flags.tenant != "" {
		return a.flags.tenant, nil
	}
	_, p, err := a.profile()
	if err != nil {
		return "", err
	}
	env := a.env("MINTAGE_TENANT")
	if a.flags.profile != "" { // a flag
		env = cmp.Or(p.Tenant, env)
	}
	if t := cmp.Or(env, p.Tenant); t != "" {
		return t, nil
	}
	to, err := a.access()
	if err == nil && to.session != nil && to.session.Tenant != mintage.BuiltInTenant {
		return to.session.Tenant, nil
	}
	return "", nil // whoever asks the server next says what is wrong
}

// bySession has a client ask with the session.
func (a *app) bySession(api *adminclient.Client, to *access) error {
	if !time.Now().Before(to.session.Expires) {
		return a.signedOut(to, "the session of "+to.session.Email+" ended at "+when(to.session.Expires))
	}
	token := to.session.Token
	api.Token = func(context.Context) (string, error) { return token, nil }
	return nil
}

// signedOut is the failure of who has to sign in.
func (*app) signedOut(to *access, why string) error {
	fix := "mintage login"
	if to.url != "" {
		fix += " " + to.url
	}
	if to.profile != profile.DefaultName {
		fix += " --profile " + to.profile
	}
	return &failure{code: exitDenied, what: "you are not signed in", why: why, fix: fix}
}

// userAgent is what commands call themselves.
func userAgent() string { return fmt.Sprintf("mintage/%s", cmp.Or(thisBuild().Version, "dev")) }
