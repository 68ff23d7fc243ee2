package admin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/revoke"
	"github.com/mintage-auth/mintage/oauth"
)

const (
	// maxWait bounds a long poll; what is between us and the caller often gives
	// up after a minute.
	maxWait = 55 * time.Second
	// streamsPerClient and maxStreams bound those who wait at the same time.
	streamsPerClient = 8
	maxStreams       = 2048
)

// FeedConfig is what the revocation feed needs. Without Feed there is none.
type FeedConfig struct {
	Feed *revoke.Feed
	// Healthy reports whether Feed is up to date; nil: always.
	Healthy func() bool
	// Stopping is closed when the server stops, which ends who waits; nil:
	// never.
	Stopping <-chan struct{}
	// Secure reports whether a request came over a way that others cannot read;
	// nil: all do.
	Secure func(*http.Request) bool
}

// feedOperation is what the revocation feed asks of its callers.
var feedOperation = operation{Operation: Operation{
	ID: "follow-revocations", Method: http.MethodGet, Path: "/oauth2/revocations", Scope: "revocations:read",
}}

// Revocations serves the revocation feed of a tenant, on the public listener
// too: to a token of the tenant for this API, or one of those who administer
// all. Everybody else learns nothing of the tenant.
func (h *Handler) Revocations(w http.ResponseWriter, r *http.Request, t *mintage.Tenant) {
	h.observed(w, r, func(w http.ResponseWriter, r *http.Request) {
		if refused := h.revocations(w, r, t); refused != nil {
			refused.write(w)
		}
	})
}

// follower is one request for the feed, past all checks.
type follower struct {
	h      *Handler
	tenant string
	who    caller
	cursor int64         // -1: everything is wanted
	wait   time.Duration // of a long poll
}

func (h *Handler) revocations(w http.ResponseWriter, r *http.Request, t *mintage.Tenant) *refusal {
	f, refused := h.follower(r, t)
	if refused != nil {
		return refused
	}
	stream := strings.Contains(strings.ToLower(r.Header.Get("Accept")), "text/event-stream")
	if stream || f.wait > 0 {
		leave, ok := h.streams.enter(f.who.by.Actor)
		if !ok {
			busy := h.refuse(r.Context(), http.StatusTooManyRequests, "limit.streams",
				fmt.Sprintf("at most %d requests of a client follow revocations at the same time", streamsPerClient))
			busy.header.Set("Retry-After", "30")
			return busy
		}
		defer leave()
	}
	if stream {
		return f.stream(w, r)
	}
	return f.poll(w, r)
}

// follower checks who asks, and for what.
func (h *Handler) follower(r *http.Request, t *mintage.Tenant) (*follower, *refusal) {
	ctx := r.Context()
	switch {
	case r.Method != http.MethodGet:
		no := h.refuse(ctx, http.StatusMethodNotAllowed, "request.method", "revocations are read with GET")
		no.header.Set("Allow", http.MethodGet)
		return nil, no
	case h.following.Secure != nil && !h.following.Secure(r): // RFC 6750 §5.3
		return nil, h.refuse(ctx, http.StatusBadRequest, "request.not_https", "this endpoint is served over HTTPS only")
	}
	who, refused := h.authenticate(r, feedOperation)
	switch {
	case refused != nil:
		return nil, refused
	case !who.sees(t.ID) || who.confined() || h.following.Feed == nil:
		return nil, h.notFound(ctx)
	}
	if refused := h.checkQuery(r); refused != nil {
		return nil, refused
	}
	if !h.healthy() {
		return nil, h.stalled(ctx)
	}
	f := &follower{h: h, tenant: t.ID, who: who, cursor: -1}
	return f, f.read(r)
}

// read reads the query and the header Last-Event-ID, which is how an event
// stream is taken up again.
func (f *follower) read(r *http.Request) *refusal {
	query := r.URL.Query()
	for name := range query {
		if name != "after" && name != "wait" {
			return f.h.refuse(r.Context(), http.StatusBadRequest, "param.malformed", "the parameters are after and wait")
		}
	}
	after := query.Get("after")
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		after = last
	}
	if after != "" {
		n, err := strconv.ParseInt(after, 10, 64)
		if err != nil || n < 0 || after != strconv.FormatInt(n, 10) {
			return f.h.refuse(r.Context(), http.StatusBadRequest, "param.malformed", "after is the cursor of an earlier answer")
		}
		f.cursor = n
	}
	if wait := query.Get("wait"); wait != "" {
		n, err := strconv.ParseUint(wait, 10, 16)
		if err != nil || time.Duration(n)*time.Second > maxWait {
			return f.h.refuse(r.Context(), http.StatusBadRequest, "param.malformed", fmt.Sprintf("wait is a number of seconds up to %.0f", maxWait.Seconds()))
		}
		f.wait = time.Duration(n) * time.Second
	}
	return nil
}

