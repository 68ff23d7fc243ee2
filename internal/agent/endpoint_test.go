package agent_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/agent"
)

const formType = "application/x-www-form-urlencoded"

// endpoints is a file with the three usual paths.
func endpoints(tokenURL string) string {
	return fmt.Sprintf(`
token_endpoints:
  /oauth2/token: { url: %[1]s/oauth2/token }
  /access-token: { url: %[1]s/access-token }
  /oauth/token: { url: "%[1]s/oauth/token?tenant=1", headers: [X-Tenant] }
`, tokenURL)
}

// dialects are requests for a token as applications send them, with a secret.
var dialects = map[string]func(secret string) (target, body string, header []string){
	"Basic and a form": func(secret string) (string, string, []string) {
		r := http.Request{Header: http.Header{}}
		r.SetBasicAuth("app", secret)
		return "/oauth2/token", "grant_type=client_credentials&scope=a+b", []string{"Content-Type", formType, "Authorization", r.Header.Get("Authorization")}
	},
	"form": func(secret string) (string, string, []string) {
		return "/oauth2/token", "grant_type=client_credentials&client_id=app&client_secret=" + secret, []string{"Content-Type", formType}
	},
	"JSON": func(secret string) (string, string, []string) {
		return "/access-token", `{"grant_type":"client_credentials","client_id":"app","client_secret":"` + secret + `","scope":"*"}`,
			[]string{"Content-Type", "application/json; charset=utf-8"}
	},
	"query": func(secret string) (string, string, []string) { //nolint:unparam // one of a table
		return "/oauth/token?grant_type=client_credentials&client_id=app&client_secret=" + secret, "", nil
	},
}

// TestCachingEndpoint: an application's own request is answered from the cache,
// and a wrong secret never gets another's token.
func TestCachingEndpoint(t *testing.T) {
	t.Parallel()
	for name, request := range dialects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i, c := newIssuer(t, "s3cret"), newClock()
			a := start(t, endpoints(i.URL), &agent.Deps{Now: c.Now})
			ask := func(secret string) answer {
				target, body, header := request(secret)
				return a.do(t, "POST", target, strings.NewReader(body), header...)
			}
			wants := func(got answer, how, token string, left int) {
				t.Helper()
				want := fmt.Sprintf(`{ "token_type":"Bearer", "access_token":"%s", "expires_in": %d }`, token, left)
				if got.status != 200 || got.body != want || got.header.Get("Mintage-Agent-Cache") != how ||
					got.header.Get("Cache-Control") != "no-store" || got.header.Get("X-Internal") != "" {
					t.Fatalf("got %d %s %v\nwant %s %s", got.status, got.body, got.header, how, want)
				}
			}
			wants(ask("s3cret"), "miss", "token-1", 3600)
			c.advance(90 * time.Second)
			wants(ask("s3cret"), "hit", "token-1", 3510)
			for range 3 {
				if got := ask("wrong"); got.status != http.StatusUnauthorized || got.body != `{"error":"invalid_client"}` || got.header.Get("WWW-Authenticate") == "" {
					t.Fatalf("a wrong secret got %d %s", got.status, got.body)
				}
			}
			if n := i.asked.Load(); n != 2 {
				t.Fatalf("%d token requests, want 2: one for each secret", n)
			}
			wants(ask("s3cret"), "hit", "token-1", 3510)
			c.advance(3 * time.Second) // the refusal is forgotten
			_ = ask("wrong")
			if n := i.asked.Load(); n != 3 {
				t.Fatalf("%d token requests, want 3", n)
			}
			c.advance(2 * time.Hour)
			wants(ask("s3cret"), "miss", "token-4", 3600)
		})
	}
}

