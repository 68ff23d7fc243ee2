package replay_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/replay"
	"github.com/mintage-auth/mintage/internal/store"
)

// spender is a store that knows ids by their first byte.
type spender struct {
	store.Replays
	answers map[byte]error
}

func (s spender) Spend(_ context.Context, id [32]byte, _ time.Time) error { return s.answers[id[0]] }

func TestOnce(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	g := replay.Guard{Store: spender{answers: map[byte]error{1: mintage.ErrExists, 2: down}}}
	for first, want := range map[byte]error{0: nil, 1: replay.ErrUsed, 2: down} {
		if err := g.Once(t.Context(), [32]byte{first}, time.Now()); !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("%d: %v, want %v", first, err, want)
		}
	}
}

func TestID(t *testing.T) {
	t.Parallel()
	ids := [][32]byte{
		replay.ID("a", "b", "c"), replay.ID("a", "bc"), replay.ID("ab", "c"), replay.ID("a", "b", "c", ""),
		replay.ID("a", "b", "", "c"), replay.ID("", "ab", "c"), replay.ID("a", "b", "C"),
	}
	seen := map[[32]byte]int{}
	for i, id := range ids {
		if j, ok := seen[id]; ok {
			t.Errorf("%d and %d have one ID", i, j)
		}
		seen[id] = i
	}
	if replay.ID("a", "b", "c") != ids[0] {
		t.Error("the same has two IDs")
	}
}
