package enforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/oauth"
)

// maxFeedSize bounds one document of the feed, in bytes: some half a million
// revocations.
const maxFeedSize = 64 << 20

// errNoStream says that no event stream comes through here.
var errNoStream = errors.New("the answer is no event stream, or is kept back on the way")

// errSilentStream says that a stream sent nothing for too long, not even that
// it lives.
var errSilentStream = errors.New("the event stream fell silent")

// request makes a request for the feed, and once more where its token was
// rejected.
func (f *Feed) request(ctx context.Context, query url.Values, accept string) (*http.Response, error) {
	var tok string
	res, err := f.requestOnce(ctx, query, accept, &tok)
	if failed, ok := errors.AsType[*statusError](err); !ok || failed.status != http.StatusUnauthorized || f.Rejected == nil || tok == "" {
		return res, err
	}
	f.Rejected(ctx, tok)
	return f.requestOnce(ctx, query, accept, &tok)
}

// requestOnce is request with the token that Token returns, which it also puts
// into tok.
func (f *Feed) requestOnce(ctx context.Context, query url.Values, accept string, tok *string) (*http.Response, error) {
	client, err := direct(f.Client)
	if err != nil {
		return nil, err
	}
	client.Timeout = 0
	to := f.url()
	if len(query) > 0 {
		to += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	if f.Token != nil {
		if *tok, err = f.Token(ctx); err != nil {
			return nil, fmt.Errorf("token for the revocation feed: %w", err)
		}
		req.Header.Set("Authorization", "Bearer "+*tok)
	}
	f.mu.RLock()
	tag, cursor := f.tag, f.cursor
	f.mu.RUnlock()
	switch {
	case accept == eventStream && cursor != "":
		req.Header.Set("Last-Event-ID", cursor)
	case len(query) == 0 && tag != "" && accept != eventStream:
		req.Header.Set("If-None-Match", tag)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusNotModified {
		_ = res.Body.Close()
		return nil, newStatusError(res)
	}
	return res, nil
}

// askOnce asks for everything that is in force, unless nothing changed.
func (f *Feed) askOnce(ctx context.Context) error {
	_, err := f.ask(ctx, 0)
	return err
}

// ask asks for what is new since the last document, for which the issuer waits,
// or without a wait for everything. It says whether something was new.
func (f *Feed) ask(ctx context.Context, wait time.Duration) (news bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, wait+pollGrace)
	defer cancel()
	f.mu.RLock()
	cursor := f.cursor
	f.mu.RUnlock()
	query := url.Values{}
	if wait > 0 && cursor != "" {
		query.Set("after", cursor)
		query.Set("wait", strconv.Itoa(int(wait/time.Second)))
	}
	began := time.Now()
	res, err := f.request(ctx, query, "application/json")
	if err != nil {
		return false, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode == http.StatusNotModified {
		f.hear(ctx, began)
		return false, nil
	}
	body, err := readAll(res, maxFeedSize)
	if err != nil {
		return false, err
	}
	doc, err := parseRevocations(body)
	if err != nil {
		return false, err
	}
	f.apply(ctx, doc, res.Header.Get("ETag"))
	f.hear(ctx, began)
	return !doc.Complete && len(doc.Items) > 0, nil
}

// parseRevocations reads a document of the feed. Members that are not known are
// ignored, and so are items that say nothing.
func parseRevocations(b []byte) (*oauth.Revocations, error) {
	var doc oauth.Revocations
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, errors.New("the revocation feed's document cannot be read")
	}
	if doc.Cursor == "" {
		return nil, errors.New("the revocation feed's document has no cursor")
	}
	return &doc, nil
}

// stream reads the event stream until it ends, which it always does with an
// error.
func (f *Feed) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	nothing := time.AfterFunc(firstEvent, func() { cancel(errNoStream) })
	defer nothing.Stop()
	res, err := f.request(ctx, nil, eventStream)
	if err != nil {
		return f.because(ctx, err)
	}
	defer func() { _ = res.Body.Close() }()
	if ct, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(ct), eventStream) {
		return errNoStream
	}
	events := newEventReader(res.Body, maxFeedSize)
	ev, err := events.next()
	nothing.Stop()
	silence := time.AfterFunc(streamSilence, func() { cancel(errSilentStream) })
	defer silence.Stop()
	if err == nil && ev.name == "" {
		ev, err = events.next() // what a stream says first of itself is no news of the revocations
	}
	for err == nil {
		silence.Reset(streamSilence)
		if err = f.event(ctx, ev); err == nil {
			ev, err = events.next()
		}
	}
	return f.because(ctx, err)
}

// because returns why a stream ended: what ended it, if we did.
func (f *Feed) because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// event takes one event, or a comment that says that there is nothing new.
func (f *Feed) event(ctx context.Context, ev event) error {
	heard := time.Now()
	if ev.name == "revocations" {
		doc, err := parseRevocations(ev.data)
		if err != nil {
			return err
		}
		f.apply(ctx, doc, "")
		f.hear(ctx, heard)
		return nil
	}
	if ev.id != "" {
		f.mu.Lock()
		f.cursor = ev.id
		f.mu.Unlock()
	}
	f.hear(ctx, heard)
	return nil
}

// apply takes what a document says. What ended is told to who waits, and a
// killed key makes the keys be fetched anew.
func (f *Feed) apply(ctx context.Context, doc *oauth.Revocations, tag string) {
	f.mu.Lock()
	before := f.ended
	if doc.Complete {
		f.ended = endings{}
	}
	changed, killed := false, false
	for _, r := range doc.Items {
		added := f.ended.add(r)
		if _, known := before.keys[r.KeyID]; r.KeyID != "" && added && (doc.Complete && !known || !doc.Complete) {
			killed = true
		}
		changed = changed || added
	}
	f.cursor, f.tag = doc.Cursor, tag
	waiting := f.changed
	if changed {
		f.changed = nil
	}
	f.mu.Unlock()
	if changed && waiting != nil {
		close(waiting)
	}
	if killed && f.Keys != nil {
		f.Keys.Refetch(ctx)
	}
}

// hear notes that at this instant everything was known.
func (f *Feed) hear(ctx context.Context, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at.After(f.heard) {
		f.heard = at
	}
	if f.Log != nil && f.err != nil {
		f.Log.LogAttrs(ctx, slog.LevelInfo, "the revocation feed is read again", slog.String("way", f.way.String()))
	}
	f.err = nil
	if now := time.Now(); now.Sub(f.swept) >= time.Minute {
		f.swept = now
		f.ended.sweep(now)
	}
}
