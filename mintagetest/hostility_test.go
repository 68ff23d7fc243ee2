package mintagetest_test

import (
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/mintagetest"
)

// await returns when something is so, which real connections and clocks take a
// moment for.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	patience := time.After(20 * time.Second)
	for !so() {
		select {
		case <-tick.C:
		case <-patience:
			t.Fatalf("not in time: %s", what)
		}
	}
}

// Of twenty tokens one is refused, the first; never one that answers a refusal.
func TestRefuse(t *testing.T) {
	t.Parallel()
	s := mintagetest.New(t, mintagetest.Options{Hostility: mintagetest.Hostility{RefusePercent: 5}})
	refused := 0
	for i := range 41 {
		// A client each: that one was refused spares no other.
		own := s.AddClient(mintagetest.ClientOptions{})
		a := agent(s, s.TokenURL, consume.Basic)
		a.ClientID, a.Secret = own.ID, consume.SecretValue(own.Secret)
		tok := mustToken(t, a)
		status, _ := call(t, s, s.APIURL, tok.Value)
		if again, _ := call(t, s, s.APIURL, tok.Value); again != status {
			t.Errorf("token %d: %d and then %d", i, status, again)
		}
		active := introspect(t, s, s.IntrospectURL, tok.Value).Active
		if active != (status == http.StatusOK) {
			t.Errorf("token %d: the API says %d, introspection %v", i, status, active)
		}
		if status == http.StatusOK {
			continue
		}
		refused++
		for range 2 { // an answer, and one that comes within the time of an answer
			if status, _ := call(t, s, s.APIURL, mustToken(t, a).Value); status != http.StatusOK {
				t.Errorf("token %d: its answer was refused too", i)
			}
		}
	}
	if refused != 3 { // 41 tokens and 2 × 3 more
		t.Errorf("%d tokens were refused, want 3", refused)
	}
}

// A token can be refused from a later moment on, or when the test says so, and
// the next one is good.
func TestRefuseLater(t *testing.T) {
	t.Parallel()
	s := mintagetest.New(t, mintagetest.Options{Hostility: mintagetest.Hostility{RefusePercent: 100, RefuseAfter: time.Hour}})
	for _, a := range []*consume.ClientCredentials{
		agent(s, s.TokenURL, consume.Basic), agent(s, s.CognitoURL, consume.Basic), agent(s, s.DoorkeeperURL, consume.Query),
	} {
		tok := mustToken(t, a)
		if status, _ := call(t, s, s.APIURL, tok.Value); status != http.StatusOK {
			t.Errorf("%s: refused with %d before its time", a.TokenURL, status)
		}
		s.Refuse(tok.Value)
		if status, _ := call(t, s, s.APIURL, tok.Value); status != http.StatusUnauthorized {
			t.Errorf("%s: not refused: %d", a.TokenURL, status)
		}
		if status, _ := call(t, s, s.APIURL, mustToken(t, a).Value); status != http.StatusOK {
			t.Errorf("%s: the answer was refused: %d", a.TokenURL, status)
		}
	}
	own := s.Token(mintagetest.TokenOptions{})
	s.Refuse(own)
	if status, _ := call(t, s, s.APIURL, own); status != http.StatusUnauthorized {
		t.Errorf("a token of the test's: not refused: %d", status)
	}
}

// Requests are answered 429 or 503, or not at all, as often as was said.
func TestFaults(t *testing.T) {
	t.Parallel()
	s := mintagetest.New(t, mintagetest.Options{})
	s.Hostile(mintagetest.Hostility{TooManyPercent: 20, UnavailablePercent: 10, ResetPercent: 10, RetryAfter: 7 * time.Second})
	a := agent(s, s.TokenURL, consume.Basic)
	got := map[int]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				_, err := a.Token(t.Context())
				e, _ := errors.AsType[*consume.Error](err)
				if e == nil {
					e = &consume.Error{Status: 200}
				}
				if busy := e.Status == 429 || e.Status == 503; busy != (e.RetryAfter == 7*time.Second) {
					t.Errorf("%v: Retry-After is %v", err, e.RetryAfter)
				}
				mu.Lock()
				got[e.Status]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if got[429] != 20 || got[503] != 10 || got[0] != 10 || got[200] != 60 {
		t.Errorf("got %v of 100", got)
	}
	st := s.Stats()
	if st.TokenRequests != 100 || s.Requests() != 100 || st.Tokens != 60 || st.TooMany != 20 || st.Unavailable != 10 || st.Resets != 10 || st.Early == 0 {
		t.Errorf("got %+v", st)
	}
	s.Hostile(mintagetest.Hostility{})
	for range 20 {
		mustToken(t, a)
	}
}

