package manage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mintage-auth/mintage"
)

// Head is the end of an audit log at some time, for keeping elsewhere.
type Head struct {
	Seq  int64
	Hash []byte
}

// String returns the head in the form that people keep: 18231:9f2c….
func (h Head) String() string { return fmt.Sprintf("%d:%s", h.Seq, hex.EncodeToString(h.Hash)) }

// ParseHead reads what Head.String wrote.
func ParseHead(s string) (Head, error) {
	var h Head
	seq, hash, ok := strings.Cut(s, ":")
	n, err := strconv.ParseInt(seq, 10, 64)
	if err == nil {
		h.Hash, err = hex.DecodeString(hash)
	}
	h.Seq = n
	if !ok || err != nil || n < 1 || len(h.Hash) != sha256.Size || h.String() != s {
		return Head{}, errors.New("a head is the number of a row and its hash in hex: 18231:9f2c…")
	}
	return h, nil
}

// verifiedAtOnce is how many rows VerifyAudit reads at a time.
const verifiedAtOnce = 1000

// VerifyAudit reads the whole audit log and checks its chain; see mintage.Chain.
// It returns how far the log is what was written, and what is wrong with the row
// after it, or nil. With a known head it says so, too, when the log does not
// hold that one.
func (m *Manager) VerifyAudit(ctx context.Context, known *Head) (Head, *mintage.BrokenChain, error) {
	last, err := m.Store.LastEvent(ctx) // what is written meanwhile is for the next time
	if err != nil {
		return Head{}, nil, err
	}
	var c mintage.Chain
	for c.Seq < last {
		rows, err := m.Store.Events(ctx, EventQuery{Oldest: true, After: c.Seq, Limit: verifiedAtOnce})
		if err != nil {
			return Head{}, nil, err
		}
		if len(rows) == 0 {
			why := fmt.Sprintf("rows %d to %d are missing at the end", c.Seq+1, last)
			return Head{c.Seq, c.Hash}, &mintage.BrokenChain{Seq: c.Seq + 1, Why: why}, nil
		}
		for _, e := range rows {
			if broken := nextOf(&c, e, known); broken != nil {
				return Head{c.Seq, c.Hash}, broken, nil
			}
		}
	}
	if known != nil && c.Seq < known.Seq {
		why := fmt.Sprintf("the log ends with row %d, before the one that was noted", c.Seq)
		return Head{c.Seq, c.Hash}, &mintage.BrokenChain{Seq: c.Seq + 1, Why: why}, nil
	}
	return Head{c.Seq, c.Hash}, nil, nil
}

// ContinueAudit checks the rows after those that c knows of, no more than most,
// and moves c on. It returns how many rows the log has by number, and what is wrong with the
// row after the last one that is as it was written, or nil.
func (m *Manager) ContinueAudit(ctx context.Context, c *mintage.Chain, most int) (last int64, broken *mintage.BrokenChain, err error) {
	if last, err = m.Store.LastEvent(ctx); err != nil {
		return 0, nil, err
	}
	for done := 0; c.Seq < last && done < most; {
		rows, err := m.Store.Events(ctx, EventQuery{Oldest: true, After: c.Seq, Limit: min(verifiedAtOnce, most-done)})
		if err != nil {
			return last, nil, err
		}
		if len(rows) == 0 {
			return last, &mintage.BrokenChain{Seq: c.Seq + 1, Why: fmt.Sprintf("rows %d to %d are missing at the end", c.Seq+1, last)}, nil
		}
		for _, e := range rows {
			if broken := nextOf(c, e, nil); broken != nil {
				return last, broken, nil
			}
		}
		done += len(rows)
	}
	return last, nil, nil
}

// nextOf gives the chain its next row and returns what is wrong with it.
func nextOf(c *mintage.Chain, e *mintage.Event, known *Head) *mintage.BrokenChain {
	before := *c
	var broken *mintage.BrokenChain
	if errors.As(c.Next(e), &broken) {
		return broken
	}
	if known != nil && e.Seq == known.Seq && !bytes.Equal(e.Hash, known.Hash) {
		*c = before
		return &mintage.BrokenChain{Seq: e.Seq, Why: fmt.Sprintf("row %d has another hash than was noted: the chain was written anew", e.Seq)}
	}
	return nil
}
