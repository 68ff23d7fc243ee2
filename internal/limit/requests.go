package limit

import (
	"net/netip"
	"sync/atomic"
	"time"
)

// Requests bounds how often clients and addresses ask, whether they are right
// or wrong. A nil *Requests has no bounds. It is safe for concurrent use.
type Requests struct {
	clients, addresses *Table
	perAddress         atomic.Int64
}

// NewRequests returns Requests that take at most half a megabyte and have no bound for
// addresses.
func NewRequests() *Requests {
	return &Requests{clients: NewTable(tableCells), addresses: NewTable(tableCells)}
}

// BoundAddresses sets how often one network may ask in a minute; zero: as often
// as it likes.
func (r *Requests) BoundAddresses(perMinute int) { r.perAddress.Store(int64(perMinute)) }

// Client counts one request of a client for what it may have so often in a
// minute, and returns zero; or it counts nothing and returns after how long the
// client may ask again. With perMinute zero it may always.
func (r *Requests) Client(tenant, client, what string, perMinute int, now time.Time) time.Duration {
	if r == nil || perMinute <= 0 {
		return 0
	}
	return r.clients.Take(r.clients.Key(netip.Addr{}, tenant, client, what), PerMinute(perMinute), now)
}

// Address counts one request of a network, and returns as Client does.
func (r *Requests) Address(from netip.Addr, now time.Time) time.Duration {
	if r == nil {
		return 0
	}
	n := r.perAddress.Load()
	if n <= 0 {
		return 0
	}
	from = Network(from)
	return r.addresses.Take(r.addresses.Key(from), PerMinute(int(n)), now)
}
