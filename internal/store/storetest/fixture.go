package storetest

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/oauth"
)

// at returns a time n seconds after a fixed one.
func at(n int) time.Time { return time.Unix(1_800_000_000+int64(n), 0).UTC() }

// noun is one kind of object with a version, seen through the same methods.
type noun struct {
	name string
	kind mintage.ChangeKind
	// value returns an object in which every member is set; b are other values
	// than a.
	a, b    func(tenant, id string) any
	version func(any) *int64
	create  func(context.Context, store.Tx, any) error
	update  func(context.Context, store.Tx, any) error
	remove  func(ctx context.Context, tx store.Tx, tenant, id string) error
	read    func(ctx context.Context, r store.Reader, tenant, id string) (any, error)
	list    func(ctx context.Context, r store.Reader, tenant string, page store.Page) ([]string, error)
}

// nouns are those that belong to a tenant.
func nouns() []noun {
	return []noun{organizationNoun(), resourceServerNoun(), clientNoun(), keyNoun()}
}

func tenantNoun() noun {
	return noun{
		name: "Tenant", kind: mintage.ChangeTenant,
		a: func(_, id string) any {
			return &mintage.Tenant{
				ID: id, Issuer: "https://" + id + ".issuer.example/path", Aliases: []string{id + ":9400", "a." + id},
				Protected: true, PurgeAt: at(30), TokenPaths: map[string]string{"/oauth2/token": "rfc", "/token": "cognito"},
				Token:          mintage.TokenSettings{Format: mintage.FormatStored, Alg: "RS256", Claims: mintage.ClaimsCognito, Lifetime: 90 * time.Minute},
				SecretLifetime: 90 * 24 * time.Hour, SecretOverlap: time.Hour, KeyPeriod: 48 * time.Hour, DPoPNonces: true, CORSOrigins: []string{"https://app.example"},
				Meta: metaA(),
			}
		},
		b: func(_, id string) any {
			return &mintage.Tenant{ID: id, Issuer: "https://new." + id + ".example", Aliases: []string{"b." + id, id + ":9400"}, Disabled: true, Meta: metaB()}
		},
		version: func(v any) *int64 { return &as[mintage.Tenant](v).Version },
		create: func(ctx context.Context, tx store.Tx, v any) error {
			return tx.CreateTenant(ctx, as[mintage.Tenant](v))
		},
		update: func(ctx context.Context, tx store.Tx, v any) error {
			return tx.UpdateTenant(ctx, as[mintage.Tenant](v))
		},
		remove: func(ctx context.Context, tx store.Tx, _, id string) error { return tx.DeleteTenant(ctx, id) },
		read: func(ctx context.Context, r store.Reader, _, id string) (any, error) {
			return r.Tenant(ctx, id)
		},
		list: func(ctx context.Context, r store.Reader, _ string, page store.Page) ([]string, error) {
			l, err := r.Tenants(ctx, page)
			return ids(l, func(t *mintage.Tenant) string { return t.ID }), err
		},
	}
}

func organizationNoun() noun {
	return noun{
		name: "Organization", kind: mintage.ChangeOrganization,
		a: func(tenant, id string) any {
			return &mintage.Organization{
				Tenant: tenant, ID: id, Name: "Acme & Søns", MaxClients: 12, Meta: metaA(),
				Grants: []mintage.Grant{{ResourceServer: "orders", Scopes: []string{"read", "write"}}, {ResourceServer: "https://api.example", Scopes: []string{"*"}}},
			}
		},
		b: func(tenant, id string) any {
			return &mintage.Organization{
				Tenant: tenant, ID: id, Name: "Renamed", Meta: metaB(), Grants: []mintage.Grant{{ResourceServer: "orders"}},
			}
		},
		version: func(v any) *int64 { return &as[mintage.Organization](v).Version },
		create: func(ctx context.Context, tx store.Tx, v any) error {
			return tx.CreateOrganization(ctx, as[mintage.Organization](v))
		},
		update: func(ctx context.Context, tx store.Tx, v any) error {
			return tx.UpdateOrganization(ctx, as[mintage.Organization](v))
		},
		remove: func(ctx context.Context, tx store.Tx, tenant, id string) error {
			return tx.DeleteOrganization(ctx, tenant, id)
		},
		read: func(ctx context.Context, r store.Reader, tenant, id string) (any, error) {
			return r.Organization(ctx, tenant, id)
		},
		list: func(ctx context.Context, r store.Reader, tenant string, page store.Page) ([]string, error) {
			l, err := r.Organizations(ctx, tenant, page)
			return ids(l, func(o *mintage.Organization) string { return o.ID }), err
		},
	}
}

