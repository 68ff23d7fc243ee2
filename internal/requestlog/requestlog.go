// Package requestlog keeps what was refused, what was answered with a warning
// and what tokens were issued, for whoever asks why. It collects in memory and
// writes once a second, and tokens every five.
//
// One thing is always true of it: no answer waits for it. What it cannot keep,
// it drops and counts. A process that is killed loses those last seconds of it.
package requestlog

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/mintage-auth/mintage"
)

// Interval is how often what was collected is written, and IssuedInterval the
// same of issued tokens, which are many and for which nobody waits.
const (
	Interval       = time.Second
	IssuedInterval = 5 * Interval
)

// Keep is how long a record is kept, unless Log.Keep says.
const Keep = 7 * 24 * time.Hour

// Bounds of what is kept in memory.
const (
	// maxRecords bounds the different records of a minute, so that a flood
	// under ever new names does not fill the disk. Those beyond it share a record
	// by tenant, endpoint and reason. Tokens have as many of their own: they push
	// no refusal out.
	maxRecords = 1024
	maxShared  = 1024
	// maxTraces is how many trace ids beside the first find a record, and
	// maxIssuedTraces the same of issued tokens, which nobody asks about as much.
	maxTraces       = 32
	maxIssuedTraces = 4
	maxUses         = 10_000 // clients with a use of their ladder in one interval
	// attempts is how many minutes a record waits for a database that is away.
	attempts = 10
	// maxHeld is how many records wait for the end of a second look, and heldFor
	// how long; looks end before.
	maxHeld = 1024
	heldFor = 10 * time.Second
)

// Store keeps records: a store.Store does.
type Store interface {
	WriteRequests(ctx context.Context, records []*mintage.RequestRecord, uses []*mintage.LadderUse) error
	SweepRequests(ctx context.Context, before time.Time, limit int) (int, error)
}

// Finding is what a second look found.
type Finding struct {
	Reason string
	// OwnerTenant and OwnerClient say whose the credentials are; empty where
	// nobody's, or where that is no news.
	OwnerTenant string
	OwnerClient string
}

// Log collects requests. Make one with New; its methods may be called at the
// same time.
type Log struct {
	// Keep is how long a record is kept; zero: the constant of that name. It and
	// RefusedOnly, which leaves out tokens that were issued as asked, must not
	// change once the Log is used.
	Keep        time.Duration
	RefusedOnly bool

	shards [shards]shard
	store  Store
	now    func() time.Time
	log    *slog.Logger

	mu      sync.Mutex
	minute  int64
	records map[key]*entry
	traces  map[string]*entry                 // by the first trace id
	held    map[string]*mintage.RequestRecord // by their trace ids
	refused room
	issued  room
	uses    map[useKey]*mintage.LadderUse
	dropped int64
}

// room counts the records of a minute: those of their own, and shared ones.
type room struct{ own, shared int }

// key says which requests are equal.
type key struct {
	minute                                             int64
	tenant, endpoint, client, address, errCode, reason string
	found                                              Finding
	detail                                             string // what else tells issued tokens apart
}

// entry is a record in the making.
type entry struct {
	mintage.RequestRecord
	traces int // kept so far
	dirty  bool
}

type useKey struct {
	tenant, client string
	rung           mintage.Rung
}

// New returns a Log that writes to st when Run runs.
func New(st Store, now func() time.Time, log *slog.Logger) *Log {
	l := &Log{
		store: st, now: now, log: log,
		records: map[key]*entry{}, traces: map[string]*entry{},
		held: map[string]*mintage.RequestRecord{}, uses: map[useKey]*mintage.LadderUse{},
	}
	for i := range l.shards {
		l.shards[i].sums = map[issuedKey]*issuedSum{}
	}
	return l
}

// Add notes one request; of r, Last, Count and Traces do not matter. It copies
// r.
func (l *Log) Add(r *mintage.RequestRecord) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.addOne(r)
}

// Hold is Add for a request at which a second look may be made, and waits for
// what it finds: requests are not equal when something else is wrong with them.
// Found has to be told of its trace id.
func (l *Log) Hold(r *mintage.RequestRecord) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.held) >= maxHeld {
		l.addOne(r)
		return
	}
	kept := *r
	l.held[r.TraceID] = &kept
}

// Found ends the wait of a request that is held. The zero Finding says that
// nothing was found.
func (l *Log) Found(traceID string, f Finding) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.held[traceID]; r != nil {
		delete(l.held, traceID)
		r.Second, r.OwnerTenant, r.OwnerClient = f.Reason, f.OwnerTenant, f.OwnerClient
		l.addOne(r)
	}
}

// letGo ends the wait of what was held before an instant.
func (l *Log) letGo(before time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for trace, r := range l.held {
		if r.Time.Before(before) {
			delete(l.held, trace)
			l.addOne(r)
		}
	}
}

func (l *Log) addOne(r *mintage.RequestRecord) {
	one := *r
	one.Last = r.Time
	l.add(&one, 1, nil, "")
}

