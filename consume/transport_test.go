package consume_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage/consume"
)

// api is a resource server without a network: it takes the tokens that it is
// told, and notes what it got.
type api struct {
	takes     func(token string) bool
	challenge []string
	status    int // of a refusal; zero: 401
	asked     atomic.Int64
	bodies    []string
}

func (a *api) RoundTrip(r *http.Request) (*http.Response, error) {
	a.asked.Add(1)
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return nil, err
		}
		a.bodies = append(a.bodies, string(b))
	}
	status, h := http.StatusOK, http.Header{}
	if !a.takes(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")) {
		if status = a.status; status == 0 {
			status = http.StatusUnauthorized
		}
		h["Www-Authenticate"] = a.challenge
	}
	return &http.Response{StatusCode: status, Header: h, Request: r, Body: io.NopCloser(strings.NewReader("answer"))}, nil
}

// Issue 4, point 1; CL-05, R26: an API that says 401 for ever is asked at most
// twice for a request, and the issuer ever less often.
func TestRefusedForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from := &issuer{t: t, life: time.Hour, takes: 10 * time.Millisecond}
		src := &consume.Source{Fetcher: from}
		defer src.Close()
		to := &api{takes: func(string) bool { return false }}
		client := &http.Client{Transport: &consume.Transport{Source: src, Base: to, Origins: []string{"https://api.example"}}}
		for range 600 {
			before := to.asked.Load()
			res, err := client.Get("https://api.example/")
			if err != nil || res.StatusCode != http.StatusUnauthorized {
				t.Fatalf("got %v, %v", res, err)
			}
			_ = res.Body.Close()
			if tries := to.asked.Load() - before; tries > 2 {
				t.Fatalf("%d tries of one request", tries)
			}
			time.Sleep(time.Second)
		}
		// 1, 2, 4, 8, 16 and 30 s apart, then 30 s.
		if n := from.asked.Load(); n < 10 || n > 30 {
			t.Errorf("%d tokens in ten minutes of refusals, want some 25", n)
		}
	})
}

// calling returns a client whose source has a token that is good, and one that
// it renewed it to, by name.
func calling(t *testing.T, to *api) (*http.Client, *issuer) {
	t.Helper()
	from := &issuer{t: t, life: time.Hour}
	src := &consume.Source{Fetcher: from}
	t.Cleanup(src.Close)
	return &http.Client{Transport: &consume.Transport{Source: src, Base: to, Origins: []string{"https://api.example"}}}, from
}

func onlyLater(token string) bool { return token != "token-1" }

// When a refusal has a new token fetched and the request sent again: CL-06, RFC
// 6750 §3.1, consume.md's contract.
func TestReplay(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 1<<20+1)
	// stream is a body of which nothing is known.
	stream := func(s string) io.Reader { return io.NopCloser(strings.NewReader(s)) }
	for _, tt := range []struct {
		name      string
		challenge []string
		status    int
		body      io.Reader
		want      int // status
		tries     int64
		bodies    []string
	}{
		{name: "nothing said", want: 200, tries: 2},
		{name: "a challenge that says nothing", challenge: []string{`Bearer realm="x"`}, want: 200, tries: 2},
		{name: "invalid_token", challenge: []string{`Bearer realm="x, error=y", error="invalid_token"`}, want: 200, tries: 2},
		{name: "invalid_token, in other words", challenge: []string{`Basic realm=x, bEARER ERROR=invalid_token`}, want: 200, tries: 2},
		{name: "two headers", challenge: []string{`Negotiate abc==`, `Bearer error="invalid_token"`}, want: 200, tries: 2},
		{name: "insufficient_scope", challenge: []string{`Bearer error="insufficient_scope", scope="a b"`}, want: 401, tries: 1},
		{name: "invalid_request", challenge: []string{`Basic, Bearer error="invalid_request"`}, want: 401, tries: 1},
		{name: "403", status: 403, challenge: []string{`Bearer error="invalid_token"`}, want: 403, tries: 1},
		{name: "503", status: 503, want: 503, tries: 1},
		{name: "body with GetBody", body: strings.NewReader("hello"), want: 200, tries: 2, bodies: []string{"hello", "hello"}},
		{name: "large body with GetBody", body: strings.NewReader(big), want: 200, tries: 2, bodies: []string{big, big}},
		{name: "body without", body: stream("hello"), want: 200, tries: 2, bodies: []string{"hello", "hello"}},
		{name: "body at the bound", body: stream(big[1:]), want: 200, tries: 2, bodies: []string{big[1:], big[1:]}},
		{name: "body beyond the bound", body: stream(big), want: 401, tries: 1, bodies: []string{big}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			to := &api{takes: onlyLater, challenge: tt.challenge, status: tt.status}
			client, from := calling(t, to)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "https://api.example/x", tt.body)
			if err != nil {
				t.Fatal(err)
			}
			res, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			b, err := io.ReadAll(res.Body)
			if err != nil || string(b) != "answer" {
				t.Errorf("got %q, %v: the answer is not whole", b, err)
			}
			if res.StatusCode != tt.want || to.asked.Load() != tt.tries {
				t.Errorf("got %d in %d tries, want %d in %d", res.StatusCode, to.asked.Load(), tt.want, tt.tries)
			}
			if !slices.Equal(to.bodies, tt.bodies) {
				t.Errorf("the API got %.40q, want %.40q", to.bodies, tt.bodies)
			}
			tokens := int64(1)
			if tt.want == 200 || tt.name == "body beyond the bound" { // the next request is to fare better
				tokens = 2
			}
			if from.asked.Load() != tokens {
				t.Errorf("%d tokens fetched, want %d", from.asked.Load(), tokens)
			}
			if r.Header.Get("Authorization") != "" {
				t.Error("the caller's request was changed")
			}
		})
	}
}

