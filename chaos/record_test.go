package chaos_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
)

// stated is within what time docs/reference/usage.md and request-log.md say that
// requests are counted and listed; patience is what a busy machine may add.
const (
	stated   = 5 * time.Second
	patience = 15 * time.Second
)

// TestKillKeepsRecords: what was asked before the stated interval is counted and
// listed after a kill -9.
func TestKillKeepsRecords(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := newServer(t)
	c := s.ready(t)
	want := records{issued: 40, refused: 3, rows: 40 + 3}
	for i := range want.issued + want.refused {
		secret, status := checkerSecret, http.StatusOK
		if i >= want.issued {
			secret, status = checkerSecret+strconv.FormatInt(i, 10), http.StatusUnauthorized
		}
		if a, err := c.token(ctx, pathJWT, checker, secret); err != nil || a.Status != status {
			t.Fatalf("request %d: %d, %v", i, a.Status, err)
		}
	}
	asked := time.Now()
	got, err := c.records(ctx)
	for ; err == nil && got != want && time.Since(asked) < stated+patience; got, err = c.records(ctx) {
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("counted and listed after %d ms", time.Since(asked).Milliseconds())
	if err != nil || got != want {
		t.Fatalf("%v after the last request: %+v (%v), want %+v", time.Since(asked), got, err, want)
	}
	s.kill()
	if _, err := s.start(); err != nil {
		t.Fatal(err)
	}
	if c, err = s.call(); err != nil {
		t.Fatal(err)
	}
	if got, err := c.records(ctx); err != nil || got != want {
		t.Errorf("after the kill: %+v (%v), want %+v", got, err, want)
	}
}

// records is what the server tells of the past of the tenant: sums of usage, and
// how many requests the rows of the request log stand for.
type records struct{ issued, refused, rows int64 }

func (c *callers) records(ctx context.Context) (r records, err error) {
	u, err := c.api.Usage(ctx, tenant, adminclient.UsageFilter{ClientID: checker})
	if err != nil {
		return r, err
	}
	for _, sum := range u.Items {
		r.issued, r.refused = r.issued+sum.Issued, r.refused+sum.Refused
	}
	for row, err := range c.api.Requests(ctx, tenant, adminclient.RequestFilter{ClientID: checker}, adminclient.List{}) {
		if err != nil {
			return r, err
		}
		r.rows += row.Count
	}
	return r, nil
}

// TestKillOnce: a client that is being made when the server is killed is made
// once, by sending the request again under its key.
func TestKillOnce(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := newServer(t)
	c := s.ready(t)
	kills, seed := map[form]int{formShort: 1, formCI: 5, formLong: 100}[theForm()], rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	lost := 0
	for round := range kills {
		name := "Once " + strconv.Itoa(round)
		once := adminclient.WithIdempotencyKey(ctx, "round-"+strconv.Itoa(round))
		n := adminclient.NewClient{ClientSettings: adminclient.ClientSettings{Name: name}}
		if _, err := c.api.Token(ctx); err != nil {
			t.Fatal(err)
		}
		var first *adminclient.CreatedClient
		var ended error
		var wg sync.WaitGroup
		wg.Go(func() { first, ended = c.api.CreateClient(once, tenant, n) })
		time.Sleep(time.Duration(random.IntN(30)) * time.Millisecond)
		s.kill()
		wg.Wait()
		if _, err := s.start(); err != nil {
			t.Fatal(err)
		}
		var err error
		if c, err = s.call(); err != nil {
			t.Fatal(err)
		}
		again, err := c.api.CreateClient(once, tenant, n)
		if err != nil {
			t.Fatalf("kill %d: %v", round+1, err)
		}
		if ended != nil {
			lost++
		} else if first.ClientID != again.ClientID || first.ClientSecret != again.ClientSecret {
			t.Errorf("kill %d: made %s and then %s, or with another secret", round+1, first.ClientID, again.ClientID)
		}
		made := 0
		for cl, err := range c.api.Clients(ctx, tenant, adminclient.List{Name: name}) {
			if err != nil || cl.ClientID != again.ClientID {
				err = errors.Join(err, errors.New("it is another one"))
				t.Errorf("kill %d: %v", round+1, err)
			}
			made++
		}
		if made != 1 {
			t.Errorf("kill %d: %d clients were made, want 1", round+1, made)
		}
	}
	t.Logf("%d kills, %d answers lost, each client made once", kills, lost)
}