// TestEndpointRenewsAhead: near its end a token is still handed out while the
// next one is asked for, once.
func TestEndpointRenewsAhead(t *testing.T) {
	t.Parallel()
	i, c := newIssuer(t, "s3cret"), newClock()
	a := start(t, endpoints(i.URL), &agent.Deps{Now: c.Now})
	target, body, header := dialects["form"]("s3cret")
	ask := func() answer { return a.do(t, "POST", target, strings.NewReader(body), header...) }
	_ = ask()
	c.advance(3300 * time.Second) // renewed when two tenths to one of the life are left
	if got := ask(); !strings.Contains(got.body, "token-1") || !strings.Contains(got.body, `"expires_in": 300`) {
		t.Errorf("%d %s", got.status, got.body)
	}
	waitFor(t, func() bool { return strings.Contains(ask().body, "token-2") })
	if n := i.asked.Load(); n != 2 {
		t.Errorf("%d token requests", n)
	}
}

// TestEndpointNearTheEnd: a token with next to nothing left is handed out only
// where there is no other.
func TestEndpointNearTheEnd(t *testing.T) {
	t.Parallel()
	i, c := newIssuer(t, "s3cret"), newClock()
	a := start(t, endpoints(i.URL), &agent.Deps{Now: c.Now})
	target, body, header := dialects["form"]("s3cret")
	ask := func() answer { return a.do(t, "POST", target, strings.NewReader(body), header...) }
	_ = ask()
	c.advance(3595 * time.Second)
	i.status.Store(http.StatusServiceUnavailable)
	if got := ask(); got.status != http.StatusOK || !strings.Contains(got.body, "token-1") || !strings.Contains(got.body, `"expires_in": 5`) {
		t.Errorf("while the server is away: %d %s", got.status, got.body)
	}
	i.status.Store(0)
	c.advance(8 * time.Second) // the Retry-After is over
	if got := ask(); !strings.Contains(got.body, `"expires_in": 3600`) {
		t.Errorf("when it is back: %d %s", got.status, got.body)
	}
}

// TestEndpointSpread: agents that got their tokens together ask for the next
// ones over a tenth of the life.
func TestEndpointSpread(t *testing.T) {
	t.Parallel()
	for _, life := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour} {
		first, last := life, time.Duration(0)
		for range 1000 {
			d := agent.Renewal(life)
			first, last = min(first, d), max(last, d)
		}
		if last-first < life*9/100 || first < life*8/10 || last > life*9/10 {
			t.Errorf("tokens of %v are renewed from %v to %v", life, first, last)
		}
	}
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 2000 {
		if done() {
			return
		}
		<-tick.C
	}
	t.Fatal("it did not come to pass in 10 s")
}

// TestEndpointAway: while the server is away or busy, the old token is handed
// out, and it is asked neither at each request nor before it wants to be.
func TestEndpointAway(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests} {
		i, c := newIssuer(t, "s3cret"), newClock()
		a := start(t, endpoints(i.URL), &agent.Deps{Now: c.Now})
		target, body, header := dialects["form"]("s3cret")
		ask := func() answer { return a.do(t, "POST", target, strings.NewReader(body), header...) }
		_ = ask()
		i.status.Store(int64(status))
		c.advance(3600*time.Second - 25*time.Second)
		for range 20 {
			if got := ask(); got.status != 200 {
				t.Fatalf("%d %s", got.status, got.body)
			}
			if i.asked.Load() == 2 { // the answer said 7 s
				c.advance(100 * time.Millisecond)
			}
		}
		waitFor(t, func() bool { return i.asked.Load() == 2 })
		c.advance(time.Minute)
		got := ask()
		if got.status != status || got.header.Get("Retry-After") == "" || got.body != `{"error":"temporarily_unavailable"}` {
			t.Errorf("%d: with no token left %d %s %v", status, got.status, got.body, got.header)
		}
		asked := i.asked.Load()
		for range 5 {
			if got := ask(); got.status != status {
				t.Errorf("%d: then %d", status, got.status)
			}
		}
		if n := i.asked.Load(); n != asked {
			t.Errorf("%d: asked %d times more within Retry-After", status, n-asked)
		}
		i.status.Store(0)
		c.advance(20 * time.Second)
		if got := ask(); got.status != 200 {
			t.Errorf("%d: back again, %d %s", status, got.status, got.body)
		}
	}
}

