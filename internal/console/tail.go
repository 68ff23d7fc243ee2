package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
)

const (
	tailPoll   = 500 * time.Millisecond // between two looks at the log, which is written once a second
	tailBeat   = 15 * time.Second       // between signs of life, and looks whether the session lives
	tailLife   = 10 * time.Minute       // then the browser connects again
	tailStall  = 10 * time.Second       // that a browser may take to read a row
	tailMost   = 64                     // at one time
	tailEach   = 8                      // of one session
	tailBehind = 5 * time.Second        // how long after its time a record may be written
	tailBatch  = 100                    // rows at one look
)

// tails counts who follows the request log.
type tails struct {
	mu  sync.Mutex
	all int
	by  map[string]int // by session
}

// begin lets one more follow, unless there are too many.
func (t *tails) begin(session string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all >= tailMost || t.by[session] >= tailEach {
		return false
	}
	if t.by == nil {
		t.by = map[string]int{}
	}
	t.all++
	t.by[session]++
	return true
}

// end lets one go.
func (t *tails) end(session string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all--
	if t.by[session]--; t.by[session] == 0 {
		delete(t.by, session)
	}
}

// tailRequests sends rows of the log as they come, ready to be shown.
func (c *console) tailRequests(ctx context.Context, q *request) (*answer, error) {
	query := requestFilter(q, c.cfg.Now())
	query.Until = time.Time{} // what comes is later
	if err := c.confine(ctx, q, &query); err != nil {
		return nil, err
	}
	session := q.cookie(SessionCookie)
	if !c.tails.begin(session) {
		return errorPage(http.StatusServiceUnavailable, "Too many follow the log", "Close another tail, or reload the list."), nil
	}
	return &answer{stream: func() {
		defer c.tails.end(session)
		f := &follower{c: c, q: q, query: query, sent: map[string]int64{}, from: c.cfg.Now()}
		f.run(ctx)
	}}, nil
}

// follower sends what is new in the log to one browser.
type follower struct {
	c     *console
	q     *request
	query manage.RequestQuery
	from  time.Time        // when it began
	sent  map[string]int64 // how many a row stood for when it was sent, by trace id
}

func (f *follower) run(ctx context.Context) {
	to := http.NewResponseController(f.q.w)
	_ = to.SetReadDeadline(time.Time{}) // a recorder in a test has none
	h := f.q.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx keeps events back otherwise
	send := func(text []byte) bool {
		if err := to.SetWriteDeadline(time.Now().Add(tailStall)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return false
		}
		_, err := f.q.w.Write(text)
		return err == nil && to.Flush() == nil
	}
	if !send([]byte("retry: 2000\n\n")) {
		return
	}
	poll, beat, end := time.NewTicker(tailPoll), time.NewTicker(tailBeat), time.NewTimer(tailLife)
	defer poll.Stop()
	defer beat.Stop()
	defer end.Stop()
	for {
		select {
		case <-poll.C:
			if !f.look(ctx, send) {
				return
			}
		case <-beat.C:
			if !f.mayGoOn(ctx) || !send([]byte(": still here\n\n")) {
				return
			}
		case <-end.C:
			return
		case <-f.c.cfg.Stopping:
			return
		case <-ctx.Done():
			return
		}
	}
}

// mayGoOn reports whether who follows is still signed in, in the same place and
// with the same right.
func (f *follower) mayGoOn(ctx context.Context) bool {
	v, err := f.c.cfg.People.Viewer(ctx, f.q.cookie(SessionCookie))
	if err != nil || !v.May("requests:read") || v.Operator() != f.q.viewer.Operator() {
		return false
	}
	return v.Operator() || *v.Membership == *f.q.viewer.Membership
}

// look sends the rows that are new, or stand for more than when they were sent.
func (f *follower) look(ctx context.Context, send func([]byte) bool) bool {
	query := f.query
	query.Since, query.Before, query.Limit = f.from, "", tailBatch
	if recent := f.c.cfg.Now().Add(-time.Minute - tailBehind); recent.After(query.Since) {
		query.Since = recent
		f.forget()
	}
	records, err := f.c.manager.Requests(ctx, query)
	if err != nil {
		return false
	}
	if fresh := slices.ContainsFunc(records, func(r *mintage.RequestRecord) bool { return f.sent[r.TraceID+r.Second] != r.Count }); fresh && !f.mayGoOn(ctx) {
		return false // what came since the last look is not for them any more
	}
	for _, r := range slices.Backward(records) { // oldest first
		key := r.TraceID + r.Second
		if f.sent[key] == r.Count {
			continue
		}
		f.sent[key] = r.Count
		text, err := f.c.eventOf(f.q.tenant.ID, r)
		if err != nil || !send(text) {
			return false
		}
	}
	return true
}

// forget lets go of rows that cannot come again, when there are many.
func (f *follower) forget() {
	if len(f.sent) > 10*tailBatch {
		clear(f.sent)
	}
}

// eventOf is an event with a row of the table.
func (c *console) eventOf(tenant string, r *mintage.RequestRecord) ([]byte, error) {
	var row bytes.Buffer
	if err := c.templates.render(&row, "requests", "request-row", rowOfRequest(tenant, r)); err != nil {
		return nil, err
	}
	data, err := json.Marshal(row.String())
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "event: row\ndata: %s\n\n", data), nil
}
