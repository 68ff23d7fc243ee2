package adminclient

import (
	"net/http"
	"strings"

	"github.com/mintage-auth/mintage"
)

// ContentTypeProblem is the media type of a Problem (RFC 9457 §3).
const ContentTypeProblem = "application/problem+json"

// Problem is an answer that is not a success (RFC 9457). It is an error.
type Problem struct {
	Type    string        `json:"type" doc:"The documentation of this kind of problem."`
	Title   string        `json:"title" doc:"What is wrong, the same for all problems of this type."`
	Status  int           `json:"status" doc:"The HTTP status."`
	Detail  string        `json:"detail,omitempty" doc:"What is wrong this time."`
	Code    string        `json:"code" doc:"Stable reason code, such as object.not_found."`
	TraceID string        `json:"trace_id" doc:"Finds the request in the server's log."`
	Errors  []MemberError `json:"errors,omitempty" doc:"Which members of the request are wrong."`
}

// MemberError says what is wrong with one member of a request.
type MemberError struct {
	Pointer string `json:"pointer" doc:"JSON pointer (RFC 6901) into the body; empty: all of it."`
	Detail  string `json:"detail" doc:"What is wrong with it."`
}

// Error returns the detail and the wrong members.
func (p *Problem) Error() string {
	parts := make([]string, 0, 1+len(p.Errors))
	if p.Detail != "" {
		parts = append(parts, p.Detail)
	} else {
		parts = append(parts, p.Title)
	}
	for _, e := range p.Errors {
		parts = append(parts, strings.TrimPrefix(e.Pointer+": "+e.Detail, ": "))
	}
	return strings.Join(parts, "; ")
}

// Is reports whether p says the same as one of the errors of the root package.
func (p *Problem) Is(target error) bool {
	switch target {
	case mintage.ErrNotFound:
		return p.Status == http.StatusNotFound
	case mintage.ErrExists:
		return p.Code == "object.exists"
	case mintage.ErrConflict:
		return p.Status == http.StatusPreconditionFailed || p.Status == http.StatusConflict && p.Code != "object.exists"
	}
	return false
}