// Every answer is late by as much as was said.
func TestDelay(t *testing.T) {
	t.Parallel()
	const delay = 300 * time.Millisecond
	s := mintagetest.New(t, mintagetest.Options{Hostility: mintagetest.Hostility{Delay: delay}})
	began := time.Now()
	tok := mustToken(t, agent(s, s.TokenURL, consume.Basic))
	if took := time.Since(began); took < delay {
		t.Errorf("the answer took %v, want %v or more", took, delay)
	}
	if status, _ := call(t, s, s.APIURL, tok.Value); status != http.StatusOK {
		t.Errorf("the API answered %d", status)
	}
	s.Hostile(mintagetest.Hostility{Delay: 20 * time.Second})
	done := make(chan error, 1)
	go func() {
		_, err := agent(s, s.TokenURL, consume.Basic).Token(t.Context())
		done <- err
	}()
	await(t, "the request comes", func() bool { return s.Requests() == 2 })
	s.Stop() // and a slow answer is cut off
	select {
	case err := <-done:
		if err == nil {
			t.Error("an issuer that went away answered")
		}
	case <-time.After(10 * time.Second):
		t.Error("Stop did not cut off a slow answer")
	}
}

// The clock is wrong in tokens and in the header Date, ahead and behind, and
// the issuer goes on.
func TestClock(t *testing.T) {
	t.Parallel()
	s := mintagetest.New(t, mintagetest.Options{})
	keys := &enforce.RemoteKeySet{URL: s.JWKSURL, Client: s.Client()}
	t.Cleanup(keys.Close)
	for _, offset := range []time.Duration{-24 * time.Hour, 48 * time.Hour, -2 * time.Minute} {
		s.Hostile(mintagetest.Hostility{ClockOffset: offset})
		now := time.Now().Add(offset)
		tok := mustToken(t, agent(s, s.TokenURL, consume.Basic))
		mustToken(t, agent(s, s.MyParcelURL, consume.JSON)) // whose key is as old as the first of these clocks
		v := &enforce.Verifier{
			Issuers: &enforce.Issuer{Name: s.Issuer, Keys: keys}, Audience: s.Audience, Now: func() time.Time { return now },
		}
		got, err := v.Verify(t.Context(), tok.Value)
		if err != nil {
			t.Fatalf("at %v: %v", offset, err)
		}
		if d := time.Unix(got.IssuedAt, 0).Sub(now).Abs(); d > time.Minute {
			t.Errorf("at %v: iat is off by %v", offset, d)
		}
		if status, _ := call(t, s, s.APIURL, tok.Value); status != http.StatusOK {
			t.Errorf("at %v: the API answered %d", offset, status)
		}
		began := time.Now().Add(offset).Truncate(time.Second)
		res, err := s.Client().Get(s.JWKSURL)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		date, err := http.ParseTime(res.Header.Get("Date"))
		if err != nil || date.Before(began) || date.After(time.Now().Add(offset)) {
			t.Errorf("at %v: the header Date is %v, %v", offset, res.Header["Date"], err)
		}
	}
}

// Keys change when the test says so, and by themselves; old tokens verify.
func TestRotation(t *testing.T) {
	t.Parallel()
	s := mintagetest.New(t, mintagetest.Options{})
	verify := func(raw string) string {
		keys := &enforce.RemoteKeySet{URL: s.JWKSURL, Client: s.Client()} // one that has been read for long is a while in asking again
		defer keys.Close()
		v := &enforce.Verifier{Issuers: &enforce.Issuer{Name: s.Issuer, Keys: keys}, Audience: s.Audience}
		tok, err := v.Verify(t.Context(), raw)
		if err != nil {
			t.Fatal(err)
		}
		return tok.KeyID
	}
	kid := func() string { return verify(mustToken(t, agent(s, s.TokenURL, consume.Basic)).Value) }
	old, before := mustToken(t, agent(s, s.TokenURL, consume.Basic)), kid()
	s.RotateKeys()
	now := kid()
	if now == before {
		t.Error("the key is the same after RotateKeys")
	}
	if got := verify(old.Value); got != before {
		t.Errorf("a token of the old key has the key %s", got)
	}
	s.Hostile(mintagetest.Hostility{RotateKeysEvery: time.Second})
	await(t, "the keys rotate by themselves", func() bool { return kid() != now })
}

// A test has its issuer in a few dozen milliseconds.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		var clean []func()
		tb := &collecting{TB: b, clean: &clean}
		b.StartTimer()
		mintagetest.New(tb, mintagetest.Options{})
		b.StopTimer()
		for _, f := range slices.Backward(clean) {
			f()
		}
		b.StartTimer()
	}
}

type collecting struct {
	testing.TB
	clean *[]func()
}

func (c *collecting) Cleanup(f func()) { *c.clean = append(*c.clean, f) }
