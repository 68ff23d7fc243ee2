package sqlstore

import (
	"context"
	"fmt"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// resourceSettings is what is only carried of a resource server.
type resourceSettings struct {
	ScopePrefix   string            `json:"scope_prefix,omitempty"`
	Scopes        []scopeDefinition `json:"scopes,omitempty"`
	Token         tokenSettings     `json:"token,omitzero"`
	Introspectors []string          `json:"introspectors,omitempty"`
	DPoPBound     bool              `json:"dpop_bound_access_tokens,omitempty"`
}

type scopeDefinition struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

func encodeResourceServer(rs *mintage.ResourceServer) (string, error) {
	set := resourceSettings{
		ScopePrefix: rs.ScopePrefix, Token: newTokenSettings(rs.Token), Introspectors: rs.Introspectors, DPoPBound: rs.DPoPBoundAccessTokens,
	}
	for _, d := range rs.Scopes {
		set.Scopes = append(set.Scopes, scopeDefinition(d))
	}
	return encode(set)
}

func scanResourceServer(row scanner) (*mintage.ResourceServer, error) {
	rs := new(mintage.ResourceServer)
	var set resourceSettings
	err := row.Scan(&rs.Tenant, &rs.Identifier, optional{&rs.Name}, document{&set},
		&rs.ManagedBy, &rs.Version, instant{&rs.Created}, instant{&rs.Updated})
	if err != nil {
		return nil, err
	}
	rs.ScopePrefix = set.ScopePrefix
	for _, d := range set.Scopes {
		rs.Scopes = append(rs.Scopes, mintage.ScopeDefinition(d))
	}
	rs.Token = set.Token.settings()
	rs.Introspectors = set.Introspectors
	rs.DPoPBoundAccessTokens = set.DPoPBound
	return rs, nil
}

// ResourceServer implements store.ResourceServers.
func (s session) ResourceServer(ctx context.Context, tenant, identifier string) (*mintage.ResourceServer, error) {
	rs, err := one(ctx, s, scanResourceServer, `
		SELECT tenant, identifier, name, settings, managed_by, version, created, updated
		FROM resource_servers WHERE tenant = $1 AND identifier = $2`, tenant, identifier)
	if err != nil {
		return nil, fmt.Errorf("resource server %q: %w", identifier, err)
	}
	return rs, nil
}

// ResourceServers implements store.ResourceServers.
func (s session) ResourceServers(ctx context.Context, tenant string, page store.Page) ([]*mintage.ResourceServer, error) {
	list, err := all(ctx, s, scanResourceServer, `
		SELECT tenant, identifier, name, settings, managed_by, version, created, updated
		FROM resource_servers WHERE tenant = $1 AND identifier > $2 ORDER BY identifier LIMIT $3`,
		tenant, page.After, limit(page))
	if err != nil {
		return nil, fmt.Errorf("resource servers: %w", err)
	}
	return list, nil
}

// CreateResourceServer implements store.ResourceServerWriter.
func (t *tx) CreateResourceServer(ctx context.Context, rs *mintage.ResourceServer) error {
	err := t.atomically(ctx, "resource server", rs.Identifier, func() error {
		settings, err := encodeResourceServer(rs)
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, `
			INSERT INTO resource_servers (tenant, identifier, name, settings, managed_by, version, created, updated)
			VALUES ($1, $2, $3, $4, $5, 1, $6, $7)`,
			rs.Tenant, rs.Identifier, text(rs.Name), settings, rs.ManagedBy, seconds(rs.Created), seconds(rs.Updated))
		if err != nil {
			return missingParent(err, "tenant")
		}
		return t.change(ctx, mintage.ChangeResourceServer, rs.Tenant, rs.Identifier)
	})
	if err == nil {
		rs.Version = 1
	}
	return err
}

// UpdateResourceServer implements store.ResourceServerWriter.
func (t *tx) UpdateResourceServer(ctx context.Context, rs *mintage.ResourceServer) error {
	var version int64
	err := t.atomically(ctx, "resource server", rs.Identifier, func() error {
		settings, err := encodeResourceServer(rs)
		if err != nil {
			return err
		}
		version, err = one(ctx, t.session, number, `
			UPDATE resource_servers SET name = $3, settings = $4, managed_by = $5, version = version + 1,
				created = $6, updated = $7
			WHERE tenant = $1 AND identifier = $2 RETURNING version`,
			rs.Tenant, rs.Identifier, text(rs.Name), settings, rs.ManagedBy, seconds(rs.Created), seconds(rs.Updated))
		if err != nil {
			return err
		}
		return t.change(ctx, mintage.ChangeResourceServer, rs.Tenant, rs.Identifier)
	})
	if err == nil {
		rs.Version = version
	}
	return err
}

// DeleteResourceServer implements store.ResourceServerWriter.
func (t *tx) DeleteResourceServer(ctx context.Context, tenant, identifier string) error {
	return t.atomically(ctx, "resource server", identifier, func() error {
		err := mustTouch(t.exec(ctx, `
			DELETE FROM resource_servers WHERE tenant = $1 AND identifier = $2`, tenant, identifier))
		if err != nil {
			return stillUsed(err)
		}
		return t.change(ctx, mintage.ChangeResourceServer, tenant, identifier)
	})
}
