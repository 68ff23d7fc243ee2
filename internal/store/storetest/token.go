package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/oauth"
)

// mustHave fails the test unless the store has rec as it is.
func mustHave(t *testing.T, s store.Store, rec *mintage.TokenRecord) {
	t.Helper()
	got, err := s.Token(t.Context(), rec.Tenant, rec.Key)
	if err != nil {
		t.Errorf("token %s: %v", rec.JTI, err)
		return
	}
	diff(t, "token "+rec.JTI, got, rec)
}

func tokens(t *testing.T, s store.Store) {
	ctx := t.Context()
	rec := token(1, at(0), time.Hour)
	_, err := s.Token(ctx, "acme", rec.Key)
	wantErr(t, "before it is created", err, mintage.ErrNotFound)
	must(t, s.CreateToken(ctx, rec))
	mustHave(t, s, rec)
	_, err = s.Token(ctx, "other", rec.Key)
	wantErr(t, "token of another tenant", err, mintage.ErrNotFound)
	near := rec.Key
	near[37]++
	_, err = s.Token(ctx, "acme", near)
	wantErr(t, "key off by one bit", err, mintage.ErrNotFound)
	wantErr(t, "created twice", s.CreateToken(ctx, rec), mintage.ErrExists)

	// What the caller does with its record after the call is its own affair.
	mine := token(2, at(0), time.Hour)
	must(t, s.CreateToken(ctx, mine))
	mine.Scope[0], mine.Audience[0], mine.Key[0] = "changed", "changed", 9
	mustHave(t, s, token(2, at(0), time.Hour))
}

