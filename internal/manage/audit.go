package manage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/mintage-auth/mintage"
)

// view is how an object looks in the audit log: its members by their names in
// the admin API. What is zero is left out; hashes and secrets never come in.
type view map[string]any

// object is what an event is about.
type object struct {
	tenant, noun, id, name string
	organization           string // that owns it; empty: none does
}

// event returns the audit row of a change. The members that are the same
// before and after are left out; a nil view is an object that is not there.
// Since no change is without one, a use case that does not ask whether who is
// confined to an organization may reach the object is refused here.
func (m *Manager) event(by By, o object, verb string, before, after view) (*mintage.Event, error) {
	if !by.Reaches(o.tenant, o.organization) {
		return nil, fmt.Errorf("%s %q: %w", o.noun, o.id, mintage.ErrNotFound)
	}
	e := &mintage.Event{
		Time: m.now(), Tenant: o.tenant, Actor: by.Actor, Action: o.noun + "." + verb,
		Target: o.id, Name: o.name, Via: by.Via, TraceID: by.TraceID,
	}
	b, err := before.members()
	if err != nil {
		return nil, err
	}
	a, err := after.members()
	if err != nil {
		return nil, err
	}
	for k, v := range b {
		if same, ok := a[k]; ok && bytes.Equal(v, same) {
			delete(a, k)
			delete(b, k)
		}
	}
	if e.Before, err = pack(b); err != nil {
		return nil, err
	}
	e.After, err = pack(a)
	return e, err
}

// members encodes each member on its own, so that two views can be compared.
func (v view) members() (map[string]json.RawMessage, error) {
	out := make(map[string]json.RawMessage, len(v))
	for k, val := range v {
		b, err := json.Marshal(val)
		if err != nil {
			return nil, fmt.Errorf("audit row: %w", err)
		}
		switch string(b) {
		case `null`, `""`, `0`, `false`, `[]`, `{}`:
			continue
		}
		out[k] = b
	}
	return out, nil
}

func pack(members map[string]json.RawMessage) ([]byte, error) {
	if len(members) == 0 {
		return nil, nil
	}
	b, err := json.Marshal(members)
	if err != nil {
		return nil, fmt.Errorf("audit row: %w", err)
	}
	return b, nil
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// at returns t as JSON has it, and nothing for the zero time.
func at(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func viewTenant(t *mintage.Tenant) view {
	return view{
		"issuer": t.Issuer, "aliases": t.Aliases, "protected": t.Protected, "disabled": t.Disabled,
		"purge_at":    at(t.PurgeAt),
		"token_paths": t.TokenPaths, "token": viewToken(t.Token),
		"secret_lifetime": seconds(t.SecretLifetime), "secret_overlap": seconds(t.SecretOverlap),
		"key_period":   seconds(t.KeyPeriod),
		"dpop_nonces":  t.DPoPNonces,
		"cors_origins": t.CORSOrigins, "managed_by": t.ManagedBy,
	}
}

func viewToken(s mintage.TokenSettings) map[string]any {
	out := map[string]any{}
	for k, v := range map[string]string{"format": string(s.Format), "alg": s.Alg, "claims": string(s.Claims)} {
		if v != "" {
			out[k] = v
		}
	}
	if s.Lifetime != 0 {
		out["lifetime"] = seconds(s.Lifetime)
	}
	return out
}

func viewResourceServer(rs *mintage.ResourceServer) view {
	scopes := map[string]string{}
	for _, s := range rs.Scopes {
		scopes[s.Name] = s.Description
	}
	return view{
		"identifier": rs.Identifier, "name": rs.Name, "scope_prefix": rs.ScopePrefix, "scopes": scopes,
		"token": viewToken(rs.Token), "introspectors": rs.Introspectors, "managed_by": rs.ManagedBy,
		"dpop_bound_access_tokens": rs.DPoPBoundAccessTokens,
	}
}

func viewOrganization(o *mintage.Organization) view {
	return view{"name": o.Name, "grants": viewGrants(o.Grants), "max_clients": o.MaxClients, "managed_by": o.ManagedBy}
}

func viewGrants(grants []mintage.Grant) map[string][]string {
	v := map[string][]string{}
	for _, g := range grants {
		v[g.ResourceServer] = g.Scopes
	}
	return v
}

func viewClient(c *mintage.Client) view {
	secrets := map[string]any{}
	for i := range c.Secrets {
		secrets[c.Secrets[i].Name] = viewSecret(&c.Secrets[i])
	}
	return view{
		"name": c.Name, "organization": c.Organization, "disabled": c.Disabled, "disabled_reason": c.DisabledReason,
		"auth_methods": c.AuthMethods, "jwks": publicKeys(c.JWKS), "jwks_uri": c.JWKSURI,
		"purge_at": at(c.PurgeAt), "dialects": c.Dialects, "grant_types": c.GrantTypes, "token": viewToken(c.Token),
		"default_scope": string(c.DefaultScope.Mode), "default_scopes": []string(c.DefaultScope.Scopes),
		"dpop_bound_access_tokens": c.DPoPBoundAccessTokens,
		"multi_audience":           c.MultiAudience, "downscope": c.Downscope, "ladder": c.Ladder, "allow_from": c.AllowFrom,
		"limits": view{"tokens_per_minute": c.Limits.TokensPerMinute, "introspections_per_minute": c.Limits.IntrospectionsPerMinute},
		"labels": c.Labels, "grants": viewGrants(c.Grants), "secrets": secrets, "managed_by": c.ManagedBy,
	}
}

// publicKeys is a JWK Set as it is, and nothing where there is none.
func publicKeys(jwks string) json.RawMessage {
	if jwks == "" {
		return nil
	}
	return json.RawMessage(jwks)
}

func viewSecret(s *mintage.Secret) view {
	v := view{"id": s.ID}
	for k, val := range map[string]string{
		"hint": s.Hint, "expires_at": at(s.Expires), "revoked_at": at(s.Revoked),
		"retiring_since": at(s.Retiring), "successor": s.Successor, "paused_until": at(s.PausedUntil),
	} {
		if val != "" {
			v[k] = val
		}
	}
	return v
}

func viewKey(k *mintage.SigningKey) view {
	return view{
		"alg": k.Alg, "signs_from": at(k.SignsFrom), "signs_until": at(k.SignsUntil), "verifies_until": at(k.VerifiesUntil),
	}
}

func viewRevocation(r *mintage.Revocation) view {
	return view{
		"jti": r.JTI, "client_id": r.ClientID, "key_id": r.KeyID, "before": at(r.Before), "expires_at": at(r.Expires),
	}
}
