package admin

import (
	"context"
	"encoding/json"
	"net/netip"
	"net/url"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/oauth"
)

// ClientPath is the part of an input that names a client.
type ClientPath struct {
	TenantPath
	Client string `path:"client" doc:"The client_id."`
}

func (h *Handler) client(ctx context.Context, in *ClientPath) (*tagged[adminclient.RegisteredClient], error) {
	c, err := h.clientOf(ctx, in.Tenant, in.Client)
	if err != nil {
		return nil, err
	}
	return h.taggedClient(c), nil
}

type createClient struct {
	TenantPath
	Body body[adminclient.NewClient]
}

func (h *Handler) createClient(ctx context.Context, in *createClient) (*created[adminclient.CreatedClient], error) {
	doc, err := in.Body.value()
	if err != nil {
		return nil, err
	}
	c := &mintage.Client{Tenant: in.Tenant}
	if err := setClient(c, &doc.ClientSettings); err != nil {
		return nil, err
	}
	first := manage.NewSecret{}
	if doc.Secret != nil {
		first = newSecret(*doc.Secret)
	}
	made, err := h.manager.CreateClient(ctx, keeping(ctx, h.createdClient), c, first)
	if err != nil {
		return nil, err
	}
	return h.createdClient(made), nil
}

// createdClient is the answer to whoever made a client.
func (h *Handler) createdClient(made *manage.Credentials) *created[adminclient.CreatedClient] {
	return &created[adminclient.CreatedClient]{
		Location: Prefix + "/tenants/" + url.PathEscape(made.Client.Tenant) + "/clients/" + url.PathEscape(made.Client.ID),
		ETag:     etag(made.Client.Version),
		Body:     adminclient.CreatedClient{RegisteredClient: h.clientDocument(made.Client), ClientSecret: made.Secret},
	}
}

// clientPatch is what a patch of a client may have.
type clientPatch struct {
	adminclient.ClientSettings
	Disabled       bool   `json:"disabled,omitempty" doc:"Whether the client is refused everywhere. Disabling it ends its tokens."`
	DisabledReason string `json:"disabled_reason,omitempty" maxLength:"200" doc:"Why it is disabled."`
}

type updateClient struct {
	ClientPath
	Versioned
	Body raw[clientPatch]
}

func (h *Handler) updateClient(ctx context.Context, in *updateClient) (*tagged[adminclient.RegisteredClient], error) {
	version, err := h.version(ctx, in.Versioned)
	if err != nil {
		return nil, err
	}
	c, err := h.manager.UpdateClient(ctx, callerOf(ctx).by, in.Tenant, in.Client, version, func(c *mintage.Client) error {
		doc, err := applyPatch(&clientPatch{
			ClientSettings: clientSettings(c), Disabled: c.Disabled, DisabledReason: c.DisabledReason,
		}, in.Body.data)
		if err != nil {
			return err
		}
		c.Disabled, c.DisabledReason = doc.Disabled, doc.DisabledReason
		return setClient(c, &doc.ClientSettings)
	})
	if err != nil {
		return nil, h.failAt(ctx, version, err)
	}
	return h.taggedClient(c), nil
}

type deleteClient struct {
	ClientPath
	Versioned
}

func (h *Handler) deleteClient(ctx context.Context, in *deleteClient) (*nothing, error) {
	version, err := h.version(ctx, in.Versioned)
	if err != nil {
		return nil, err
	}
	if err := h.manager.DeleteClient(ctx, callerOf(ctx).by, in.Tenant, in.Client, version); err != nil {
		return nil, h.failAt(ctx, version, err)
	}
	return &nothing{}, nil
}

func (h *Handler) clientDocument(c *mintage.Client) adminclient.RegisteredClient {
	d := adminclient.RegisteredClient{
		Tenant: c.Tenant, ClientID: c.ID, ClientSettings: clientSettings(c),
		Disabled: c.Disabled, DisabledReason: c.DisabledReason, PurgeAt: when(c.PurgeAt),
		Secrets: []adminclient.Secret{}, Meta: metaDocument(c.Meta, false),
	}
	now := h.now()
	for i := range c.Secrets {
		d.Secrets = append(d.Secrets, secretDocument(&c.Secrets[i], now))
	}
	return d
}

