package issue

import (
	"context"
	"slices"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/oauth"
)

// Flow decides one grant type: whether an authenticated client may have what
// it asks for.
type Flow func(ctx context.Context, h *Handler, x *exchange, c *mintage.Client, req *Request) (*mintage.Authorization, error)

// flowFor returns the flow of a grant_type, which is compared as it is: letter
// case counts (RFC 6749 §4.4.2).
func flowFor(g oauth.GrantType) (Flow, error) {
	switch g {
	case oauth.ClientCredentials:
		return clientCredentials, nil
	case "":
		return nil, oauth.InvalidRequest("param.missing", "grant_type is missing")
	}
	return nil, oauth.UnsupportedGrantType("grant_type is not one that this server serves; it serves client_credentials")
}

// clientCredentials is the grant of RFC 6749 §4.4.
func clientCredentials(ctx context.Context, h *Handler, x *exchange, c *mintage.Client, req *Request) (*mintage.Authorization, error) {
	scope, err := oauth.ParseScope(req.Scope)
	if err != nil {
		return nil, oauth.InvalidScope("scope.malformed", err.Error())
	}
	if slices.ContainsFunc(scope, secret.LooksGenerated) { // no answer and no log line names it
		return nil, oauth.InvalidScope("scope.unknown", "a client secret was sent as the scope")
	}
	x.out.ScopeAsked = scope
	servers, err := h.Directory.ResourceServers(ctx, x.t.ID)
	if err != nil {
		return nil, storeTrouble(err)
	}
	return mintage.Authorize(x.t, c, servers, x.dialect.Rules, mintage.Request{
		GrantType: req.GrantType, Scope: scope, Resources: req.Resources, Audiences: req.Audiences,
	})
}
