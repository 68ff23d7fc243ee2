package gateway

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// maxObserved bounds how many callers are remembered that would be refused:
// clients with a good token, and addresses besides, so that a stranger with many
// addresses drives out no client.
const maxObserved = 1000

// WouldRefuse is a caller that a route under observe or warn lets through and
// that it would refuse under enforce.
type WouldRefuse struct {
	Route    string    `json:"route"`
	Reason   string    `json:"reason"`
	ClientID string    `json:"client_id,omitempty"` // of a token that is good and not enough
	Issuer   string    `json:"issuer,omitempty"`
	Address  string    `json:"address,omitempty"` // where there is no good token
	Count    int64     `json:"count"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
}

// observed is the list of them.
type observed struct {
	mu        sync.Mutex
	clients   callers
	addresses callers
	lost      int64 // calls of callers that had to make room
}

// callers are some of them, by what does not change of them.
type callers map[WouldRefuse]*WouldRefuse

func newObserved() *observed { return &observed{clients: callers{}, addresses: callers{}} }

// add notes a call that would have been refused.
func (o *observed) add(now time.Time, c *Call, d *Decision) {
	key, list := WouldRefuse{Route: d.Route.Name, Reason: d.Reason}, o.addresses
	if d.Token != nil {
		key.ClientID, key.Issuer = d.Token.ClientID, d.Token.Issuer
		list = o.clients
	} else if c.RemoteAddr.IsValid() {
		key.Address = c.RemoteAddr.String()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	w := list[key]
	if w == nil {
		if len(list) >= maxObserved {
			o.lost += list.makeRoom()
		}
		v := key
		w = &v
		w.First = now.UTC()
		list[key] = w
	}
	w.Count++
	w.Last = now.UTC()
}

// makeRoom drops, of a few callers, the one that called least, and returns how
// often that was.
func (l callers) makeRoom() int64 {
	const few = 8
	var least *WouldRefuse
	var its WouldRefuse // key
	looked := 0
	for key, w := range l {
		if least == nil || w.Count < least.Count || w.Count == least.Count && w.Last.Before(least.Last) {
			least, its = w, key
		}
		if looked++; looked == few {
			break
		}
	}
	delete(l, its)
	return least.Count
}

// all returns the list, those who call most first, and how many calls are not
// in it for want of room.
func (o *observed) all() (list []WouldRefuse, lost int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	list = make([]WouldRefuse, 0, len(o.clients)+len(o.addresses))
	for _, all := range []callers{o.clients, o.addresses} {
		for _, w := range all {
			list = append(list, *w)
		}
	}
	slices.SortFunc(list, func(a, b WouldRefuse) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Route, b.Route), cmp.Compare(a.ClientID, b.ClientID),
			cmp.Compare(a.Address, b.Address), cmp.Compare(a.Reason, b.Reason))
	})
	return list, o.lost
}
