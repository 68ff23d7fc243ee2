package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/oauth"
)

// clientSettings is what is only carried of a client.
type clientSettings struct {
	Dialects      []string                             `json:"dialects,omitempty"`
	GrantTypes    []oauth.GrantType                    `json:"grant_types,omitempty"`
	Token         tokenSettings                        `json:"token,omitzero"`
	DefaultMode   mintage.DefaultScopeMode             `json:"default_scope_mode,omitempty"`
	DefaultScopes []string                             `json:"default_scopes,omitempty"`
	MultiAudience bool                                 `json:"multi_audience,omitempty"`
	Downscope     bool                                 `json:"downscope,omitempty"`
	DPoPBound     bool                                 `json:"dpop_bound_access_tokens,omitempty"`
	Ladder        map[mintage.Rung]mintage.LadderState `json:"ladder,omitempty"`
	AllowFrom     []netip.Prefix                       `json:"allow_from,omitempty"`
	Labels        map[string]string                    `json:"labels,omitempty"`
	Tokens        int                                  `json:"tokens_per_minute,omitempty"`
	Introspected  int                                  `json:"introspections_per_minute,omitempty"`
}

// clientAuthentication is how a client authenticates. It has a column of its own,
// which a binary that does not know it leaves as it is.
type clientAuthentication struct {
	Methods []string `json:"methods,omitempty"`
	JWKS    string   `json:"jwks,omitempty"` // a document of its own, byte for byte
	JWKSURI string   `json:"jwks_uri,omitempty"`
}

func encodeAuthentication(c *mintage.Client) (sql.NullString, error) {
	if len(c.AuthMethods) == 0 && c.JWKS == "" && c.JWKSURI == "" {
		return sql.NullString{}, nil
	}
	s, err := encode(clientAuthentication{Methods: c.AuthMethods, JWKS: c.JWKS, JWKSURI: c.JWKSURI})
	return sql.NullString{String: s, Valid: true}, err
}

func encodeClient(c *mintage.Client) (settings string, authentication sql.NullString, err error) {
	if authentication, err = encodeAuthentication(c); err != nil {
		return "", authentication, err
	}
	settings, err = encode(clientSettings{
		Dialects:      c.Dialects,
		GrantTypes:    c.GrantTypes,
		Token:         newTokenSettings(c.Token),
		DefaultMode:   c.DefaultScope.Mode,
		DefaultScopes: c.DefaultScope.Scopes,
		MultiAudience: c.MultiAudience,
		Downscope:     c.Downscope,
		DPoPBound:     c.DPoPBoundAccessTokens,
		Ladder:        c.Ladder,
		AllowFrom:     c.AllowFrom,
		Labels:        c.Labels,
		Tokens:        c.Limits.TokensPerMinute,
		Introspected:  c.Limits.IntrospectionsPerMinute,
	})
	return settings, authentication, err
}

func scanClient(row scanner) (*mintage.Client, error) {
	c := new(mintage.Client)
	var set clientSettings
	var auth clientAuthentication
	err := row.Scan(&c.Tenant, &c.ID, &c.Name, optional{&c.Organization}, &c.Disabled, &c.DisabledReason,
		instant{&c.PurgeAt}, document{&set}, optionalDocument{&auth}, &c.ManagedBy, &c.Version, instant{&c.Created}, instant{&c.Updated})
	if err != nil {
		return nil, err
	}
	c.AuthMethods, c.JWKS, c.JWKSURI = auth.Methods, auth.JWKS, auth.JWKSURI
	c.Dialects = set.Dialects
	c.GrantTypes = set.GrantTypes
	c.Token = set.Token.settings()
	c.DefaultScope = mintage.DefaultScope{Mode: set.DefaultMode, Scopes: set.DefaultScopes}
	c.MultiAudience = set.MultiAudience
	c.Downscope = set.Downscope
	c.DPoPBoundAccessTokens = set.DPoPBound
	c.Ladder = set.Ladder
	c.AllowFrom = set.AllowFrom
	c.Labels = set.Labels
	c.Limits = mintage.Limits{TokensPerMinute: set.Tokens, IntrospectionsPerMinute: set.Introspected}
	return c, nil
}

