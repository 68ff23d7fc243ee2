package clientauth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/clientauth"
	"github.com/mintage-auth/mintage/internal/explain"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/oauth"
)

// registry is a table of clients.
type registry map[string]*mintage.Client

func (r registry) Client(_ context.Context, tenant, id string) (*mintage.Client, error) {
	if c := r[id]; c != nil && tenant == "acme" {
		return c, nil
	}
	return nil, errUnknown
}

// errUnknown is made once, as the directory's is: what is not there is
// remembered too.
var errUnknown = fmt.Errorf("client: %w", mintage.ErrNotFound)

// counter is a Hasher that counts what it is asked.
type counter struct {
	*secret.Hasher
	verified, nobody int
	last             []netip.Addr // of VerifyLast
}

func (c *counter) VerifyFrom(ctx context.Context, _ netip.Addr, tenant, client string, secrets []mintage.Secret, candidate string, now time.Time) (*mintage.Secret, error) {
	c.verified++
	return c.Verify(ctx, tenant, client, secrets, candidate, now)
}

func (c *counter) VerifyLast(ctx context.Context, from netip.Addr, tenant, client string, secrets []mintage.Secret, candidate string, now time.Time) (*mintage.Secret, error) {
	c.last = append(c.last, from)
	return c.Hasher.VerifyLast(ctx, from, tenant, client, secrets, candidate, now)
}

func (c *counter) Unguessable(tenant, client string, secrets []mintage.Secret, candidate string, now time.Time) *mintage.Secret {
	c.verified++
	return c.Hasher.Unguessable(tenant, client, secrets, candidate, now)
}

func (c *counter) VerifyNobody(ctx context.Context, candidate string) error {
	c.nobody++
	return c.Hasher.VerifyNobody(ctx, candidate)
}

var (
	acme  = &mintage.Tenant{ID: "acme", Issuer: "https://auth.example"}
	epoch = time.Unix(1795262400, 0)
	here  = netip.MustParseAddr("192.0.2.7")
)

const wrong = "wrong-canary"

func newAuthenticator(t *testing.T, change ...func(*mintage.Client)) (*clientauth.Authenticator, *counter) {
	t.Helper()
	h := &counter{Hasher: secret.New([]byte(strings.Repeat("pepper", 8)))}
	reg := registry{}
	for _, id := range []string{"one", "two", "sol", "a b+c", "a%20b%2Bc", "sp ace"} {
		c := &mintage.Client{Tenant: "acme", ID: id, Secrets: []mintage.Secret{
			{ID: "old", Hash: h.HashGenerated("old-" + id), Expires: epoch},
			{ID: "gone", Hash: h.HashGenerated("gone-" + id), Revoked: epoch},
			{ID: "new", Hash: h.HashGenerated("s3cret-" + id)},
		}}
		if id == "sol" {
			c.Secrets = c.Secrets[2:]
		}
		for _, f := range change {
			f(c)
		}
		reg[id] = c
	}
	return &clientauth.Authenticator{Clients: reg, Secrets: h, Now: func() time.Time { return epoch }}, h
}

func basic(id, candidate string) []string { return []string{oauth.BasicHeader(id, candidate)} }

