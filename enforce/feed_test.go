package enforce_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/oauth"
)

// teller is an issuer's revocation feed without a network.
type teller struct {
	mu     sync.Mutex
	serve  func(w *io.PipeWriter, r *http.Request) // writes a body; nil: body
	body   string
	status int
	header http.Header
	err    error
	asked  []string // Accept and query of each request
}

func (p *teller) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, r.Header.Get("Accept")+" "+r.URL.RawQuery)
	if p.err != nil {
		return nil, p.err
	}
	h := p.header.Clone()
	if h == nil {
		h = http.Header{}
	}
	res := &http.Response{StatusCode: max(p.status, http.StatusOK), Header: h, Request: r, Body: io.NopCloser(strings.NewReader(p.body))}
	if p.serve != nil {
		pr, pw := io.Pipe()
		res.Body = pr
		serve := p.serve
		go func() {
			serve(pw, r)
			_ = pw.Close()
		}()
		go func() {
			<-r.Context().Done()
			_ = pr.CloseWithError(r.Context().Err())
		}()
		if r.Header.Get("Accept") == "text/event-stream" {
			h.Set("Content-Type", "text/event-stream")
		}
	}
	return res, nil
}

func (p *teller) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.asked)
}

func (p *teller) set(change func(p *teller)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *teller) feed() *enforce.Feed {
	return &enforce.Feed{Issuer: issuerName, Client: &http.Client{Transport: p}, Token: func(context.Context) (string, error) { return "t", nil }}
}

// run starts the feed and returns what stops it.
func run(t *testing.T, f *enforce.Feed) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: got %v", err)
		}
	}
}

func document(complete bool, cursor string, items ...string) string {
	return fmt.Sprintf(`{"complete":%v,"items":[%s],"cursor":%q}`, complete, strings.Join(items, ","), cursor)
}

// tokenOf is a verified token as far as a feed looks at it.
func tokenOf(jti, client, kid string, issued int64) *enforce.Token {
	return &enforce.Token{Claims: oauth.Claims{Issuer: issuerName, ID: jti, ClientID: client, IssuedAt: issued}, KeyID: kid}
}

// RV-09: which tokens end by which item.
func TestFeedEnded(t *testing.T) {
	t.Parallel()
	const at = 1795255200 // seconds
	uuid := func(ms int64) string { return fmt.Sprintf("%08x-%04x-7abc-8def-0123456789ab", ms>>16, ms&0xffff) }
	synctest.Test(t, func(t *testing.T) {
		p := &teller{body: document(true, "1",
			`{"jti":"one","exp":9795258800}`, `{"kid":"k1"}`, `{"client_id":"all"}`,
			fmt.Sprintf(`{"client_id":"before","before_ms":%d}`, at*1000+500),
			fmt.Sprintf(`{"client_id":"before","before_ms":%d}`, at*1000),
			`{"jti":"gone","exp":1}`, `{"unknown":"x"}`, `{}`)}
		f := p.feed()
		f.PollOnly = true
		if _, err := f.Ended(t.Context(), tokenOf("x", "c", "k", at)); err == nil {
			t.Error("a feed that heard nothing says that it knows")
		}
		if f.Staleness() >= 0 {
			t.Error("a feed that heard nothing is not stale")
		}
		defer run(t, f)()
		synctest.Wait()
		for _, tt := range []struct {
			name string
			tok  *enforce.Token
			want bool
		}{
			{"its jti", tokenOf("one", "c", "k", at), true},
			{"another jti", tokenOf("two", "c", "k", at), false},
			{"no jti", tokenOf("", "c", "k", at), false},
			{"its key", tokenOf("x", "c", "k1", at), true},
			{"no key", tokenOf("x", "c", "", at), false},
			{"all of the client", tokenOf("x", "all", "k", at+1e6), true},
			{"before", tokenOf("x", "before", "k", at-1), true},
			{"the same second", tokenOf("x", "before", "k", at), true},
			{"the second after", tokenOf("x", "before", "k", at+1), false},
			{"the same millisecond", tokenOf(uuid(at*1000+500), "before", "k", at), true},
			{"the millisecond after", tokenOf(uuid(at*1000+501), "before", "k", at), false},
			{"a jti that does not agree with iat", tokenOf(uuid(at*1000+5000), "before", "k", at), true},
			{"a jti of another version", tokenOf(strings.Replace(uuid(at*1000+501), "-7", "-4", 1), "before", "k", at), true},
		} {
			if got, err := f.Ended(t.Context(), tt.tok); got != tt.want || err != nil {
				t.Errorf("%s: got %v, %v, want %v", tt.name, got, err, tt.want)
			}
		}
		stranger := tokenOf("one", "all", "k1", at)
		stranger.Issuer = "https://other.example"
		if got, err := f.Ended(t.Context(), stranger); got || err != nil {
			t.Errorf("a token of another issuer: got %v, %v", got, err)
		}
		if s := f.Status(); s.Revocations != 4 || s.Way != "poll" || s.Err != nil {
			t.Errorf("status %+v", s)
		}
	})
}