// selectClient is the beginning of every statement that scanClient reads.
const selectClient = `
	SELECT tenant, id, name, organization, disabled, disabled_reason, purge_at, settings,
		authentication, managed_by, version, created, updated
	FROM clients `

// Client implements store.Clients.
func (s session) Client(ctx context.Context, tenant, id string) (*mintage.Client, error) {
	c, err := one(ctx, s, scanClient, selectClient+`WHERE tenant = $1 AND id = $2`, tenant, id)
	if err == nil {
		err = s.readParts(ctx, []*mintage.Client{c})
	}
	if err != nil {
		return nil, fmt.Errorf("client %q: %w", id, err)
	}
	return c, nil
}

// Clients implements store.Clients.
func (s session) Clients(ctx context.Context, tenant string, page store.Page) ([]*mintage.Client, error) {
	list, err := all(ctx, s, scanClient, selectClient+`WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3`,
		tenant, page.After, limit(page))
	if err == nil {
		err = s.readParts(ctx, list)
	}
	if err != nil {
		return nil, fmt.Errorf("clients: %w", err)
	}
	return list, nil
}

// ClientsToPurge implements store.Clients.
func (s session) ClientsToPurge(ctx context.Context, now time.Time) ([]*mintage.Client, error) {
	list, err := all(ctx, s, scanClient, selectClient+`WHERE purge_at <= $1 ORDER BY tenant, id`, now.Unix())
	for i := 0; i < len(list) && err == nil; i++ {
		err = s.readParts(ctx, list[i:i+1]) // they have nothing in common
	}
	if err != nil {
		return nil, fmt.Errorf("clients to purge: %w", err)
	}
	return list, nil
}

// readParts reads the grants and secrets of clients of one tenant that follow
// one another.
func (s session) readParts(ctx context.Context, list []*mintage.Client) error {
	if len(list) == 0 {
		return nil
	}
	return s.readPartsOf(ctx, list, "client >= $2 AND client <= $3", list[0].Tenant, list[0].ID, list[len(list)-1].ID)
}

// readPartsOf reads the grants and secrets of clients of one tenant: those that
// a condition is about. Its arguments begin with the tenant.
func (s session) readPartsOf(ctx context.Context, list []*mintage.Client, which string, args ...any) error {
	byID := make(map[string]*mintage.Client, len(list))
	for _, c := range list {
		byID[c.ID] = c
	}
	grants, err := all(ctx, s, scanGrant, `
		SELECT client, resource_server, scopes FROM client_grants
		WHERE tenant = $1 AND `+which+` ORDER BY client, position`, args...)
	if err != nil {
		return fmt.Errorf("grants: %w", err)
	}
	for _, g := range grants {
		if c := byID[g.owner]; c != nil {
			c.Grants = append(c.Grants, g.Grant)
		}
	}
	secrets, err := all(ctx, s, scanSecret, `
		SELECT client, id, name, hash, digest, hint, created_by, created, expires, revoked, last_used, exposed,
			retiring, previous_expires, successor, paused_until, last_used_from, announced
		FROM client_secrets
		WHERE tenant = $1 AND `+which+` ORDER BY client, position`, args...)
	if err != nil {
		return fmt.Errorf("secrets: %w", err)
	}
	for _, sec := range secrets {
		if c := byID[sec.client]; c != nil {
			c.Secrets = append(c.Secrets, sec.Secret)
		}
	}
	return nil
}

