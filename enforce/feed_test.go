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

	"github.com/mintage-auth/mintage/enforce"
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
