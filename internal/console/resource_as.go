package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
)

// asResource says how an API becomes what will is elsewhere. The command has no
// flag for scopes, which have commands of their own.
func (c *console) asResource(ctx context.Context, was, will *mintage.ResourceServer, consent bool) *copyAs { //nolint:revive // it is in the form
	n, query := newResourceOf(will), ""
	if consent {
		query = "?cascade=true"
	}
	as := &copyAs{Curl: c.call(ctx, http.MethodPatch, "/tenants/"+will.Tenant+"/resource-servers/"+url.PathEscape(will.Identifier)+query, map[string]any{
		"name": orNull(n.Name), "scope_prefix": orNull(n.ScopePrefix), "scopes": all(n.Scopes), "introspectors": all(n.Introspectors),
		"dpop_bound_access_tokens": n.DPoPBound, "token": map[string]any{"format": orNull(n.Token.Format), "alg": orNull(n.Token.Alg), "lifetime": orNull(n.Token.Lifetime)},
	})}
	if will.Token.Lifetime > 0 || was.Token.Lifetime == 0 { // a file cannot take it away
		as.YAML = wholeResource(will)
	}
	if slices.Equal(was.Scopes, will.Scopes) {
		lifetime := ""
		if will.Token.Lifetime > 0 {
			lifetime = fileDuration(will.Token.Lifetime)
		}
		words := []string{
			"api", "edit", will.Identifier, "--tenant", will.Tenant, "--name", will.Name, "--scope-prefix", will.ScopePrefix,
			"--introspector", strings.Join(will.Introspectors, ","), "--dpop-bound=" + strconv.FormatBool(will.DPoPBoundAccessTokens), "--format", string(will.Token.Format), "--alg", will.Token.Alg, "--lifetime", lifetime,
		}
		if consent {
			words = append(words, "--cascade")
		}
		as.CLI = command(words...)
	}
	return as
}

// wholeResource is what the form of an API has.
func wholeResource(rs *mintage.ResourceServer) string {
	d := apply.ResourceServer{
		Identifier: rs.Identifier, Name: &rs.Name, Tenants: []string{rs.Tenant}, ScopePrefix: &rs.ScopePrefix, Scopes: map[string]string{},
		Token: wholeToken(rs.Token), Introspectors: all(rs.Introspectors), DPoPBound: &rs.DPoPBoundAccessTokens,
	}
	for _, s := range rs.Scopes {
		d.Scopes[s.Name] = s.Description
	}
	return stateYAML(&apply.State{APIVersion: apply.APIVersion, ResourceServers: []apply.ResourceServer{d}})
}