// CreateClient implements store.ClientWriter.
func (t *tx) CreateClient(ctx context.Context, c *mintage.Client) error {
	err := t.atomically(ctx, "client", c.ID, func() error {
		settings, authentication, err := encodeClient(c)
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, `
			INSERT INTO clients (tenant, id, name, organization, disabled, disabled_reason, purge_at, settings,
				authentication, managed_by, version, created, updated)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $12)`,
			c.Tenant, c.ID, c.Name, text(c.Organization), c.Disabled, c.DisabledReason, seconds(c.PurgeAt), settings,
			authentication, c.ManagedBy, seconds(c.Created), seconds(c.Updated))
		if err != nil {
			return missingParent(err, "tenant or organization")
		}
		// After the insert, which waits for a deletion that is under way.
		used, err := one(ctx, t.session, number, `
			SELECT COUNT(*) FROM client_tombstones WHERE tenant = $1 AND id = $2`, c.Tenant, c.ID)
		if err != nil {
			return err
		}
		if used > 0 {
			return fmt.Errorf("the identifier belonged to a deleted client: %w", mintage.ErrExists)
		}
		return t.writeParts(ctx, c)
	})
	if err == nil {
		c.Version = 1
	}
	return err
}

// UpdateClient implements store.ClientWriter.
func (t *tx) UpdateClient(ctx context.Context, c *mintage.Client) error {
	var version int64
	err := t.atomically(ctx, "client", c.ID, func() error {
		settings, authentication, err := encodeClient(c)
		if err != nil {
			return err
		}
		version, err = one(ctx, t.session, number, `
			UPDATE clients SET name = $3, organization = $4, disabled = $5, disabled_reason = $6, purge_at = $7,
				settings = $8, authentication = $9, managed_by = $10, version = version + 1, created = $11, updated = $12
			WHERE tenant = $1 AND id = $2 RETURNING version`,
			c.Tenant, c.ID, c.Name, text(c.Organization), c.Disabled, c.DisabledReason, seconds(c.PurgeAt),
			settings, authentication, c.ManagedBy, seconds(c.Created), seconds(c.Updated))
		if err != nil {
			return missingParent(err, "organization")
		}
		if _, err := t.exec(ctx, `DELETE FROM client_grants WHERE tenant = $1 AND client = $2`, c.Tenant, c.ID); err != nil {
			return err
		}
		return t.writeParts(ctx, c)
	})
	if err == nil {
		c.Version = version
	}
	return err
}

// writeParts writes the grants and secrets of c and the change.
func (t *tx) writeParts(ctx context.Context, c *mintage.Client) error {
	for i, g := range c.Grants {
		if err := t.createGrant(ctx, c, i, g); err != nil {
			return err
		}
	}
	if err := t.replaceSecrets(ctx, c); err != nil {
		return err
	}
	return t.change(ctx, mintage.ChangeClient, c.Tenant, c.ID)
}

// DeleteClient implements store.ClientWriter.
func (t *tx) DeleteClient(ctx context.Context, tenant, id string) error {
	return t.atomically(ctx, "client", id, func() error {
		err := mustTouch(t.exec(ctx, `DELETE FROM clients WHERE tenant = $1 AND id = $2`, tenant, id))
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, `INSERT INTO client_tombstones (tenant, id) VALUES ($1, $2)`, tenant, id)
		if err != nil {
			return err
		}
		return t.change(ctx, mintage.ChangeClient, tenant, id)
	})
}

// CountClients implements store.Census.
func (s session) CountClients(ctx context.Context) ([]store.ClientCount, error) {
	list, err := all(ctx, s, func(row scanner) (c store.ClientCount, err error) {
		err = row.Scan(&c.Tenant, &c.Clients, &c.Disabled)
		return c, err
	}, `SELECT tenant, count(*), sum(CASE WHEN disabled THEN 1 ELSE 0 END) FROM clients GROUP BY tenant ORDER BY tenant`)
	if err != nil {
		return nil, fmt.Errorf("count clients: %w", err)
	}
	return list, nil
}

// CountOrganizationClients implements store.Census.
func (s session) CountOrganizationClients(ctx context.Context, tenant, organization string) (int, error) {
	n, err := one(ctx, s, number, `SELECT COUNT(*) FROM clients WHERE tenant = $1 AND organization = $2`, tenant, organization)
	if err != nil {
		return 0, fmt.Errorf("count clients of organization %q: %w", organization, err)
	}
	return int(n), nil
}
