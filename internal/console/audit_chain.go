package console

import (
	"context"
	"sync"
	"time"

	"github.com/mintage-auth/mintage"
)

const (
	chainStep = 20_000           // rows that one page checks at most
	chainFrom = 24 * time.Hour   // after which the check begins at the first row again
	chainKeep = 10 * time.Minute // how long what was found is shown again
)

// chainCheck is what is known of the audit log being what was written. A page
// moves it on by a bounded number of rows; all that look share it.
type chainCheck struct {
	mu     sync.Mutex
	chain  mintage.Chain
	begun  time.Time // when the first row was checked
	at     time.Time // when the last was; zero: none yet
	last   int64     // number of the newest row then
	broken *mintage.BrokenChain
}

// chainView is that as a page shows it.
type chainView struct {
	Seq, Last int64
	At, Begun time.Time
	Broken    *mintage.BrokenChain
	Again     string // where it is checked from the first row
}

// Whole reports whether all rows were checked.
func (v *chainView) Whole() bool { return v.Broken == nil && v.Seq >= v.Last }

// checkChain returns how far the log was checked, and checks more of it when
// that is old. Again begins at the first row.
func (c *console) checkChain(ctx context.Context, again bool) (*chainView, error) { //nolint:revive // whether to forget what was found
	k := &c.chain
	k.mu.Lock()
	defer k.mu.Unlock()
	now := c.cfg.Now()
	if again || now.Sub(k.begun) >= chainFrom {
		k.chain, k.begun, k.at, k.broken = mintage.Chain{}, now, time.Time{}, nil
	}
	if k.broken == nil && (k.at.IsZero() || k.chain.Seq < k.last || now.Sub(k.at) >= chainKeep) {
		last, broken, err := c.manager.ContinueAudit(ctx, &k.chain, chainStep)
		if err != nil {
			return nil, err
		}
		k.last, k.broken, k.at = last, broken, now
	}
	return &chainView{Seq: k.chain.Seq, Last: k.last, At: k.at, Begun: k.begun, Broken: k.broken}, nil
}

// verifyChain checks the audit log anew, from its first row.
func (c *console) verifyChain(ctx context.Context, q *request) (*answer, error) {
	v, err := c.checkChain(ctx, true)
	if err != nil {
		return nil, err
	}
	said := "The audit log is what was written, to row " + count(v.Seq) + "."
	if v.Broken != nil {
		said = "The audit log is not what was written: " + v.Broken.Why + "."
	}
	return gone(link(q.tenant.ID, "audit"), said), nil
}
