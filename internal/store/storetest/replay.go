package storetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// replays: of all who spend an id one may, and a record is swept when it has
// expired, no sooner.
func replays(t *testing.T, s store.Store) {
	ctx := t.Context()
	last, err := s.LastChange(ctx)
	must(t, err)
	must(t, s.Spend(ctx, [32]byte{1}, at(10)))
	wantErr(t, "again", s.Spend(ctx, [32]byte{1}, at(10)), mintage.ErrExists)
	wantErr(t, "with another end", s.Spend(ctx, [32]byte{1}, at(99)), mintage.ErrExists)
	must(t, s.Spend(ctx, [32]byte{2}, at(20)))
	ended, cancel := context.WithCancel(ctx)
	cancel()
	wantErr(t, "by nobody", s.Spend(ended, [32]byte{3}, at(20)), context.Canceled)
	unmoved(t, s, last)

	// 300 ids at once, each by three: more than share a commit.
	const ids, each = 300, 3
	outcomes := make([][each]error, ids)
	var all sync.WaitGroup
	for i := range ids {
		for j := range each {
			all.Go(func() { outcomes[i][j] = s.Spend(ctx, sha256.Sum256([]byte(strconv.Itoa(i))), at(50)) })
		}
	}
	all.Wait()
	for i, errs := range outcomes {
		passed := 0
		for _, err := range errs {
			if err == nil {
				passed++
			} else if !errors.Is(err, mintage.ErrExists) {
				t.Errorf("id %d: %v", i, err)
			}
		}
		if passed != 1 {
			t.Errorf("id %d passed %d times", i, passed)
		}
	}

	for _, want := range []int{1, 0} {
		n, err := s.SweepReplays(ctx, at(20), 1)
		if err != nil || n != want {
			t.Errorf("swept %d (%v), want %d", n, err, want)
		}
	}
	must(t, s.Spend(ctx, [32]byte{1}, at(60)))
	wantErr(t, "what had not expired", s.Spend(ctx, [32]byte{2}, at(20)), mintage.ErrExists)
	n, err := s.SweepReplays(ctx, at(55), 1000)
	if err != nil || n != ids+1 {
		t.Errorf("swept %d (%v), want %d", n, err, ids+1)
	}
}
