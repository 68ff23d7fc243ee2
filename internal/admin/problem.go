package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/explain"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/strictjson"
	"github.com/mintage-auth/mintage/oauth"
)

// refusal is a problem on its way to the caller, with the headers that go with
// it. Huma sees a status and a body.
type refusal struct {
	adminclient.Problem
	header http.Header
}

func (r *refusal) Error() string               { return r.Problem.Error() }
func (r *refusal) GetStatus() int              { return r.Status }
func (r *refusal) GetHeaders() http.Header     { return r.header }
func (r *refusal) ContentType(_ string) string { return adminclient.ContentTypeProblem }

// refuse returns a refusal. The type's page and the title come from the table
// of reasons.
func (h *Handler) refuse(ctx context.Context, status int, code, detail string) *refusal {
	rec := recordOf(ctx)
	rec.reason = code
	title := http.StatusText(status)
	if reason, ok := explain.Lookup(code); ok {
		title = reason.Cause
	}
	return &refusal{
		Problem: adminclient.Problem{
			Type: h.reasonPage(code), Title: title, Status: status, Detail: detail, Code: code, TraceID: rec.trace,
		},
		header: http.Header{},
	}
}

// fail is the one place that turns errors into answers. What is nobody's
// business but ours is logged here and answered without detail.
func (h *Handler) fail(ctx context.Context, err error) error {
	var (
		done     *refusal
		rule     *manage.Refusal
		told     *oauth.Error
		document *strictjson.Error
	)
	switch {
	case errors.As(err, &done):
		return done
	case errors.As(err, &rule):
		status := http.StatusConflict
		if rule.Denied {
			status = http.StatusForbidden
		}
		r := h.refuse(ctx, status, rule.Reason, rule.Message)
		r.add(rule.Members)
		return r
	case errors.As(err, &document):
		return h.malformed(ctx, document)
	case len(mintage.FieldErrors(err)) > 0 && !errors.Is(err, mintage.ErrNotFound):
		return h.invalid(ctx, mintage.FieldErrors(err))
	case errors.As(err, &told):
		return h.refuse(ctx, told.Status, told.Reason, told.Description)
	case errors.Is(err, mintage.ErrNotFound):
		return h.notFound(ctx)
	case errors.Is(err, mintage.ErrExists):
		return h.refuse(ctx, http.StatusConflict, "object.exists", "an object with this identifier or name exists")
	case errors.Is(err, mintage.ErrConflict):
		return h.refuse(ctx, http.StatusConflict, "object.changed", "the object changed meanwhile: read it again")
	case errors.Is(err, keys.ErrNoKey):
		r := h.refuse(ctx, http.StatusServiceUnavailable, "key.unavailable", "")
		r.header.Set("Retry-After", "1")
		return r
	case errors.Is(err, context.Canceled):
		return h.refuse(ctx, http.StatusServiceUnavailable, "internal", "the request was given up")
	case errors.Is(err, mintage.ErrUnavailable):
		h.log.LogAttrs(ctx, slog.LevelError, "admin request failed",
			slog.String("trace_id", traceOf(ctx)), slog.String("error", err.Error()))
		r := h.refuse(ctx, http.StatusServiceUnavailable, "store.unavailable", "the server cannot answer now; nothing is known to have changed")
		r.header.Set("Retry-After", "2")
		return r
	}
	h.log.LogAttrs(ctx, slog.LevelError, "admin request failed",
		slog.String("trace_id", traceOf(ctx)), slog.String("error", err.Error()))
	return h.refuse(ctx, http.StatusInternalServerError, "internal", "")
}

// notFound says the same of what is not there and of what the caller may not
// see.
func (h *Handler) notFound(ctx context.Context) *refusal {
	return h.refuse(ctx, http.StatusNotFound, "object.not_found", "there is no such object")
}

// malformed refuses a body that is no JSON, or has members that it cannot
// have.
func (h *Handler) malformed(ctx context.Context, e *strictjson.Error) *refusal {
	detail := e.Msg
	var field *mintage.FieldError
	if errors.As(e.Cause, &field) {
		detail = field.Message
	}
	r := h.refuse(ctx, http.StatusBadRequest, "body.malformed", "the body is not the JSON document that the operation takes")
	r.Errors = []adminclient.MemberError{{Pointer: e.Pointer, Detail: detail}}
	return r
}

// invalid refuses a body whose members do not fit.
func (h *Handler) invalid(ctx context.Context, fields []*mintage.FieldError) *refusal {
	r := h.refuse(ctx, http.StatusBadRequest, "object.invalid", "the object is not valid")
	r.add(fields)
	return r
}

// add says which members it is about.
func (r *refusal) add(fields []*mintage.FieldError) {
	for _, f := range fields {
		r.Errors = append(r.Errors, adminclient.MemberError{Pointer: f.Pointer, Detail: f.Message})
	}
}

// translate turns the problems that Huma itself finds into ours. It drops what
// Huma echoes of the request.
func (h *Handler) translate(ctx huma.Context, _ string, v any) (any, error) {
	if ours, ok := v.(*refusal); ok {
		return &ours.Problem, nil
	}
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	code, detail := "param.malformed", "a parameter is not valid"
	switch m.Status {
	case http.StatusRequestEntityTooLarge:
		code, detail = "request.too_large", fmt.Sprintf("the body has more than %d bytes", maxBody-1)
	case http.StatusBadRequest:
		code, detail = "body.malformed", "a body is required"
	case http.StatusRequestTimeout:
		code, detail = "body.malformed", "the body did not arrive in time"
	case http.StatusUnprocessableEntity:
	default:
		code, detail = "internal", ""
	}
	r := h.refuse(ctx.Context(), badRequest(m.Status), code, detail)
	for _, e := range m.Errors {
		if name, isParam := strings.CutPrefix(e.Location, "query."); isParam && code == "param.malformed" {
			detail := "parameter " + cmp.Or(name, "of the query") + ": " + e.Message
			if e.Message == unknownParameter {
				detail += "; there are " + strings.Join(parameters(ctx.Operation()), ", ")
			}
			r.Errors = append(r.Errors, adminclient.MemberError{Detail: detail})
		}
	}
	return &r.Problem, nil
}

// unknownParameter is what Huma says of a parameter that an operation has not.
const unknownParameter = "unknown query parameter"

// parameters returns those that the query of an operation may have, sorted.
func parameters(op *huma.Operation) []string {
	var names []string
	for _, p := range op.Parameters {
		if p.In == "query" {
			names = append(names, p.Name)
		}
	}
	return slices.Sorted(slices.Values(names))
}

// badRequest is the status for a request that Huma calls unprocessable.
func badRequest(status int) int {
	if status == http.StatusUnprocessableEntity {
		return http.StatusBadRequest
	}
	return status
}

// lowered lets badRequest have its way with the status line too.
type lowered struct{ inner }

// inner is huma.Context by a name that its method Context leaves free.
type inner huma.Context

// SetStatus writes the status line.
func (c lowered) SetStatus(status int) {
	if recordOf(c.inner.Context()).reason != codeKeyReused { // ours is meant
		status = badRequest(status)
	}
	c.inner.SetStatus(status)
}

// Unwrap lets the adapter find its own context.
func (c lowered) Unwrap() huma.Context { return c.inner }

// write answers a refusal where Huma is not there to do it.
func (r *refusal) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), r.header)
	w.Header().Set("Content-Type", adminclient.ContentTypeProblem)
	w.WriteHeader(r.Status)
	_ = encode(w, &r.Problem) // nobody is left to tell
}
