package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/strictjson"
)

type stateInput struct {
	Body body[adminclient.StateRequest]
}

func (h *Handler) planState(ctx context.Context, in *stateInput) (*answer[adminclient.StatePlan], error) {
	return h.state(ctx, callerOf(ctx).by, in, h.manager.Plan)
}

func (h *Handler) applyState(ctx context.Context, in *stateInput) (*answer[adminclient.StatePlan], error) {
	return h.state(ctx, trying(ctx, planned), in, h.manager.Apply)
}

// planned is the answer with a plan.
func planned(p *apply.Plan) (*answer[adminclient.StatePlan], error) {
	doc, err := planDocument(p)
	return &answer[adminclient.StatePlan]{Body: doc}, err
}

func (h *Handler) state(
	ctx context.Context, by manage.By, in *stateInput, do func(context.Context, manage.By, manage.Declared) (*apply.Plan, error),
) (*answer[adminclient.StatePlan], error) {
	doc, err := in.Body.value()
	if err != nil {
		return nil, err
	}
	declared, err := declared(doc)
	if err != nil {
		return nil, err
	}
	p, err := do(ctx, by, declared)
	if err != nil {
		return nil, err
	}
	return planned(p)
}

func (h *Handler) exportState(ctx context.Context, in *TenantPath) (*answer[adminclient.ExportedState], error) {
	s, err := h.manager.Export(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(s)
	return &answer[adminclient.ExportedState]{Body: adminclient.ExportedState{State: b}}, err
}

type compareState struct {
	TenantPath
	With string `query:"with" required:"true" maxLength:"63" doc:"The other tenant."`
}

func (h *Handler) compareState(ctx context.Context, in *compareState) (*answer[adminclient.StatePlan], error) {
	if !callerOf(ctx).sees(in.With) {
		return nil, h.notFound(ctx)
	}
	p, err := h.manager.Compare(ctx, in.Tenant, in.With)
	if err != nil {
		return nil, err
	}
	return planned(p)
}

// declared reads the state in a request as strictly as the request itself.
func declared(doc *adminclient.StateRequest) (manage.Declared, error) {
	var s apply.State
	if err := strictjson.Decode(doc.State, &s, strictjson.Options{MaxValues: maxValues}); err != nil {
		var e *strictjson.Error
		if errors.As(err, &e) {
			e.Pointer = "/state" + e.Pointer
		}
		return manage.Declared{}, err
	}
	return manage.Declared{State: &s, Source: doc.Source, AllowDelete: doc.AllowDelete, Hash: doc.Hash}, nil
}

// planDocument writes a plan as the document that has the same members. A
// member that one has and the other lacks is an error of ours. It is not read
// by the strict reader, whose bounds are for what others send.
func planDocument(p *apply.Plan) (adminclient.StatePlan, error) {
	var d adminclient.StatePlan
	b, err := json.Marshal(p)
	if err == nil {
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.DisallowUnknownFields()
		err = dec.Decode(&d)
	}
	if err != nil {
		return d, fmt.Errorf("plan document: %w", errors.New(err.Error()))
	}
	return d, nil
}
