package revoke_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/revoke"
)

func of(tenant, jti string) *mintage.Revocation { return &mintage.Revocation{Tenant: tenant, JTI: jti} }

// woken reports whether a channel of Wait is closed.
func woken(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

func TestFeed(t *testing.T) {
	t.Parallel()
	var f revoke.Feed
	if _, _, ok := f.After("a", 7); ok {
		t.Error("a feed that has read nothing says that nothing is missing")
	}
	f.Add(1, of("a", "too early"))
	f.Begin(10)
	a, b := f.Wait("a"), f.Wait("b")
	f.Add(12, of("a", "one"))
	f.Add(12, of("a", "one again"))
	f.Add(11, of("a", "late"))
	if !woken(a) || woken(b) {
		t.Errorf("woken: tenant a %v, want true; tenant b %v, want false", woken(a), woken(b))
	}
	f.Add(13, of("b", "two"))
	f.Add(14, of("a", "three"))
	f.Advance(20)
	f.Advance(3)
	for _, c := range []struct {
		tenant string
		after  int64
		want   string
		next   int64
		ok     bool
	}{
		{"a", 9, "", 9, false}, // 10 may have been one
		{"a", 10, "one three", 20, true},
		{"a", 12, "three", 20, true},
		{"a", 20, "", 20, true},
		{"a", 25, "", 25, true}, // this node lags behind the one that gave the cursor
		{"b", 10, "two", 20, true},
		{"c", 10, "", 20, true},
	} {
		rs, next, ok := f.After(c.tenant, c.after)
		var ids []string
		for _, r := range rs {
			ids = append(ids, r.JTI)
		}
		got := strings.Join(ids, " ")
		if ok != c.ok || next != c.next || got != c.want {
			t.Errorf("after %d of %s: got %s, %d, %v, want %s, %d, %v", c.after, c.tenant, got, next, ok, c.want, c.next, c.ok)
		}
	}
	again := f.Wait("a")
	if woken(again) {
		t.Error("woken without a revocation")
	}
	f.Begin(30)
	if !woken(again) {
		t.Error("not woken when the feed began anew")
	}
	if _, _, ok := f.After("a", 29); ok {
		t.Error("what was before the new beginning is not missed")
	}
}

// TestFeedForgets holds that the feed is bounded, and says so to who lags.
func TestFeedForgets(t *testing.T) {
	t.Parallel()
	var f revoke.Feed
	f.Begin(0)
	const many = 20_000
	for i := range int64(many) {
		f.Add(i+1, of("a", fmt.Sprint(i)))
	}
	if _, _, ok := f.After("a", 0); ok {
		t.Error("all of 20,000 are remembered")
	}
	rs, next, ok := f.After("a", many-16_384)
	if !ok || len(rs) != 16_384 || next != many {
		t.Errorf("got %d, %d, %v", len(rs), next, ok)
	}
}
