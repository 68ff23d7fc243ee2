package apply

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage"
)

// tenantPlace stands for the tenant in the path of a write_to.
const tenantPlace = "{tenant}"

// Names of the variables in a file that ends in .env.
const (
	envClientID     = "MINTAGE_CLIENT_ID"
	envClientSecret = "MINTAGE_CLIENT_SECRET" //nolint:gosec // the name of a variable
)

// GenerateOptions is what making secrets needs of internal/secret.
type GenerateOptions struct {
	New        func(production bool) string
	WellFormed func(secret string) bool
	Hint       func(secret string) string
}

// Generate makes the secrets that a plan wants, writes each to the file that
// its write_to names, and returns a copy of resolved that carries them. The
// files are on disk when it returns, so that what is applied then can never be
// lost. Declared is the State that was parsed, resolved what Resolve made of
// it.
//
// A file that ends in .env gets the lines MINTAGE_CLIENT_ID and
// MINTAGE_CLIENT_SECRET, any other the secret alone. A file that is there
// already and holds a secret that the server does not know was left by a run
// that ended before it applied: its secret is used. One that holds an old
// secret of the client is replaced; one that holds anything else is left alone
// and is an error.
func Generate(ctx context.Context, declared, resolved *State, wanted []Wanted, opts GenerateOptions) (*State, error) {
	out := *resolved
	out.Clients = slices.Clone(resolved.Clients)
	targets, err := targetsOf(declared, wanted)
	if err != nil {
		return nil, err
	}
	for _, t := range targets {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		secret, err := t.make(opts)
		if err != nil {
			return nil, mintage.Under(t.ptr, err)
		}
		c := &out.Clients[t.client]
		c.Secrets = slices.Clone(c.Secrets)
		s := &c.Secrets[t.secret]
		s.Made = maps.Clone(s.Made)
		if s.Made == nil {
			s.Made = map[string]Sensitive{}
		}
		s.Made[t.want.Tenant] = Sensitive(secret)
	}
	return &out, nil
}

// target is one secret to make and where it goes.
type target struct {
	want           Wanted
	client, secret int // indexes in the state
	path, ptr      string
}

// targetsOf finds the file of each wanted secret, and refuses two in one file
// before anything is written.
func targetsOf(declared *State, wanted []Wanted) ([]target, error) {
	if err := checkTargets(declared); err != nil {
		return nil, err
	}
	var targets []target
	for _, w := range wanted {
		t, ok := findTarget(declared, w)
		if !ok {
			return nil, fmt.Errorf("the plan wants the secret %s of the client %s in %s, which the file does not have", w.Secret, w.Client, w.Tenant)
		}
		targets = append(targets, t)
	}
	return targets, nil
}

func findTarget(declared *State, w Wanted) (target, bool) {
	for i := range declared.Clients {
		c := &declared.Clients[i]
		if c.ID != w.Client || !slices.Contains(c.Tenants, w.Tenant) {
			continue
		}
		for j := range c.Secrets {
			if s := &c.Secrets[j]; s.Name == w.Secret && s.Generate && s.WriteTo != nil {
				return target{
					want: w, client: i, secret: j, path: s.WriteTo.in(w.Tenant),
					ptr: mintage.Pointer(KindClients, i, "secrets", j, "write_to", "file"),
				}, true
			}
		}
	}
	return target{}, false
}

// in returns the path for a tenant.
func (t *Target) in(tenant string) string { return strings.ReplaceAll(t.File, tenantPlace, tenant) }

// checkTargets refuses two secrets that go to one file.
func checkTargets(s *State) error {
	taken := map[string]string{}
	var errs []error
	for i := range s.Clients {
		c := &s.Clients[i]
		for j := range c.Secrets {
			if c.Secrets[j].WriteTo == nil {
				continue
			}
			ptr := mintage.Pointer(KindClients, i, "secrets", j, "write_to", "file")
			for _, tenant := range c.Tenants {
				path, what := c.Secrets[j].WriteTo.in(tenant), fmt.Sprintf("the secret %s of %s in %s", c.Secrets[j].Name, c.ID, tenant)
				if other := taken[path]; other != "" {
					errs = append(errs, &mintage.FieldError{Pointer: ptr, Message: fmt.Sprintf(
						"%s and %s would go to one file: a client of several tenants has %s in the path", other, what, tenantPlace)})
				}
				taken[path] = what
			}
		}
	}
	return errors.Join(errs...)
}

// make returns the secret of t: that of the file, when a run left it there
// that did not get to apply, else a new one, which is then in the file.
func (t target) make(opts GenerateOptions) (string, error) {
	old, err := readReference(t.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", invalidTarget(t.path, cause(err))
	default:
		secret := t.secretIn(old)
		if !opts.WellFormed(secret) {
			return "", &mintage.FieldError{Message: fmt.Sprintf(
				"the file %s is there and holds no secret of ours: move it away, or name another", t.path)}
		}
		if !slices.Contains(t.want.Hints, opts.Hint(secret)) {
			if err := os.Chmod(t.path, 0o600); err != nil {
				return "", invalidTarget(t.path, cause(err))
			}
			return secret, nil
		}
	}
	secret := opts.New(t.want.Production)
	if err := writeFile(t.path, t.content(secret)); err != nil {
		return "", invalidTarget(t.path, cause(err))
	}
	return secret, nil
}

func invalidTarget(path string, err error) error {
	return &mintage.FieldError{Message: fmt.Sprintf("the secret cannot be written to %s: %v", path, err)}
}

func (t target) env() bool { return strings.HasSuffix(t.path, ".env") }

func (t target) content(secret string) string {
	if !t.env() {
		return secret + "\n"
	}
	return envClientID + "=" + quoteEnv(t.want.Client) + "\n" + envClientSecret + "=" + secret + "\n"
}

// quoteEnv quotes a client id for shells and for the readers of .env files,
// where it needs that.
func quoteEnv(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@/+") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// secretIn returns the secret in a file that content wrote.
func (t target) secretIn(content string) string {
	if !t.env() {
		return trimLineEnd(content)
	}
	for line := range strings.Lines(content) {
		if secret, ok := strings.CutPrefix(trimLineEnd(line), envClientSecret+"="); ok {
			return secret
		}
	}
	return ""
}

// writeFile writes a file that only its owner can read, whole or not at all,
// and returns when it is on disk.
func writeFile(path, content string) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".mintage-*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.WriteString(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a rename in dir last.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the folder of a file that the operator named
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
