package admin

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/oauth"
)

type explainToken struct {
	TenantPath
	Body body[adminclient.TokenRequest]
}

// explainToken says what a token request would get. Nothing is made of it.
func (h *Handler) explainToken(ctx context.Context, in *explainToken) (*answer[adminclient.TokenExplanation], error) {
	doc, err := in.Body.value()
	if err != nil {
		return nil, err
	}
	q, err := h.question(ctx, in.Tenant, doc)
	if err != nil {
		return nil, err
	}
	x := mintage.Explain(q.tenant, q.client, q.servers, q.dialect, q.request)
	d := &adminclient.TokenExplanation{
		Dialect: q.dialect.Name, AsOf: q.at, Subject: q.client.ID, Issuer: q.tenant.Issuer, ScopeRule: string(x.ScopeRule),
		AudienceRule: string(x.AudienceRule), Problems: []adminclient.TokenProblem{}, Scope: []adminclient.ScopeOrigin{},
		Dropped: []string{}, Audience: []string{}, Secrets: []adminclient.SecretOnDate{},
	}
	h.explainClient(d, q)
	if x.Refused != nil {
		h.stands(d, x.Refused)
	} else if err := h.explainGranted(ctx, d, q, x); err != nil {
		return nil, err
	}
	d.Issued = len(d.Problems) == 0
	return &answer[adminclient.TokenExplanation]{Body: *d}, nil
}

// question is a token request with all that decides it.
type question struct {
	tenant  *mintage.Tenant
	client  *mintage.Client
	servers map[string]*mintage.ResourceServer
	dialect mintage.Dialect
	request mintage.Request
	at      time.Time
}

func (h *Handler) question(ctx context.Context, tenant string, doc *adminclient.TokenRequest) (*question, error) {
	t, err := h.manager.Tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	c, err := h.clientOf(ctx, tenant, doc.ClientID)
	if errors.Is(err, mintage.ErrNotFound) {
		return nil, &mintage.FieldError{Pointer: "/client_id", Message: "the tenant has no such client"}
	}
	if err != nil {
		return nil, err
	}
	q := &question{tenant: t, client: c, servers: map[string]*mintage.ResourceServer{}, at: h.now()}
	if doc.AsOf != nil {
		q.at = *doc.AsOf
	}
	q.at = q.at.UTC().Truncate(time.Second)
	scope, err := oauth.ParseScope(doc.Scope)
	if err != nil {
		return nil, &mintage.FieldError{Pointer: "/scope", Message: err.Error()}
	}
	q.request = mintage.Request{GrantType: oauth.ClientCredentials, Scope: scope, Resources: doc.Resource, Audiences: doc.Audience}
	name := doc.Dialect
	if name == "" {
		name = usualDialect(t)
	}
	var ok bool
	if q.dialect, ok = mintage.DialectByName(name); !ok {
		return nil, &mintage.FieldError{Pointer: "/dialect", Message: "there is no such dialect"}
	}
	list, err := h.manager.ResourceServers(ctx, tenant, "", 0)
	for _, rs := range list {
		q.servers[rs.Identifier] = rs
	}
	return q, err
}

// usualDialect is rfc where the tenant has it, else that of its first token
// path in order.
func usualDialect(t *mintage.Tenant) string {
	paths := slices.Sorted(maps.Keys(t.TokenPaths))
	for _, p := range paths {
		if t.TokenPaths[p] == mintage.DialectRFC {
			return mintage.DialectRFC
		}
	}
	if len(paths) == 0 {
		return mintage.DialectRFC
	}
	return t.TokenPaths[paths[0]]
}

// stands notes what stands in the way of a token.
func (h *Handler) stands(d *adminclient.TokenExplanation, e *oauth.Error) {
	p := adminclient.TokenProblem{Error: e.Code, Reason: e.Reason, Detail: e.Description}
	p.Why, p.Fix, p.Docs = h.explained(e.Reason)
	d.Problems = append(d.Problems, p)
}