func (h *Handler) healthy() bool { return h.following.Healthy == nil || h.following.Healthy() }

// stalled refuses while this node may not know of a revocation: a follower
// that was told nothing would believe that there is nothing.
func (h *Handler) stalled(ctx context.Context) *refusal {
	r := h.refuse(ctx, http.StatusServiceUnavailable, "store.unavailable", "the server does not know of the latest revocations")
	r.header.Set("Retry-After", "2")
	return r
}

// next returns what there is after the follower's cursor, and moves it. Where
// something may be missing, it is everything.
func (f *follower) next(ctx context.Context) (*oauth.Revocations, error) {
	rs, cursor, ok := []*mintage.Revocation(nil), f.cursor, false
	if f.cursor >= 0 {
		rs, cursor, ok = f.h.following.Feed.After(f.tenant, f.cursor)
	}
	if !ok {
		var err error
		if rs, cursor, err = f.h.manager.Revocations(ctx, f.tenant); err != nil {
			return nil, err
		}
	}
	f.cursor = cursor
	doc := &oauth.Revocations{Complete: !ok, Items: make([]oauth.Revocation, len(rs)), Cursor: strconv.FormatInt(cursor, 10)}
	for i, r := range rs {
		doc.Items[i] = revocationDocument(r)
	}
	return doc, nil
}

func revocationDocument(r *mintage.Revocation) oauth.Revocation {
	d := oauth.Revocation{ID: r.JTI, ClientID: r.ClientID, KeyID: r.KeyID}
	if !r.Before.IsZero() {
		d.BeforeMilli = r.Before.UnixMilli()
	}
	if !r.Expires.IsZero() {
		d.Expires = r.Expires.Unix()
	}
	return d
}

// poll answers once: with everything, or with what is new, for which it waits.
func (f *follower) poll(w http.ResponseWriter, r *http.Request) *refusal {
	ctx := r.Context()
	if err := f.foreign(ctx); err != nil {
		return f.h.asRefusal(ctx, err)
	}
	patience := f.patience(w)
	defer patience.Stop()
	for {
		news := f.h.following.Feed.Wait(f.tenant)
		doc, err := f.next(ctx)
		if err != nil {
			return f.h.asRefusal(ctx, err)
		}
		if doc.Complete || len(doc.Items) > 0 || f.wait == 0 {
			return f.answer(w, r, doc)
		}
		select {
		case <-news:
			continue
		case <-patience.C:
		case <-f.h.following.Stopping:
		case <-ctx.Done():
			return nil // nobody is left to answer
		}
		if !f.h.healthy() {
			return f.h.stalled(ctx)
		}
		f.wait = 0 // what there is by now, and no more waiting
	}
}

// patience is a timer for how long the request may wait, for which it moves
// the deadlines that the listener set.
func (f *follower) patience(w http.ResponseWriter) *time.Timer {
	const margin = 15 * time.Second
	if f.wait > 0 {
		to := http.NewResponseController(w)
		_ = to.SetReadDeadline(time.Time{}) // a connection that cannot is cut off as any other
		_ = to.SetWriteDeadline(time.Now().Add(f.wait + margin))
	}
	return time.NewTimer(f.wait)
}

// answer writes a document, with an entity tag where it is everything.
func (f *follower) answer(w http.ResponseWriter, r *http.Request, doc *oauth.Revocations) *refusal {
	body, err := json.Marshal(doc)
	if err != nil {
		return f.h.asRefusal(r.Context(), err)
	}
	header := w.Header()
	if doc.Complete && f.wait == 0 {
		tag, err := tagOf(doc.Items)
		if err != nil {
			return f.h.asRefusal(r.Context(), err)
		}
		header.Set("ETag", tag)
		header.Set("Cache-Control", "private, no-cache")
		if r.Header.Get("If-None-Match") == tag { // RFC 9110 §13.1.2
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	header.Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n')) // nobody is left to tell
	return nil
}

// tagOf is the entity tag of a whole list. The cursor is no part of it: it
// moves with every change of the server.
func tagOf(items []oauth.Revocation) (string, error) {
	b, err := json.Marshal(items)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return strconv.Quote(base64.RawURLEncoding.EncodeToString(sum[:16])), nil
}

// foreign forgets a cursor that is ahead of the database, which is then not the
// one that it is from: a backup was put back.
func (f *follower) foreign(ctx context.Context) error {
	if f.cursor < 0 {
		return nil
	}
	last, err := f.h.manager.Store.LastChange(ctx)
	if err == nil && f.cursor > last {
		f.cursor = -1
	}
	return err
}

// event writes a document as one event of a stream.
func event(doc *oauth.Revocations) ([]byte, error) {
	data, err := json.Marshal(doc) // on one line
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "id: %s\nevent: revocations\ndata: %s\n\n", doc.Cursor, data)
	return b.Bytes(), nil
}