// CL-08: the token goes to the origins that were named and to no other.
func TestOrigins(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		url string
		ok  bool
	}{
		{"https://api.example/x", true},
		{"https://API.example:443/", true},
		{"http://127.0.0.1:8080/", true},
		{"https://api.example:8443/", false},
		{"https://api.example.evil.example/", false},
		{"https://evil.example/?api.example", false},
		{"http://api.example/", false},
		{"http://127.0.0.1/", false},
		{"http://plain.example/", false},
	} {
		to := &api{takes: func(string) bool { return true }}
		client, _ := calling(t, to)
		client.Transport.(*consume.Transport).Origins = []string{"https://api.example", "http://127.0.0.1:8080", "http://plain.example"}
		res, err := client.Get(tt.url)
		if err == nil {
			_ = res.Body.Close()
		}
		if (err == nil) != tt.ok || (to.asked.Load() == 1) != tt.ok {
			t.Errorf("%s: %d requests sent, %v, want ok %v", tt.url, to.asked.Load(), err, tt.ok)
		}
	}
	client, _ := calling(t, &api{takes: onlyLater})
	client.Transport.(*consume.Transport).Origins = nil
	if _, err := client.Get("https://api.example/"); err == nil || !strings.Contains(err.Error(), "Origins") { //nolint:bodyclose // there is none
		t.Errorf("without origins: got %v", err)
	}
}

// CL-08: a redirect that leaves takes no token along, and neither has what comes
// after it one, even where it comes back.
func TestRedirects(t *testing.T) {
	t.Parallel()
	for chain, want := range map[string]string{
		"/start /here": "yes yes",
		"/start https://b.example/1 https://b.example/2":             "yes no no",
		"/start https://b.example/ https://api.example/back":         "yes no no",
		"/start /here https://b.example/ https://api.example/a /end": "yes yes no no no",
	} {
		hops := strings.Fields(chain)
		var got []string
		client, _ := calling(t, nil)
		client.Transport.(*consume.Transport).Base = tripper(func(r *http.Request) (*http.Response, error) {
			had := "no"
			if r.Header.Get("Authorization") == "Bearer token-1" {
				had = "yes"
			} else if r.Header.Get("Authorization") != "" {
				t.Errorf("%s got %s", r.URL, r.Header.Get("Authorization"))
			}
			if got = append(got, had); len(got) < len(hops) {
				return answer(http.StatusTemporaryRedirect, "", "Location", hops[len(got)])(r)
			}
			return answer(http.StatusOK, "")(r)
		})
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example"+hops[0], nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer of-the-caller")
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%s: with a token: %s, want %s", chain, g, want)
		}
	}
}

// Without a token there is no request.
func TestNoToken(t *testing.T) {
	t.Parallel()
	to := &api{takes: func(string) bool { return true }}
	client, from := calling(t, to)
	from.fail(unavailable())
	closed := false
	body := &closing{Reader: strings.NewReader("x"), closed: &closed}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.example/", body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Do(r); err == nil || to.asked.Load() != 0 || !closed { //nolint:bodyclose // there is none
		t.Errorf("%d requests, %v, body closed %v", to.asked.Load(), err, closed)
	}
}

type closing struct {
	io.Reader
	closed *bool
}

func (c *closing) Close() error {
	*c.closed = true
	return nil
}
