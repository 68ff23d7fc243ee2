package mintagetest_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/mintagetest"
	"github.com/mintage-auth/mintage/oauth"
)

// agent returns what asks for tokens at url as the test's own client.
func agent(s *mintagetest.Server, target string, auth consume.Auth) *consume.ClientCredentials {
	return &consume.ClientCredentials{
		TokenURL: target, Auth: auth, ClientID: s.ClientID, Secret: consume.SecretValue(s.ClientSecret), HTTPClient: s.Client(),
	}
}

func mustToken(t *testing.T, c *consume.ClientCredentials) *consume.Token {
	t.Helper()
	tok, err := c.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// call sends a token to an API and returns the status and the body.
func call(t *testing.T, s *mintagetest.Server, target, token string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func introspect(t *testing.T, s *mintagetest.Server, target, token string) oauth.Introspection {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(url.Values{"token": {token}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", oauth.BasicHeader(s.APIID, s.APISecret))
	res, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var info oauth.Introspection
	if err := json.NewDecoder(res.Body).Decode(&info); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("introspection: %d %v", res.StatusCode, err)
	}
	return info
}

// The client gets a token in every dialect, and the API takes each.
func TestDialects(t *testing.T) {
	t.Parallel()
	s := mintagetest.New(t, mintagetest.Options{Life: time.Minute})
	for _, d := range []struct {
		name, url  string
		auth       consume.Auth
		introspect string
	}{
		{"rfc", s.TokenURL, consume.Basic, s.IntrospectURL},
		{"rfc form", s.TokenURL, consume.Post, s.IntrospectURL},
		{"cognito", s.CognitoURL, consume.Basic, s.CognitoIssuer + "/oauth2/introspect"},
		{"myparcel", s.MyParcelURL, consume.JSON, s.IntrospectURL},
		{"doorkeeper", s.DoorkeeperURL, consume.Query, s.IntrospectURL},
	} {
		tok := mustToken(t, agent(s, d.url, d.auth))
		if left := time.Until(tok.Expires); left > time.Minute || left < 50*time.Second {
			t.Errorf("%s: the token lives %v, want a minute", d.name, left)
		}
		status, body := call(t, s, s.APIURL+"/orders?page=2", tok.Value)
		if want := `{"method":"POST","path":"/orders?page=2","body":"hello"}`; status != http.StatusOK || strings.TrimSpace(body) != want {
			t.Errorf("%s: the API answered %d %s, want %s", d.name, status, body, want)
		}
		if info := introspect(t, s, d.introspect, tok.Value); !info.Active || info.ClientID != s.ClientID || info.Scope.String() != "orders/read orders/write" {
			t.Errorf("%s: introspection says %+v", d.name, info)
		}
	}
	if got, want := s.Stats(), (mintagetest.Stats{TokenRequests: 5, Tokens: 5}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Tokens with any claims verify by the published keys, and say what was asked.
func TestToken(t *testing.T) {
	t.Parallel()
	s := mintagetest.New(t, mintagetest.Options{Audience: "https://billing.example", Scopes: []string{"read"}})
	keys := &enforce.RemoteKeySet{URL: s.JWKSURL, Client: s.Client()}
	t.Cleanup(keys.Close)
	v := &enforce.Verifier{Issuers: &enforce.Issuer{Name: s.Issuer, Keys: keys}, Audience: s.Audience}
	for _, c := range []struct {
		name   string
		opts   mintagetest.TokenOptions
		reason string
		api    int
	}{
		{"as it is", mintagetest.TokenOptions{}, "", 200},
		{"another subject", mintagetest.TokenOptions{Claims: map[string]any{"sub": "x", "plan": "gold"}}, "", 200},
		{"ended", mintagetest.TokenOptions{Life: -time.Minute}, "token.expired", 401},
		{"for another API", mintagetest.TokenOptions{Claims: map[string]any{"aud": "https://other.example"}}, "token.audience", 401},
		{"no issuer", mintagetest.TokenOptions{Claims: map[string]any{"iss": nil}}, "token.issuer", 401},
		{"no scope", mintagetest.TokenOptions{Claims: map[string]any{"scope": nil}}, "", 403},
	} {
		tok := s.Token(c.opts)
		got, err := v.Verify(t.Context(), tok)
		reason := ""
		if refused, ok := errors.AsType[*oauth.Error](err); ok {
			reason = refused.Reason
		}
		if reason != c.reason {
			t.Errorf("%s: enforce says %v, want %q", c.name, err, c.reason)
		}
		if c.name == "another subject" && got.Subject != "x" {
			t.Errorf("%s: the subject is %q", c.name, got.Subject)
		}
		api := serve(t, s.API(nil, "read"))
		if status, body := call(t, s, api, tok); status != c.api {
			t.Errorf("%s: the API answered %d %s, want %d", c.name, status, body, c.api)
		}
	}
	if status, _ := call(t, s, s.APIURL, ""); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", status)
	}
}

// Revoking a token ends it for introspection, the API and the feed.
func TestRevoke(t *testing.T) {
	t.Parallel()
	for _, format := range []string{mintagetest.JWT, mintagetest.Stored, mintagetest.Sealed} {
		s := mintagetest.New(t, mintagetest.Options{Format: format})
		tok := mustToken(t, agent(s, s.TokenURL, consume.Basic))
		feed := agent(s, s.TokenURL, consume.Basic)
		feed.ClientID, feed.Secret, feed.Scope = s.APIID, consume.SecretValue(s.APISecret), []string{"mintage/revocations:read"}
		info := introspect(t, s, s.IntrospectURL, tok.Value)
		s.Revoke(tok.Value)
		if got := introspect(t, s, s.IntrospectURL, tok.Value); got.Active {
			t.Errorf("%s: introspection says %+v of a revoked token", format, got)
		}
		if status, _ := call(t, s, s.APIURL, tok.Value); status != http.StatusUnauthorized {
			t.Errorf("%s: the API answered %d", format, status)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.RevocationsURL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", mustToken(t, feed).Header())
		res, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if !strings.Contains(string(body), info.ID) {
			t.Errorf("%s: the feed does not name %s: %s", format, info.ID, body)
		}
	}
}

// A client of its own may have less, and its secret can change.
func TestClient(t *testing.T) {
	t.Parallel()
	s := mintagetest.New(t, mintagetest.Options{})
	own := s.AddClient(mintagetest.ClientOptions{Scopes: []string{"orders/read"}, Life: 5 * time.Second, Format: mintagetest.Stored})
	a := agent(s, s.TokenURL, consume.Basic)
	a.ClientID, a.Secret = own.ID, consume.SecretValue(own.Secret)
	tok := mustToken(t, a)
	if tok.Scope.String() != "orders/read" || strings.Contains(tok.Value, ".") || time.Until(tok.Expires) > 5*time.Second {
		t.Errorf("got %v until %v", tok, tok.Expires)
	}
	fresh := s.RotateSecret(own.ID)
	if _, err := a.Token(t.Context()); err == nil {
		t.Error("the old secret works")
	}
	for _, target := range []string{s.TokenURL, s.CognitoURL} {
		a.TokenURL, a.Secret = target, consume.SecretValue(fresh)
		if info := introspect(t, s, strings.Replace(target, "token", "introspect", 1), mustToken(t, a).Value); info.Scope.String() != "orders/read" {
			t.Errorf("after the rotation, at %s: got %+v", target, info)
		}
	}
	if own.String() != own.ID+":(hidden)" {
		t.Errorf("printing the credentials says %v", own)
	}
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

// failing is a test that keeps why it failed.
type failing struct {
	mintagetest.TB
	why string
}

func (f *failing) Helper() {}

func (f *failing) Fatalf(format string, args ...any) {
	f.why = strings.TrimSpace(format)
	for _, a := range args {
		if err, ok := a.(error); ok {
			f.why = err.Error()
		}
	}
	panic(f)
}

// What there is not fails the test, and says why.
func TestMisuse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		opts mintagetest.Options
		want string
	}{
		{mintagetest.Options{Hostility: mintagetest.Hostility{RefusePercent: 101}}, "refuse=101: a percentage is from 0 to 100"},
		{mintagetest.Options{Life: time.Millisecond}, "lifetime"},
		{mintagetest.Options{Format: "paper"}, "format"},
		{mintagetest.Options{Alg: "none"}, "alg"},
	} {
		f := &failing{TB: t}
		func() {
			defer func() {
				if p := recover(); p != nil && p != any(f) {
					panic(p)
				}
			}()
			mintagetest.New(f, c.opts)
		}()
		if !strings.Contains(f.why, c.want) {
			t.Errorf("%+v: failed with %q, want %q", c.opts, f.why, c.want)
		}
	}
}

// The issuer goes away and comes back with all that it knew, at the same
// address; what streams is cut.
func TestStop(t *testing.T) {
	t.Parallel()
	s := mintagetest.New(t, mintagetest.Options{})
	a := agent(s, s.TokenURL, consume.Basic)
	tok := mustToken(t, a)
	feed := agent(s, s.TokenURL, consume.Basic)
	feed.ClientID, feed.Secret, feed.Scope = s.APIID, consume.SecretValue(s.APISecret), []string{"mintage/revocations:read"}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.RevocationsURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", mustToken(t, feed).Header())
	r.Header.Set("Accept", "text/event-stream")
	stream, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Body.Close() }()
	s.Stop()
	s.Stop()
	if _, err := io.ReadAll(stream.Body); err == nil {
		t.Error("the stream ended well")
	}
	if _, err := a.Token(t.Context()); err == nil {
		t.Error("an issuer that is away gave out a token")
	} else if e, ok := errors.AsType[*consume.Error](err); !ok || e.Status != 0 || !e.Temporary() {
		t.Errorf("got %v, want no answer", err)
	}
	if status, _ := call(t, s, s.APIURL, tok.Value); status != http.StatusOK {
		t.Errorf("without the issuer the API answered %d", status)
	}
	s.Start()
	s.Start()
	mustToken(t, a)
}

var _ mintagetest.TB = testing.TB(nil)
