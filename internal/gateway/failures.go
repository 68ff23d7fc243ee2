package gateway

import (
	"net/netip"
	"time"

	"github.com/mintage-auth/mintage/internal/limit"
)

// Sizes of the tables of failures, in addresses and in tokens: 1.3 MB in all,
// taken as they fill.
const (
	failingAddresses = 16 << 10
	knownTokens      = 64 << 10
)

// failures bounds how many tokens that are not accepted one address may show:
// each costs a signature or a question to the issuer. What is right never
// counts, and a token that was accepted goes on whatever its address does, so
// that nobody shuts out those who share an address with him. Past the bound a
// token that is new is refused unchecked, and looked at when it comes again: who
// has a good one tries the same again, who floods has the next.
type failures struct{ addresses, tokens, again *limit.Table }

func newFailures() *failures {
	return &failures{limit.NewTable(failingAddresses), limit.NewTable(knownTokens), limit.NewTable(failingAddresses)}
}

// For how long it is remembered of a token that it was accepted, was not, or was
// refused unchecked; and how often one of the last is looked at.
const (
	goodFor = 10 * time.Minute
	badFor  = time.Minute
)

func remembered(d time.Duration) limit.Rate { return limit.Rate{Burst: 1, Every: d} }

func lookAgain() limit.Rate { return limit.Rate{Burst: 10, Every: 200 * time.Millisecond} }

// longestWait is what a caller is told to wait at most: that long, and the same
// token is looked at.
const longestWait = 2 * time.Second

// attempt is one call with a token, from where it is counted.
type attempt struct {
	from       netip.Addr
	address    limit.Key // of from
	credential string    // Authorization; empty: there is none
	rate       limit.Rate
	now        time.Time
}

// attempt returns what is counted of a call; false: nothing is.
func (g *Gateway) attempt(l *live, c *Call) (attempt, bool) {
	r := l.config.Limits.AddressFailures
	values := c.Header["Authorization"]
	if r.Count <= 0 || len(values) != 1 || !c.RemoteAddr.IsValid() {
		return attempt{}, false
	}
	if c.asked && l.front.lists(c.RemoteAddr) || !c.asked && l.trusts(c.RemoteAddr) {
		return attempt{}, false // it does not say who is behind it
	}
	from := limit.Network(c.RemoteAddr)
	return attempt{
		from: from, address: g.failures.addresses.Key(from), credential: values[0], now: g.now(),
		rate: limit.Rate{Burst: max(r.Burst, 1), Every: r.Per / time.Duration(r.Count)},
	}, true
}

// wait returns zero where the token is looked at, or after how long it is.
func (f *failures) wait(a *attempt) time.Duration {
	wait := f.addresses.Wait(a.address, a.rate, a.now)
	if wait == 0 {
		return 0
	}
	good, bad := f.key(a, "good"), f.key(a, "bad")
	if !f.tokens.Idle(good, a.now) && f.tokens.Idle(bad, a.now) {
		return 0
	}
	again := f.key(a, "again")
	if !f.tokens.Idle(again, a.now) && f.again.Take(f.again.Key(a.from), lookAgain(), a.now) == 0 {
		return 0
	}
	f.tokens.Note(again, remembered(goodFor), a.now)
	return min(wait, longestWait)
}

// failed notes that the token was not accepted, accepted that it was.
func (f *failures) failed(a *attempt) {
	f.addresses.Note(a.address, a.rate, a.now)
	if good := f.key(a, "good"); !f.tokens.Idle(good, a.now) {
		f.tokens.Note(f.key(a, "bad"), remembered(badFor), a.now)
	}
}

func (f *failures) accepted(a *attempt) {
	if f.addresses.Idle(a.address, a.now) {
		return // nothing failed there: it need not be known
	}
	f.tokens.Note(f.key(a, "good"), remembered(goodFor), a.now)
}

func (f *failures) key(a *attempt, what string) limit.Key {
	return f.tokens.Key(a.from, a.credential, what)
}
