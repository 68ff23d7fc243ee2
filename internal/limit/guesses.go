package limit

import (
	"net/netip"
	"time"
)

// Bounds of wrong credentials. A wrong secret is often sent twice by one honest
// attempt, and a fleet that was given a wrong one sends the same again and
// again, which is no guess and is not counted.
// Cells of the tables: of what was shown there is more than of the rest.
const (
	tableCells = 16 << 10 // 256 KiB
	shownCells = 64 << 10 // 1 MiB
)

// For how long a candidate that was shown is known again, and a network is
// trusted from which a client proved itself.
var (
	shownRate  = Rate{Burst: 1, Every: 10 * time.Minute}
	provenRate = Rate{Burst: 1, Every: 24 * time.Hour}
)

// The rates of guesses. They are of what fails: nothing that is right counts.
var (
	// pairRate is for one client from one network.
	pairRate = Rate{Burst: 20, Every: 30 * time.Second}
	// siegeRate is the same while the client is guessed from many networks: one
	// that has not guessed yet has one attempt, and a second for the same typing
	// error in the body.
	siegeRate = Rate{Burst: 2, Every: 30 * time.Second}
	// clientRate is for one client from everywhere, beyond which it is besieged.
	clientRate = Rate{Burst: 500, Every: time.Second}
	// networkRate is for one network, whatever the clients.
	networkRate = Rate{Burst: 300, Every: time.Second}
	// retryRate is for candidates that were shown before and were refused
	// unchecked, by client and network, and retriesRate for those of one network:
	// an honest client tries the same again, a guesser has the next.
	retryRate   = Rate{Burst: 2, Every: 2 * time.Second}
	retriesRate = Rate{Burst: 10, Every: 200 * time.Millisecond}
)

// Guesses bounds how many wrong credentials one network, and all of them
// together, may show for a client. It never counts what is right, so that no
// guesser locks anybody out: what a caller may still do is check a secret that
// nobody can guess. A nil *Guesses has no bounds. It is safe for concurrent use.
type Guesses struct {
	pairs, clients, networks, shown, proven, retried *Table
}

// NewGuesses returns Guesses that take 2.3 MB at most.
func NewGuesses() *Guesses {
	return &Guesses{
		pairs: NewTable(tableCells), clients: NewTable(tableCells), networks: NewTable(tableCells),
		shown: NewTable(shownCells), proven: NewTable(tableCells), retried: NewTable(tableCells),
	}
}

// Attempt is one request with credentials.
type Attempt struct {
	Tenant, Client string // as claimed: the client need not exist
	From           netip.Addr
	Candidate      string
	Now            time.Time
}

// Verdict says what may be done about an attempt.
type Verdict struct {
	// Wait is after how long the attempt would be looked at in full; zero: it is
	// now. Else only a secret that nobody can guess may be right.
	Wait time.Duration

	again bool // known to be wrong: it is no guess
}

// Judge says what may be done about a, before its credentials are checked.
func (g *Guesses) Judge(a *Attempt) Verdict {
	if g == nil {
		return Verdict{}
	}
	from := Network(a.From)
	pair := g.pairs.Key(from, a.Tenant, a.Client)
	rate, retry := pairRate, retryRate
	if g.clients.Wait(g.clients.Key(netip.Addr{}, a.Tenant, a.Client), clientRate, a.Now) > 0 {
		rate, retry = siegeRate, siegeRate
	}
	wait := g.pairs.Wait(pair, rate, a.Now)
	if wait == 0 && g.proven.Idle(g.proven.Key(from, a.Tenant, a.Client), a.Now) {
		wait = g.networks.Wait(g.networks.Key(from), networkRate, a.Now)
	}
	switch again := !g.shown.Idle(g.wrong(from, a), a.Now); {
	case wait == 0 || again:
		return Verdict{again: again}
	case g.asked(from, a) && g.retries(from, a, retry):
		return Verdict{}
	}
	return Verdict{Wait: min(wait, retry.Every)} // the same once more is looked at
}

// asked reports whether the candidate was refused unchecked before, and notes
// that it is now.
func (g *Guesses) asked(from netip.Addr, a *Attempt) bool {
	k := g.shown.Key(from, a.Tenant, a.Client, a.Candidate, "unchecked")
	before := !g.shown.Idle(k, a.Now)
	g.shown.Note(k, shownRate, a.Now)
	return before
}

func (g *Guesses) retries(from netip.Addr, a *Attempt, r Rate) bool {
	return g.retried.Take(g.retried.Key(from, a.Tenant, a.Client), r, a.Now) == 0 &&
		g.retried.Take(g.retried.Key(from), retriesRate, a.Now) == 0
}

func (g *Guesses) wrong(from netip.Addr, a *Attempt) Key {
	return g.shown.Key(from, a.Tenant, a.Client, a.Candidate)
}

// Failed notes that the credentials of a were looked at and are wrong. The same
// ones count once.
func (g *Guesses) Failed(a *Attempt, v Verdict) {
	if g == nil || v.again {
		return
	}
	from := Network(a.From)
	g.shown.Note(g.wrong(from, a), shownRate, a.Now)
	g.pairs.Note(g.pairs.Key(from, a.Tenant, a.Client), pairRate, a.Now)
	g.clients.Note(g.clients.Key(netip.Addr{}, a.Tenant, a.Client), clientRate, a.Now)
	g.networks.Note(g.networks.Key(from), networkRate, a.Now)
}

// Proved notes that the client proved itself by a.
func (g *Guesses) Proved(a *Attempt) {
	if g == nil {
		return
	}
	g.proven.Note(g.proven.Key(Network(a.From), a.Tenant, a.Client), provenRate, a.Now)
}

// Network is what one caller has to itself: an IPv4 address, or the 64 bits of
// IPv6 that one customer gets at least.
func Network(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if !a.Is6() {
		return a
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}
