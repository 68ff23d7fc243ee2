package oauth

import (
	"net/http"
	"time"
)

// Error is what a client or a caller is told when a request fails: the codes
// of RFC 6749 §5.2 at the token endpoint and of RFC 6750 §3.1 at a resource.
//
// Code, Description and Status go on the wire. Reason and Cause do not: they
// are for the operator's log. An Error is made by one of the functions below
// and never changed after.
type Error struct {
	Code        string
	Description string // for the client's developer: printable ASCII without quote and backslash
	Status      int    // HTTP status
	Reason      string // stable reason code, such as scope.not_granted
	Cause       error
	// RetryAfter is after how long asking again makes sense, for the header of
	// that name (RFC 9110 §10.2.3); zero: whoever answers knows.
	RetryAfter time.Duration
}

// Error returns all that is known, the cause included.
func (e *Error) Error() string {
	s := e.Code
	if e.Reason != "" {
		s += " (" + e.Reason + ")"
	}
	if e.Description != "" {
		s += ": " + e.Description
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// In returns an error that differs from e in nothing but RetryAfter.
func (e *Error) In(wait time.Duration) *Error {
	out := *e
	out.RetryAfter = wait
	return &out
}

// BadRequest returns an error that differs from e in nothing but its status:
// the token endpoint answers with 400 what a resource answers with 401 (RFC 9449
// §5, §8).
func (e *Error) BadRequest() *Error {
	out := *e
	out.Status = http.StatusBadRequest
	return &out
}

// InvalidRequest says that the request is malformed (RFC 6749 §5.2).
func InvalidRequest(reason, description string) *Error {
	return &Error{Code: "invalid_request", Description: description, Status: http.StatusBadRequest, Reason: reason}
}

// RequestTooLarge says that the body is over the bound (RFC 9110 §15.5.14).
func RequestTooLarge(description string) *Error {
	return &Error{
		Code: "invalid_request", Description: description,
		Status: http.StatusRequestEntityTooLarge, Reason: "request.too_large",
	}
}

// HeaderTooLarge says that the header is over the bound (RFC 6585 §5).
func HeaderTooLarge(description string) *Error {
	return &Error{
		Code: "invalid_request", Description: description,
		Status: http.StatusRequestHeaderFieldsTooLarge, Reason: "request.too_large",
	}
}

// MethodNotAllowed says that the endpoint does not serve the method (RFC 9110
// §15.5.6). The answer needs an Allow header.
func MethodNotAllowed(description string) *Error {
	return &Error{
		Code: "invalid_request", Description: description,
		Status: http.StatusMethodNotAllowed, Reason: "request.method",
	}
}

// InvalidClient says that client authentication by the Authorization header
// failed, or that there was none: 401, and the answer needs a challenge (RFC
// 6749 §5.2). The cause, and never the description, says which half was wrong.
func InvalidClient(reason, description string, cause error) *Error {
	return &Error{
		Code: "invalid_client", Description: description,
		Status: http.StatusUnauthorized, Reason: reason, Cause: cause,
	}
}

// InvalidClientPost is InvalidClient for credentials that came in the body or
// the query: 400 and no challenge, the default status of RFC 6749 §5.2.
func InvalidClientPost(reason, description string, cause error) *Error {
	return &Error{
		Code: "invalid_client", Description: description,
		Status: http.StatusBadRequest, Reason: reason, Cause: cause,
	}
}

// UnauthorizedClient says that the client may not do this (RFC 6749 §5.2).
func UnauthorizedClient(reason, description string) *Error {
	return &Error{Code: "unauthorized_client", Description: description, Status: http.StatusBadRequest, Reason: reason}
}

// UnsupportedGrantType says that the server does not serve this grant type
// (RFC 6749 §5.2).
func UnsupportedGrantType(description string) *Error {
	return &Error{
		Code: "unsupported_grant_type", Description: description,
		Status: http.StatusBadRequest, Reason: "grant.unsupported",
	}
}

// UnsupportedTokenType says that tokens of this kind cannot be revoked (RFC
// 7009 §2.2.1).
func UnsupportedTokenType(description string) *Error {
	return &Error{
		Code: "unsupported_token_type", Description: description,
		Status: http.StatusBadRequest, Reason: "token.malformed",
	}
}

// InvalidScope says that the requested scope is unknown, malformed or not the
// client's (RFC 6749 §5.2).
func InvalidScope(reason, description string) *Error {
	return &Error{Code: "invalid_scope", Description: description, Status: http.StatusBadRequest, Reason: reason}
}

// InvalidTarget says that a resource or audience is malformed, unknown or not
// the client's (RFC 8707 §2).
func InvalidTarget(reason, description string) *Error {
	return &Error{Code: "invalid_target", Description: description, Status: http.StatusBadRequest, Reason: reason}
}

// InvalidToken says that the presented token cannot be used (RFC 6750 §3.1).
func InvalidToken(reason, description string, cause error) *Error {
	return &Error{
		Code: "invalid_token", Description: description,
		Status: http.StatusUnauthorized, Reason: reason, Cause: cause,
	}
}

// InvalidDPoPProof says that the DPoP proof of a request is missing or does not
// fit it. The status is that of a resource (RFC 9449 §7.1).
func InvalidDPoPProof(reason, description string, cause error) *Error {
	return &Error{
		Code: "invalid_dpop_proof", Description: description,
		Status: http.StatusUnauthorized, Reason: reason, Cause: cause,
	}
}

// UseDPoPNonce says that a DPoP proof has to carry a nonce of this server; the
// answer needs a DPoP-Nonce header. The status is that of a resource (RFC 9449
// §9).
func UseDPoPNonce(cause error) *Error {
	return &Error{
		Code: "use_dpop_nonce", Description: "the DPoP proof needs the nonce of the header DPoP-Nonce",
		Status: http.StatusUnauthorized, Reason: "dpop.nonce", Cause: cause,
	}
}

// InsufficientScope says that the token is good and not enough (RFC 6750
// §3.1).
func InsufficientScope(need Scope) *Error {
	return &Error{
		Code: "insufficient_scope", Description: "the request needs the scope " + need.String(),
		Status: http.StatusForbidden, Reason: "token.scope",
	}
}

// TemporarilyUnavailable says that the server cannot answer for now; the
// answer needs a Retry-After (RFC 6749 §4.1.2.1 has the code, RFC 9110 §15.6.4
// the status).
func TemporarilyUnavailable(reason, description string, cause error) *Error {
	return &Error{
		Code: "temporarily_unavailable", Description: description,
		Status: http.StatusServiceUnavailable, Reason: reason, Cause: cause,
	}
}

// TooManyRequests says that the caller has to wait; the answer needs a
// Retry-After (RFC 6585 §4), which In sets.
func TooManyRequests(reason, description string, cause error) *Error {
	return &Error{
		Code: "too_many_requests", Description: description,
		Status: http.StatusTooManyRequests, Reason: reason, Cause: cause,
	}
}

// ServerError says that the fault is the server's. It tells no detail.
func ServerError(cause error) *Error {
	return &Error{
		Code: "server_error", Description: "the server could not answer; the trace id finds the cause in its log",
		Status: http.StatusInternalServerError, Reason: "internal", Cause: cause,
	}
}

// NotFound says that nothing is served here: no tenant, or no such endpoint.
func NotFound(description string) *Error {
	return &Error{Code: "not_found", Description: description, Status: http.StatusNotFound, Reason: "request.not_found"}
}
