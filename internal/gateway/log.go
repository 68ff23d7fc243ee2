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

// end counts and logs a request, whatever became of it.
func (p *passing) end() {
	took := time.Since(p.began)
	decision, reason := p.outcome()
	rt := p.decided.Route
	switch {
	case rt == nil:
		p.g.metrics.Requests("none", decision, reason)()
	case decision == "allowed" && reason == reasonOK:
		p.live.counts[rt].allowed()
	default:
		p.g.metrics.Requests(rt.Name, decision, reason)()
	}
	if rt != nil && p.answer.kind == "" {
		p.live.counts[rt].duration(took)
	}
	if mode := p.live.config.AccessLog; mode == LogOff || mode == LogRefused && decision == "allowed" && p.failure == "" {
		return
	}
	p.log(decision, reason, took)
}

// outcome says in two words what was decided and why.
func (p *passing) outcome() (decision, reason string) {
	d := &p.decided
	switch {
	case !d.Allow:
		return "refused", d.Reason
	case p.failure != "":
		return "failed", p.failure
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

// log writes one line. It has the path and never the query, which may hold a
// secret, and never a token.
func (p *passing) log(decision, reason string, took time.Duration) {
	r := p.request
	attrs := make([]slog.Attr, 0, 18)
	text := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value[:min(len(value), maxLogged)]))
		}
	}
	text("trace_id", p.trace)
	text("method", r.Method)
	text("host", r.Host)
	text("path", p.call.Path)
	if rt := p.decided.Route; rt != nil {
		text("route", rt.Name)
		text("upstream", rt.Upstream)
	}
	text("decision", decision)
	text("reason", reason)
	attrs = append(attrs,
		slog.Int("status", p.answer.status), slog.Int64("bytes", p.answer.bytes), slog.Float64("duration_ms", float64(took.Microseconds())/1000))
	if p.call.RemoteAddr.IsValid() {
		text("remote_ip", p.call.RemoteAddr.String())
	}
	agent := r.UserAgent()
	text("user_agent", agent[:min(len(agent), maxAgent)])
	if t := p.decided.Token; t != nil {
		text("issuer", t.Issuer)
		text("client_id", t.ClientID)
		text("scope", t.Scope.String())
		text("token_id", t.ID)
	}
	text("stream", p.answer.kind)
	if cause := p.answer.cause; cause != nil {
		text("error", cause.Error())
	} else if cause := p.decided.Cause; cause != nil {
		text("error", cause.Error())
	}
	level := slog.LevelInfo
	if p.answer.status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	p.g.log.LogAttrs(context.WithoutCancel(r.Context()), level, "request", attrs...)
}