// streaming answers streams with what comes from events, and polls with body.
func (p *teller) streaming(events <-chan string) {
	p.serve = func(w *io.PipeWriter, r *http.Request) {
		if r.Header.Get("Accept") != "text/event-stream" {
			p.mu.Lock()
			body := p.body
			p.mu.Unlock()
			_, _ = io.WriteString(w, body)
			return
		}
		beat := time.NewTicker(15 * time.Second)
		defer beat.Stop()
		for {
			select {
			case <-beat.C:
				_, _ = io.WriteString(w, ": still here\n\n")
			case e, ok := <-events:
				if !ok {
					return
				}
				if _, err := io.WriteString(w, e); err != nil {
					return
				}
			case <-r.Context().Done():
				return
			}
		}
	}
}

func eventOf(doc, cursor string) string {
	return "id: " + cursor + "\nevent: revocations\ndata: " + doc + "\n\n"
}

// ended says whether the feed knows that a token ended.
func ended(t *testing.T, f *enforce.Feed, jti string) bool {
	t.Helper()
	got, err := f.Ended(t.Context(), tokenOf(jti, "c", "k", 1))
	if err != nil {
		t.Errorf("%s: %v", jti, err)
	}
	return got
}

// R14: an event is known at once, who waits is woken, a killed key makes the
// keys be fetched; the stream goes on after its last event, and a whole document
// replaces what was known.
func TestFeedStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := &publisher{body: string(keySet(newSigner(t, jose.ES256, "k1", "")))}
		set := keys.keySet()
		events := make(chan string)
		p := &teller{body: document(true, "9", `{"jti":"a"}`, `{"jti":"b"}`, `{"kid":"k2"}`)}
		p.streaming(events)
		f := p.feed()
		f.Keys = set
		has(t, set, "k1")
		defer run(t, f)()
		events <- "retry: 1000\n\n"
		events <- eventOf(document(true, "5"), "5")
		synctest.Wait()
		changed := f.Changed()
		if ended(t, f, "a") || f.Status().Way != "stream" {
			t.Errorf("before the event: %+v", f.Status())
		}
		events <- eventOf(document(false, "6", `{"jti":"a"}`), "6")
		synctest.Wait()
		select {
		case <-changed:
		default:
			t.Error("who waits for news was not woken")
		}
		if !ended(t, f, "a") || keys.count() != 1 {
			t.Errorf("after the event: %+v, %d fetches of keys", f.Status(), keys.count())
		}
		events <- eventOf(document(false, "7", `{"kid":"k2","exp":9795258800}`), "7")
		synctest.Wait()
		if keys.count() != 2 {
			t.Errorf("a killed key: %d fetches of keys, want 2", keys.count())
		}
		time.Sleep(14 * time.Second)
		events <- ": still here\nid: 8\n\n"
		synctest.Wait()
		if s := f.Staleness(); s != 0 {
			t.Errorf("stale by %v after a comment", s)
		}
		close(events) // the server ends the stream; what came since is known at once
		synctest.Wait()
		if !ended(t, f, "b") {
			t.Error("what a whole document says is not known")
		}
		p.set(func(p *teller) { p.streaming(make(chan string)) })
		time.Sleep(time.Second)
		synctest.Wait()
		p.mu.Lock()
		last := p.asked[len(p.asked)-1]
		p.mu.Unlock()
		if !strings.HasPrefix(last, "text/event-stream") {
			t.Errorf("the last request was %q, want the stream again", last)
		}
	})
}

