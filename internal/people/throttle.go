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
	// anywhere and on all nodes: then it works no more, and its owner needs a
	// passkey or a new link (NIST SP 800-63B §5.2.2 allows a hundred).
	maxFailures = 100

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

// network is the zero address, which all share, when it is not known.
func network(f From) netip.Addr {
	a, err := netip.ParseAddr(f.Address)
	if err != nil {
		return netip.Addr{}
	}
	return limit.Network(a)
}
