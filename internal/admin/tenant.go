package admin

import (
	"context"
	"maps"
	"net/url"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/manage"
)

// TenantPath is the part of an input that names a tenant. The guard has
// checked that the caller may see it.
type TenantPath struct {
	Tenant string `path:"tenant" maxLength:"63" doc:"The tenant's identifier."`
}

type listTenants struct{ Paged }

func (h *Handler) tenants(ctx context.Context, in *listTenants) (*answer[adminclient.Page[adminclient.Tenant]], error) {
	l, err := h.listing(ctx, "tenants", in.Paged)
	if err != nil {
		return nil, err
	}
	who := callerOf(ctx)
	var ts []*mintage.Tenant
	if who.sees(mintage.BuiltInTenant) {
		ts, err = h.manager.Tenants(ctx, l.after, l.fetch())
	} else {
		var own *mintage.Tenant
		if own, err = h.manager.Tenant(ctx, who.tenant); err != nil {
			return nil, err
		}
		ts = sortedTail(l, []*mintage.Tenant{own}, tenantID)
	}
	if err != nil {
		return nil, err
	}
	return &answer[adminclient.Page[adminclient.Tenant]]{Body: page(l, ts, tenantDocument, tenantID)}, nil
}

func (h *Handler) tenant(ctx context.Context, in *TenantPath) (*tagged[adminclient.Tenant], error) {
	t, err := h.manager.Tenant(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	return &tagged[adminclient.Tenant]{ETag: etag(t.Version), Body: tenantDocument(t)}, nil
}

type createTenant struct {
	Body body[adminclient.NewTenant]
}

func (h *Handler) createTenant(ctx context.Context, in *createTenant) (*created[adminclient.Tenant], error) {
	doc, err := in.Body.value()
	if err != nil {
		return nil, err
	}
	if err := administersAll(ctx); err != nil {
		return nil, err
	}
	t, err := h.manager.CreateTenant(ctx, keeping(ctx, createdTenant), &mintage.Tenant{
		ID: doc.ID, Issuer: doc.Issuer, Aliases: doc.Aliases, Protected: doc.Protected, TokenPaths: doc.TokenPaths,
	})
	if err != nil {
		return nil, err
	}
	return createdTenant(t), nil
}

// createdTenant is the answer to whoever made a tenant.
func createdTenant(t *mintage.Tenant) *created[adminclient.Tenant] {
	return &created[adminclient.Tenant]{
		Location: Prefix + "/tenants/" + url.PathEscape(t.ID), ETag: etag(t.Version), Body: tenantDocument(t),
	}
}

type updateTenant struct {
	TenantPath
	Versioned
	Body raw[adminclient.TenantPatch]
}

func (h *Handler) updateTenant(ctx context.Context, in *updateTenant) (*tagged[adminclient.Tenant], error) {
	version, err := h.version(ctx, in.Versioned)
	if err != nil {
		return nil, err
	}
	if err := administersAll(ctx); err != nil {
		return nil, err
	}
	t, err := h.manager.UpdateTenant(ctx, callerOf(ctx).by, in.Tenant, version, func(t *mintage.Tenant) error {
		doc, err := applyPatch(&adminclient.TenantPatch{Disabled: t.Disabled}, in.Body.data)
		if err == nil {
			t.Disabled = doc.Disabled
		}
		return err
	})
	if err != nil {
		return nil, h.failAt(ctx, version, err)
	}
	return &tagged[adminclient.Tenant]{ETag: etag(t.Version), Body: tenantDocument(t)}, nil
}

type deleteTenant struct {
	TenantPath
	Versioned
	Cascading
	AllowProtected bool `query:"allow_protected" doc:"Whether a protected tenant is meant."`
}

func (h *Handler) deleteTenant(ctx context.Context, in *deleteTenant) (*answer[adminclient.TenantDeletion], error) {
	version, err := h.version(ctx, in.Versioned)
	if err != nil {
		return nil, err
	}
	if err := administersAll(ctx); err != nil {
		return nil, err
	}
	left, err := h.manager.DeleteTenant(ctx, callerOf(ctx).by, in.Tenant, manage.TenantDeletion{
		Version: version, Protected: in.AllowProtected, Consent: in.consent(),
	})
	if err != nil {
		return nil, h.failAt(ctx, version, err)
	}
	out := &answer[adminclient.TenantDeletion]{}
	if left != nil {
		out.Body.PurgeAt = when(left.PurgeAt)
	}
	return out, nil
}

// administersAll refuses who administers one tenant: what its tenant is, is not
// for it to say.
func administersAll(ctx context.Context) error {
	if callerOf(ctx).sees(mintage.BuiltInTenant) {
		return nil
	}
	return &manage.Refusal{
		Reason: "token.other_tenant", Denied: true, Message: "tenants are made and changed by an administrator of the whole server",
	}
}

func tenantID(t *mintage.Tenant) string { return t.ID }

func tenantDocument(t *mintage.Tenant) adminclient.Tenant {
	d := adminclient.Tenant{
		ID: t.ID, Issuer: t.Issuer, Aliases: list(t.Aliases), Protected: t.Protected, Disabled: t.Disabled, PurgeAt: when(t.PurgeAt),
		TokenPaths: maps.Clone(t.TokenPaths), Token: tokenDocument(t.Token),
		SecretLifetime: seconds(t.SecretLifetime), SecretOverlap: seconds(t.SecretOverlap),
		KeyPeriod: seconds(t.KeyPeriod), DPoPNonces: t.DPoPNonces, CORSOrigins: list(t.CORSOrigins), Meta: metaDocument(t.Meta, t.BuiltIn()),
	}
	if len(d.TokenPaths) == 0 {
		d.TokenPaths = map[string]string{mintage.DefaultTokenPath: mintage.DialectRFC}
	}
	if d.SecretOverlap == 0 {
		d.SecretOverlap = seconds(mintage.DefaultSecretOverlap)
	}
	return d
}

func tokenDocument(s mintage.TokenSettings) adminclient.TokenSettings {
	return adminclient.TokenSettings{Format: string(s.Format), Alg: s.Alg, Claims: string(s.Claims), Lifetime: seconds(s.Lifetime)}
}

func tokenSettings(d adminclient.TokenSettings) mintage.TokenSettings {
	return mintage.TokenSettings{
		Format: mintage.TokenFormat(d.Format), Alg: d.Alg, Claims: mintage.ClaimsProfile(d.Claims), Lifetime: duration(d.Lifetime),
	}
}

func metaDocument(m mintage.Meta, builtIn bool) adminclient.Meta {
	return adminclient.Meta{
		BuiltIn: builtIn, ManagedBy: m.ManagedBy, Version: m.Version, CreatedAt: m.Created.UTC(), UpdatedAt: m.Updated.UTC(),
	}
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// duration returns so many seconds; what a time.Duration cannot hold becomes
// the longest one, which every check refuses.
func duration(s int64) time.Duration {
	const most = int64(1<<63-1) / int64(time.Second)
	return time.Duration(min(max(s, -most), most)) * time.Second
}

// when returns t for an answer, and nothing for the zero time.
func when(t time.Time) *adminclient.Time {
	if t.IsZero() {
		return nil
	}
	utc := t.UTC()
	return &utc
}

// list returns s as an array that is never null.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
