package admin

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/people"
	"github.com/mintage-auth/mintage/oauth"
)

// People signs command lines in: internal/people does.
type People interface {
	// Command returns whose session a token is; mintage.ErrNotFound: nobody's.
	Command(ctx context.Context, token string) (*people.Viewer, error)
	StartPairing(ctx context.Context, host string, f people.From) (*people.PairingStart, error)
	RedeemPairing(ctx context.Context, deviceCode string, f people.From) (*people.Redeemed, error)
	SignOut(ctx context.Context, v *people.Viewer, f people.From) error
}

// selfOperations are about who asks, and how a command line is signed in.
func selfOperations() []operation {
	return []operation{
		row("start-pairing", post, "/pairings", "", "Ask to be signed in as an operator who confirms it in the console", 201, at((*Handler).startPairing), mediaJSON),
		row("redeem-pairing", post, "/pairings/redeem", "", "Get the session, once it was confirmed", 200, at((*Handler).redeemPairing), mediaJSON),
		forAnyCaller(row("show-self", get, "/self", "", "Show who asks", 200, at((*Handler).self))),
		forAnyCaller(row("end-own-session", del, "/self/session", "", "End the session that asks", 204, at((*Handler).endOwnSession))),
	}
}

// forAnyCaller is a row that any token will do for, whatever its scope.
func forAnyCaller(op operation) operation {
	op.AnyCaller = true
	return op
}

// Agent is the part of an input that says what asks.
type Agent struct {
	UserAgent string `header:"User-Agent" hidden:"true"`
}

// from is where a request comes from.
func (a Agent) from(ctx context.Context) people.From {
	by := callerOf(ctx).by
	return people.From{Address: by.Actor.Address, UserAgent: a.UserAgent, TraceID: by.TraceID}
}

type startPairing struct {
	Agent
	Body body[adminclient.NewPairing]
}

func (h *Handler) startPairing(ctx context.Context, in *startPairing) (*answer[adminclient.Pairing], error) {
	signIn, err := h.signIn()
	if err != nil {
		return nil, err
	}
	doc, err := in.Body.value()
	if err != nil {
		return nil, err
	}
	p, err := signIn.StartPairing(ctx, doc.Host, in.from(ctx))
	if err != nil {
		return nil, h.waited(ctx, err)
	}
	return &answer[adminclient.Pairing]{Body: adminclient.Pairing{
		DeviceCode: p.DeviceCode, UserCode: p.Code, VerificationURI: p.URL,
		ExpiresIn: int64(p.Expires.Sub(p.Created) / time.Second), Interval: int64(people.PairingInterval / time.Second),
	}}, nil
}

type redeemPairing struct {
	Agent
	Body body[adminclient.PairingCode]
}

func (h *Handler) redeemPairing(ctx context.Context, in *redeemPairing) (*answer[adminclient.PairingResult], error) {
	signIn, err := h.signIn()
	if err != nil {
		return nil, err
	}
	doc, err := in.Body.value()
	if err != nil {
		return nil, err
	}
	got, err := signIn.RedeemPairing(ctx, doc.DeviceCode, in.from(ctx))
	if err != nil {
		return nil, h.waited(ctx, err)
	}
	out := adminclient.PairingResult{Status: "pending"}
	switch {
	case got.Denied:
		out.Status = "denied"
	case got.Token != "":
		self := selfOf(h.sessionCaller(got.Viewer, callerOf(ctx).by, "cli"))
		out.Status, out.SessionToken, out.Self = "approved", got.Token, &self
	}
	return &answer[adminclient.PairingResult]{Body: out}, nil
}

func (h *Handler) self(ctx context.Context, _ *struct{}) (*answer[adminclient.Self], error) {
	return &answer[adminclient.Self]{Body: selfOf(callerOf(ctx))}, nil
}

func (h *Handler) endOwnSession(ctx context.Context, in *Agent) (*nothing, error) {
	who := callerOf(ctx)
	if who.viewer == nil {
		return nil, mintage.ErrNotFound // a token has none
	}
	signIn, err := h.signIn()
	if err != nil {
		return nil, err
	}
	return &nothing{}, signIn.SignOut(ctx, who.viewer, in.from(ctx))
}

// selfOf says who a caller is.
func selfOf(who caller) adminclient.Self {
	out := adminclient.Self{
		Tenant: who.by.Actor.Tenant, Organization: who.by.Organization.ID, ClientID: who.by.Actor.ClientID, Scopes: append([]string{}, who.by.Scope...),
	}
	if v := who.viewer; v != nil {
		out.Operator = &adminclient.SelfOperator{ID: v.Operator.ID, Email: v.Operator.Email, Name: v.Operator.Name}
		out.Role = string(v.Role())
		out.Session = &adminclient.SelfSession{
			ID: v.Session.ID, CreatedAt: v.Session.Created, ExpiresAt: v.Session.Expires,
			IdleExpiresAt: earlier(v.Session.Expires, v.Session.LastSeen.Add(people.IdleLifetime)),
		}
	}
	return out
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// signIn returns who signs command lines in, if anybody does.
func (h *Handler) signIn() (People, error) {
	if h.people == nil {
		return nil, mintage.ErrNotFound
	}
	return h.people(), nil
}

// waited is err, and an answer that says when to come again where there were too
// many.
func (h *Handler) waited(ctx context.Context, err error) error {
	wait, ok := errors.AsType[*people.WaitError](err)
	if !ok {
		return err
	}
	return h.later(ctx, wait.After)
}

// later refuses what came too early.
func (h *Handler) later(ctx context.Context, wait time.Duration) *refusal {
	no := h.refuse(ctx, http.StatusTooManyRequests, "limit.ip", "too many requests come from this address")
	no.header.Set("Retry-After", strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
	return no
}

// bySession returns who asks with the token of a command line's session. The
// database is asked each time, so that what ended on another node has ended here.
func (h *Handler) bySession(ctx context.Context, r *http.Request, token string) (caller, error) {
	signIn := h.people()
	v, err := signIn.Command(ctx, token)
	switch {
	case errors.Is(err, mintage.ErrNotFound):
		return caller{}, oauth.InvalidToken("session.ended", "the session has ended: sign in again", nil)
	case err != nil:
		return caller{}, err
	}
	said := via(r.Header)
	if said == "api" {
		said = "cli" // whatever sent it
	}
	who := h.sessionCaller(v, manage.By{Actor: mintage.Actor{Address: h.address(r)}, TraceID: traceOf(ctx)}, said)
	who.again = func(ctx context.Context) error {
		_, err := signIn.Command(ctx, token)
		return err
	}
	return who, nil
}

// sessionCaller is the operator whose session it is, with what their role allows
// where they work.
func (h *Handler) sessionCaller(v *people.Viewer, by manage.By, via string) caller {
	who := caller{by: v.By(by.Actor.Address, by.TraceID), viewer: v, expires: v.Session.Expires}
	who.by.Via = via
	who.tenant = who.by.Actor.Tenant
	return who
}