// add adds count equal requests, of which r is the first. It keeps r.
func (l *Log) add(r *mintage.RequestRecord, count int64, traces []string, detail string) {
	minute, left, most := r.Time.Unix()/60, &l.refused, maxTraces
	if minute > l.minute || minute < l.minute-1 { // one that was held may be of the last minute
		l.minute, l.refused, l.issued = minute, room{}, room{}
	}
	if r.Reason == ReasonIssued {
		left, most = &l.issued, maxIssuedTraces
	}
	k := key{
		minute: minute, detail: detail, tenant: r.Tenant, endpoint: r.Endpoint, client: r.ClientID, address: r.Address,
		errCode: r.Error, reason: r.Reason,
		found: Finding{Reason: r.Second, OwnerTenant: r.OwnerTenant, OwnerClient: r.OwnerClient},
	}
	if r.Tenant == "" {
		k.client, k.address, k.detail = "", "", "" // what scans the Internet is one record
	}
	e := l.records[k]
	if e == nil && left.own >= maxRecords {
		k.client, k.address, k.detail = "", "", ""
		e = l.records[k]
	}
	if e == nil {
		if e = l.begin(k, r, left); e == nil {
			l.dropped += count
			return
		}
	} else {
		e.Count++
		traces = append([]string{r.TraceID}, traces...)
	}
	e.Count += count - 1
	if r.Last.After(e.Last) {
		e.Last = r.Last
	}
	e.dirty = true
	traces = traces[:min(len(traces), most-e.traces)]
	e.traces += len(traces)
	e.Traces = append(e.Traces, traces...)
}

// begin makes the first record of its key, unless there is no room.
func (l *Log) begin(k key, r *mintage.RequestRecord, left *room) *entry {
	shared := k.client != r.ClientID || k.address != r.Address || left.own >= maxRecords
	if shared && left.shared >= maxShared {
		return nil
	}
	e := &entry{RequestRecord: *r}
	e.Count, e.Traces = 1, nil
	if shared {
		left.shared++
	} else {
		left.own++
	}
	l.records[k] = e
	l.traces[r.TraceID] = e
	return e
}

// Weak counts a use of a client's ladder.
func (l *Log) Weak(tenant, client string, rung mintage.Rung, address string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := useKey{tenant, client, rung}
	u := l.uses[k]
	if u == nil {
		if len(l.uses) >= maxUses {
			l.dropped++
			return
		}
		u = &mintage.LadderUse{Tenant: tenant, ClientID: client, Rung: rung, First: at}
		l.uses[k] = u
	}
	u.Count++
	u.Last, u.Address = at, address
}

// Run writes once an Interval until ctx ends, and what is left then.
func (l *Log) Run(ctx context.Context) {
	ticker := time.NewTicker(Interval)
	defer ticker.Stop()
	for tick := 1; ; tick++ {
		select {
		case <-ticker.C:
			if tick%int(IssuedInterval/Interval) == 0 {
				l.collect()
			}
			l.flushLogged(ctx)
		case <-ctx.Done():
			const patience = 5 * time.Second
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
			defer cancel()
			l.collect()
			l.letGo(l.now().Add(heldFor)) // the looks are over
			l.flushLogged(last)
			return
		}
	}
}

func (l *Log) flushLogged(ctx context.Context) {
	if err := l.write(ctx); err != nil && ctx.Err() == nil {
		l.log.LogAttrs(ctx, slog.LevelError, "the request log could not be written and will be tried again", slog.Any("err", err))
	}
	l.mu.Lock()
	dropped := l.dropped
	l.dropped = 0
	l.mu.Unlock()
	if dropped > 0 {
		l.log.LogAttrs(ctx, slog.LevelWarn, "requests are missing in the request log", slog.Int64("requests", dropped))
	}
}

// Flush writes what was collected. When it fails, that is kept for the next
// time.
func (l *Log) Flush(ctx context.Context) error {
	l.collect()
	return l.write(ctx)
}

func (l *Log) write(ctx context.Context) error {
	l.letGo(l.now().Add(-heldFor))
	records, uses := l.take()
	if len(records)+len(uses) == 0 {
		return nil
	}
	err := l.store.WriteRequests(ctx, records, uses)
	if err != nil {
		l.giveBack(records, uses)
	}
	return err
}

// take returns copies of what has changed, and forgets minutes that are over.
func (l *Log) take() ([]*mintage.RequestRecord, []*mintage.LadderUse) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var records []*mintage.RequestRecord
	minute := l.now().Unix() / 60
	for k, e := range l.records {
		if e.dirty {
			r := e.RequestRecord
			records = append(records, &r)
			e.dirty, e.Traces = false, nil
		} else if k.minute < minute-1 { // one that was held comes late
			delete(l.records, k)
			delete(l.traces, e.TraceID)
		}
	}
	uses := make([]*mintage.LadderUse, 0, len(l.uses))
	for _, u := range l.uses {
		uses = append(uses, u)
	}
	clear(l.uses)
	return records, uses
}

// giveBack takes back what could not be written, but for what has waited too
// long.
func (l *Log) giveBack(records []*mintage.RequestRecord, uses []*mintage.LadderUse) {
	l.mu.Lock()
	defer l.mu.Unlock()
	oldest := l.now().Add(-attempts * time.Minute)
	for _, r := range records {
		e := l.traces[r.TraceID]
		if e == nil || r.Last.Before(oldest) {
			l.dropped += r.Count
			continue
		}
		e.dirty = true
		e.Traces = append(r.Traces, e.Traces...)
	}
	for _, u := range uses {
		k := useKey{u.Tenant, u.ClientID, u.Rung}
		if newer := l.uses[k]; newer != nil {
			newer.Count += u.Count
			newer.First = u.First
		} else if len(l.uses) < maxUses {
			l.uses[k] = u
		}
	}
}

// Sweep deletes what is kept for longer than it should be, a batch at a time.
func (l *Log) Sweep(ctx context.Context) error {
	const batch = 1000 // rows, so that no other writer waits long
	for {
		n, err := l.store.SweepRequests(ctx, l.now().Add(-cmp.Or(l.Keep, Keep)), batch)
		if err != nil || n < batch {
			return err
		}
	}
}