// TestEndpointCoalesces: any number of equal requests at once are one.
func TestEndpointCoalesces(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "s3cret")
	a := start(t, endpoints(i.URL), nil)
	target, body, header := dialects["JSON"]("s3cret")
	var all sync.WaitGroup
	var good atomic.Int64
	for range 50 {
		all.Go(func() {
			if got := a.do(t, "POST", target, strings.NewReader(body), header...); strings.Contains(got.body, "token-1") {
				good.Add(1)
			}
		})
	}
	all.Wait()
	if i.asked.Load() != 1 || good.Load() != 50 {
		t.Errorf("%d token requests, %d good answers", i.asked.Load(), good.Load())
	}
	var s agent.Status
	if err := json.Unmarshal([]byte(a.do(t, "GET", "/status", nil).body), &s); err != nil {
		t.Fatal(err)
	}
	for _, e := range s.TokenEndpoints {
		if e.Path == "/access-token" && (e.Requests != 50 || e.Fetched != 1 || e.Saved != 49 || e.Kept != 1) {
			t.Errorf("status says %+v", e)
		}
	}
	if m := a.do(t, "GET", "/metrics", nil).body; !strings.Contains(m, `mintage_agent_tokens_saved_total{endpoint="/access-token"} 49`) {
		t.Errorf("metrics do not say 49 saved")
	}
}

// TestEndpointKeys: requests that differ in anything that an answer can depend
// on do not share one.
func TestEndpointKeys(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "s3cret")
	a := start(t, endpoints(i.URL), nil)
	target, body, header := dialects["form"]("s3cret")
	for n, change := range []func() answer{
		func() answer { return a.do(t, "POST", target, strings.NewReader(body), header...) },
		func() answer { return a.do(t, "POST", target, strings.NewReader(body+"&scope=a"), header...) },
		func() answer { return a.do(t, "POST", target, strings.NewReader(body+"&audience=a"), header...) },
		func() answer { return a.do(t, "POST", target, strings.NewReader(body+"&scaope=a"), header...) },
		func() answer { return a.do(t, "POST", target+"?audience=b", strings.NewReader(body), header...) },
		func() answer {
			return a.do(t, "POST", target, strings.NewReader(body), append(header, "Accept", "text/plain")...)
		},
		func() answer { return a.do(t, "POST", "/access-token", strings.NewReader(body), header...) },
		func() answer {
			return a.do(t, "POST", "/oauth/token", strings.NewReader(body), append(header, "X-Tenant", "1")...)
		},
		func() answer {
			return a.do(t, "POST", "/oauth/token", strings.NewReader(body), append(header, "X-Tenant", "2")...)
		},
		func() answer {
			return a.do(t, "POST", "/oauth/token", strings.NewReader(body), append(header, "X-Tenant", "1", "X-Tenant", "2")...)
		},
	} {
		for _, how := range []string{"miss", "hit"} {
			if got := change(); got.status != 200 || got.header.Get("Mintage-Agent-Cache") != how {
				t.Errorf("%d: %d %s, want %s", n, got.status, got.header.Get("Mintage-Agent-Cache"), how)
			}
		}
	}
}