func clientSettings(c *mintage.Client) adminclient.ClientSettings {
	d := adminclient.ClientSettings{
		Name: c.Name, Organization: c.Organization, Dialects: c.Dialects, GrantTypes: []string{},
		AuthMethods: c.AuthMethods, JWKS: json.RawMessage(c.JWKS), JWKSURI: c.JWKSURI,
		Token: tokenDocument(c.Token), DefaultScope: defaultScopeDocument(c.DefaultScope),
		MultiAudience: c.MultiAudience, Downscope: c.Downscope, DPoPBound: c.DPoPBoundAccessTokens,
		Labels: c.Labels, Limits: adminclient.Limits(c.Limits),
	}
	for _, g := range c.GrantTypes {
		d.GrantTypes = append(d.GrantTypes, string(g))
	}
	for _, network := range c.AllowFrom {
		d.AllowFrom = append(d.AllowFrom, network.String())
	}
	if len(c.Ladder) > 0 {
		d.Ladder = make(map[string]string, len(c.Ladder))
	}
	for rung, state := range c.Ladder {
		d.Ladder[string(rung)] = string(state)
	}
	d.Grants = grantDocuments(c.Grants)
	return d
}

func defaultScopeDocument(s mintage.DefaultScope) []string {
	switch s.Mode {
	case mintage.DefaultScopeAll:
		return []string{mintage.AllScopes}
	case mintage.DefaultScopeNone:
		return []string{}
	case mintage.DefaultScopeList:
		return s.Scopes
	case mintage.DefaultScopeUnset:
	}
	return nil
}

func defaultScope(d []string) mintage.DefaultScope {
	switch {
	case d == nil:
		return mintage.DefaultScope{}
	case len(d) == 0:
		return mintage.DefaultScope{Mode: mintage.DefaultScopeNone}
	case len(d) == 1 && d[0] == mintage.AllScopes:
		return mintage.DefaultScope{Mode: mintage.DefaultScopeAll}
	}
	return mintage.DefaultScope{Mode: mintage.DefaultScopeList, Scopes: oauth.NewScope(d...)}
}

// setClient gives a client the settings of a document.
func setClient(c *mintage.Client, d *adminclient.ClientSettings) error {
	c.Name, c.Organization, c.Dialects = d.Name, d.Organization, d.Dialects
	c.Token, c.DefaultScope = tokenSettings(d.Token), defaultScope(d.DefaultScope)
	c.MultiAudience, c.Downscope, c.DPoPBoundAccessTokens = d.MultiAudience, d.Downscope, d.DPoPBound
	c.Labels, c.Limits = d.Labels, mintage.Limits(d.Limits)
	c.AuthMethods, c.JWKS, c.JWKSURI = d.AuthMethods, "", d.JWKSURI
	if len(d.JWKS) > 0 {
		var err error
		if c.JWKS, err = mintage.NormalJWKS(string(d.JWKS)); err != nil {
			return mintage.Under("/jwks", err)
		}
	}
	c.GrantTypes, c.AllowFrom, c.Ladder, c.Grants = nil, nil, nil, grants(d.Grants)
	if d.GrantTypes != nil {
		c.GrantTypes = []oauth.GrantType{}
	}
	for _, g := range d.GrantTypes {
		c.GrantTypes = append(c.GrantTypes, oauth.GrantType(g))
	}
	for i, s := range d.AllowFrom {
		network, err := netip.ParsePrefix(s)
		if err != nil {
			return &mintage.FieldError{Pointer: mintage.Pointer("allow_from", i), Message: "write a network, such as 203.0.113.0/24"}
		}
		c.AllowFrom = append(c.AllowFrom, network)
	}
	if len(d.Ladder) > 0 {
		c.Ladder = make(map[mintage.Rung]mintage.LadderState, len(d.Ladder))
	}
	for rung, state := range d.Ladder {
		c.Ladder[mintage.Rung(rung)] = mintage.LadderState(state)
	}
	return nil
}

func newSecret(d adminclient.NewSecret) manage.NewSecret {
	return manage.NewSecret{Name: d.Name, Lifetime: duration(d.ExpiresIn), Forever: d.NoExpiry, Hash: d.Hash}
}

func secretDocument(s *mintage.Secret, now time.Time) adminclient.Secret {
	d := adminclient.Secret{
		ID: s.ID, Name: s.Name, Hint: s.Hint, State: adminclient.SecretActive, CreatedBy: s.CreatedBy, CreatedAt: s.Created.UTC(),
		ExpiresAt: when(s.Expires), RevokedAt: when(s.Revoked), LastUsedAt: when(s.LastUsed), LastUsedFrom: s.LastUsedFrom,
		ExposedAt: when(s.Exposed), RetiringSince: when(s.Retiring), Successor: s.Successor,
	}
	if s.Paused(now) {
		d.PausedUntil = when(s.PausedUntil)
	}
	switch {
	case !s.Revoked.IsZero():
		d.State = adminclient.SecretRevoked
	case !s.Live(now):
		d.State = adminclient.SecretExpired
	case s.Retires(now):
		d.State = adminclient.SecretRetiring
	}
	return d
}
