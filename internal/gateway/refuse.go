package gateway

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// refusal is the body of an answer to a call that is refused.
type refusal struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
	TraceID     string `json:"trace_id,omitempty"`
}

// Body returns the JSON of the answer to a call that is refused.
func (d *Decision) Body(trace string) []byte {
	body, err := json.Marshal(refusal{Error: d.Code, Description: d.Description, TraceID: trace})
	if err != nil { // strings always encode
		return nil
	}
	return body
}

// Header adds the headers of the answer to a call that is refused to h.
func (d *Decision) Header(h http.Header) {
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if len(d.Challenges) > 0 {
		h["Www-Authenticate"] = d.Challenges
	}
	if d.Nonce != "" {
		h.Set("DPoP-Nonce", d.Nonce)
	}
	if len(d.Allowed) > 0 {
		h.Set("Allow", strings.Join(d.Allowed, ", "))
	}
	if d.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(d.RetryAfter))
	}
}

// Refuse answers a call that is not allowed: JSON, never a redirect. It returns
// the length of the body that was written, in bytes.
func (d *Decision) Refuse(w http.ResponseWriter, trace string) int {
	d.Header(w.Header())
	if trace != "" {
		w.Header().Set("X-Request-Id", trace)
	}
	w.WriteHeader(d.Status)
	n, _ := w.Write(d.Body(trace)) //nolint:gosec // JSON that was encoded, and says so
	return n
}
