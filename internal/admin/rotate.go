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
	made, err := h.manager.RotateSecret(ctx, keeping(ctx, h.createdSecret), in.Tenant, in.Client, r)
	if err != nil {
		return nil, err
	}
	return h.createdSecret(made), nil
}

// createdSecret is the answer to whoever made a secret.
func (h *Handler) createdSecret(made *manage.Credentials) *created[adminclient.CreatedSecret] {
	return &created[adminclient.CreatedSecret]{
		Location: Prefix + "/tenants/" + url.PathEscape(made.Client.Tenant) + "/clients/" + url.PathEscape(made.Client.ID) +
			"/secrets/" + url.PathEscape(made.Label.ID),
		ETag: etag(made.Client.Version),
		Body: adminclient.CreatedSecret{
			Secret: secretDocument(&made.Label, h.now()), ClientID: made.Client.ID, ClientSecret: made.Secret,
		},
	}
}

func (h *Handler) completeRotation(ctx context.Context, in *ClientPath) (*tagged[adminclient.RegisteredClient], error) {
	c, err := h.manager.CompleteRotation(ctx, keeping(ctx, h.taggedClient), in.Tenant, in.Client)
	if err != nil {
		return nil, err
	}
	return h.taggedClient(c), nil
}

func (h *Handler) cancelRotation(ctx context.Context, in *ClientPath) (*tagged[adminclient.RegisteredClient], error) {
	c, err := h.manager.CancelRotation(ctx, keeping(ctx, h.taggedClient), in.Tenant, in.Client)
	if err != nil {
		return nil, err
	}
	return h.taggedClient(c), nil
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
	c, err := h.manager.BrownOut(ctx, keeping(ctx, h.taggedClient), in.Tenant, in.Client, in.Secret, duration(doc.Seconds))
	if err != nil {
		return nil, err
	}
	return h.taggedClient(c), nil
}

// taggedClient is the answer with a client and its version.
func (h *Handler) taggedClient(c *mintage.Client) *tagged[adminclient.RegisteredClient] {
	return &tagged[adminclient.RegisteredClient]{ETag: etag(c.Version), Body: h.clientDocument(c)}
}
