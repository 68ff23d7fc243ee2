package apply

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage"
)

// maxReference bounds a file that holds one secret or hash, in bytes. A secret
// may have 512 characters; this leaves room for the end of the line and for
// hashes.
const maxReference = 4096

// ResolveOptions is where references lead.
type ResolveOptions struct {
	LookupEnv func(name string) (string, bool)
}

// Resolve returns a copy of s in which each reference holds what it leads to
// and nothing else: names of variables and files stay here. One line end at
// the end of a file or variable is not part of the secret and is dropped. A
// reference that leads nowhere, or to nothing, is an error with a pointer into
// s; no credential is ever invented in its place.
func Resolve(ctx context.Context, s *State, opts ResolveOptions) (*State, error) {
	out := *s
	out.Clients = slices.Clone(s.Clients)
	var errs []error
	for i := range out.Clients {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		keys, err := out.Clients[i].JWKS.resolve()
		if err != nil {
			errs = append(errs, mintage.Under(mintage.Pointer(KindClients, i, "jwks"), err))
		}
		out.Clients[i].JWKS = keys
		secrets := slices.Clone(out.Clients[i].Secrets)
		for j := range secrets {
			ptr := mintage.Pointer(KindClients, i, "secrets", j)
			for _, ref := range []struct {
				name string
				at   **Ref
			}{{"value", &secrets[j].Value}, {"hash", &secrets[j].Hash}} {
				resolved, err := (*ref.at).resolve(opts)
				if err != nil {
					errs = append(errs, mintage.Under(ptr+"/"+ref.name, err))
					continue
				}
				*ref.at = resolved
			}
			secrets[j].WriteTo = nil
		}
		out.Clients[i].Secrets = secrets
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &out, nil
}

func (r *Ref) resolve(opts ResolveOptions) (*Ref, error) {
	if r == nil || r.Env == "" && r.File == "" {
		return r, nil
	}
	var (
		found string
		where string
	)
	if r.Env != "" {
		where = "the environment variable " + r.Env
		v, ok := opts.LookupEnv(r.Env)
		if !ok {
			return nil, &mintage.FieldError{Message: where + " is not set"}
		}
		found = v
	} else {
		where = "the file " + r.File
		data, err := readReference(r.File)
		if err != nil {
			return nil, &mintage.FieldError{Message: fmt.Sprintf("%s cannot be read: %v", where, cause(err))}
		}
		found = data
	}
	found = trimLineEnd(found)
	if err := mintage.ValidateSecret(found); err != nil {
		return nil, &mintage.FieldError{Message: where + ": " + mintage.FieldErrors(err)[0].Message}
	}
	return &Ref{Text: Sensitive(found)}, nil
}

func readReference(name string) (string, error) {
	f, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(f, maxReference+1))
	if err == nil && len(data) > maxReference {
		err = fmt.Errorf("it is larger than %d bytes", maxReference)
	}
	return string(data), err
}

// cause drops the path from an error that a sentence names already.
func cause(err error) error {
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		return pathErr.Err
	}
	return err
}

func trimLineEnd(s string) string {
	return strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r")
}
