package gateway

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"
)

// alphabet is base32 without what looks alike, in the order of its values, so
// that trace ids sort by time.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// newTrace returns an id for a request: req_, ten characters of time in
// milliseconds and six of chance.
func newTrace() string {
	b := [20]byte{'r', 'e', 'q', '_'}
	ms, luck := uint64(time.Now().UnixMilli()), rand.Uint64() //nolint:gosec // an id is no secret, and the time is positive
	for i := range 10 {
		b[4+i] = alphabet[ms>>(45-5*i)&31]
	}
	for i := range 6 {
		b[14+i] = alphabet[luck>>(5*i)&31]
	}
	return string(b[:])
}

// record is a request that is over, as it is counted and logged.
type record struct {
	live    *live
	began   time.Time
	trace   string
	via     string // how a front asked about it; empty: it came to the proxy
	frontID string // what the front calls it
	call    *Call
	agent   string
	decided *Decision
	failure string // reason of what went wrong after the decision

	status int
	bytes  int64
	stream string // its kind; empty: none
	cause  error  // of an answer of our own
}

// end counts and logs a request, whatever became of it.
func (p *passing) end() {
	c := p.call
	c.Method, c.Host = p.request.Method, p.request.Host
	p.g.record(p.request.Context(), &record{
		live: p.live, began: p.began, trace: p.trace, call: &c, agent: p.request.UserAgent(), decided: &p.decided, failure: p.failure,
		status: p.answer.status, bytes: p.answer.bytes, stream: p.answer.kind, cause: p.answer.cause,
	})
}

// record counts and logs a request.
func (g *Gateway) record(ctx context.Context, r *record) {
	took := time.Since(r.began)
	decision, reason := r.outcome()
	rt := r.decided.Route
	switch {
	case rt == nil:
		g.metrics.Requests("none", decision, reason)()
	case decision == "allowed" && reason == reasonOK:
		r.live.counts[rt].allowed()
	default:
		g.metrics.Requests(rt.Name, decision, reason)()
	}
	if rt != nil && r.stream == "" {
		r.live.counts[rt].duration(took)
	}
	if mode := r.live.config.AccessLog; mode == LogOff || mode == LogRefused && decision == "allowed" && r.failure == "" {
		return
	}
	level := slog.LevelInfo
	if r.status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	ctx = context.WithoutCancel(ctx)
	h := g.log.Handler()
	if !h.Enabled(ctx, level) {
		return
	}
	// What LogAttrs does, but for looking up the line of code that logs, which
	// costs as much as the request's own counts do and which nobody prints.
	var room [20]slog.Attr
	line := slog.NewRecord(r.began.Add(took), level, "request", 0)
	line.AddAttrs(r.attrs(room[:0], decision, reason, took)...)
	_ = h.Handle(ctx, line) // as with LogAttrs
}

// outcome says in two words what was decided and why.
func (r *record) outcome() (decision, reason string) {
	d := r.decided
	switch {
	case !d.Allow:
		return "refused", d.Reason
	case r.failure != "":
		return "failed", r.failure
	case d.Reason == reasonOK:
		return "allowed", reasonOK
	case d.Route.Mode == Warn:
		return "warned", d.Reason
	}
	return "observed", d.Reason
}

// Bounds of what a caller can write into a line, in bytes.
const (
	maxLogged = 1024
	maxAgent  = 256
)

// attrs appends what a line says to attrs. It has the path and never the query,
// which may hold a secret, and never a token.
func (r *record) attrs(attrs []slog.Attr, decision, reason string, took time.Duration) []slog.Attr {
	text := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value[:min(len(value), maxLogged)]))
		}
	}
	text("trace_id", r.trace)
	text("via", r.via)
	text("front_request_id", r.frontID[:min(len(r.frontID), maxAgent)])
	text("method", r.call.Method)
	text("host", r.call.Host)
	text("path", r.call.Path)
	if rt := r.decided.Route; rt != nil {
		text("route", rt.Name)
		if r.via == "" {
			text("upstream", rt.Upstream)
		}
	}
	text("decision", decision)
	text("reason", reason)
	attrs = append(attrs, slog.Int("status", r.status), slog.Int64("bytes", r.bytes), slog.Float64("duration_ms", float64(took.Microseconds())/1000))
	if r.call.RemoteAddr.IsValid() {
		text("remote_ip", r.call.RemoteAddr.String())
	}
	text("user_agent", r.agent[:min(len(r.agent), maxAgent)])
	if t := r.decided.Token; t != nil {
		text("issuer", t.Issuer)
		text("client_id", t.ClientID)
		text("scope", t.Scope.String())
		text("token_id", t.ID)
	}
	text("stream", r.stream)
	if r.cause != nil {
		text("error", r.cause.Error())
	} else if cause := r.decided.Cause; cause != nil {
		text("error", cause.Error())
	}
	return attrs
}