// tokenForms: records whose members are not the usual ones.
func tokenForms(t *testing.T, s store.Store) {
	long := strings.Repeat("x", 5000)
	for i, change := range []func(*mintage.TokenRecord){
		func(r *mintage.TokenRecord) { r.Scope, r.Audience = nil, nil },
		func(r *mintage.TokenRecord) { r.JTI = "" },
		func(r *mintage.TokenRecord) { r.JTI = "not a uuid" },
		func(r *mintage.TokenRecord) { r.JTI = strings.ToUpper("0190a0b0-c0d0-7000-8000-00000000abcd") },
		func(r *mintage.TokenRecord) { r.JTI = "0190a0b0-c0d0-7000-8000-00000000abcg" },
		func(r *mintage.TokenRecord) { r.JTI = strings.Repeat("u", 17) },
		func(r *mintage.TokenRecord) { r.Subject = "someone else" },
		func(r *mintage.TokenRecord) { r.ClientID, r.Subject = "", "" },
		func(r *mintage.TokenRecord) { r.Audience = []string{"with space", "b"} },
		func(r *mintage.TokenRecord) { r.Audience = []string{"a", "with space"} },
		func(r *mintage.TokenRecord) { r.Audience = []string{""} },
		func(r *mintage.TokenRecord) { r.Audience = []string{"", ""} },
		func(r *mintage.TokenRecord) { r.Audience = []string{"[bracket"} },
		func(r *mintage.TokenRecord) { r.Audience = []string{"b", "a", "é\n"} },
		func(r *mintage.TokenRecord) { r.Scope = oauth.Scope{`["x"]`, "y"} },
		func(r *mintage.TokenRecord) { r.Scope = oauth.Scope{long} },
		func(r *mintage.TokenRecord) { r.KeyThumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" },
		func(r *mintage.TokenRecord) { r.KeyThumbprint = "read write" },
		func(r *mintage.TokenRecord) { r.Key = [38]byte{} },
		func(r *mintage.TokenRecord) { copy(r.Key[:], strings.Repeat("\xff", 38)) },
		func(r *mintage.TokenRecord) { r.Expires = time.Unix(0, 0).UTC() },
	} {
		rec := token(i, at(0), time.Hour)
		change(rec)
		must(t, s.CreateToken(t.Context(), rec))
		mustHave(t, s, rec)
	}
	// Members must not run into one another.
	a, b := token(100, at(0), time.Hour), token(101, at(0), time.Hour)
	a.ClientID, a.Subject = "ab", "c"
	b.ClientID, b.Subject = "a", "bc"
	for _, rec := range []*mintage.TokenRecord{a, b} {
		must(t, s.CreateToken(t.Context(), rec))
	}
	mustHave(t, s, a)
	mustHave(t, s, b)
}

func tokensConcurrent(t *testing.T, s store.Store) {
	const callers, each = 64, 20
	value := func(n int) *mintage.TokenRecord {
		rec := token(n, at(n%5), time.Duration(n%7+1)*time.Hour)
		rec.ClientID = fmt.Sprintf("mc_%d", n%11)
		return rec
	}
	prepare(t, s)
	parallel(callers, func(c int) {
		for i := range each {
			rec := value(c*each + i)
			if err := s.CreateToken(t.Context(), rec); err != nil {
				t.Error(err)
			} else {
				mustHave(t, s, rec) // at once, and not when others are done
			}
			if i == each/2 && c%8 == 0 { // changes get their turn
				if err := change(t.Context(), s, clientNoun().create, simpleClient(fmt.Sprint(c))); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for n := range callers * each {
		mustHave(t, s, value(n))
	}
}

// tokenDuplicates: a row that cannot be stored fails its own caller alone.
func tokenDuplicates(t *testing.T, s store.Store) {
	const callers = 64
	for round := range 5 {
		var exist atomic.Int32
		shared := token(1_000_000+round, at(0), time.Hour)
		parallel(callers, func(c int) {
			rec := token(round*callers+c, at(0), time.Hour)
			if c%8 == 0 {
				rec = shared
			}
			switch err := s.CreateToken(t.Context(), rec); {
			case err == nil:
				mustHave(t, s, rec)
			case rec == shared && errors.Is(err, mintage.ErrExists):
				exist.Add(1)
			default:
				t.Errorf("token %s: %v", rec.JTI, err)
			}
		})
		if got := exist.Load(); got != callers/8-1 {
			t.Errorf("%d of %d were told that it exists, want all but one", got, callers/8)
		}
	}
}

// tokenSweep: what has expired goes, what has not stays, whatever the order in
// which it was made.
func tokenSweep(t *testing.T, s store.Store) {
	ctx := t.Context()
	const n = 50
	value := func(i int) *mintage.TokenRecord { return token(i, at(i), time.Duration(n-i)*time.Minute) }
	for i := range n {
		must(t, s.CreateToken(ctx, value(i)))
	}
	born := token(1000, at(0), -time.Hour) // dead when it is made
	must(t, s.CreateToken(ctx, born))
	now := at(600)
	want := 1
	for i := range n {
		if value(i).Expires.Before(now) {
			want++
		}
	}
	if got, err := s.SweepTokens(ctx, now, 1000); err != nil || got != want {
		t.Errorf("swept %d (%v), want %d", got, err, want)
	}
	for i := range n {
		rec := value(i)
		if !rec.Expires.Before(now) {
			mustHave(t, s, rec)
			continue
		}
		_, err := s.Token(ctx, "acme", rec.Key)
		wantErr(t, "swept token", err, mintage.ErrNotFound)
	}
	// Long after, all are gone, and the same tokens can be made again and are
	// swept again.
	for range 2 {
		if _, err := s.SweepTokens(ctx, at(1_000_000), 1000); err != nil {
			t.Error(err)
		}
		for i := range n {
			_, err := s.Token(ctx, "acme", value(i).Key)
			wantErr(t, "swept token", err, mintage.ErrNotFound)
			must(t, s.CreateToken(ctx, value(i)))
			mustHave(t, s, value(i))
		}
	}
}

func tokenSweepBounds(t *testing.T, s store.Store) {
	ctx := t.Context()
	for i := range 10 {
		must(t, s.CreateToken(ctx, token(i, at(0), time.Duration(i%3)*time.Minute)))
	}
	must(t, s.CreateToken(ctx, token(99, at(0), time.Hour)))
	for _, want := range []int{4, 4, 2, 0} {
		if got, err := s.SweepTokens(ctx, at(1000), 4); err != nil || got != want {
			t.Errorf("swept %d (%v), want %d", got, err, want)
		}
	}
	mustHave(t, s, token(99, at(0), time.Hour))
}

// tokenSweepMixed: short lives among long ones of the same minute, swept again
// and again as time goes on.
func tokenSweepMixed(t *testing.T, s store.Store) {
	ctx := t.Context()
	const n, hour = 60, 3600
	value := func(i int) *mintage.TokenRecord {
		return token(i, at(i*40), time.Duration(1+9*(i%2))*time.Hour)
	}
	for i := range n {
		must(t, s.CreateToken(ctx, value(i)))
	}
	swept := 0
	for second := 0; second <= 11*hour; second += 7 * 60 {
		got, err := s.SweepTokens(ctx, at(second), 1000)
		must(t, err)
		swept += got
		want := 0
		for i := range n {
			if value(i).Expires.Before(at(second)) {
				want++
			}
		}
		if swept != want {
			t.Fatalf("%d s: %d tokens swept, want %d", second, swept, want)
		}
	}
}

// tokenSweepSpares: a token that is like one that is long gone stays, in all
// its parts, whether the two were written together or not.
func tokenSweepSpares(t *testing.T, s store.Store) {
	ctx := t.Context()
	const week = 7 * 24 * time.Hour
	must(t, s.CreateToken(ctx, token(1, at(0), time.Hour)))
	must(t, s.CreateToken(ctx, token(2, at(0), 10*week)))
	if n, err := s.SweepTokens(ctx, at(0).Add(week), 1000); err != nil || n != 1 {
		t.Errorf("swept %d (%v), want 1", n, err)
	}
	mustHave(t, s, token(2, at(0), 10*week))
	must(t, s.CreateToken(ctx, token(3, at(0), 20*week))) // nothing is remembered of the sweep
	if n, err := s.SweepTokens(ctx, at(0).Add(12*week), 1000); err != nil || n != 1 {
		t.Errorf("swept %d (%v), want 1", n, err)
	}
	mustHave(t, s, token(3, at(0), 20*week))
}

func tokensOfDeletedTenant(t *testing.T, s store.Store) {
	ctx := t.Context()
	create := func(ctx context.Context, tx store.Tx) error {
		return tx.CreateTenant(ctx, &mintage.Tenant{ID: "acme", Issuer: "https://acme.example"})
	}
	update(t, s, create)
	must(t, s.CreateToken(ctx, token(1, at(0), time.Hour)))
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteTenant(ctx, "acme") })
	update(t, s, create)
	_, err := s.Token(ctx, "acme", token(1, at(0), time.Hour).Key)
	wantErr(t, "token of an earlier tenant", err, mintage.ErrNotFound)
	must(t, s.CreateToken(ctx, token(2, at(0), time.Hour)))
	mustHave(t, s, token(2, at(0), time.Hour))
	_, err = s.Token(ctx, "acme", token(1, at(0), time.Hour).Key)
	wantErr(t, "token of an earlier tenant after a new one", err, mintage.ErrNotFound)
}