// A stream that a proxy keeps back is given up for a long poll, which is given
// up for polls where it is cut, and tried again after a while.
func TestFeedFallsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		cut := false
		p := &teller{body: document(true, "1")}
		p.serve = func(w *io.PipeWriter, r *http.Request) {
			wait := strings.Contains(r.URL.RawQuery, "wait=25")
			mu.Lock()
			broken := cut
			mu.Unlock()
			switch {
			case r.Header.Get("Accept") == "text/event-stream":
				<-r.Context().Done()
			case wait && broken:
				_ = w.CloseWithError(errors.New("cut"))
			case wait:
				time.Sleep(25 * time.Second)
				_, _ = io.WriteString(w, document(false, "2", `{"jti":"polled"}`))
			default:
				_, _ = io.WriteString(w, document(true, "1"))
			}
		}
		f := p.feed()
		stop := run(t, f)
		time.Sleep(11 * time.Second)
		if s := f.Status(); s.Way != "long poll" || f.Staleness() > 2*time.Second {
			t.Errorf("after 11 s: %+v", s)
		}
		time.Sleep(25 * time.Second)
		if !ended(t, f, "polled") {
			t.Errorf("after a long poll: %+v", f.Status())
		}
		mu.Lock()
		cut = true
		mu.Unlock()
		time.Sleep(30 * time.Second)
		if s := f.Status(); s.Way != "poll" || s.Err != nil || f.Staleness() > 3*time.Second {
			t.Errorf("where polls are cut: %+v", s)
		}
		time.Sleep(6 * time.Minute)
		stop()
		streams := 0
		for _, a := range p.asked {
			if strings.HasPrefix(a, "text/event-stream") {
				streams++
			}
		}
		if streams != 2 {
			t.Errorf("the stream was tried %d times in 7 minutes, want 2", streams)
		}
	})
}