func raw(pair string) []string {
	return []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(pair))}
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		req    clientauth.Request
		client string // empty: refused
		method string
		raw    bool
		code   string
		status int
		reason string
	}{
		{"basic", clientauth.Request{Authorization: basic("one", "s3cret-one")}, "one", oauth.AuthBasic, false, "", 0, ""},
		{"post", clientauth.Request{ClientID: "one", Secret: "s3cret-one"}, "one", oauth.AuthPost, false, "", 0, ""},
		{"basic and its id", clientauth.Request{Authorization: basic("one", "s3cret-one"), ClientID: "one"}, "one", oauth.AuthBasic, false, "", 0, ""},
		{"basic and its raw id", clientauth.Request{Authorization: raw("a%20b%2Bc:s3cret-a%20b%2Bc"), ClientID: "a%20b%2Bc"}, "a%20b%2Bc", oauth.AuthBasic, true, "", 0, ""},
		{"encoded", clientauth.Request{Authorization: basic("a b+c", "s3cret-a b+c")}, "a b+c", oauth.AuthBasic, false, "", 0, ""},
		{"raw", clientauth.Request{Authorization: raw("sp ace:s3cret-sp ace")}, "sp ace", oauth.AuthBasic, false, "", 0, ""},
		{"raw plus", clientauth.Request{Authorization: raw("a b+c:s3cret-a b+c")}, "a b+c", oauth.AuthBasic, true, "", 0, ""},
		{"other scheme", clientauth.Request{Authorization: []string{"Bearer x"}, ClientID: "one", Secret: "s3cret-one"}, "one", oauth.AuthPost, false, "", 0, ""},

		{"nothing", clientauth.Request{}, "", "", false, "invalid_client", 401, "auth.missing"},
		{"only client_id", clientauth.Request{ClientID: "one"}, "", "", false, "invalid_client", 401, "auth.missing"},
		{"only another scheme", clientauth.Request{Authorization: []string{"Digest x"}}, "", "", false, "invalid_client", 401, "auth.missing"},
		{"wrong in the header", clientauth.Request{Authorization: basic("one", wrong)}, "", oauth.AuthBasic, false, "invalid_client", 401, "secret.mismatch"},
		{"wrong in the body", clientauth.Request{ClientID: "one", Secret: wrong}, "", oauth.AuthPost, false, "invalid_client", 400, "secret.mismatch"},
		{"another's", clientauth.Request{ClientID: "one", Secret: "s3cret-two"}, "", oauth.AuthPost, false, "invalid_client", 400, "secret.mismatch"},
		{"expired", clientauth.Request{ClientID: "one", Secret: "old-one"}, "", oauth.AuthPost, false, "invalid_client", 400, "secret.expired"},
		{"revoked", clientauth.Request{Authorization: basic("one", "gone-one")}, "", oauth.AuthBasic, false, "invalid_client", 401, "secret.revoked"},
		{"unknown", clientauth.Request{Authorization: basic("none", "s3cret-one")}, "", oauth.AuthBasic, false, "invalid_client", 401, "client.unknown"},
		{"no identifier", clientauth.Request{Authorization: raw(":s3cret-one")}, "", oauth.AuthBasic, false, "invalid_client", 401, "client.unknown"},
		{"no secret", clientauth.Request{Authorization: raw("one:")}, "", oauth.AuthBasic, false, "invalid_client", 401, "secret.mismatch"},
		{"control character", clientauth.Request{Authorization: raw("one\x00:s3cret-one")}, "", oauth.AuthBasic, false, "invalid_client", 401, "client.unknown"},
		{"assertion", clientauth.Request{ClientID: "one", Assertion: "e30.e30.AA"}, "", oauth.AuthPrivateKeyJWT, false, "invalid_client", 400, "assertion.malformed"},

		{"malformed", clientauth.Request{Authorization: []string{"Basic ***"}, ClientID: "one", Secret: "s3cret-one"}, "", "", false, "invalid_request", 400, "auth.basic_malformed"},
		{"no scheme but Basic", clientauth.Request{Authorization: []string{"Basic"}}, "", "", false, "invalid_request", 400, "auth.basic_malformed"},
		{"two headers", clientauth.Request{Authorization: append(basic("one", "s3cret-one"), "Bearer x")}, "", "", false, "invalid_request", 400, "auth.two_methods"},
		{"mismatch", clientauth.Request{Authorization: basic("one", "s3cret-one"), ClientID: "two"}, "", "", false, "invalid_request", 400, "auth.two_methods"},
		{"secret alone", clientauth.Request{Secret: "s3cret-one"}, "", oauth.AuthPost, false, "invalid_request", 400, "param.missing"},
		{"long id", clientauth.Request{ClientID: strings.Repeat("a", 257), Secret: "x"}, "", "", false, "invalid_request", 400, "request.too_large"},
		{"long secret", clientauth.Request{Authorization: basic("one", strings.Repeat("a", 513))}, "", "", false, "invalid_request", 400, "request.too_large"},
		{"in the URL", clientauth.Request{QueryClientID: "one", QuerySecret: "s3cret-one"}, "", "", false, "invalid_request", 400, "query.credentials"},
		{"assertion in the URL", clientauth.Request{QueryAssertion: true}, "", "", false, "invalid_request", 400, "query.credentials"},
		{"in the URL of a dialect that reads it", clientauth.Request{QueryClientID: "one", QuerySecret: "s3cret-one", QueryAllowed: true}, "", clientauth.MethodQuery, false, "invalid_request", 400, "query.credentials"},
		{"wrong in the URL", clientauth.Request{QueryClientID: "one", QuerySecret: wrong, QueryAllowed: true}, "", clientauth.MethodQuery, false, "invalid_client", 400, "secret.mismatch"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, _ := newAuthenticator(t)
			res, err := a.Authenticate(t.Context(), acme, &tt.req)
			if res.Method != tt.method {
				t.Errorf("method %q, want %q", res.Method, tt.method)
			}
			if tt.client != "" {
				if err != nil || res.Client.ID != tt.client || res.Secret.ID != "new" || res.ClientID != tt.client || res.Raw != tt.raw {
					t.Errorf("got %+v, %v", res, err)
				}
				return
			}
			oe, ok := errors.AsType[*oauth.Error](err)
			if !ok || oe.Code != tt.code || oe.Status != tt.status || oe.Reason != tt.reason {
				t.Errorf("got %v (%d), want %s (%s)", err, oe.Status, tt.code, tt.reason)
			}
			if res.Client != nil || res.Secret != nil {
				t.Errorf("refused, and got %+v", res)
			}
			if _, known := explain.Lookup(tt.reason); !known {
				t.Errorf("%s is in no table", tt.reason)
			}
			for _, canary := range []string{"s3cret", "canary"} {
				if strings.Contains(err.Error(), canary) {
					t.Errorf("the error has a secret in it: %v", err)
				}
			}
		})
	}
}

