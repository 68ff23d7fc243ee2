package console

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/apply"
)

// What a form changes, it may also take away. A file that says nothing of a
// member leaves it as it is, so that these say all that a form has, what is
// empty too.

// A lifetime alone is never said to be empty: a file has no word for that.
func wholeToken(s mintage.TokenSettings) *apply.Token {
	format := string(s.Format)
	t := &apply.Token{Format: &format, Alg: &s.Alg}
	if s.Lifetime > 0 {
		life := apply.Duration(s.Lifetime)
		t.Lifetime = &life
	}
	return t
}

// all returns a list that is there, also when it is empty.
func all[T any](list []T) []T { return append([]T{}, list...) }

// wholeClient is what the form of a client's settings has.
func wholeClient(cl *mintage.Client) string {
	return declaredClient(cl, func(d *apply.Client) {
		d.Name, d.Organization, d.Dialects, d.Token = &cl.Name, &cl.Organization, all(cl.Dialects), wholeToken(cl.Token)
		d.MultiAudience, d.Downscope, d.AllowFrom, d.Labels = &cl.MultiAudience, &cl.Downscope, []string{}, map[string]string{}
		d.DPoPBound = &cl.DPoPBoundAccessTokens
		maps.Copy(d.Labels, cl.Labels)
		for _, n := range cl.AllowFrom {
			d.AllowFrom = append(d.AllowFrom, n.String())
		}
		d.Limits = &apply.Limits{TokensPerMinute: &cl.Limits.TokensPerMinute, IntrospectionsPerMinute: &cl.Limits.IntrospectionsPerMinute}
	})
}

// wholeTenant is what the form of a tenant has.
func wholeTenant(t *mintage.Tenant) string {
	expires, overlap := apply.Duration(t.SecretLifetime), apply.Duration(cmp.Or(t.SecretOverlap, mintage.DefaultSecretOverlap))
	d := apply.Tenant{
		ID: t.ID, Issuer: &t.Issuer, Aliases: all(t.Aliases), Protected: &t.Protected, TokenPaths: map[string]string{}, Token: wholeToken(t.Token),
		Secret: &apply.SecretPolicy{Expires: &expires, Overlap: &overlap}, DPoPNonces: &t.DPoPNonces, CORSOrigins: all(t.CORSOrigins),
	}
	maps.Copy(d.TokenPaths, t.TokenPaths)
	return stateYAML(&apply.State{APIVersion: apply.APIVersion, Tenants: []apply.Tenant{d}})
}

// asSet says how a client's settings become those of will elsewhere.
func (c *console) asSet(ctx context.Context, was, will *mintage.Client) *copyAs {
	patch, words := settingsChange(was, will)
	as := &copyAs{}
	if will.Token.Lifetime > 0 || was.Token.Lifetime == 0 {
		as.YAML = wholeClient(will)
	}
	if len(patch) > 0 {
		as.Curl = c.call(ctx, http.MethodPatch, clientPath(will), patch)
	}
	if len(words) > 0 {
		as.CLI = command(append([]string{"client", "edit", will.ID, "--tenant", will.Tenant}, words...)...)
	}
	return as
}

// settingsChange is what differs between two clients, for the admin API and as
// flags. There are no flags when the command cannot say it all.
func settingsChange(was, will *mintage.Client) (patch adminclient.Patch, words []string) {
	old, now := settingsOf(was), settingsOf(will)
	patch = adminclient.Patch{}
	flagged := true
	note := func(differs, known bool, member string, value any, flags ...string) {
		if differs {
			patch[member], flagged, words = value, flagged && known, append(words, flags...)
		}
	}
	note(old.Name != now.Name, true, "name", now.Name, "--name", now.Name)
	note(old.Organization != now.Organization, false, "organization", now.Organization)
	note(!slices.Equal(old.Dialects, now.Dialects), false, "dialects", all(now.Dialects))
	note(old.Token != now.Token, false, "token", map[string]any{
		"format": orNull(now.Token.Format), "alg": orNull(now.Token.Alg), "lifetime": orNull(now.Token.Lifetime),
	})
	note(old.MultiAudience != now.MultiAudience, true, "multi_audience", now.MultiAudience, "--multi-audience="+strconv.FormatBool(now.MultiAudience))
	note(old.Downscope != now.Downscope, true, "downscope", now.Downscope, "--downscope="+strconv.FormatBool(now.Downscope))
	note(old.DPoPBound != now.DPoPBound, true, "dpop_bound_access_tokens", now.DPoPBound, "--dpop-bound="+strconv.FormatBool(now.DPoPBound))
	note(!slices.Equal(old.AllowFrom, now.AllowFrom), true, "allow_from", all(now.AllowFrom), "--allow-from", strings.Join(now.AllowFrom, ","))
	note(old.Limits != now.Limits, true, "limits", map[string]any{
		"tokens_per_minute": now.Limits.TokensPerMinute, "introspections_per_minute": now.Limits.IntrospectionsPerMinute,
	}, "--tokens-per-minute", strconv.Itoa(now.Limits.TokensPerMinute), "--introspections-per-minute", strconv.Itoa(now.Limits.IntrospectionsPerMinute))
	labels, flags := labelsChange(old.Labels, now.Labels)
	note(len(labels) > 0, true, "labels", labels, flags...)
	if !flagged {
		words = nil
	}
	return patch, words
}

