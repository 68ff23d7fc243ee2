package apply

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
)

// findings collects field errors.
type findings struct{ errs []error }

func (f *findings) addf(pointer, format string, args ...any) {
	f.errs = append(f.errs, &mintage.FieldError{Pointer: pointer, Message: fmt.Sprintf(format, args...)})
}

// Validate checks what can be said about s without the live state. Errors are
// *mintage.FieldError, joined.
func (s *State) Validate() error {
	f := &findings{}
	if s.APIVersion != APIVersion {
		f.addf("/apiVersion", "this version reads apiVersion %s", APIVersion)
	}
	seen := map[string]bool{}
	for i := range s.Tenants {
		if id := s.Tenants[i].ID; id == "" {
			f.addf(mintage.Pointer(KindTenants, i), "a tenant has an id")
		} else if seen[id] {
			f.addf(mintage.Pointer(KindTenants, i, "id"), "the tenant %s is there twice", id)
		} else {
			seen[id] = true
		}
	}
	twice := map[[3]string]bool{}
	for i := range s.Organizations {
		f.owned(twice, KindOrganizations, i, "id", s.Organizations[i].ID, s.Organizations[i].Tenants)
		f.grants(mintage.Pointer(KindOrganizations, i), s.Organizations[i].Grants)
	}
	for i := range s.ResourceServers {
		f.owned(twice, KindResourceServers, i, "identifier", s.ResourceServers[i].Identifier, s.ResourceServers[i].Tenants)
	}
	for i := range s.Clients {
		f.owned(twice, KindClients, i, "id", s.Clients[i].ID, s.Clients[i].Tenants)
		f.client(mintage.Pointer(KindClients, i), &s.Clients[i])
	}
	for i, kind := range s.Prune {
		if !slices.Contains([]string{KindClients, KindResourceServers, KindOrganizations}, kind) {
			f.addf(mintage.Pointer("prune", i), "prune takes clients, resource_servers and organizations, not %s", kind)
		}
	}
	return errors.Join(f.errs...)
}

// owned checks the identifier and the tenants of an object, and that the same
// one is there once.
func (f *findings) owned(twice map[[3]string]bool, kind string, i int, member, id string, tenants []string) {
	if id == "" {
		f.addf(mintage.Pointer(kind, i), "%s is required", member)
		return
	}
	if len(tenants) == 0 {
		f.addf(mintage.Pointer(kind, i), "%s belongs to no tenant: write tenants: [...]", id)
	}
	for j, tenant := range tenants {
		k := [3]string{kind, tenant, id}
		if twice[k] {
			f.addf(mintage.Pointer(kind, i, member), "%s is there twice in the tenant %s", id, tenant)
		}
		if tenant == "" {
			f.addf(mintage.Pointer(kind, i, "tenants", j), "the tenant has no id")
		}
		twice[k] = true
	}
}

func (f *findings) client(ptr string, c *Client) {
	names := map[string]bool{}
	for i := range c.Secrets {
		s, at := &c.Secrets[i], ptr+mintage.Pointer("secrets", i)
		if err := mintage.ValidateSecretName(s.Name); err != nil {
			f.errs = append(f.errs, mintage.Under(at+"/name", err))
		} else if names[s.Name] {
			f.addf(at+"/name", "the client has two secrets called %s", s.Name)
		}
		names[s.Name] = true
		f.secret(at, s, c.Tenants)
	}
	f.grants(ptr, c.Grants)
}

func (f *findings) grants(ptr string, grants []Grant) {
	for i := range grants {
		if grants[i].ResourceServer == "" {
			f.addf(ptr+mintage.Pointer("grants", i), "a grant names its resource_server")
		}
		if grants[i].Scopes == nil {
			f.addf(ptr+mintage.Pointer("grants", i), `a grant lists its scopes; write ["*"] for all`)
		}
	}
}

func (f *findings) secret(ptr string, s *Secret, tenants []string) {
	ways := 0
	for _, set := range []bool{s.Value != nil, s.Hash != nil, s.Generate} {
		if set {
			ways++
		}
	}
	if ways != 1 {
		f.addf(ptr, "a secret has exactly one of value, hash and generate: true")
		return
	}
	if s.WriteTo != nil && !s.Generate {
		f.addf(ptr+"/write_to", "write_to is for secrets with generate: true")
	}
	if len(s.Made) > 0 && !s.Generate {
		f.addf(ptr+"/made", "made is for secrets with generate: true")
	}
	for tenant, text := range s.Made {
		if !slices.Contains(tenants, tenant) {
			f.addf(ptr+mintage.Pointer("made", tenant), "the client is not in this tenant")
		}
		f.text(ptr+mintage.Pointer("made", tenant), text)
	}
	if s.Value != nil && s.Value.Text != "" {
		f.text(ptr+"/value", s.Value.Text)
	}
	f.rotation(ptr, s)
	if s.Expires != nil && (*s.Expires < 0 || int64(*s.Expires) > int64(mintage.LongestSecretLifetime)) {
		f.addf(ptr+"/expires", "a secret lives for at most ten years; write never for longer")
	}
}

// rotation checks rotate_every. Nobody can read a secret back, so that only one
// that the command makes and writes somewhere can be replaced by itself.
func (f *findings) rotation(ptr string, s *Secret) {
	switch {
	case s.RotateEvery == nil:
	case !s.Generate:
		f.addf(ptr+"/rotate_every", "rotate_every is for secrets with generate: true; to rotate one of yours, give it another name")
	case *s.RotateEvery < Duration(time.Hour) || int64(*s.RotateEvery) > int64(mintage.LongestSecretLifetime):
		f.addf(ptr+"/rotate_every", "a secret is rotated once an hour at most, and once in ten years at least")
	case s.Expires != nil && *s.Expires != 0 && *s.Expires <= *s.RotateEvery:
		f.addf(ptr+"/rotate_every", "the secret would end before it is rotated: let it expire later")
	}
}

func (f *findings) text(ptr string, text Sensitive) {
	if err := mintage.ValidateSecret(text.Reveal()); err != nil {
		f.errs = append(f.errs, mintage.Under(ptr, err))
	}
}
