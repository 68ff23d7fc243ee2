package apply

import (
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
)

// put sets dst to what the file says, if it says anything.
func put[T any](dst, want *T) {
	if want != nil {
		*dst = *want
	}
}

// putAs is put for a member that the noun types otherwise.
func putAs[D, T ~string](dst *D, want *T) {
	if want != nil {
		*dst = D(*want)
	}
}

func putSpan(dst *time.Duration, want *Duration) {
	if want != nil {
		*dst = time.Duration(*want)
	}
}

// putSet sets dst to want, which is complete, unless dst has the same elements
// in another order: the order means nothing.
func putSet[T ~string](dst *[]T, want []T) {
	if want == nil || slices.Equal(sorted(*dst), sorted(want)) {
		return
	}
	*dst = slices.Clone(want)
	if len(want) == 0 {
		*dst = nil
	}
}

func sorted[T ~string](s []T) []T { return slices.Sorted(slices.Values(s)) }

func putToken(dst *mintage.TokenSettings, want *Token) {
	if want == nil {
		return
	}
	putAs(&dst.Format, want.Format)
	putAs(&dst.Alg, want.Alg)
	putAs(&dst.Claims, want.Claims)
	putSpan(&dst.Lifetime, want.Lifetime)
}

func (p *planner) tenant(i int) {
	w, ptr := &p.want.Tenants[i], mintage.Pointer(KindTenants, i)
	id := key{w.ID, w.ID}
	p.declared[KindTenants][id] = ptr
	before, after := p.tenants[w.ID], &mintage.Tenant{ID: w.ID}
	if before != nil {
		clone := *before
		after = &clone
	}
	w.overlay(after)
	if after.BuiltIn() {
		p.refusef(ptr+"/id", "the tenant %s is built in and not for files", w.ID)
		return
	}
	if err := after.Validate(); err != nil {
		p.refuse(ptr, err)
		return
	}
	after.Meta = p.meta(after.Meta)
	p.tenants[w.ID] = after
	var was facts
	if before != nil {
		was = tenantFacts(before)
		p.plan.Protected = p.plan.Protected || before.Protected && len(diff(was, tenantFacts(after))) > 0
	}
	if !p.changed(Change{Kind: KindTenants, Tenant: w.ID, ID: w.ID}, after.Meta, diff(was, tenantFacts(after))) {
		return
	}
	after.Updated = p.now()
	p.plan.outcome.Tenants = append(p.plan.outcome.Tenants, Write[mintage.Tenant]{Before: before, After: after})
}

// overlay writes what the file says over t.
func (w *Tenant) overlay(t *mintage.Tenant) {
	put(&t.Issuer, w.Issuer)
	putSet(&t.Aliases, w.Aliases)
	put(&t.Protected, w.Protected)
	put(&t.Disabled, w.Disabled)
	if w.TokenPaths != nil {
		t.TokenPaths = w.TokenPaths
	}
	putToken(&t.Token, w.Token)
	if w.Secret != nil {
		putSpan(&t.SecretLifetime, w.Secret.Expires)
		putSpan(&t.SecretOverlap, w.Secret.Overlap)
	}
	if w.Keys != nil {
		putSpan(&t.KeyPeriod, w.Keys.Period)
	}
	put(&t.DPoPNonces, w.DPoPNonces)
	putSet(&t.CORSOrigins, w.CORSOrigins)
}

func (p *planner) organization(i int) {
	w := &p.want.Organizations[i]
	for j, tenant := range w.Tenants {
		ptr := mintage.Pointer(KindOrganizations, i)
		if p.in(mintage.Pointer(KindOrganizations, i, "tenants", j), tenant) == nil {
			continue
		}
		id := key{tenant, w.ID}
		p.declared[KindOrganizations][id] = ptr
		before, after := p.orgs[id], &mintage.Organization{Tenant: tenant, ID: w.ID, Name: w.ID}
		var was facts
		if before != nil {
			clone := *before
			after, was = &clone, organizationFacts(before, p.shortName(tenant))
		}
		put(&after.Name, w.Name)
		put(&after.MaxClients, w.MaxClients)
		if w.Grants != nil {
			after.Grants = p.grants(w.Grants, tenant, ptr)
		}
		p.refuse(ptr, after.Validate())
		after.Meta = p.meta(after.Meta)
		p.orgs[id] = after
		c := Change{Kind: KindOrganizations, Tenant: tenant, ID: w.ID, Name: after.Name}
		if p.changed(c, after.Meta, diff(was, organizationFacts(after, p.shortName(tenant)))) {
			after.Updated = p.now()
			p.plan.outcome.Organizations = append(p.plan.outcome.Organizations, Write[mintage.Organization]{Before: before, After: after})
		}
	}
}
