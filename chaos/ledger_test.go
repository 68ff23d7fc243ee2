package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/mintage-auth/mintage/adminclient"
)

// Kinds of entries. A JWT is no write: it is in the ledger because it must go
// on being accepted, under a key that must be there.
const (
	kindClient   = "client"
	kindSecret   = "secret"
	kindNoSecret = "secret revocation"
	kindRotation = "key rotation"
	kindStored   = "stored token"
	kindJWT      = "JWT"
	kindNoToken  = "token revocation"
	kindNoTokens = "revocation of a client's tokens"
)

// kinds are all of them, in the order in which they are printed.
var kinds = []string{
	kindClient, kindSecret, kindNoSecret, kindRotation, kindStored, kindNoToken, kindNoTokens, kindJWT,
}

// entry is one thing that the server said is so.
type entry struct {
	kind  string
	check func(ctx context.Context, c *callers, keys map[string]bool) error
	// void is set before a request that ends what the entry says: from then on
	// it may be so or not.
	void atomic.Bool
}

// ledger is what was acknowledged. It is safe for concurrent use.
type ledger struct {
	mu      sync.Mutex
	fresh   []*entry // since the last kill
	settled []*entry // seen after a kill
	count   map[string]int
}

// add enters what the server acknowledged.
func (l *ledger) add(kind string, check func(context.Context, *callers, map[string]bool) error) *entry {
	e := &entry{kind: kind, check: check}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fresh = append(l.fresh, e)
	l.count[kind]++
	return e
}

// writes returns how many acknowledged writes there are.
func (l *ledger) writes() int {
	n := 0
	for kind, c := range l.count {
		if kind != kindJWT {
			n += c
		}
	}
	return n
}

// checkFresh looks for what the last life acknowledged, and checkAll for
// everything. Both return what is lost.
func (l *ledger) checkFresh(ctx context.Context, c *callers) []error {
	lost := check(ctx, c, l.fresh)
	l.settled = append(l.settled, l.fresh...)
	l.fresh = nil
	return lost
}

func (l *ledger) checkAll(ctx context.Context, c *callers) []error {
	return append(l.checkFresh(ctx, c), check(ctx, c, l.settled)...)
}

// check looks for entries, several at a time.
func check(ctx context.Context, c *callers, entries []*entry) []error {
	keys := map[string]bool{}
	for k, err := range c.api.Keys(ctx, tenant, adminclient.List{}) {
		if err != nil {
			return []error{fmt.Errorf("the keys cannot be listed: %w", err)}
		}
		keys[k.KID] = true
	}
	var (
		mu   sync.Mutex
		lost []error
		wg   sync.WaitGroup
	)
	next := make(chan *entry)
	for range 8 {
		wg.Go(func() {
			for e := range next {
				if err := e.check(ctx, c, keys); err != nil {
					mu.Lock()
					lost = append(lost, fmt.Errorf("%s: %w", e.kind, err))
					mu.Unlock()
				}
			}
		})
	}
	for _, e := range entries {
		if !e.void.Load() {
			next <- e
		}
	}
	close(next)
	wg.Wait()
	return lost
}

// clientIs finds a client.
func clientIs(id string) func(context.Context, *callers, map[string]bool) error {
	return func(ctx context.Context, c *callers, _ map[string]bool) error {
		_, err := c.api.Client(ctx, tenant, id)
		return err
	}
}

// secretWorks asks for a token with a secret, which is granted or refused.
func secretWorks(id, secret string, want int) func(context.Context, *callers, map[string]bool) error {
	return func(ctx context.Context, c *callers, _ map[string]bool) error {
		a, err := c.token(ctx, pathJWT, id, secret)
		if err == nil && a.Status != want {
			err = fmt.Errorf("a token for %s: %d %s, want %d", id, a.Status, a.Error, want)
		}
		return err
	}
}

// tokenIs asks a resource server's question: is the token active?
func tokenIs(token string, want bool) func(context.Context, *callers, map[string]bool) error { //nolint:revive // it is what the answer should say
	return func(ctx context.Context, c *callers, _ map[string]bool) error {
		a, err := c.post(ctx, c.public+"/oauth2/introspect", checker, checkerSecret, url.Values{"token": {token}})
		if err == nil && (a.Status != http.StatusOK || a.Active != want) {
			err = fmt.Errorf("introspection: %d active %t, want %t", a.Status, a.Active, want)
		}
		return err
	}
}

// tokensEnded asks for all of several tokens.
func tokensEnded(tokens []string) func(context.Context, *callers, map[string]bool) error {
	return func(ctx context.Context, c *callers, keys map[string]bool) error {
		for _, tok := range tokens {
			if err := tokenIs(tok, false)(ctx, c, keys); err != nil {
				return err
			}
		}
		return nil
	}
}

// keyIs finds a key in the list that was read.
func keyIs(kid string) func(context.Context, *callers, map[string]bool) error {
	return func(_ context.Context, _ *callers, keys map[string]bool) error {
		if !keys[kid] {
			return errors.New("the key " + kid + " is not there")
		}
		return nil
	}
}
