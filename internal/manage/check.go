package manage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
)

func checkTenant(t *mintage.Tenant) error { return t.Validate() }

// checkPlaces refuses a tenant that would answer where another one does. Who
// administers one tenant is not told which.
func checkPlaces(ctx context.Context, tx store.Tx, by By, t *mintage.Tenant) error {
	there, err := tx.TenantsAt(ctx, t.Places())
	if err != nil {
		return err
	}
	taken := mintage.Occupied{}
	for _, other := range there {
		taken.Add(other)
	}
	place, other, _ := taken.Clash(t)
	if other == "" {
		return nil
	}
	who := "the tenant " + other
	if _, one := ownTenant(by); one {
		who = "another tenant"
	}
	return &Refusal{Reason: "object.exists", Message: who + " answers for " + place.String() + " already"}
}

// checkOrganization checks an organization by itself and against what its
// tenant has, and brings its grants to their stored form; see checkClient.
func checkOrganization(ctx context.Context, tx store.Tx, o *mintage.Organization) error {
	servers, err := serversOf(ctx, tx, o.Tenant)
	if err != nil {
		return err
	}
	storedForm(o.Grants, servers)
	return errors.Join(o.Validate(), o.ValidateGrants(servers))
}

func checkResourceServer(rs *mintage.ResourceServer) error { return rs.Validate() }

// checkIntrospectors refuses introspectors that are no clients. Old is nil for a
// new resource server; one that it has already may have been deleted since.
func checkIntrospectors(ctx context.Context, r store.Clients, old, fresh *mintage.ResourceServer) error {
	var errs []error
	for i, id := range fresh.Introspectors {
		if old != nil && slices.Contains(old.Introspectors, id) || mintage.ValidateClientID(id) != nil {
			continue
		}
		switch _, err := r.Client(ctx, fresh.Tenant, id); {
		case errors.Is(err, mintage.ErrNotFound):
			errs = append(errs, &mintage.FieldError{
				Pointer: mintage.Pointer("introspectors", i), Message: "the tenant has no client " + id,
			})
		case err != nil:
			return err
		}
	}
	return errors.Join(errs...)
}

func checkSecret(s NewSecret) error {
	var errs []error
	if s.Name != "" {
		errs = append(errs, mintage.Under("/name", mintage.ValidateSecretName(s.Name)))
	}
	if s.Hash != "" {
		if err := secret.CheckImported(s.Hash); err != nil {
			errs = append(errs, &mintage.FieldError{Pointer: "/hash", Message: err.Error()})
		}
	}
	switch {
	case s.Forever && s.Lifetime != 0:
		errs = append(errs, &mintage.FieldError{Pointer: "/no_expiry", Message: "a secret without an end has no expires_in"})
	case s.Lifetime < 0 || s.Lifetime > mintage.LongestSecretLifetime:
		errs = append(errs, &mintage.FieldError{Pointer: "/expires_in", Message: "at least one second and at most ten years; for ever is no_expiry"})
	}
	return errors.Join(errs...)
}

// checkClient checks a client by itself and against what its tenant has, and
// brings its grants to their stored form: identifiers instead of names, sorted
// scopes.
func (m *Manager) checkClient(ctx context.Context, tx store.Tx, c *mintage.Client) error {
	servers, err := serversOf(ctx, tx, c.Tenant)
	if err != nil {
		return err
	}
	storedForm(c.Grants, servers)
	errs := []error{c.Validate(), c.ValidateGrants(servers)}
	if c.DisabledReason != "" {
		errs = append(errs, mintage.Under("/disabled_reason", mintage.ValidateName(c.DisabledReason)))
	}
	if c.Organization != "" {
		switch _, err := tx.Organization(ctx, c.Tenant, c.Organization); {
		case errors.Is(err, mintage.ErrNotFound):
			errs = append(errs, &mintage.FieldError{Pointer: "/organization", Message: fmt.Sprintf("the tenant has no organization %s", c.Organization)})
		case err != nil:
			return err
		}
	}
	return errors.Join(errs...)
}

// storedForm brings grants to the form in which they are stored: identifiers
// instead of names, sorted scopes.
func storedForm(grants []mintage.Grant, servers map[string]*mintage.ResourceServer) {
	for i := range grants {
		g := &grants[i]
		if rs := findServer(servers, g.ResourceServer); rs != nil {
			g.ResourceServer = rs.Identifier
		}
		slices.Sort(g.Scopes)
	}
}

// serversOf returns a tenant's resource servers by identifier.
func serversOf(ctx context.Context, r store.ResourceServers, tenant string) (map[string]*mintage.ResourceServer, error) {
	list, err := r.ResourceServers(ctx, tenant, store.Page{})
	if err != nil {
		return nil, err
	}
	servers := make(map[string]*mintage.ResourceServer, len(list))
	for _, rs := range list {
		servers[rs.Identifier] = rs
	}
	return servers, nil
}

// findServer returns the resource server with that identifier, else the one
// with that name, else nil.
func findServer(servers map[string]*mintage.ResourceServer, which string) *mintage.ResourceServer {
	if rs := servers[which]; rs != nil {
		return rs
	}
	for _, rs := range servers {
		if rs.Name != "" && rs.Name == which {
			return rs
		}
	}
	return nil
}