// TestSeveral is TE-09 and the ladder: two methods are one answer, unless both
// agree, are right, and the client may.
func TestSeveral(t *testing.T) {
	t.Parallel()
	allow := func(rungs ...mintage.Rung) func(*mintage.Client) {
		return func(c *mintage.Client) {
			c.Ladder = map[mintage.Rung]mintage.LadderState{}
			for i, r := range rungs {
				c.Ladder[r] = []mintage.LadderState{mintage.LadderAllow, mintage.LadderWarn}[i%2]
			}
		}
	}
	both := clientauth.Request{Authorization: basic("one", "s3cret-one"), ClientID: "one", Secret: "s3cret-one"}
	query := clientauth.Request{ClientID: "one", Secret: "s3cret-one", QueryClientID: "one", QuerySecret: "s3cret-one", QueryAllowed: true}
	for _, tt := range []struct {
		name   string
		req    clientauth.Request
		change func(*mintage.Client)
		want   bool
	}{
		{"by default", both, allow(), false},
		{"allowed", both, allow(mintage.RungTwoMethods), true},
		{"allowed, the body encoded in the header", clientauth.Request{Authorization: basic("a b+c", "s3cret-a b+c"), ClientID: "a b+c", Secret: "s3cret-a b+c"}, allow(mintage.RungTwoMethods), true},
		{"allowed, and differ", clientauth.Request{Authorization: basic("one", "s3cret-one"), ClientID: "one", Secret: wrong}, allow(mintage.RungTwoMethods), false},
		{"allowed, and one of an old secret", clientauth.Request{Authorization: basic("one", "s3cret-one"), ClientID: "one", Secret: "old-one"}, allow(mintage.RungTwoMethods), false},
		{"allowed, and both wrong", clientauth.Request{Authorization: basic("one", wrong), ClientID: "one", Secret: wrong}, allow(mintage.RungTwoMethods), false},
		{"allowed, no client_id in the body", clientauth.Request{Authorization: basic("one", "s3cret-one"), Secret: "s3cret-one"}, allow(mintage.RungTwoMethods), false},
		{"allowed, with an assertion", clientauth.Request{ClientID: "one", Secret: "s3cret-one", Assertion: "e30.e30.AA"}, allow(mintage.RungTwoMethods), false},
		{"query, one rung", query, allow(mintage.RungTwoMethods), false},
		{"query, the other rung", query, allow(mintage.RungQueryCredentials), false},
		{"query, both rungs", query, allow(mintage.RungTwoMethods, mintage.RungQueryCredentials), true},
		{"unknown client", clientauth.Request{Authorization: basic("none", wrong), ClientID: "none", Secret: wrong}, allow(mintage.RungTwoMethods), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, _ := newAuthenticator(t, tt.change)
			res, err := a.Authenticate(t.Context(), acme, &tt.req)
			if res.Method != clientauth.MethodSeveral {
				t.Errorf("method %q", res.Method)
			}
			if tt.want {
				if err != nil || res.Client == nil || len(res.Weak) == 0 || res.Weak[0] != mintage.RungTwoMethods {
					t.Errorf("got %+v, %v", res, err)
				}
				return
			}
			oe, ok := errors.AsType[*oauth.Error](err)
			if !ok || oe.Code != "invalid_request" || oe.Reason != "auth.two_methods" || res.Client != nil {
				t.Errorf("got %+v, %v", res, err)
			}
		})
	}
}

