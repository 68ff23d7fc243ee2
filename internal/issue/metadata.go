package issue

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/oauth"
)

// Paths of a tenant's endpoints below its issuer, but for the token paths,
// which each tenant maps for itself.
const (
	AuthorizePath  = "/oauth2/authorize"
	IntrospectPath = "/oauth2/introspect"
	RevokePath     = "/oauth2/revoke"
	JWKSPath       = "/.well-known/jwks.json"
)

// Metadata serves the server's metadata (RFC 8414 §3, OpenID Connect Discovery
// 1.0 §4): one document at both of its paths.
func (h *Handler) Metadata(w http.ResponseWriter, r *http.Request, t *mintage.Tenant) {
	h.handle(w, r, t, neighbour, &endpoint{
		name: "metadata", allow: allowRead, methods: read, cors: true, quiet: true, serve: (*Handler).metadata,
	})
}

const allowRead = "GET, HEAD, OPTIONS"

func (h *Handler) metadata(ctx context.Context, x *exchange) error {
	servers, err := h.Directory.ResourceServers(ctx, x.t.ID)
	if err != nil {
		return storeTrouble(err)
	}
	ring, err := h.Directory.Ring(ctx, x.t.ID)
	if err != nil {
		return storeTrouble(err)
	}
	doc, err := json.Marshal(h.describe(x.t, servers, ring))
	if err != nil {
		return err
	}
	x.answer(http.StatusOK, func(dst []byte) []byte { return append(dst, doc...) })
	return nil
}

// describe builds the document from configuration alone: nothing of a request
// gets here.
func (h *Handler) describe(t *mintage.Tenant, servers map[string]*mintage.ResourceServer, ring *keys.Ring) *oauth.Metadata {
	methods, algs := []string{oauth.AuthBasic, oauth.AuthPost, oauth.AuthPrivateKeyJWT}, mintage.AssertionAlgs()
	m := &oauth.Metadata{
		Issuer:                t.Issuer,
		AuthorizationEndpoint: t.Issuer + AuthorizePath,
		TokenEndpoint:         t.Issuer + t.PrimaryTokenPath(),
		JWKSURI:               t.Issuer + JWKSPath,
		IntrospectionEndpoint: t.Issuer + IntrospectPath,
		RevocationEndpoint:    t.Issuer + RevokePath,

		// RFC 8414 §2: left out, it would mean the grants for people.
		GrantTypesSupported:    []oauth.GrantType{oauth.ClientCredentials},
		ResponseTypesSupported: []string{},
		ScopesSupported:        []string{},

		TokenEndpointAuthMethodsSupported:         methods,
		IntrospectionEndpointAuthMethodsSupported: methods,
		RevocationEndpointAuthMethodsSupported:    methods,

		TokenEndpointAuthSigningAlgValuesSupported:         algs,
		IntrospectionEndpointAuthSigningAlgValuesSupported: algs,
		RevocationEndpointAuthSigningAlgValuesSupported:    algs,
		DPoPSigningAlgValuesSupported:                      mintage.SigningAlgs(),

		SubjectTypesSupported:            []string{"public"},
		IDTokenSigningAlgValuesSupported: []string{},
	}
	for _, rs := range servers {
		if rs.Identifier == mintage.AdminResource && t.ID != mintage.BuiltInTenant {
			continue // every tenant has it, and no customer's client asks for it
		}
		for _, def := range rs.Scopes {
			m.ScopesSupported = append(m.ScopesSupported, rs.ScopePrefix+def.Name)
		}
	}
	slices.Sort(m.ScopesSupported)
	m.ScopesSupported = slices.Compact(m.ScopesSupported)
	for _, key := range ring.Public(h.Now()) {
		m.IDTokenSigningAlgValuesSupported = append(m.IDTokenSigningAlgValuesSupported, string(key.Alg()))
	}
	slices.Sort(m.IDTokenSigningAlgValuesSupported)
	m.IDTokenSigningAlgValuesSupported = slices.Compact(m.IDTokenSigningAlgValuesSupported)
	m.ServiceDocumentation = h.docs(t) + "/"
	return m
}

// AuthorizationEndpoint serves the authorization endpoint that metadata names
// because some clients refuse a document without one. Nobody signs in here.
func (h *Handler) AuthorizationEndpoint(w http.ResponseWriter, r *http.Request, t *mintage.Tenant) {
	h.handle(w, r, t, neighbour, &endpoint{
		name: "authorize", allow: "GET, HEAD, POST, OPTIONS", methods: []string{http.MethodGet, http.MethodHead, http.MethodPost},
		serve: func(*Handler, context.Context, *exchange) error {
			return oauth.InvalidRequest("grant.unsupported", "nobody signs in here: this server issues tokens to machines, at its token endpoint")
		},
	})
}
