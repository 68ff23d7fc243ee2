package chaos_test

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/mintagetest"
)

// hostility is what the application must not notice (issue 4): 5 % of the tokens
// are refused, requests to the issuer are answered 503 and 429 with Retry-After
// or have their connection reset, and keys rotate.
var hostility = mintagetest.Hostility{
	// A token is refused once it has been good for a while: it may be what a client
	// got because the one before had just ended, and then nothing is left to try.
	RefusePercent: 5, RefuseAfter: 2 * time.Second, UnavailablePercent: 5, TooManyPercent: 2, ResetPercent: 3, RetryAfter: time.Second, RotateKeysEvery: 5 * time.Second,
}

// hostileRun is one application of many parts, each with a client of its own.
type hostileRun struct {
	clients int
	life    time.Duration // of tokens
	lasts   time.Duration
	rate    int // calls a second, of all clients
}

// hostileRun returns the run of a form. Lives are long enough for a renewal that
// is answered with Retry-After to be tried again within them.
func (f form) hostileRun() hostileRun {
	switch f {
	case formShort:
		return hostileRun{clients: 20, life: 12 * time.Second, lasts: 11 * time.Second, rate: 100}
	case formLong:
		return hostileRun{clients: 100, life: 30 * time.Second, lasts: 10 * time.Minute, rate: 500}
	case formCI:
	}
	return hostileRun{clients: 80, life: 20 * time.Second, lasts: 20 * time.Second, rate: 200}
}

// TestHostileIssuer holds that an application behind consume.Transport sees no
// error of a hostile issuer, and that the issuer gets at most 1.5 times as many
// requests for tokens as a client needs that knows the future: one a life, and one
// for each token that is refused.
func TestHostileIssuer(t *testing.T) {
	t.Parallel()
	run := theForm().hostileRun()
	s := mintagetest.New(t, mintagetest.Options{})
	parts, born := make([]*http.Client, run.clients), make([]time.Time, run.clients)
	before := s.Stats()
	for i := range parts {
		born[i] = time.Now()
		parts[i] = hostileClient(t, s, run.life)
	}
	s.Hostile(hostility) // each has its first token: an issuer that is away when a program starts does show
	var failed, made atomic.Int64
	var wg sync.WaitGroup
	end := time.After(run.lasts)
	tick := time.NewTicker(time.Second / time.Duration(run.rate))
	defer tick.Stop()
	for n, going := 0, true; going; n++ {
		select {
		case <-end:
			going = false
		case <-tick.C:
			wg.Go(func() {
				made.Add(1)
				if err := hostileCall(t, parts[n%len(parts)], s.APIURL, n); err != nil {
					failed.Add(1)
					t.Errorf("call %d: %v", n, err)
				}
			})
		}
	}
	wg.Wait()
	after := s.Stats()
	ideal := float64(after.RefusedTokens)
	for _, at := range born {
		ideal += math.Ceil(time.Since(at).Seconds() / run.life.Seconds())
	}
	asked := after.TokenRequests - before.TokenRequests
	t.Logf("%d calls, %d failed; %d requests for tokens, ideal %.0f (%.2f); %d tokens were refused, 429 %d, 503 %d, resets %d",
		made.Load(), failed.Load(), asked, ideal, float64(asked)/ideal,
		after.RefusedTokens, after.TooMany, after.Unavailable, after.Resets)
	if float64(asked) > 1.5*ideal {
		t.Errorf("%d requests for tokens, want 1.5 times %.0f at most", asked, ideal)
	}
	if after.Refusals == 0 || after.Unavailable == 0 || after.Resets == 0 {
		t.Errorf("the issuer was not hostile: %+v", after)
	}
}

// hostileClient returns a client of the API with a client id of its own, and the
// first token.
func hostileClient(t *testing.T, s *mintagetest.Server, life time.Duration) *http.Client {
	t.Helper()
	own := s.AddClient(mintagetest.ClientOptions{Life: life})
	src := &consume.Source{
		Fetcher: &consume.ClientCredentials{
			TokenURL: s.TokenURL, ClientID: own.ID, Secret: consume.SecretValue(own.Secret), HTTPClient: s.Client(),
		},
		Patience: 10 * time.Second, // where a token was refused and the issuer is busy, there is nothing else
	}
	t.Cleanup(src.Close)
	if _, err := src.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &http.Client{
		Transport: &consume.Transport{Source: src, Origins: []string{s.APIURL}, Base: s.Client().Transport}, Timeout: 20 * time.Second,
	}
}

// hostileCall sends a body and looks whether all of it arrived.
func hostileCall(t *testing.T, part *http.Client, api string, n int) error {
	t.Helper()
	body := fmt.Sprintf("order %d", n)
	res, err := part.Post(api+"/orders", "text/plain", io.MultiReader(strings.NewReader(body))) // which has no GetBody
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK || !strings.Contains(string(got), `"body":"`+body+`"`) {
		return fmt.Errorf("%d %s", res.StatusCode, got)
	}
	return nil
}
