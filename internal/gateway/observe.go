package gateway

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// maxObserved bounds how many callers are remembered that would be refused.
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
	mu   sync.Mutex
	list map[WouldRefuse]*WouldRefuse // by what does not change
	lost int64                        // calls of callers that had no room
}

func newObserved() *observed { return &observed{list: map[WouldRefuse]*WouldRefuse{}} }

// add notes a call that would have been refused.
func (o *observed) add(now time.Time, c *Call, d *Decision) {
	key := WouldRefuse{Route: d.Route.Name, Reason: d.Reason}
	if d.Token != nil {
		key.ClientID, key.Issuer = d.Token.ClientID, d.Token.Issuer
	} else if c.RemoteAddr.IsValid() {
		key.Address = c.RemoteAddr.String()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	w := o.list[key]
	if w == nil {
		if len(o.list) >= maxObserved {
			o.lost++
			return
		}
		v := key
		w = &v
		w.First = now.UTC()
		o.list[key] = w
	}
	w.Count++
	w.Last = now.UTC()
}

// all returns the list, those who call most first, and how many calls found no
// room in it.
func (o *observed) all() (list []WouldRefuse, lost int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	list = make([]WouldRefuse, 0, len(o.list))
	for _, w := range o.list {
		list = append(list, *w)
	}
	slices.SortFunc(list, func(a, b WouldRefuse) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Route, b.Route), cmp.Compare(a.ClientID, b.ClientID),
			cmp.Compare(a.Address, b.Address), cmp.Compare(a.Reason, b.Reason))
	})
	return list, o.lost
}