// TestEndpointForwards: what is meant for one use is not kept.
func TestEndpointForwards(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "s3cret")
	a := start(t, endpoints(i.URL), nil)
	for _, test := range []struct {
		name, body, media string
		more              []string
	}{
		{"another grant", "grant_type=authorization_code&code=1&client_secret=s3cret", formType, nil},
		{"no grant", "client_secret=s3cret", formType, nil},
		{"two grants", "grant_type=client_credentials&grant_type=refresh_token&client_secret=s3cret", formType, nil},
		{"two grants in JSON", `{"grant_type":"client_credentials","Grant_Type":"refresh_token","client_secret":"s3cret"}`, "application/json", nil},
		{"an assertion", "grant_type=client_credentials&client_assertion=x&client_secret=s3cret", formType, nil},
		{"a proof", "grant_type=client_credentials&client_secret=s3cret", formType, []string{"DPoP", "x"}},
		{"a bad escape", "grant_type=client_credentials&client_secret=s3cret&x=%zz", formType, nil},
		{"JSON that goes on", `{"grant_type":"client_credentials","client_secret":"s3cret"} {}`, "application/json", nil},
		{"a form that is not known", "grant_type=client_credentials&client_secret=s3cret", "text/plain", nil},
	} {
		before := i.asked.Load()
		for range 2 {
			got := a.do(t, "POST", "/oauth2/token", strings.NewReader(test.body), append([]string{"Content-Type", test.media}, test.more...)...)
			if got.header.Get("Mintage-Agent-Cache") != "forwarded" {
				t.Errorf("%s: %d %v", test.name, got.status, got.header)
			}
		}
		if n := i.asked.Load() - before; n != 2 {
			t.Errorf("%s: %d token requests", test.name, n)
		}
	}
	for _, test := range []struct {
		method, body string
		status       int
	}{{"GET", "", 405}, {"POST", strings.Repeat("x", 70_000), 413}} {
		if got := a.do(t, test.method, "/oauth2/token", strings.NewReader(test.body)); got.status != test.status {
			t.Errorf("%s: %d, want %d", test.method, got.status, test.status)
		}
	}
}

// TestEndpointAnswers: what is kept of answers of all shapes.
func TestEndpointAnswers(t *testing.T) {
	t.Parallel()
	var body atomic.Value
	var asked atomic.Int64
	s := newAPI(t, nil)
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write([]byte(body.Load().(string)))
	})
	for _, test := range []struct{ name, answer, later string }{ // later: after 10 s; empty: asked again
		{"plain", `{"access_token":"a","expires_in":60}`, `{"access_token":"a","expires_in":50}`},
		{"a string", `{"access_token":"a","expires_in":"60"}`, `{"access_token":"a","expires_in":"50"}`},
		{"a fraction", `{"access_token":"a","expires_in":60.9}`, `{"access_token":"a","expires_in":50}`},
		{"two counts", `{"ext_expires_in":100,"access_token":"a","expires_in":60}`, `{"ext_expires_in":90,"access_token":"a","expires_in":50}`},
		{"two counts the other way", "{\"expires_in\" :\n60, \"access_token\":\"a\",\"ext_expires_in\":\"100\" }", "{\"expires_in\" :\n50, \"access_token\":\"a\",\"ext_expires_in\":\"90\" }"},
		{"a count inside", `{"access_token":"a","expires_in":60,"x":{"expires_in":60}}`, `{"access_token":"a","expires_in":50,"x":{"expires_in":60}}`},
		{"huge", `{"access_token":"a","expires_in":1e12}`, `{"access_token":"a","expires_in":999999999990}`},
		{"no life", `{"access_token":"a"}`, ""},
		{"no life but a count", `{"access_token":"a","ext_expires_in":60}`, ""},
		{"null", `{"access_token":"a","expires_in":null}`, ""},
		{"zero", `{"access_token":"a","expires_in":0}`, ""},
		{"negative", `{"access_token":"a","expires_in":-1}`, ""},
		{"twice", `{"access_token":"a","expires_in":60,"expires_in":61}`, ""},
		{"no token", `{"expires_in":60}`, ""},
		{"a token that is no text", `{"access_token":1,"expires_in":60}`, ""},
		{"not JSON", `access_token=a&expires_in=60`, ""},
		{"more than JSON", `{"access_token":"a","expires_in":60}x`, ""},
	} {
		c := newClock()
		a := start(t, endpoints(s.URL), &agent.Deps{Now: c.Now})
		body.Store(test.answer)
		ask := func() string {
			return a.do(t, "POST", "/oauth2/token", strings.NewReader("grant_type=client_credentials"), "Content-Type", formType).body
		}
		if got := ask(); got != test.answer {
			t.Errorf("%s: at first %s, want %s", test.name, got, test.answer)
		}
		c.advance(10 * time.Second)
		before, want := asked.Load(), test.later
		if want == "" {
			want = test.answer
		}
		if got := ask(); got != want {
			t.Errorf("%s: later %s, want %s", test.name, got, want)
		}
		if again := asked.Load() > before; again != (test.later == "") {
			t.Errorf("%s: asked again %t", test.name, again)
		}
	}
}

