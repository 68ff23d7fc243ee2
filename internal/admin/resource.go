package admin

import (
	"context"
	"fmt"
	"net/url"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/manage"
)

type listResourceServers struct {
	TenantPath
	Paged
}

func (h *Handler) resourceServers(ctx context.Context, in *listResourceServers) (*answer[adminclient.Page[adminclient.ResourceServer]], error) {
	l, err := h.listing(ctx, "resource-servers "+in.Tenant, in.Paged)
	if err != nil {
		return nil, err
	}
	id := func(rs *mintage.ResourceServer) string { return rs.Identifier }
	var servers []*mintage.ResourceServer
	if !callerOf(ctx).confined() {
		servers, err = h.manager.ResourceServers(ctx, in.Tenant, l.after, l.fetch())
	} else if servers, err = h.manager.ResourceServers(ctx, in.Tenant, l.after, 0); err == nil {
		servers, err = h.granted(ctx, servers)
	}
	if err != nil {
		return nil, err
	}
	return &answer[adminclient.Page[adminclient.ResourceServer]]{Body: page(l, servers, resourceServerDocument, id)}, nil
}

// ResourceServerPath is the part of an input that names a resource server.
type ResourceServerPath struct {
	TenantPath
	Identifier string `path:"identifier" doc:"The resource server's identifier, percent-encoded."`
}

// Cascading is the part of an input of what may take something from others.
type Cascading struct {
	Cascade bool `query:"cascade" doc:"Whether what others hold of it goes with it; else they keep it from going."`
}

func (c Cascading) consent() manage.Consent { return manage.Consent(c.Cascade) }

func (h *Handler) resourceServer(ctx context.Context, in *ResourceServerPath) (*tagged[adminclient.ResourceServer], error) {
	rs, err := h.manager.ResourceServer(ctx, in.Tenant, in.Identifier)
	if err != nil {
		return nil, err
	}
	if callerOf(ctx).confined() {
		told, err := h.granted(ctx, []*mintage.ResourceServer{rs})
		if err != nil {
			return nil, err
		}
		if len(told) == 0 {
			return nil, fmt.Errorf("resource server %q: %w", rs.Identifier, mintage.ErrNotFound)
		}
		rs = told[0]
	}
	return taggedResourceServer(rs), nil
}

func taggedResourceServer(rs *mintage.ResourceServer) *tagged[adminclient.ResourceServer] {
	return &tagged[adminclient.ResourceServer]{ETag: etag(rs.Version), Body: resourceServerDocument(rs)}
}

func createdResourceServer(rs *mintage.ResourceServer) *created[adminclient.ResourceServer] {
	return &created[adminclient.ResourceServer]{
		Location: Prefix + "/tenants/" + url.PathEscape(rs.Tenant) + "/resource-servers/" + url.PathEscape(rs.Identifier),
		ETag:     etag(rs.Version), Body: resourceServerDocument(rs),
	}
}

type createResourceServer struct {
	TenantPath
	Body body[adminclient.NewResourceServer]
}

func (h *Handler) createResourceServer(ctx context.Context, in *createResourceServer) (*created[adminclient.ResourceServer], error) {
	doc, err := in.Body.value()
	if err != nil {
		return nil, err
	}
	rs := &mintage.ResourceServer{Tenant: in.Tenant, Identifier: doc.Identifier}
	setResourceServer(rs, &doc.ResourceServerSettings)
	if rs, err = h.manager.CreateResourceServer(ctx, keeping(ctx, createdResourceServer), rs); err != nil {
		return nil, err
	}
	return createdResourceServer(rs), nil
}

type updateResourceServer struct {
	ResourceServerPath
	Versioned
	Cascading
	Body raw[adminclient.ResourceServerSettings]
}

func (h *Handler) updateResourceServer(ctx context.Context, in *updateResourceServer) (*tagged[adminclient.ResourceServer], error) {
	rs, err := h.changeResourceServer(ctx, callerOf(ctx).by, &in.ResourceServerPath, in.Versioned, in.Cascading, func(rs *mintage.ResourceServer) error {
		settings := resourceServerSettings(rs)
		doc, err := applyPatch(&settings, in.Body.data)
		if err == nil {
			setResourceServer(rs, doc)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return taggedResourceServer(rs), nil
}

// changeResourceServer is what all changes of one have in common.
func (h *Handler) changeResourceServer(
	ctx context.Context, by manage.By, at *ResourceServerPath, v Versioned, c Cascading, change func(*mintage.ResourceServer) error,
) (*mintage.ResourceServer, error) {
	version, err := h.version(ctx, v)
	if err != nil {
		return nil, err
	}
	rs, err := h.manager.UpdateResourceServer(ctx, by, at.Tenant, at.Identifier, version, c.consent(), change)
	if err != nil {
		return nil, h.failAt(ctx, version, err)
	}
	return rs, nil
}

type deleteResourceServer struct {
	ResourceServerPath
	Versioned
	Cascading
}

func (h *Handler) deleteResourceServer(ctx context.Context, in *deleteResourceServer) (*nothing, error) {
	version, err := h.version(ctx, in.Versioned)
	if err != nil {
		return nil, err
	}
	if err := h.manager.DeleteResourceServer(ctx, callerOf(ctx).by, in.Tenant, in.Identifier, version, in.consent()); err != nil {
		return nil, h.failAt(ctx, version, err)
	}
	return &nothing{}, nil
}

func resourceServerSettings(rs *mintage.ResourceServer) adminclient.ResourceServerSettings {
	d := resourceServerDocument(rs)
	return adminclient.ResourceServerSettings{
		Name: d.Name, ScopePrefix: d.ScopePrefix, Scopes: d.Scopes, Token: d.Token, Introspectors: d.Introspectors, DPoPBound: d.DPoPBound,
	}
}

// setResourceServer gives a resource server the settings of a document.
func setResourceServer(rs *mintage.ResourceServer, d *adminclient.ResourceServerSettings) {
	rs.Name, rs.ScopePrefix, rs.Token, rs.Introspectors = d.Name, d.ScopePrefix, tokenSettings(d.Token), d.Introspectors
	rs.DPoPBoundAccessTokens, rs.Scopes = d.DPoPBound, nil
	for _, s := range d.Scopes {
		rs.Scopes = append(rs.Scopes, mintage.ScopeDefinition{Name: s.Name, Description: s.Description})
	}
}

func resourceServerDocument(rs *mintage.ResourceServer) adminclient.ResourceServer {
	d := adminclient.ResourceServer{
		Tenant: rs.Tenant, Identifier: rs.Identifier, Name: rs.Name, ScopePrefix: rs.ScopePrefix,
		Scopes: []adminclient.Scope{}, Token: tokenDocument(rs.Token), Introspectors: list(rs.Introspectors),
		DPoPBound: rs.DPoPBoundAccessTokens, Meta: metaDocument(rs.Meta, rs.BuiltIn()),
	}
	for _, s := range rs.Scopes {
		d.Scopes = append(d.Scopes, adminclient.Scope{Name: s.Name, Description: s.Description})
	}
	return d
}