func resourceServerNoun() noun {
	return noun{
		name: "ResourceServer", kind: mintage.ChangeResourceServer,
		a: func(tenant, id string) any {
			return &mintage.ResourceServer{
				Tenant: tenant, Identifier: id, Name: "name of " + id, ScopePrefix: "api/",
				Scopes:        []mintage.ScopeDefinition{{Name: "read", Description: "Read \"all\" <of> it"}, {Name: "write"}},
				Token:         mintage.TokenSettings{Format: mintage.FormatJWT, Alg: "ES256", Claims: mintage.ClaimsRFC, Lifetime: time.Minute},
				Introspectors: []string{"mc_one", "mc_two"}, DPoPBoundAccessTokens: true, Meta: metaA(),
			}
		},
		b: func(tenant, id string) any {
			return &mintage.ResourceServer{Tenant: tenant, Identifier: id, Scopes: []mintage.ScopeDefinition{{Name: "all"}}, Meta: metaB()}
		},
		version: func(v any) *int64 { return &as[mintage.ResourceServer](v).Version },
		create: func(ctx context.Context, tx store.Tx, v any) error {
			return tx.CreateResourceServer(ctx, as[mintage.ResourceServer](v))
		},
		update: func(ctx context.Context, tx store.Tx, v any) error {
			return tx.UpdateResourceServer(ctx, as[mintage.ResourceServer](v))
		},
		remove: func(ctx context.Context, tx store.Tx, tenant, id string) error {
			return tx.DeleteResourceServer(ctx, tenant, id)
		},
		read: func(ctx context.Context, r store.Reader, tenant, id string) (any, error) {
			return r.ResourceServer(ctx, tenant, id)
		},
		list: func(ctx context.Context, r store.Reader, tenant string, page store.Page) ([]string, error) {
			l, err := r.ResourceServers(ctx, tenant, page)
			return ids(l, func(rs *mintage.ResourceServer) string { return rs.Identifier }), err
		},
	}
}

func clientNoun() noun {
	return noun{
		name: "Client", kind: mintage.ChangeClient,
		a:       func(tenant, id string) any { return fullClient(tenant, id) },
		b:       func(tenant, id string) any { return otherClient(tenant, id) },
		version: func(v any) *int64 { return &as[mintage.Client](v).Version },
		create: func(ctx context.Context, tx store.Tx, v any) error {
			return tx.CreateClient(ctx, as[mintage.Client](v))
		},
		update: func(ctx context.Context, tx store.Tx, v any) error {
			return tx.UpdateClient(ctx, as[mintage.Client](v))
		},
		remove: func(ctx context.Context, tx store.Tx, tenant, id string) error {
			return tx.DeleteClient(ctx, tenant, id)
		},
		read: func(ctx context.Context, r store.Reader, tenant, id string) (any, error) {
			return r.Client(ctx, tenant, id)
		},
		list: func(ctx context.Context, r store.Reader, tenant string, page store.Page) ([]string, error) {
			l, err := r.Clients(ctx, tenant, page)
			return ids(l, func(c *mintage.Client) string { return c.ID }), err
		},
	}
}

func keyNoun() noun {
	return noun{
		name: "SigningKey", kind: mintage.ChangeKey,
		a: func(tenant, id string) any {
			return &mintage.SigningKey{
				Tenant: tenant, ID: id, Alg: "ES256", JWK: []byte(`{"kty":"EC"}`), Sealed: []byte{0, 1, 0xff}, Created: at(1),
				SignsFrom: at(2), SignsUntil: at(3), VerifiesUntil: at(4),
			}
		},
		b: func(tenant, id string) any {
			return &mintage.SigningKey{Tenant: tenant, ID: id, Alg: "RS256", JWK: []byte(`{}`), Sealed: []byte("x"), Created: at(1), SignsFrom: at(9)}
		},
		version: func(v any) *int64 { return &as[mintage.SigningKey](v).Version },
		create: func(ctx context.Context, tx store.Tx, v any) error {
			return tx.CreateSigningKey(ctx, as[mintage.SigningKey](v))
		},
		update: func(ctx context.Context, tx store.Tx, v any) error {
			return tx.UpdateSigningKey(ctx, as[mintage.SigningKey](v))
		},
		remove: func(ctx context.Context, tx store.Tx, tenant, id string) error {
			return tx.DeleteSigningKey(ctx, tenant, id)
		},
		read: func(ctx context.Context, r store.Reader, tenant, id string) (any, error) {
			l, err := r.SigningKeys(ctx, tenant)
			for _, k := range l {
				if k.ID == id {
					return k, nil
				}
			}
			if err == nil {
				err = mintage.ErrNotFound
			}
			return nil, err
		},
		list: func(ctx context.Context, r store.Reader, tenant string, _ store.Page) ([]string, error) {
			l, err := r.SigningKeys(ctx, tenant)
			return ids(l, func(k *mintage.SigningKey) string { return k.ID }), err
		},
	}
}

