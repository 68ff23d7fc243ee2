package gateway_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage/internal/gateway"
)

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// TestDecide is RS-06: which answer is for which fault.
func TestDecide(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	g := newGateway(t, is.config(&gateway.Route{Name: "a", Paths: []string{"/a"}, Scopes: []string{"read", "write"}}), gateway.Deps{})
	good := is.token("read write more", nil)
	past := time.Now().Add(-time.Hour).Unix()
	for _, tt := range []struct {
		name   string
		header http.Header
		query  string
		status int
		reason string
		error  string // in the challenge
	}{
		{"good", bearer(good), "", 0, "ok", ""},
		{"any case", http.Header{"Authorization": {"bEARER " + good}}, "", 0, "ok", ""},
		{"none", http.Header{}, "", 401, "token.missing", "none"},
		{"in the query", http.Header{}, "access_token=" + good, 401, "token.missing", "none"},
		{"in both", bearer(good), "access_token=" + good, 400, "token.malformed", "invalid_request"},
		{"twice", http.Header{"Authorization": {"Bearer " + good, "Bearer " + good}}, "", 400, "token.malformed", "invalid_request"},
		{"scope", bearer(is.token("read", nil)), "", 403, "token.scope", "insufficient_scope"},
		{"expired", bearer(is.token("read write", map[string]any{"exp": past})), "", 401, "token.expired", "invalid_token"},
		{"audience", bearer(is.token("read write", map[string]any{"aud": "https://other.example"})), "", 401, "token.audience", "invalid_token"},
		{"issuer", bearer(is.token("read write", map[string]any{"iss": "https://evil.example"})), "", 401, "token.issuer", "invalid_token"},
		{"garbage", bearer("garbage"), "", 401, "token.malformed", "invalid_token"},
		{"forged", bearer(good[:len(good)-4] + "AAAA"), "", 401, "token.signature", "invalid_token"},
	} {
		d := g.Decide(t.Context(), gateway.Call{Method: "GET", Host: "x", Path: "/a", RawQuery: tt.query, Header: tt.header})
		if d.Status != tt.status || d.Reason != tt.reason || d.Allow != (tt.status == 0) {
			t.Errorf("%s: got %d %s %t, want %d %s", tt.name, d.Status, d.Reason, d.Allow, tt.status, tt.reason)
		}
		challenge := strings.Join(d.Challenges, ", ")
		switch {
		case tt.error == "" && challenge != "", tt.error == "none" && (challenge == "" || strings.Contains(challenge, "error=")),
			tt.error != "" && tt.error != "none" && !strings.Contains(challenge, `error="`+tt.error+`"`):
			t.Errorf("%s: challenge %q", tt.name, challenge)
		}
		if d.Status == 0 {
			continue
		}
		w := httptest.NewRecorder()
		d.Refuse(w, "req_1")
		var body map[string]string
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body["trace_id"] != "req_1" || w.Header().Get("Location") != "" ||
			w.Header().Get("Content-Type") != "application/json" || strings.Contains(w.Body.String(), good) {
			t.Errorf("%s: answer %v %s", tt.name, w.Header(), w.Body)
		}
	}
}

// TestIdentity: the backend is told who calls, under the names that the
// configuration gives.
func TestIdentity(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	c := is.config(&gateway.Route{Name: "a", Paths: []string{"/a"}})
	c.Identity.Headers.Subject, c.Identity.Headers.TokenID = "X-Caller", ""
	g := newGateway(t, c, gateway.Deps{})
	d := g.Decide(t.Context(), gateway.Call{Method: "GET", Host: "x", Path: "/a", Header: bearer(is.token("b a", map[string]any{"sub": "a\r\nX-Evil: 1"}))})
	want := []gateway.Field{{Name: "X-Client-Id", Value: "client-1"}, {Name: "X-Token-Scope", Value: "a b"}, {Name: "X-Token-Issuer", Value: is.URL}}
	if !d.Allow || !slices.Equal(d.Set, want) {
		t.Errorf("got %v, %v, want %v", d.Reason, d.Set, want)
	}
}

// TestModes: warn and observe let through what enforce refuses, remember whom,
// and go on refusing what has nothing to do with tokens.
func TestModes(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	g := newGateway(t, is.config(
		&gateway.Route{Name: "o", Paths: []string{"/o"}, Mode: gateway.Observe, Scopes: []string{"x"}},
		&gateway.Route{Name: "w", Paths: []string{"/w"}, Mode: gateway.Warn, ClientRate: gateway.Rate{Count: 1, Per: time.Hour, Burst: 1}},
	), gateway.Deps{})
	for _, tt := range []struct {
		path   string
		header http.Header
		allow  bool
		reason string
		client bool
	}{
		{"/o", http.Header{}, true, "token.missing", false},
		{"/o", bearer(is.token("y", nil)), true, "token.scope", true},
		{"/o", bearer(is.token("x", nil)), true, "ok", true},
		{"/w", bearer("x"), true, "token.malformed", false},
		{"/w", bearer(is.token("x", nil)), true, "ok", true},
		{"/w", bearer(is.token("x", nil)), false, "limit.client", true},
	} {
		d := g.Decide(t.Context(), gateway.Call{Method: "GET", Host: "x", Path: tt.path, Header: tt.header})
		if d.Allow != tt.allow || d.Reason != tt.reason || (d.Token != nil) != tt.client {
			t.Errorf("%s: got %t %s %v, want %t %s", tt.path, d.Allow, d.Reason, d.Token, tt.allow, tt.reason)
		}
		if !tt.client && len(d.Set) > 0 {
			t.Errorf("%s: an identity without a good token: %v", tt.path, d.Set)
		}
	}
}