// TestEndpointExpiry: where an answer does not say how long its token lives, the
// token does, by the clock of the server; the configured life comes last.
func TestEndpointExpiry(t *testing.T) {
	t.Parallel()
	const ahead = 3 * time.Hour // of the server's clock
	jwt := func(left time.Duration) string {
		return "e30." + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"exp":%d}`, time.Now().Add(ahead+left).Unix())) + ".c2ln"
	}
	for _, test := range []struct {
		name, token string
		life        time.Duration // of the configuration
		kept        bool          // for 20 s
	}{
		{"a JWT", jwt(time.Minute), 0, true},
		{"a JWT that ends before the configured life", jwt(10 * time.Second), time.Hour, false},
		{"a JWT that has ended", jwt(-time.Minute), time.Hour, false},
		{"a JWT beside an expires_in of null", jwt(time.Minute) + `","expires_in":null,"x":"`, 0, true},
		{"an opaque token", "a", time.Minute, true},
		{"an opaque token, and no life", "a", 0, false},
	} {
		var asked atomic.Int64
		s := newAPI(t, nil)
		s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
			fmt.Fprintf(w, `{"access_token":"%s","token_type":"Bearer"}`, test.token)
		})
		config := endpoints(s.URL)
		if test.life > 0 {
			config = strings.ReplaceAll(config, ` }`, fmt.Sprintf(", life: %.0fs }", test.life.Seconds()))
		}
		c := newClock()
		a := start(t, config, &agent.Deps{Now: c.Now})
		for range 2 {
			got := a.do(t, "POST", "/oauth2/token", strings.NewReader("grant_type=client_credentials"), "Content-Type", formType)
			if !strings.Contains(got.body, test.token) {
				t.Errorf("%s: %d %s", test.name, got.status, got.body)
			}
			c.advance(20 * time.Second)
		}
		if kept := asked.Load() == 1; kept != test.kept {
			t.Errorf("%s: kept %t, want %t", test.name, kept, test.kept)
		}
	}
}

// FuzzTokenAnswer: whatever a server answers comes out as it was, but for the
// seconds that are left.
func FuzzTokenAnswer(f *testing.F) {
	for _, seed := range []string{`{"access_token":"a","expires_in":60}`, `{"expires_in":"60","access_token":"a","ext_expires_in":1e3}`, `[]`, `{"a":`} {
		f.Add(seed, int64(10))
	}
	f.Fuzz(func(t *testing.T, body string, gone int64) {
		got, kept := agent.Counted([]byte(body), gone)
		if !kept {
			return
		}
		var before, after map[string]json.RawMessage
		if err := json.Unmarshal([]byte(body), &before); err != nil {
			t.Fatalf("%q was kept: %v", body, err)
		}
		if err := json.Unmarshal(got, &after); err != nil || len(before) != len(after) {
			t.Fatalf("%q became %q: %v", body, got, err)
		}
		for name, value := range before {
			if name != "expires_in" && name != "ext_expires_in" && string(after[name]) != string(value) {
				t.Errorf("%q became %q", body, got)
			}
		}
	})
}

// FuzzTokenRequest: no request of two meanings is kept.
func FuzzTokenRequest(f *testing.F) {
	f.Add("application/json", "", `{"grant_type":"client_credentials"}`)
	f.Add(formType, "grant_type=client_credentials", "a=b")
	f.Fuzz(func(t *testing.T, media, query, body string) {
		if agent.Repeatable(media, query, body) && !strings.Contains(query+body, "client") && !strings.ContainsAny(query+body, `%\`) {
			t.Errorf("%q %q %q", media, query, body)
		}
	})
}