// R10: the issuer is away for ten minutes. Tokens go on, the staleness shows,
// the issuer is not asked without end, and what it says when it is back counts.
// Where the configuration bounds the staleness, tokens are not accepted beyond.
func TestFeedIssuerAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSigner(t, jose.ES256, "k1", "at+jwt")
		kp := &publisher{body: string(keySet(s))}
		p := &teller{body: document(true, "1")}
		open, closed := p.feed(), p.feed()
		open.PollOnly, closed.PollOnly, closed.MaxStale = true, true, 30*time.Second
		keys := kp.keySet()
		verifier := func(f *enforce.Feed) *enforce.Verifier {
			return &enforce.Verifier{
				Issuers: &enforce.Issuer{Name: issuerName, Keys: keys, Revocations: f}, Audience: audience, Cache: &enforce.TokenCache{},
			}
		}
		failOpen, failClosed := verifier(open), verifier(closed)
		defer run(t, open)()
		defer run(t, closed)()
		synctest.Wait()
		now := time.Now()
		tok := s.with(map[string]any{"iat": now.Unix(), "exp": now.Add(time.Hour).Unix()})
		check := func(v *enforce.Verifier) string {
			_, err := v.Verify(t.Context(), tok)
			return reason(t, err)
		}
		if check(failOpen) != "" || check(failClosed) != "" {
			t.Fatal(check(failOpen), check(failClosed))
		}
		kp.set(func(p *publisher) { p.err = errors.New("no route") })
		p.set(func(p *teller) { p.err, p.asked = errors.New("no route"), nil })
		for range 600 {
			time.Sleep(time.Second)
			if got := check(failOpen); got != "" {
				t.Fatalf("after %v: got %q", time.Since(now), got)
			}
			if got := check(failClosed); (got == "store.unavailable") != (closed.Staleness() > 30*time.Second) {
				t.Fatalf("bounded, stale by %v: got %q", closed.Staleness(), got)
			}
		}
		if s := open.Staleness(); s < 9*time.Minute+55*time.Second || open.Status().Err == nil {
			t.Errorf("stale by %v, status %+v", s, open.Status())
		}
		if keys.Status().Err == nil || keys.Stale() < 4*time.Minute {
			t.Errorf("keys: %+v, stale by %v", keys.Status(), keys.Stale())
		}
		if n := p.count(); n < 150 || n > 1000 {
			t.Errorf("%d requests by two feeds in ten minutes of trouble", n)
		}
		kp.set(func(p *publisher) { p.err = nil })
		p.set(func(p *teller) { p.err, p.body = nil, document(true, "2", `{"client_id":"agent"}`) })
		time.Sleep(10 * time.Second)
		if check(failOpen) != "token.revoked" || check(failClosed) != "token.revoked" || keys.Stale() != 0 {
			t.Errorf("back: got %q, %q, keys stale by %v", check(failOpen), check(failClosed), keys.Stale())
		}
	})
}

// A feed that cannot work says so at once; errors of the issuer are kept and
// never fatal, and an answer that is no document changes nothing.
func TestFeedTrouble(t *testing.T) {
	t.Parallel()
	for _, f := range []*enforce.Feed{
		{}, {Issuer: issuerName}, {Issuer: "http://auth.example", Client: &http.Client{}}, {Issuer: issuerName, URL: "x", Client: &http.Client{}},
	} {
		if err := f.Run(t.Context()); err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("%+v: got %v", f.Status(), err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		p := &teller{body: document(true, "1", `{"jti":"a"}`)}
		f := p.feed()
		f.PollOnly = true
		defer run(t, f)()
		synctest.Wait()
		if err := f.Run(t.Context()); err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("a second Run: got %v", err)
		}
		for name, change := range map[string]func(p *teller){
			"401":       func(p *teller) { p.status = 401 },
			"404":       func(p *teller) { p.status = 404 },
			"503":       func(p *teller) { p.status = 503 },
			"redirect":  func(p *teller) { p.status, p.header = 302, http.Header{"Location": {"https://evil.example/"}} },
			"not JSON":  func(p *teller) { p.body = "<html>" },
			"no cursor": func(p *teller) { p.body = `{"complete":true,"items":[]}` },
			"items":     func(p *teller) { p.body = `{"complete":true,"items":{},"cursor":"1"}` },
		} {
			p.set(change)
			time.Sleep(20 * time.Second)
			if f.Status().Err == nil || !ended(t, f, "a") {
				t.Errorf("%s: status %+v", name, f.Status())
			}
			p.set(func(p *teller) { p.status, p.header, p.body = 0, nil, document(true, "1", `{"jti":"a"}`) })
			time.Sleep(20 * time.Second)
			if err := f.Status().Err; err != nil {
				t.Errorf("after %s: %v", name, err)
			}
		}
		p.set(func(p *teller) { p.status, p.header, p.asked = 429, http.Header{"Retry-After": {"40"}}, nil })
		time.Sleep(39 * time.Second)
		if n := p.count(); n > 6 {
			t.Errorf("%d requests in 39 s, with Retry-After 40", n)
		}
	})
}