// TestCost is TE-29: a client that does not exist costs as many checks as one
// that does.
func TestCost(t *testing.T) {
	t.Parallel()
	for _, header := range [][]string{basic("%s", wrong), raw("%s:100%"), raw("%s:a+b")} {
		cost := map[string]int{}
		for _, id := range []string{"one", "none"} {
			a, h := newAuthenticator(t)
			pair, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(header[0], "Basic "))
			if err != nil {
				t.Fatal(err)
			}
			sent := strings.Replace(strings.Replace(string(pair), "%25s", id, 1), "%s", id, 1)
			_, err = a.Authenticate(t.Context(), acme, &clientauth.Request{Authorization: raw(sent)})
			if oe, ok := errors.AsType[*oauth.Error](err); !ok || oe.Code != "invalid_client" {
				t.Errorf("%q: got %v", sent, err)
			}
			cost[id] = h.verified + h.nobody
		}
		if cost["one"] != cost["none"] || cost["one"] == 0 {
			t.Errorf("%q: %d checks for a client that exists, %d for one that does not", header, cost["one"], cost["none"])
		}
	}
}

func TestRestricted(t *testing.T) {
	t.Parallel()
	req := clientauth.Request{Authorization: basic("one", "s3cret-one"), Peer: here}
	for _, tt := range []struct {
		name   string
		change func(*mintage.Client)
		secret string
		reason string
	}{
		{"disabled", func(c *mintage.Client) { c.Disabled = true }, "s3cret-one", "client.disabled"},
		{"disabled, wrong secret", func(c *mintage.Client) { c.Disabled = true }, wrong, "secret.mismatch"},
		{"elsewhere", func(c *mintage.Client) { c.AllowFrom = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")} }, "s3cret-one", "ip.not_allowed"},
		{"elsewhere, wrong secret", func(c *mintage.Client) { c.AllowFrom = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")} }, wrong, "secret.mismatch"},
		{"no secrets", func(c *mintage.Client) { c.Secrets = nil }, "s3cret-one", "secret.mismatch"},
	} {
		a, _ := newAuthenticator(t, tt.change)
		req.Authorization = basic("one", tt.secret)
		_, err := a.Authenticate(t.Context(), acme, &req)
		oe, ok := errors.AsType[*oauth.Error](err)
		if !ok || oe.Code != "invalid_client" || oe.Status != http.StatusUnauthorized || oe.Reason != tt.reason {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.reason)
		}
	}
	a, _ := newAuthenticator(t, func(c *mintage.Client) { c.AllowFrom = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	req.Authorization = basic("one", "s3cret-one")
	if _, err := a.Authenticate(t.Context(), acme, &req); err != nil {
		t.Errorf("from an allowed network: got %v", err)
	}
}

// trouble fails every question.
type trouble struct{ err error }

func (x trouble) Client(context.Context, string, string) (*mintage.Client, error) { return nil, x.err }

func (x trouble) VerifyFrom(context.Context, netip.Addr, string, string, []mintage.Secret, string, time.Time) (*mintage.Secret, error) {
	return nil, x.err
}

func (x trouble) VerifyLast(context.Context, netip.Addr, string, string, []mintage.Secret, string, time.Time) (*mintage.Secret, error) {
	return nil, x.err
}

func (x trouble) Unguessable(string, string, []mintage.Secret, string, time.Time) *mintage.Secret {
	return nil
}
func (x trouble) VerifyNobody(context.Context, string) error { return x.err }

// TestTrouble is TE-30: our own trouble is never the client's.
func TestTrouble(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*clientauth.Authenticator)
		status int
		reason string
	}{
		{"database", func(a *clientauth.Authenticator) { a.Clients = trouble{errors.New("gone")} }, 503, "store.unavailable"},
		{"busy", func(a *clientauth.Authenticator) { a.Secrets = trouble{secret.ErrBusy} }, 429, "secret.busy"},
		{"broken hash", func(a *clientauth.Authenticator) { a.Secrets = trouble{errors.New("no such scheme")} }, 500, "internal"},
	} {
		for _, req := range []clientauth.Request{
			{Authorization: basic("one", "s3cret-one")},
			{Authorization: basic("one", "s3cret-one"), ClientID: "one", Secret: "s3cret-one"},
		} {
			a, _ := newAuthenticator(t)
			tt.change(a)
			_, err := a.Authenticate(t.Context(), acme, &req)
			oe, ok := errors.AsType[*oauth.Error](err)
			if !ok || oe.Status != tt.status || oe.Reason != tt.reason {
				t.Errorf("%s: got %v, want %s", tt.name, err, tt.reason)
			}
		}
	}
}

// A second look at a pair takes nobody's turn.
func TestMatch(t *testing.T) {
	t.Parallel()
	a, h := newAuthenticator(t)
	if c, s := a.Match(t.Context(), acme, here, "one", "s3cret-one"); c == nil || c.ID != "one" || s.ID != "new" {
		t.Errorf("got %v, %v", c, s)
	}
	for _, pair := range [][2]string{{"one", wrong}, {"one", "old-one"}, {"none", wrong}, {"", ""}, {"one", strings.Repeat("x", 513)}} {
		if c, s := a.Match(t.Context(), acme, here, pair[0], pair[1]); c != nil || s != nil {
			t.Errorf("%q: got %v, %v", pair[0], c, s)
		}
	}
	if want := []netip.Addr{here, here, here}; h.verified != 0 || !slices.Equal(h.last, want) {
		t.Errorf("%d checks with the others, the rest for %v, want %v", h.verified, h.last, want)
	}
}

func TestValidClientID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"mc_0123456789abcdef": true, "1PpG/Q 1": true, "~!@#": true, "": false, "a:b": false, "a\n": false, "Zoë": false,
		strings.Repeat("a", 256): true, strings.Repeat("a", 257): false,
	} {
		if got := clientauth.ValidClientID(id); got != want {
			t.Errorf("%.20q: got %v", id, got)
		}
	}
}

// FuzzBasic holds that whatever the header is, somebody is authenticated only
// by the identifier and the secret that it holds.
func FuzzBasic(f *testing.F) {
	for _, seed := range []string{"one:s3cret-one", "one:s3cret%2Done", "a+b%2Bc:s3cret-a+b%2Bc", "a b+c:s3cret-a b+c", ":", "one", "%:%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, pair string) {
		a, _ := newAuthenticator(t)
		res, err := a.Authenticate(t.Context(), acme, &clientauth.Request{Authorization: raw(pair)})
		if err != nil {
			if oe, ok := errors.AsType[*oauth.Error](err); !ok || oe.Status >= http.StatusInternalServerError || res.Client != nil {
				t.Errorf("%q: got %+v, %v", pair, res, err)
			}
			return
		}
		sent, _ := oauth.ParseBasic(raw(pair)[0])
		decoded, _ := sent.Decoded()
		if got := (oauth.Basic{ID: res.Client.ID, Secret: "s3cret-" + res.Client.ID}); got != sent && got != decoded {
			t.Errorf("%q authenticates %q", pair, res.Client.ID)
		}
	})
}
