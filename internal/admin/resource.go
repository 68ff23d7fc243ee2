package admin

import (
	"context"
	"fmt"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
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

type showResourceServer struct {
	TenantPath
	Identifier string `path:"identifier" doc:"The resource server's identifier, percent-encoded."`
}

func (h *Handler) resourceServer(ctx context.Context, in *showResourceServer) (*tagged[adminclient.ResourceServer], error) {
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
	return &tagged[adminclient.ResourceServer]{ETag: etag(rs.Version), Body: resourceServerDocument(rs)}, nil
}

func resourceServerDocument(rs *mintage.ResourceServer) adminclient.ResourceServer {
	d := adminclient.ResourceServer{
		Tenant: rs.Tenant, Identifier: rs.Identifier, Name: rs.Name, ScopePrefix: rs.ScopePrefix,
		Scopes: []adminclient.Scope{}, Token: tokenDocument(rs.Token), Introspectors: list(rs.Introspectors),
		Meta: metaDocument(rs.Meta, rs.BuiltIn()),
	}
	for _, s := range rs.Scopes {
		d.Scopes = append(d.Scopes, adminclient.Scope{Name: s.Name, Description: s.Description})
	}
	return d
}
