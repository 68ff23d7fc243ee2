package admin

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/mintage-auth/mintage"
)

// Versioned is the part of an input that a change of one object has.
type Versioned struct {
	IfMatch string `header:"If-Match" doc:"The ETag of the version that the change is meant for."`
}

// etag returns the entity tag of a version (RFC 9110 §8.8.3).
func etag(version int64) string { return strconv.Quote(strconv.FormatInt(version, 10)) }

// version returns the version that If-Match asks for (RFC 9110 §13.1.1); zero
// when there is none, or it is *.
func (h *Handler) version(ctx context.Context, v Versioned) (int64, error) {
	value := strings.TrimSpace(v.IfMatch)
	if value == "" || value == "*" {
		return 0, nil
	}
	tag, err := strconv.Unquote(value)
	if err != nil || !strings.HasPrefix(value, `"`) {
		return 0, h.refuse(ctx, http.StatusBadRequest, "param.malformed", "If-Match takes one entity tag in quotes, as ETag gave it")
	}
	n, err := strconv.ParseInt(tag, 10, 64)
	if err != nil || n < 1 {
		return 0, h.stale(ctx) // no version of ours has such a tag
	}
	return n, nil
}

func (h *Handler) stale(ctx context.Context) *refusal {
	return h.refuse(ctx, http.StatusPreconditionFailed, "object.changed", "the object has another version than If-Match asks for: read it again")
}

// failAt is fail for a change that asked for a version: it fails with 412 when
// the object has another.
func (h *Handler) failAt(ctx context.Context, version int64, err error) error {
	if version != 0 && errors.Is(err, mintage.ErrConflict) {
		return h.stale(ctx)
	}
	return h.fail(ctx, err)
}
