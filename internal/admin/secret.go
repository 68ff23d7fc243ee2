package admin

import (
	"context"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
)

type listSecrets struct {
	ClientPath
	Paged
}

func (h *Handler) secrets(ctx context.Context, in *listSecrets) (*answer[adminclient.Page[adminclient.Secret]], error) {
	l, err := h.listing(ctx, "secrets "+in.Tenant+" "+in.Client, in.Paged)
	if err != nil {
		return nil, err
	}
	c, err := h.clientOf(ctx, in.Tenant, in.Client)
	if err != nil {
		return nil, err
	}
	now := h.now()
	id := func(s mintage.Secret) string { return s.ID }
	document := func(s mintage.Secret) adminclient.Secret { return secretDocument(&s, now) }
	rest, err := tail(ctx, l, c.Secrets, id)
	if err != nil {
		return nil, err
	}
	return &answer[adminclient.Page[adminclient.Secret]]{Body: page(l, rest, document, id)}, nil
}

type addSecret struct {
	ClientPath
	Body body[adminclient.NewSecret]
}

func (h *Handler) addSecret(ctx context.Context, in *addSecret) (*created[adminclient.CreatedSecret], error) {
	doc, err := in.Body.value()
	if err != nil {
		return nil, err
	}
	made, err := h.manager.AddSecret(ctx, keeping(ctx, h.createdSecret), in.Tenant, in.Client, newSecret(*doc))
	if err != nil {
		return nil, err
	}
	return h.createdSecret(made), nil
}

type revokeSecret struct {
	ClientPath
	Secret    string `path:"secret" doc:"The secret's identifier or its label."`
	AllowLast bool   `query:"allow_last" doc:"Whether it may be the client's last active secret."`
}

func (h *Handler) revokeSecret(ctx context.Context, in *revokeSecret) (*nothing, error) {
	err := h.manager.RevokeSecret(ctx, callerOf(ctx).by, in.Tenant, in.Client, in.Secret, in.AllowLast)
	if err != nil {
		return nil, err
	}
	return &nothing{}, nil
}