// orNull is a value of a merge patch (RFC 7396), in which what is zero is taken
// away.
func orNull[T comparable](v T) any {
	if v == *new(T) {
		return nil
	}
	return v
}

// labelsChange is what differs between labels: what goes is null, or empty.
func labelsChange(was, will map[string]string) (patch map[string]any, flags []string) {
	patch = map[string]any{}
	for k := range was {
		if _, ok := will[k]; !ok {
			patch[k] = nil
		}
	}
	for k, v := range will {
		if old, ok := was[k]; !ok || old != v {
			patch[k] = v
		}
	}
	for _, k := range slices.Sorted(maps.Keys(patch)) {
		v, _ := patch[k].(string)
		flags = append(flags, "--label", k+"="+v)
	}
	return patch, flags
}

// asTenantMade says how a tenant is made elsewhere.
func (c *console) asTenantMade(ctx context.Context, t *mintage.Tenant) *copyAs {
	as := &copyAs{YAML: wholeTenant(t)}
	if t.Token != (mintage.TokenSettings{}) || t.SecretLifetime+t.SecretOverlap != 0 || len(t.CORSOrigins) > 0 || t.DPoPNonces {
		return as // the other two say less
	}
	as.Curl = c.call(ctx, http.MethodPost, "/tenants", adminclient.NewTenant{
		ID: t.ID, Issuer: t.Issuer, Aliases: t.Aliases, Protected: t.Protected, TokenPaths: t.TokenPaths,
	})
	if len(t.TokenPaths) > 0 {
		return as
	}
	words := []string{"tenant", "create", t.ID, "--issuer", t.Issuer}
	for _, a := range t.Aliases {
		words = append(words, "--alias", a)
	}
	if t.Protected {
		words = append(words, "--protected")
	}
	as.CLI = command(words...)
	return as
}

// asSwitched says how a tenant is disabled or enabled elsewhere.
func (c *console) asSwitched(ctx context.Context, tenant string, disabled bool) *copyAs { //nolint:revive // it is the state
	verb := "enable"
	if disabled {
		verb = "disable"
	}
	return &copyAs{
		CLI:  command("tenant", verb, tenant),
		Curl: c.call(ctx, http.MethodPatch, "/tenants/"+url.PathEscape(tenant), map[string]any{"disabled": disabled}),
		YAML: stateYAML(&apply.State{APIVersion: apply.APIVersion, Tenants: []apply.Tenant{{ID: tenant, Disabled: &disabled}}}),
	}
}

// asGranted says how a client gets these grants elsewhere.
func (c *console) asGranted(ctx context.Context, cl *mintage.Client, grants []mintage.Grant) *copyAs {
	return &copyAs{
		Curl: c.call(ctx, http.MethodPatch, clientPath(cl), map[string]any{"grants": all(adminGrants(grants))}),
		YAML: declaredClient(cl, func(d *apply.Client) {
			d.Grants = []apply.Grant{}
			for _, g := range grants {
				d.Grants = append(d.Grants, apply.Grant{ResourceServer: g.ResourceServer, Scopes: g.Scopes})
			}
		}),
	}
}

// asNewAPI adds to a file with a client the API that one form makes with it.
func asNewAPI(s *apply.State, rs *mintage.ResourceServer, now time.Time) string {
	s.ResourceServers = apply.Export(apply.Live{ResourceServers: []*mintage.ResourceServer{rs}}, now).ResourceServers
	s.Clients[0].Grants = append(s.Clients[0].Grants, apply.Grant{ResourceServer: rs.Identifier, Scopes: []string{mintage.AllScopes}})
	return stateYAML(s)
}