// explainClient says whether the client could prove itself at that instant.
func (h *Handler) explainClient(d *adminclient.TokenExplanation, q *question) {
	for _, network := range q.client.AllowFrom {
		d.AllowFrom = append(d.AllowFrom, netip.Prefix.String(network))
	}
	reason := "secret.mismatch"
	for i := range q.client.Secrets {
		s := secretOnDate(&q.client.Secrets[i], q.at)
		d.Secrets = append(d.Secrets, s)
		switch {
		case s.State == "live":
			reason = ""
		case reason != "":
			reason = "secret." + s.State
		}
	}
	const failed = "client authentication failed"
	if reason != "" {
		h.stands(d, oauth.InvalidClient(reason, failed, nil))
	}
	if q.client.Disabled {
		h.stands(d, oauth.InvalidClient("client.disabled", failed, nil))
	}
}

func secretOnDate(s *mintage.Secret, at time.Time) adminclient.SecretOnDate {
	d := adminclient.SecretOnDate{ID: s.ID, Name: s.Name, Hint: s.Hint, State: "live", ExpiresAt: when(s.Expires)}
	switch {
	case !s.Revoked.IsZero() && !s.Revoked.After(at):
		d.State = "revoked"
	case !s.Expires.IsZero() && !at.Before(s.Expires) && !s.Retiring.IsZero():
		d.State = "retired"
	case !s.Expires.IsZero() && !at.Before(s.Expires):
		d.State = "expired"
	case s.Paused(at):
		d.State = "paused"
	}
	return d
}

// explainGranted says what the token would be.
func (h *Handler) explainGranted(ctx context.Context, d *adminclient.TokenExplanation, q *question, x *mintage.Explanation) error {
	az := x.Authorization
	for _, s := range x.Scopes {
		d.Scope = append(d.Scope, adminclient.ScopeOrigin{Scope: s.Scope, ResourceServer: s.ResourceServer, All: s.All})
	}
	d.Dropped, d.DPoPBound = append(d.Dropped, az.Dropped...), az.DPoPBound
	if x.AudienceRule != mintage.AudienceNone {
		d.Audience = append(d.Audience, az.Audience...)
	}
	d.Format = decided(string(az.Token.Format), x.Token.Format)
	if az.Token.Format == mintage.FormatJWT {
		d.Alg, d.Claims = decided(az.Token.Alg, x.Token.Alg), decided(string(az.Token.Claims), x.Token.Claims)
	}
	d.Lifetime = &adminclient.DecidedNumber{Value: int64(az.Token.Lifetime / time.Second), Decision: decision(x.Token.Lifetime)}
	key, err := h.keyFor(ctx, q, az.Token)
	switch {
	case errors.Is(err, keys.ErrNoKey):
		h.stands(d, oauth.TemporarilyUnavailable("key.unavailable", "no key of the algorithm "+az.Token.KeyAlg()+" is active then", nil))
	case err != nil:
		return err
	}
	d.Key = key
	return nil
}

func decided(value string, o mintage.Origin) *adminclient.DecidedText {
	return &adminclient.DecidedText{Value: value, Decision: decision(o)}
}

func decision(o mintage.Origin) adminclient.Decision {
	return adminclient.Decision{Layer: string(o.Layer), ResourceServer: o.ResourceServer}
}

// keyFor returns the key that would be used; nil when none is.
func (h *Handler) keyFor(ctx context.Context, q *question, s mintage.TokenSettings) (*adminclient.TokenKey, error) {
	alg := s.KeyAlg()
	if alg == "" {
		return nil, nil //nolint:nilnil // a stored token needs none
	}
	ring, err := h.directory.Ring(ctx, q.tenant.ID)
	if err != nil {
		return nil, err
	}
	if alg == mintage.SealingAlg {
		sealer, err := ring.Sealer(q.at)
		if err != nil {
			return nil, err
		}
		return &adminclient.TokenKey{KID: sealer.ID, Alg: alg}, nil
	}
	signer, err := ring.Signer(alg, q.at)
	if err != nil {
		return nil, err
	}
	return &adminclient.TokenKey{KID: signer.ID, Alg: alg}, nil
}
