package people

import (
	"net/netip"
	"time"

	"github.com/mintage-auth/mintage/internal/limit"
)

// Rates of what fails, whichever way somebody signs in: nothing that is right
// counts.
const (
	// maxFailures is how many wrong attempts in a row a password takes, from
	// anywhere and on all nodes: then it works no more but from networks that its
	// owner signed in from lately, at the rate of one; elsewhere its owner needs a
	// passkey or a new link (NIST SP 800-63B §5.2.2 allows a hundred).
	maxFailures = 100

	// knownFor is what lately means, and knownSignIns how many sign-ins are looked
	// at, the latest.
	knownFor     = 90 * 24 * time.Hour
	knownSignIns = 100

	throttleCells = 16 << 10
)

// throttle says when somebody guesses too often. What a process knows here is
// its own; what all nodes know is the count of failures.
type throttle struct{ pairs, networks *limit.Table }

func newThrottle() *throttle {
	return &throttle{pairs: limit.NewTable(throttleCells), networks: limit.NewTable(throttleCells)}
}

// pairRate is for one address from one network, and networkRate for all addresses
// that one network tries. What nobody can guess, as links and passkeys, has a rate
// of its own: it bounds what guessing costs the server, and those who guess keep
// nobody of their network from signing in by much.
func pairRate() limit.Rate    { return limit.Rate{Burst: 10, Every: 30 * time.Second} }
func networkRate() limit.Rate { return limit.Rate{Burst: 50, Every: 5 * time.Second} }
func randomRate() limit.Rate  { return limit.Rate{Burst: 30, Every: time.Second} }

// wait returns after how long an attempt is looked at; zero: now. An empty who is
// an attempt with what nobody can guess.
func (t *throttle) wait(f From, who string, now time.Time) time.Duration {
	from := network(f)
	if who == "" {
		return t.pairs.Wait(t.pairs.Key(from), randomRate(), now)
	}
	return max(t.pairs.Wait(t.pairs.Key(from, who), pairRate(), now), t.networks.Wait(t.networks.Key(from), networkRate(), now))
}

// failed notes that an attempt was wrong.
func (t *throttle) failed(f From, who string, now time.Time) {
	from := network(f)
	if who == "" {
		t.pairs.Note(t.pairs.Key(from), randomRate(), now)
		return
	}
	t.pairs.Note(t.pairs.Key(from, who), pairRate(), now)
	t.networks.Note(t.networks.Key(from), networkRate(), now)
}

// pairingRate is for command lines that ask to be signed in, from one network,
// and allPairings for all of them: each is a row. pollRate is how often one asks
// what became of it.
func pairingRate() limit.Rate { return limit.Rate{Burst: 10, Every: 30 * time.Second} }
func allPairings() limit.Rate { return limit.Rate{Burst: 200, Every: time.Second} }
func pollRate() limit.Rate    { return limit.Rate{Burst: 3, Every: PairingInterval / 2} }

// pairing counts a command line that asks to be signed in, and returns after how
// long it may; zero: now.
func (t *throttle) pairing(f From, now time.Time) time.Duration {
	own, all := t.pairs.Key(network(f), "pairing"), t.networks.Key(netip.Addr{}, "pairings")
	if wait := t.networks.Wait(all, allPairings(), now); wait > 0 {
		return wait
	}
	if wait := t.pairs.Take(own, pairingRate(), now); wait > 0 {
		return wait
	}
	t.networks.Note(all, allPairings(), now)
	return 0
}

// poll counts a question after a pairing, as pairing does.
func (t *throttle) poll(hash string, now time.Time) time.Duration {
	return t.pairs.Take(t.pairs.Key(netip.Addr{}, "poll", hash), pollRate(), now)
}

// network is the zero address, which all share, when it is not known.
func network(f From) netip.Addr {
	a, err := netip.ParseAddr(f.Address)
	if err != nil {
		return netip.Addr{}
	}
	return limit.Network(a)
}
