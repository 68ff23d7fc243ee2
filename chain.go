package mintage

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strconv"
)

// Link returns the hash of an audit row: SHA-256 over the hash of the row before
// it, 32 bytes, and the row's own text. Of the first row the one before is 32
// zero bytes, which nil stands for.
//
// The text is a line for each member that is not empty, in a fixed order:
//
//	name=length:value\n
//
// with the length in bytes, in decimal. A member that later versions add comes
// after these, so that what was linked once stays so.
func (e *Event) Link(previous []byte) []byte {
	h := sha256.New()
	var first [sha256.Size]byte
	if previous == nil {
		previous = first[:]
	}
	_, _ = h.Write(previous)
	_, _ = h.Write(e.text())
	return h.Sum(nil)
}

func (e *Event) text() []byte {
	b := []byte("mintage audit 1\n")
	time := ""
	if !e.Time.IsZero() {
		time = strconv.FormatInt(e.Time.Unix(), 10)
	}
	for _, m := range []struct{ name, value string }{
		{"seq", strconv.FormatInt(e.Seq, 10)},
		{"time", time},
		{"tenant", e.Tenant},
		{"actor_tenant", e.Actor.Tenant},
		{"actor_client", e.Actor.ClientID},
		{"actor_operator", e.Actor.OperatorID},
		{"actor_email", e.Actor.OperatorEmail},
		{"actor_address", e.Actor.Address},
		{"action", e.Action},
		{"target", e.Target},
		{"name", e.Name},
		{"via", e.Via},
		{"trace_id", e.TraceID},
		{"before", string(e.Before)},
		{"after", string(e.After)},
	} {
		if m.value != "" {
			b = append(b, m.name+"="+strconv.Itoa(len(m.value))+":"+m.value+"\n"...)
		}
	}
	return b
}

// Chain checks that audit rows are those that were written: none changed, none
// missing, none in another's place. Give it the rows in their order, from the
// first. The zero value is at the beginning. It is not safe for concurrent use.
//
// Who can write to the database can write a whole new chain. What they cannot do
// is end it with a hash that somebody noted before.
type Chain struct {
	Seq  int64  // of the last row that is as it was written
	Hash []byte // its hash; nil before the first
}

// Next checks the row after the last one. Its error is a *BrokenChain; the Chain
// then stays where it was.
func (c *Chain) Next(e *Event) error {
	switch {
	case e.Seq <= c.Seq:
		return &BrokenChain{Seq: e.Seq, Why: fmt.Sprintf("row %d comes after row %d", e.Seq, c.Seq)}
	case e.Seq != c.Seq+1:
		return &BrokenChain{Seq: c.Seq + 1, Why: fmt.Sprintf("there is no row between %d and %d", c.Seq, e.Seq)}
	case e.Hash == nil:
		return &BrokenChain{Seq: e.Seq, Why: fmt.Sprintf("row %d has no hash: an older version wrote it, or somebody took it away", e.Seq)}
	case !bytes.Equal(e.Hash, e.Link(c.Hash)):
		return &BrokenChain{Seq: e.Seq, Why: fmt.Sprintf("row %d, or its hash, is not as it was written", e.Seq)}
	}
	c.Seq, c.Hash = e.Seq, e.Hash
	return nil
}

// BrokenChain says where an audit log is not what was written, and how one can
// tell.
type BrokenChain struct {
	Seq int64
	Why string // one sentence, without a full stop
}

// Error returns why.
func (b *BrokenChain) Error() string { return b.Why }
