package admin

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"

	"github.com/mintage-auth/mintage/adminclient"
)

// Paged is the part of an input that a list has.
type Paged struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many objects a page has at most."`
	Cursor string `query:"cursor" maxLength:"2048" doc:"The next of the page before."`
}

// defaultLimit is what Paged says.
const defaultLimit = 50

// cursors makes and checks the cursors of lists. A cursor names the list that
// it belongs to and the last identifier seen, and is good for nothing else.
type cursors struct{ key []byte }

const tagLength = 16 // 128 bits: a cursor is no secret, it only must not be made up

func (c cursors) tag(list, after string) []byte {
	mac := hmac.New(sha256.New, c.key)
	_, _ = mac.Write([]byte(list))
	_, _ = mac.Write([]byte{0})
	_, _ = mac.Write([]byte(after))
	return mac.Sum(nil)[:tagLength]
}

// seal returns the cursor that continues list after the given identifier.
func (c cursors) seal(list, after string) string {
	return base64.RawURLEncoding.EncodeToString(append(c.tag(list, after), after...))
}

// open returns the identifier in a cursor of list; false for any other string.
func (c cursors) open(list, cursor string) (string, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || bytes.ContainsAny([]byte(cursor), "\r\n") || len(b) < tagLength {
		return "", false
	}
	after := string(b[tagLength:])
	return after, hmac.Equal(b[:tagLength], c.tag(list, after))
}

// listing is a page in the making.
type listing struct {
	h     *Handler
	list  string // what the cursor is bound to
	after string
	limit int
}

// listing reads the paging parameters. The list's name binds its cursors, so
// it has to say all that narrows it.
func (h *Handler) listing(ctx context.Context, list string, p Paged) (*listing, error) {
	l := &listing{h: h, list: list, limit: p.Limit}
	if l.limit == 0 {
		l.limit = defaultLimit
	}
	if p.Cursor != "" {
		after, ok := h.cursors.open(list, p.Cursor)
		if !ok {
			return nil, h.refuse(ctx, http.StatusBadRequest, "param.malformed", "the cursor is not one of this list")
		}
		l.after = after
	}
	return l, nil
}

// fetch is how many objects to read: one more than fit, to know whether there
// are more.
func (l *listing) fetch() int { return l.limit + 1 }

// page makes the page of what was fetched.
func page[N, D any](l *listing, nouns []N, document func(N) D, id func(N) string) adminclient.Page[D] {
	p := adminclient.Page[D]{Items: []D{}}
	if len(nouns) > l.limit {
		nouns = nouns[:l.limit]
		p.Next = l.h.cursors.seal(l.list, id(nouns[len(nouns)-1]))
	}
	for _, n := range nouns {
		p.Items = append(p.Items, document(n))
	}
	return p
}

// sortedTail returns what comes after the cursor of a list that is read whole
// and sorted by identifier.
func sortedTail[N any](l *listing, nouns []N, id func(N) string) []N {
	for i, n := range nouns {
		if id(n) > l.after {
			return nouns[i:]
		}
	}
	return nil
}

// tail is sortedTail for a list in another order. It cannot go on after an
// object that is gone.
func tail[N any](ctx context.Context, l *listing, nouns []N, id func(N) string) ([]N, error) {
	if l.after == "" {
		return nouns, nil
	}
	for i, n := range nouns {
		if id(n) == l.after {
			return nouns[i+1:], nil
		}
	}
	return nil, l.h.refuse(ctx, http.StatusBadRequest, "param.malformed", "the object that the cursor stopped at is gone: begin the list again")
}
