package agent

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/internal/relay"
)

// codeHeader tells programs that an answer is the agent's own and no
// upstream's.
const codeHeader = "Mintage-Agent-Error"

// refusal is an answer of the agent's own.
type refusal struct {
	status int
	code   string
	text   string
	retry  time.Duration // zero: nothing is said
}

// refused is a refusal of the guard.
func refused(code, text string) *refusal {
	return &refusal{status: http.StatusForbidden, code: code, text: text}
}

// write answers. It is the only place where the agent's own errors are.
func (f *refusal) write(w http.ResponseWriter) {
	h := w.Header()
	clear(h)
	h.Set("Content-Type", "application/json;charset=UTF-8")
	h.Set("Cache-Control", "no-store")
	h.Set(codeHeader, f.code)
	if f.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int((f.retry+time.Second-1)/time.Second)))
	}
	w.WriteHeader(f.status)
	b, err := json.Marshal(map[string]string{"error": f.code, "error_description": f.text})
	if err == nil {
		_, _ = w.Write(append(b, '\n'))
	}
}

// describe turns an error of an upstream or its token into an answer. What the
// authorization server said is told: it is the caller's own client.
func describe(err error, now time.Time) *refusal {
	if e, ok := errors.AsType[*relay.Error](err); ok {
		f := &refusal{status: e.Status, code: "upstream.unreachable", text: "The upstream gave no answer: " + e.Cause.Error() + "."}
		switch e.Status {
		case http.StatusGatewayTimeout:
			f.code = "upstream.timeout"
		case http.StatusBadRequest:
			f.code, f.text = "request.body", "The body of the request could not be read."
		}
		return f
	}
	f := &refusal{status: http.StatusServiceUnavailable, code: "token.unavailable", text: "There is no token: " + err.Error() + ".", retry: time.Second}
	if b, ok := errors.AsType[*consume.BackoffError](err); ok {
		f.retry = max(b.RetryAt.Sub(now), time.Second)
	}
	switch {
	case errors.Is(err, consume.ErrQueueFull):
		f.code, f.text = "token.queue_full", "As many requests as may already wait for a token."
	case errors.Is(err, consume.ErrClosed):
		f.code, f.text = "agent.closing", "The agent is shutting down, or its upstream was removed."
	}
	if e, ok := errors.AsType[*consume.Error](err); ok && !e.Temporary() {
		f.status, f.code = http.StatusBadGateway, "token.refused"
	}
	return f
}
