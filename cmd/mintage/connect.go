package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/consume"
)

// requestTimeout bounds one call of the admin API. Applying a file that needs
// RSA keys takes as long as making them does.
const requestTimeout = time.Minute

// maxSecretInput bounds a file that holds a secret, in bytes.
const maxSecretInput = 64 << 10

// credentials are what admin.json holds.
type credentials struct {
	URL      string `json:"url"`
	ClientID string `json:"client_id"`
	Secret   string `json:"client_secret"`
}

// connect returns the admin API's client: by the flags, else the environment,
// else the profile. Via says in the audit log which tool it is.
func (a *app) connect(via string) (*adminclient.Client, error) {
	to, err := a.access()
	if err != nil {
		return nil, err
	}
	hc := a.httpClient(requestTimeout)
	api := &adminclient.Client{BaseURL: to.url, HTTP: hc, Via: via, UserAgent: userAgent()}
	switch {
	case to.token != "":
		api.Token = func(context.Context) (string, error) { return to.token, nil }
		return api, nil
	case to.client.ClientID == "" && to.session == nil:
		return nil, &failure{
			code: exitDenied, what: "there are no credentials for the admin API at " + to.url,
			fix: "sign in with: mintage login " + to.url + "   or set MINTAGE_CREDENTIALS_FILE to the admin.json in the server's data directory",
		}
	case to.client.ClientID == "":
		return api, a.bySession(api, to)
	}
	// It is not closed: it lives as long as the command.
	src := &consume.Source{Fetcher: &consume.ClientCredentials{
		TokenURL: to.url + "/oauth2/token", ClientID: to.client.ClientID,
		Secret: consume.SecretValue(to.client.Secret), HTTPClient: hc,
	}}
	api.Token = func(ctx context.Context) (string, error) {
		tok, err := src.Token(ctx)
		if err != nil {
			return "", err
		}
		return tok.Value, nil
	}
	return api, nil
}

// readCredentials reads a credentials file.
func (a *app) readCredentials(path string) (credentials, error) {
	var cred credentials
	if err := keptPrivate(path); err != nil {
		return cred, err
	}
	data, err := a.readInput(path, maxSecretInput)
	if err != nil {
		return cred, &failure{code: exitUsage, what: "the credentials file cannot be read", why: err.Error(), fix: "check MINTAGE_CREDENTIALS_FILE"}
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&cred); err != nil || cred.ClientID == "" || cred.Secret == "" {
		return credentials{}, &failure{
			code: exitUsage, what: path + " is no credentials file",
			why: "it must hold url, client_id and client_secret as JSON", fix: "use the admin.json that the server wrote",
		}
	}
	return cred, nil
}

// keptPrivate refuses a file of credentials that others on the machine can read
// or change, as the server refuses such a master key. What is no file, such as a
// pipe, and what is not there is for the reader to judge.
func keptPrivate(path string) error {
	if path == "-" || runtime.GOOS == "windows" { // whose modes say nothing
		return nil
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o077 == 0 {
		return nil //nolint:nilerr // reading it says what is wrong
	}
	return &failure{
		code: exitUsage, what: "the credentials file is not private",
		why: fmt.Sprintf("others can read or change %s: it has mode %04o", path, info.Mode().Perm()), fix: "chmod 600 " + path,
	}
}

// givenToken returns MINTAGE_TOKEN or what MINTAGE_TOKEN_FILE holds.
func (a *app) givenToken() (string, error) {
	if t := a.env("MINTAGE_TOKEN"); t != "" {
		return t, nil
	}
	path := a.env("MINTAGE_TOKEN_FILE")
	if path == "" {
		return "", nil
	}
	data, err := a.readInput(path, maxSecretInput)
	if err != nil {
		return "", &failure{code: exitUsage, what: "the token file cannot be read", why: err.Error(), fix: "check MINTAGE_TOKEN_FILE"}
	}
	return strings.TrimSpace(string(data)), nil
}

// tenantID returns the tenant that the command is about: the one that is named,
// else the only one that the credentials administer.
func (a *app) tenantID(ctx context.Context, api *adminclient.Client) (string, error) {
	if t, err := a.namedTenant(); t != "" || err != nil {
		return t, err
	}
	var ids []string
	for t, err := range api.Tenants(ctx, adminclient.List{}) {
		if err != nil {
			return "", err
		}
		if !t.BuiltIn {
			ids = append(ids, t.ID)
		}
	}
	if len(ids) == 1 {
		return ids[0], nil
	}
	f := &failure{code: exitUsage, what: "no tenant is named", fix: "--tenant NAME"}
	if len(ids) > 0 {
		f.why = "there are " + strings.Join(ids, ", ")
	}
	return "", f
}

// readSecret returns what a file holds, or standard input for -, without the
// line break at its end.
func (a *app) readSecret(path string) (string, error) {
	data, err := a.readInput(path, maxSecretInput)
	if err != nil {
		return "", &failure{code: exitUsage, what: "the secret cannot be read", why: err.Error(), fix: "name a file, or - for standard input"}
	}
	s := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if s == "" {
		return "", &failure{code: exitUsage, what: "the secret is empty", fix: "name a file that holds it, or - for standard input"}
	}
	return s, nil
}

// ambiguous lists the candidates.
func ambiguous(what, name string, ids []string) error {
	return &failure{
		code: exitNotFound, what: fmt.Sprintf("several %s are named %q", what, name),
		why: "their ids are " + strings.Join(ids, ", "), fix: "use an id",
	}
}
