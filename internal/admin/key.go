package admin

import (
	"context"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/manage"
)

type listKeys struct {
	TenantPath
	Paged
}

func (h *Handler) keys(ctx context.Context, in *listKeys) (*answer[adminclient.Page[adminclient.SigningKey]], error) {
	l, err := h.listing(ctx, "keys "+in.Tenant, in.Paged)
	if err != nil {
		return nil, err
	}
	ks, err := h.manager.SigningKeys(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	period, err := h.keyPeriod(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	now := h.now()
	id := func(k *mintage.SigningKey) string { return k.ID }
	document := func(k *mintage.SigningKey) adminclient.SigningKey { return keyDocument(k, now, period) }
	rest, err := tail(ctx, l, ks, id)
	if err != nil {
		return nil, err
	}
	return &answer[adminclient.Page[adminclient.SigningKey]]{Body: page(l, rest, document, id)}, nil
}

type rotateKey struct {
	TenantPath
	Body body[adminclient.KeyRotation]
}

// publishFirst is how long a new key is in the JWKS before it signs: as long as
// a cache may keep one that does not have it.
const publishFirst = keys.DefaultWait

func (h *Handler) rotateKey(ctx context.Context, in *rotateKey) (*answer[adminclient.SigningKey], error) {
	doc, err := in.Body.value()
	if err != nil {
		return nil, err
	}
	wait := publishFirst
	if doc.Wait != nil {
		wait = duration(*doc.Wait)
	}
	period, err := h.keyPeriod(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	rotated := func(k *mintage.SigningKey) *answer[adminclient.SigningKey] {
		return &answer[adminclient.SigningKey]{Body: keyDocument(k, h.now(), period)}
	}
	k, err := h.manager.RotateKey(ctx, keeping(ctx, rotated), in.Tenant, doc.Alg, wait)
	if err != nil {
		return nil, err
	}
	return rotated(k), nil
}

type killKey struct {
	TenantPath
	KID string `path:"kid" maxLength:"256" doc:"The key identifier."`
}

func (h *Handler) killKey(ctx context.Context, in *killKey) (*answer[adminclient.KilledKey], error) {
	period, err := h.keyPeriod(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	killed := func(did *manage.KilledKey) *answer[adminclient.KilledKey] {
		now := h.now()
		doc := adminclient.KilledKey{Killed: keyDocument(did.Killed, now, period)}
		if did.Heir != nil {
			heir := keyDocument(did.Heir, now, period)
			doc.Heir = &heir
		}
		return &answer[adminclient.KilledKey]{Body: doc}
	}
	did, err := h.manager.KillKey(ctx, keeping(ctx, killed), in.Tenant, in.KID)
	if err != nil {
		return nil, err
	}
	return killed(did), nil
}

// keyPeriod returns how long a key of the tenant signs.
func (h *Handler) keyPeriod(ctx context.Context, tenant string) (time.Duration, error) {
	t, err := h.manager.Tenant(ctx, tenant)
	if err != nil {
		return 0, err
	}
	return h.manager.KeyPeriodOf(t), nil
}

func keyDocument(k *mintage.SigningKey, now time.Time, period time.Duration) adminclient.SigningKey {
	return adminclient.SigningKey{
		Tenant: k.Tenant, KID: k.ID, Alg: k.Alg, State: string(k.State(now)), JWK: k.JWK, CreatedAt: k.Created.UTC(),
		SignsFrom: k.SignsFrom.UTC(), DueAt: when(keys.DueAt(k, period)), SignsUntil: when(k.SignsUntil), VerifiesUntil: when(k.VerifiesUntil),
	}
}