// TestIssuerAway is RS-21: without keys the answer is 503 and not 401, which
// would make every caller ask for a new token.
func TestIssuerAway(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	token := is.token("", nil)
	is.Close()
	g := newGateway(t, is.config(&gateway.Route{Name: "a", Paths: []string{"/a"}}), gateway.Deps{})
	d := g.Decide(t.Context(), gateway.Call{Method: "GET", Host: "x", Path: "/a", Header: bearer(token)})
	if d.Status != http.StatusServiceUnavailable || d.Reason != "key.unavailable" || d.RetryAfter == 0 || len(d.Challenges) > 0 {
		t.Errorf("got %+v", d)
	}
}

// TestRates: what is over the rate is refused with the seconds to wait, for
// each client on its own, and let through again after them.
func TestRates(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	now := time.Now()
	c := is.config(&gateway.Route{
		Name: "a", Paths: []string{"/a"},
		Rate: gateway.Rate{Count: 60, Per: time.Minute, Burst: 4}, ClientRate: gateway.Rate{Count: 6, Per: time.Minute, Burst: 2},
	})
	g := newGateway(t, c, gateway.Deps{Now: func() time.Time { return now }})
	ask := func(client string) gateway.Decision {
		return g.Decide(t.Context(), gateway.Call{Method: "GET", Host: "x", Path: "/a", Header: bearer(is.token("", map[string]any{"client_id": client}))})
	}
	var got []string
	for _, client := range []string{"a", "a", "a", "b", "b", "c"} {
		got = append(got, ask(client).Reason)
	}
	if want := []string{"ok", "ok", "limit.client", "ok", "ok", "limit.route"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	now = now.Add(time.Second)
	if d := ask("a"); d.Reason != "limit.client" || d.Status != http.StatusTooManyRequests || d.RetryAfter != 9 {
		t.Errorf("got %+v", d)
	}
	now = now.Add(9 * time.Second)
	if d := ask("a"); !d.Allow {
		t.Errorf("got %+v", d)
	}
}

// TestRateOfRefused: what is refused for its token, or for the rate of its client,
// takes nothing of the rate of the route; what the mode of the route lets through
// does, and so do requests without a token where none is needed.
func TestRateOfRefused(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	now := time.Now()
	rate := gateway.Rate{Count: 1, Per: time.Hour, Burst: 3}
	g := newGateway(t, is.config(
		&gateway.Route{Name: "a", Paths: []string{"/a"}, Scopes: []string{"x"}, Rate: rate},
		&gateway.Route{Name: "observed", Paths: []string{"/observed"}, Scopes: []string{"x"}, Rate: rate, Mode: gateway.Observe},
		&gateway.Route{Name: "public", Paths: []string{"/public"}, Public: true, Rate: rate},
	), gateway.Deps{Now: func() time.Time { return now }})
	ask := func(path, token string) string {
		h := http.Header{}
		if token != "" {
			h = bearer(token)
		}
		return g.Decide(t.Context(), gateway.Call{Method: "GET", Host: "x", Path: path, Header: h}).Reason
	}
	good, poor := is.token("x", nil), is.token("", nil)
	for _, path := range []string{"/a", "/observed", "/public"} {
		var got []string
		for _, token := range []string{"", poor, "", poor, good, good, good, good} {
			got = append(got, ask(path, token))
		}
		want := map[string][]string{
			"/a":        {"token.missing", "token.scope", "token.missing", "token.scope", "ok", "ok", "ok", "limit.route"},
			"/observed": {"token.missing", "token.scope", "token.missing", "limit.route", "limit.route", "limit.route", "limit.route", "limit.route"},
			"/public":   {"ok", "ok", "ok", "limit.route", "limit.route", "limit.route", "limit.route", "limit.route"},
		}[path]
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}

// TestReload: a wrong Config changes nothing, and a good one keeps the keys
// that were fetched.
func TestReload(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	g := newGateway(t, is.config(&gateway.Route{Name: "a", Paths: []string{"/a"}}), gateway.Deps{})
	call := gateway.Call{Method: "GET", Host: "x", Path: "/a", Header: bearer(is.token("", nil))}
	if d := g.Decide(t.Context(), call); !d.Allow {
		t.Fatalf("got %+v", d)
	}
	if err := g.Reload(is.config(route("b", "", "no pattern"))); err == nil {
		t.Error("a wrong configuration is taken")
	}
	if d := g.Decide(t.Context(), call); !d.Allow {
		t.Errorf("after a wrong one: got %+v", d)
	}
	if err := g.Reload(is.config(&gateway.Route{Name: "a", Paths: []string{"/a"}, Scopes: []string{"x"}})); err != nil {
		t.Fatal(err)
	}
	if d := g.Decide(t.Context(), call); d.Reason != "token.scope" {
		t.Errorf("after a good one: got %+v", d)
	}
	if n := is.fetches.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

// TestRateOverTime holds in simulated time that no more gets through in ten minutes
// than the rate and the burst allow.
func TestRateOverTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := route("a", "", "/a")
		r.Rate = gateway.Rate{Count: 10, Per: time.Second, Burst: 20}
		g := newGateway(t, &gateway.Config{Routes: []*gateway.Route{r}, AccessLog: gateway.LogOff}, gateway.Deps{})
		passed := 0
		for range 600 * 40 {
			if g.Decide(t.Context(), gateway.Call{Method: "GET", Host: "x", Path: "/a", Header: http.Header{}}).Allow {
				passed++
			}
			time.Sleep(25 * time.Millisecond)
		}
		if most, least := 6020, 6000; passed > most || passed < least {
			t.Errorf("%d requests passed in ten minutes, want %d to %d", passed, least, most)
		}
	})
}
