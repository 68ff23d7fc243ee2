package admin

import (
	"context"
	"net/url"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
)

// OrganizationPath is the part of an input that names an organization.
type OrganizationPath struct {
	TenantPath
	Organization string `path:"organization" doc:"The organization's identifier."`
}

type listOrganizations struct {
	TenantPath
	Paged
}

func (h *Handler) organizations(ctx context.Context, in *listOrganizations) (*answer[adminclient.Page[adminclient.Organization]], error) {
	l, err := h.listing(ctx, "organizations "+in.Tenant, in.Paged)
	if err != nil {
		return nil, err
	}
	list, err := h.organizationsFor(ctx, in.Tenant, l)
	if err != nil {
		return nil, err
	}
	id := func(o *mintage.Organization) string { return o.ID }
	return &answer[adminclient.Page[adminclient.Organization]]{Body: page(l, list, organizationDocument, id)}, nil
}

// organizationsFor lists those that the caller may know of.
func (h *Handler) organizationsFor(ctx context.Context, tenant string, l *listing) ([]*mintage.Organization, error) {
	who := callerOf(ctx)
	if !who.confined() {
		return h.manager.Organizations(ctx, tenant, l.after, l.fetch())
	}
	own, err := h.organizationOf(ctx, tenant, who.organization())
	if err != nil {
		return nil, err
	}
	return []*mintage.Organization{own}, nil
}

func (h *Handler) organization(ctx context.Context, in *OrganizationPath) (*tagged[adminclient.Organization], error) {
	o, err := h.organizationOf(ctx, in.Tenant, in.Organization)
	if err != nil {
		return nil, err
	}
	return &tagged[adminclient.Organization]{ETag: etag(o.Version), Body: organizationDocument(o)}, nil
}

type createOrganization struct {
	TenantPath
	Body body[adminclient.NewOrganization]
}

func (h *Handler) createOrganization(ctx context.Context, in *createOrganization) (*created[adminclient.Organization], error) {
	doc, err := in.Body.value()
	if err != nil {
		return nil, err
	}
	o := &mintage.Organization{Tenant: in.Tenant, ID: doc.ID}
	setOrganization(o, &doc.OrganizationSettings)
	o, err = h.manager.CreateOrganization(ctx, keeping(ctx, createdOrganization), o)
	if err != nil {
		return nil, err
	}
	return createdOrganization(o), nil
}

// createdOrganization is the answer to whoever made an organization.
func createdOrganization(o *mintage.Organization) *created[adminclient.Organization] {
	return &created[adminclient.Organization]{
		Location: Prefix + "/tenants/" + url.PathEscape(o.Tenant) + "/organizations/" + url.PathEscape(o.ID),
		ETag:     etag(o.Version), Body: organizationDocument(o),
	}
}

type updateOrganization struct {
	OrganizationPath
	Versioned
	Body raw[adminclient.OrganizationSettings]
}

func (h *Handler) updateOrganization(ctx context.Context, in *updateOrganization) (*tagged[adminclient.Organization], error) {
	version, err := h.version(ctx, in.Versioned)
	if err != nil {
		return nil, err
	}
	o, err := h.manager.UpdateOrganization(ctx, callerOf(ctx).by, in.Tenant, in.Organization, version, func(o *mintage.Organization) error {
		settings := organizationSettings(o)
		doc, err := applyPatch(&settings, in.Body.data)
		if err == nil {
			setOrganization(o, doc)
		}
		return err
	})
	if err != nil {
		return nil, h.failAt(ctx, version, err)
	}
	return &tagged[adminclient.Organization]{ETag: etag(o.Version), Body: organizationDocument(o)}, nil
}

type deleteOrganization struct {
	OrganizationPath
	Versioned
}

func (h *Handler) deleteOrganization(ctx context.Context, in *deleteOrganization) (*nothing, error) {
	version, err := h.version(ctx, in.Versioned)
	if err != nil {
		return nil, err
	}
	if err := h.manager.DeleteOrganization(ctx, callerOf(ctx).by, in.Tenant, in.Organization, version); err != nil {
		return nil, h.failAt(ctx, version, err)
	}
	return &nothing{}, nil
}

func organizationDocument(o *mintage.Organization) adminclient.Organization {
	return adminclient.Organization{
		Tenant: o.Tenant, ID: o.ID, OrganizationSettings: organizationSettings(o), Meta: metaDocument(o.Meta, false),
	}
}

func organizationSettings(o *mintage.Organization) adminclient.OrganizationSettings {
	return adminclient.OrganizationSettings{Name: o.Name, Grants: grantDocuments(o.Grants), MaxClients: o.MaxClients}
}

// setOrganization gives an organization the settings of a document.
func setOrganization(o *mintage.Organization, d *adminclient.OrganizationSettings) {
	o.Name, o.Grants, o.MaxClients = d.Name, grants(d.Grants), d.MaxClients
}

func grantDocuments(grants []mintage.Grant) (out []adminclient.Grant) {
	for _, g := range grants {
		out = append(out, adminclient.Grant{ResourceServer: g.ResourceServer, Scopes: list(g.Scopes)})
	}
	return out
}

func grants(docs []adminclient.Grant) (out []mintage.Grant) {
	for _, g := range docs {
		out = append(out, mintage.Grant{ResourceServer: g.ResourceServer, Scopes: g.Scopes})
	}
	return out
}
