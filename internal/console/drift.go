package console

import (
	"context"
	"sync"
	"time"

	"github.com/mintage-auth/mintage/internal/manage"
)

// drifts keeps what was found of drift for as long as nothing changes, since
// finding it reads all that files declare.
type drifts struct {
	mu    sync.Mutex
	known bool
	seq   int64 // of the last change when it was found
	at    time.Time
	found []manage.Drifted
}

// driftOld is how old what an overview says of drift may be, though something
// changed since.
const driftOld = time.Minute

// drift returns the objects of a tenant that are not as the file says that was
// applied last. Where something changed since that was found, it is found again,
// unless it may be so old.
func (c *console) drift(ctx context.Context, tenant string, old time.Duration) ([]manage.Drifted, error) {
	c.drifts.mu.Lock()
	defer c.drifts.mu.Unlock()
	seq, err := c.manager.LastChange(ctx)
	if err != nil {
		return nil, err
	}
	now := c.cfg.Now()
	if !c.drifts.known || c.drifts.seq != seq && now.Sub(c.drifts.at) >= old {
		if c.drifts.found, err = c.manager.Drifts(ctx); err != nil {
			return nil, err
		}
		c.drifts.seq, c.drifts.at, c.drifts.known = seq, now, true
	}
	var own []manage.Drifted
	for _, d := range c.drifts.found {
		if d.Tenant == tenant {
			own = append(own, d)
		}
	}
	return own, nil
}
