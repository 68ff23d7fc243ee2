package chaos_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/keys"
)

// rotationForm is how the rotations run. Times of real life are divided by
// scale: the wait of the server and the ages of the verifiers' caches alike.
type rotationForm struct {
	scale     int
	rotations int
	foreign   bool
}

var rotationForms = map[form]rotationForm{
	formShort: {scale: 120, rotations: 1},
	formCI:    {scale: 60, rotations: 3, foreign: true},
	formLong:  {scale: 1, rotations: 3, foreign: true},
}

// cacheAges are how long verifiers keep a JWKS in real life; the longest is
// what our Cache-Control allows.
var cacheAges = []time.Duration{0, time.Minute, keys.JWKSMaxAge}

// TestRotation is R13 of the fault plan: while keys are rotated under load, no
// good token is refused, neither an old one nor one of the new key, by
// verifiers that keep the JWKS for 0, 60 and 300 s. It measures time, so it has
// the machine to itself.
func TestRotation(t *testing.T) {
	f := rotationForms[theForm()]
	s := newServer(t)
	c := s.ready(t)
	kindsOf := map[string]verifierOf{"mintage/enforce": newOurs}
	if f.foreign {
		maps.Copy(kindsOf, installForeign(t))
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	p := &pool{}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { p.fill(ctx, t, c) })
	}
	p.wait(t, 10)
	var looks []*look
	for name, made := range kindsOf {
		for _, age := range cacheAges {
			l := &look{kind: name, age: age, by: made(t, c.public, age/time.Duration(f.scale)), kids: map[string]int{}}
			looks = append(looks, l)
			wg.Go(func() { l.run(ctx, p) })
		}
	}
	wait := int64(keys.DefaultWait/time.Second) / int64(f.scale)
	for i := range f.rotations {
		k, err := c.api.RotateKey(ctx, tenant, adminclient.KeyRotation{Wait: &wait})
		if err != nil {
			t.Fatal(err)
		}
		p.waitFor(t, k.KID, time.Duration(wait)*time.Second+20*time.Second)
		pause(ctx, time.Second) // under the new key
		t.Logf("rotation %d: %s signs", i+1, k.KID)
	}
	stop()
	wg.Wait()
	report(t, f, wait, looks)
}

// report prints the counts and fails for each refusal, and for a verifier that
// has not seen all keys.
func report(t *testing.T, f rotationForm, wait int64, looks []*look) {
	t.Helper()
	slices.SortFunc(looks, func(a, b *look) int {
		if n := strings.Compare(a.kind, b.kind); n != 0 {
			return n
		}
		return int(a.age - b.age)
	})
	checked, refused := 0, 0
	for _, l := range looks {
		t.Logf("%-16s cache %3.0f s (run as %v): %6d tokens of %d keys, refused: %d",
			l.kind, l.age.Seconds(), l.age/time.Duration(f.scale), l.checked, len(l.kids), l.refused)
		checked, refused = checked+l.checked, refused+l.refused
		if l.refused > 0 {
			t.Errorf("%s with a cache of %v refused %d good tokens, the first with %q", l.kind, l.age, l.refused, l.why)
		}
		if len(l.kids) != f.rotations+1 {
			t.Errorf("%s with a cache of %v saw tokens of %d keys, want %d", l.kind, l.age, len(l.kids), f.rotations+1)
		}
	}
	t.Logf("rotations: %d under load, wait %d s (times of real life divided by %d), verifiers: %d, good tokens checked: %d, refused: %d",
		f.rotations, wait, f.scale, len(looks), checked, refused)
}

// pool is the tokens that were issued, oldest first.
type pool struct {
	mu     sync.Mutex
	tokens []issued
}

type issued struct{ value, kid string }

// fill gets tokens for the checker until ctx ends.
func (p *pool) fill(ctx context.Context, t *testing.T, c *callers) {
	t.Helper()
	for ctx.Err() == nil {
		a, err := c.token(ctx, pathJWT, checker, checkerSecret)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil || a.Status != http.StatusOK:
			t.Errorf("a token: %d %s %v", a.Status, a.Error, err)
			return
		}
		tok := issued{a.AccessToken, kidOf(a.AccessToken)}
		p.mu.Lock()
		p.tokens = append(p.tokens, tok)
		p.mu.Unlock()
		pause(ctx, 3*time.Millisecond) // the verifiers need the machine too
	}
}

// pick returns the newest token as often as any.
func (p *pool) pick() issued {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.tokens)
	if rand.IntN(2) == 0 {
		return p.tokens[n-1]
	}
	return p.tokens[rand.IntN(n)]
}

// wait returns when there are n tokens.
func (p *pool) wait(t *testing.T, n int) {
	t.Helper()
	p.until(t, "tokens", 20*time.Second, func(all []issued) bool { return len(all) >= n })
}

// waitFor returns when a key signs.
func (p *pool) waitFor(t *testing.T, kid string, within time.Duration) {
	t.Helper()
	p.until(t, "a token of "+kid, within, func(all []issued) bool { return all[len(all)-1].kid == kid })
}

func (p *pool) until(t *testing.T, what string, within time.Duration, so func([]issued) bool) {
	t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); pause(t.Context(), 20*time.Millisecond) {
		p.mu.Lock()
		done := so(p.tokens)
		p.mu.Unlock()
		if done {
			return
		}
	}
	t.Fatalf("no %s in %v", what, within)
}

// look is one verifier and what it found.
type look struct {
	kind string
	age  time.Duration // of the JWKS, in real life
	by   verifier

	checked, refused int
	why              string         // of the first refusal
	kids             map[string]int // tokens by the key that signed them
}

func (l *look) run(ctx context.Context, p *pool) {
	for ctx.Err() == nil {
		tok := p.pick()
		err := l.by.verify(ctx, tok.value)
		if ctx.Err() != nil {
			return
		}
		l.checked++
		l.kids[tok.kid]++
		if err != nil {
			if l.refused++; l.refused == 1 {
				l.why = fmt.Sprint(err)
			}
		}
		pause(ctx, 5*time.Millisecond)
	}
}

// pause waits, but not beyond ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// kidOf reads the kid in the header of a token that our server just made.
func kidOf(token string) string {
	head, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	var header struct {
		KID string `json:"kid"`
	}
	if err != nil || json.Unmarshal(raw, &header) != nil {
		return ""
	}
	return header.KID
}