// as is for the methods of a noun, which get what its a and b made.
func as[T any](v any) *T {
	p, ok := v.(*T)
	if !ok {
		panic(fmt.Sprintf("a %T where a %T belongs", v, p))
	}
	return p
}

func ids[T any](list []T, id func(T) string) []string {
	var out []string
	for _, v := range list {
		out = append(out, id(v))
	}
	return out
}

func metaA() mintage.Meta {
	return mintage.Meta{ManagedBy: "tenants.yaml", Created: at(10), Updated: at(11)}
}

func metaB() mintage.Meta { return mintage.Meta{Created: at(10), Updated: at(12)} }

func fullClient(tenant, id string) *mintage.Client {
	return &mintage.Client{
		Tenant: tenant, ID: id, Name: "Nightly export", Organization: "org-1",
		Disabled: true, DisabledReason: "moved", PurgeAt: at(20),
		AuthMethods: []string{"private_key_jwt", "client_secret_basic"}, JWKS: `{"keys":[{"kid":"a<b\u003e\"é"}]}`, JWKSURI: "https://x.example/?a=1&b=2",
		Dialects: []string{"rfc", "cognito"}, GrantTypes: []oauth.GrantType{"client_credentials"},
		Token:         mintage.TokenSettings{Format: mintage.FormatJWT, Alg: "RS256", Claims: mintage.ClaimsMyParcel, Lifetime: 24 * time.Hour},
		DefaultScope:  mintage.DefaultScope{Mode: mintage.DefaultScopeList, Scopes: oauth.NewScope("a", "b")},
		MultiAudience: true, Downscope: true, DPoPBoundAccessTokens: true,
		Ladder:    map[mintage.Rung]mintage.LadderState{mintage.RungQueryCredentials: mintage.LadderAllow},
		AllowFrom: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")},
		Limits:    mintage.Limits{TokensPerMinute: 60, IntrospectionsPerMinute: 6000},
		Labels:    map[string]string{"team": "a/b", "": "empty"},
		Grants: []mintage.Grant{
			{ResourceServer: "orders", Scopes: []string{"read", "write"}},
			{ResourceServer: "https://api.example", Scopes: []string{mintage.AllScopes}},
		},
		Secrets: []mintage.Secret{
			{
				ID: "s2", Name: "first", Hash: "hmac-sha256$abc", Digest: []byte{1, 2, 0}, Hint: "mint_test_…abcd", CreatedBy: "mc_admin",
				Created: at(1), Expires: at(2), Revoked: at(3), LastUsed: at(4), Exposed: at(5),
				Retiring: at(7), PreviousExpires: at(8), Successor: "s1", PausedUntil: at(9), LastUsedFrom: "2001:db8::1", Announced: at(10),
			},
			{ID: "s1", Name: "second", Hash: "argon2id$xyz", Created: at(6)},
		},
		Meta: metaA(),
	}
}

func otherClient(tenant, id string) *mintage.Client {
	return &mintage.Client{
		Tenant: tenant, ID: id, Name: "Renamed", Organization: "org-2",
		DefaultScope: mintage.DefaultScope{Mode: mintage.DefaultScopeNone},
		Grants:       []mintage.Grant{{ResourceServer: "https://api.example", Scopes: []string{"x"}}},
		Secrets:      []mintage.Secret{{ID: "s3", Name: "third", Hash: "h", Created: at(7)}},
		Meta:         metaB(),
	}
}

// simpleClient is a client of acme that has nothing but a name.
func simpleClient(id string) *mintage.Client {
	return &mintage.Client{Tenant: "acme", ID: id, Name: "client " + id}
}

// token returns the nth token of acme, made at made and living for life.
func token(n int, made time.Time, life time.Duration) *mintage.TokenRecord {
	rec := &mintage.TokenRecord{
		Tenant: "acme", JTI: fmt.Sprintf("0190a0b0-c0d0-7000-8000-%012x", n),
		ClientID: "mc_one", Subject: "mc_one", Scope: oauth.NewScope("read", "write"), Audience: []string{"https://api.example"},
		IssuedAt: made, Expires: made.Add(life),
	}
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(made.UnixMilli()))
	copy(rec.Key[:6], b[2:])
	binary.BigEndian.PutUint64(rec.Key[30:], uint64(n)) //nolint:gosec // a test's number
	return rec
}
