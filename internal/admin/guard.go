package admin

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/people"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/oauth"
)

// caller is who a request comes from, past the guard.
type caller struct {
	tenant  string
	by      manage.By
	viewer  *people.Viewer              // the operator, if it is one; nil: a client
	expires time.Time                   // of the token or session
	again   func(context.Context) error // nil as long as it has not ended early
	key     string                      // idempotency key; empty: none
	target  string                      // of the request: path and query
}

type callerKey struct{}

// callerOf returns the verified caller of the request that ctx belongs to; one
// who may see nothing outside of the guard.
func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// sees reports whether the caller administers a tenant: the built-in tenant's
// administer all, others their own.
func (c caller) sees(tenant string) bool {
	return c.tenant != "" && (c.tenant == mintage.BuiltInTenant || c.tenant == tenant)
}

// guard admits a request to an operation or answers why not. Each check
// assumes those before it.
func (h *Handler) guard(op operation) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(hc)
		who, refused := h.admit(r, op)
		if refused != nil {
			refused.write(w)
			return
		}
		ctx := context.WithValue(hc.Context(), callerKey{}, who)
		next(lowered{huma.WithContext(hc, ctx)})
	}
}

// admit returns who a request comes from, or the answer that refuses it.
func (h *Handler) admit(r *http.Request, op operation) (caller, *refusal) {
	ctx := r.Context()
	who := caller{by: manage.By{Actor: mintage.Actor{Address: h.address(r)}, TraceID: traceOf(ctx)}}
	if op.Scope != "" || op.AnyCaller {
		var refused *refusal
		if who, refused = h.authenticate(r, op); refused != nil {
			return caller{}, refused
		}
	}
	if who.confined() && !op.forMembers() && (who.viewer == nil || !op.overPeople()) {
		return caller{}, h.notFound(ctx)
	}
	if id := r.PathValue("tenant"); strings.Contains(op.Path, "{tenant}") {
		if !who.sees(id) {
			return caller{}, h.notFound(ctx)
		}
		if _, err := h.directory.Tenant(ctx, id); err != nil {
			return caller{}, h.asRefusal(ctx, err)
		}
	}
	if refused := h.checkQuery(r); refused != nil {
		return caller{}, refused
	}
	var refused *refusal
	if who.key, refused = h.readKey(r, op); refused != nil {
		return caller{}, refused
	}
	who.target = r.URL.RequestURI()
	return who, h.checkMediaType(r, op)
}

// authenticate verifies the token of a request and that it is enough for op.
func (h *Handler) authenticate(r *http.Request, op operation) (caller, *refusal) {
	ctx := r.Context()
	var need oauth.Scope
	if op.Scope != "" {
		need = oauth.NewScope(manage.AdminPrefix + op.Scope)
	}
	if h.limit != nil {
		if wait := h.limit(r); wait > 0 {
			return caller{}, h.later(ctx, wait)
		}
	}
	raw, err := oauth.Bearer(r.Header)
	if err != nil {
		return caller{}, h.challenge(ctx, err, need)
	}
	var who caller
	if h.people != nil && secret.IsSessionToken(raw) {
		who, err = h.bySession(ctx, r, raw)
	} else {
		who, err = h.byToken(ctx, r, raw)
	}
	if err != nil {
		return caller{}, h.challenge(ctx, err, need)
	}
	recordOf(ctx).by = who.by
	if len(need.Without(who.by.Scope)) > 0 {
		return caller{}, h.challenge(ctx, oauth.InsufficientScope(need), need)
	}
	return who, nil
}

// byToken returns the client whose access token it is.
func (h *Handler) byToken(ctx context.Context, r *http.Request, raw string) (caller, error) {
	tok, err := h.verifier.Verify(ctx, raw)
	if err != nil {
		return caller{}, err
	}
	t, err := h.stillGood(ctx, tok)
	if err != nil {
		return caller{}, err
	}
	c, err := h.directory.Client(ctx, t.ID, tok.ClientID)
	if err != nil {
		return caller{}, err
	}
	who := caller{tenant: t.ID, expires: time.Unix(tok.Expires, 0), by: manage.By{
		Actor:   mintage.Actor{Tenant: t.ID, ClientID: tok.ClientID, Address: h.address(r)},
		Via:     via(r.Header),
		TraceID: traceOf(ctx),
		Scope:   tok.Scope,
	}}
	if c.Organization != "" {
		who.by.Organization = manage.OrganizationKey{Tenant: t.ID, ID: c.Organization}
	}
	who.again = func(ctx context.Context) error {
		_, err := h.stillGood(ctx, tok)
		return err
	}
	return who, nil
}

// challenge answers a request whose token is missing or not enough (RFC 6750
// §3). A request without a token gets no error code (§3.1).
func (h *Handler) challenge(ctx context.Context, err error, need oauth.Scope) *refusal {
	var told *oauth.Error
	var r *refusal
	switch {
	case errors.Is(err, oauth.ErrNoBearer):
		r = h.refuse(ctx, http.StatusUnauthorized, "token.missing", "the request needs an access token")
	case errors.As(err, &told) && told.Status < http.StatusInternalServerError:
		r = h.refuse(ctx, told.Status, told.Reason, told.Description)
	default:
		return h.asRefusal(ctx, err)
	}
	r.header.Set("WWW-Authenticate", oauth.BearerChallenge("", told, need))
	return r
}

func (h *Handler) asRefusal(ctx context.Context, err error) *refusal {
	var r *refusal
	if errors.As(h.fail(ctx, err), &r) {
		return r
	}
	return h.refuse(ctx, http.StatusInternalServerError, "internal", "")
}

// checkQuery refuses a query that has more than one reading.
func (h *Handler) checkQuery(r *http.Request) *refusal {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return h.refuse(r.Context(), http.StatusBadRequest, "param.malformed", "the query is malformed")
	}
	for _, values := range q {
		if len(values) > 1 {
			return h.refuse(r.Context(), http.StatusBadRequest, "param.repeated", "a parameter of the query is repeated")
		}
	}
	return nil
}

// checkMediaType refuses a body that is not what the operation reads. A media
// type is required: what browsers send without asking is never one of ours.
func (h *Handler) checkMediaType(r *http.Request, op operation) *refusal {
	if len(op.media) == 0 {
		return nil
	}
	ct, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := strings.ToLower(params["charset"])
	if err != nil || !slices.Contains(op.media, ct) || charset != "" && charset != "utf-8" {
		return h.refuse(r.Context(), http.StatusUnsupportedMediaType, "body.type", "send "+strings.Join(op.media, " or "))
	}
	return nil
}

// via returns the tool that a change is made with, as far as callers may say.
func via(header http.Header) string {
	switch v := header.Get(adminclient.HeaderVia); v {
	case "cli", "apply":
		return v
	}
	return "api"
}

// connection returns the address of the connection.
func connection(r *http.Request) string {
	if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return ap.Addr().Unmap().String()
	}
	return ""
}
