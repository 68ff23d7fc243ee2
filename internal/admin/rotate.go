package admin

import (
	"context"
	"net/url"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/manage"
)

type rotateSecret struct {
	ClientPath
	Body body[adminclient.SecretRotation]
}

func (h *Handler) rotateSecret(ctx context.Context, in *rotateSecret) (*created[adminclient.CreatedSecret], error) {
	doc, err := in.Body.value()
	if err != nil {
		return nil, err
	}
	r := manage.Rotation{NewSecret: newSecret(doc.NewSecret)}
	if doc.Overlap != nil {
		overlap := duration(*doc.Overlap)
		r.Overlap = &overlap
	}
	made, err := h.manager.RotateSecret(ctx, callerOf(ctx).by, in.Tenant, in.Client, r)
	if err != nil {
		return nil, err
	}
	return h.createdSecret(in.Tenant, made), nil
}

// createdSecret is the answer to whoever made a secret.
func (h *Handler) createdSecret(tenant string, made *manage.Credentials) *created[adminclient.CreatedSecret] {
	return &created[adminclient.CreatedSecret]{
		Location: Prefix + "/tenants/" + url.PathEscape(tenant) + "/clients/" + url.PathEscape(made.Client.ID) +
			"/secrets/" + url.PathEscape(made.Label.ID),
		ETag: etag(made.Client.Version),
		Body: adminclient.CreatedSecret{
			Secret: secretDocument(&made.Label, h.now()), ClientID: made.Client.ID, ClientSecret: made.Secret,
		},
	}
}

func (h *Handler) completeRotation(ctx context.Context, in *ClientPath) (*tagged[adminclient.RegisteredClient], error) {
	return h.changedClient(h.manager.CompleteRotation(ctx, callerOf(ctx).by, in.Tenant, in.Client))
}

func (h *Handler) cancelRotation(ctx context.Context, in *ClientPath) (*tagged[adminclient.RegisteredClient], error) {
	return h.changedClient(h.manager.CancelRotation(ctx, callerOf(ctx).by, in.Tenant, in.Client))
}

type pauseSecret struct {
	ClientPath
	Secret string `path:"secret" doc:"The secret's identifier or its label."`
	Body   body[adminclient.SecretPause]
}

func (h *Handler) pauseSecret(ctx context.Context, in *pauseSecret) (*tagged[adminclient.RegisteredClient], error) {
	doc, err := in.Body.value()
	if err != nil {
		return nil, err
	}
	return h.changedClient(h.manager.BrownOut(ctx, callerOf(ctx).by, in.Tenant, in.Client, in.Secret, duration(doc.Seconds)))
}

// changedClient is the answer to whoever changed a client's secrets.
func (h *Handler) changedClient(c *mintage.Client, err error) (*tagged[adminclient.RegisteredClient], error) {
	if err != nil {
		return nil, err
	}
	return &tagged[adminclient.RegisteredClient]{ETag: etag(c.Version), Body: h.clientDocument(c)}, nil
}
