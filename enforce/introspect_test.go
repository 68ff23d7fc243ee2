package enforce_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/jose"
)

func (p *publisher) introspector() *enforce.Introspector {
	return &enforce.Introspector{
		URL: "https://auth.example/introspect", Client: &http.Client{Transport: p},
		ClientID: "api", Secret: func(context.Context) (string, error) { return "s3cret", nil },
	}
}

// answered is an introspection answer about a good token now, changed; nil
// removes a member.
func answered(change map[string]any) string {
	m := map[string]any{
		"active": true, "iss": issuerName, "sub": "agent", "aud": audience, "client_id": "agent", "scope": "orders.read",
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(), "jti": "0195d3a0-0000-7abc-8def-0123456789ab", "token_type": "Bearer",
	}
	maps.Copy(m, change)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func opaqueVerifier(in *enforce.Introspector) *enforce.Verifier {
	return &enforce.Verifier{Issuers: &enforce.Issuer{Name: issuerName, Introspector: in}, Audience: audience}
}

// TestIntrospection holds what is asked: a POST with client authentication
// (IN-01), once for any number of callers.
func TestIntrospection(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var asked []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		id, secret, _ := r.BasicAuth()
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, fmt.Sprint(r.Method, " ", r.URL, " ", id, " ", secret, " ", string(body)))
		fmt.Fprint(w, answered(nil))
	}))
	defer srv.Close()
	v := opaqueVerifier(&enforce.Introspector{
		URL: srv.URL + "/introspect", Client: srv.Client(), ClientID: "a+b:c",
		Secret: func(context.Context) (string, error) { return "s 3&cret", nil },
	})
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			tok, err := v.Verify(t.Context(), "opaque/1")
			if err != nil || tok.ClientID != "agent" || !tok.Opaque() || tok.Value() != "opaque/1" {
				t.Errorf("got %v, %v", tok, err)
			}
		})
	}
	wg.Wait()
	want := "POST /introspect " + url.QueryEscape("a+b:c") + " " + url.QueryEscape("s 3&cret") + " token=opaque%2F1&token_type_hint=access_token"
	if len(asked) != 1 || asked[0] != want {
		t.Errorf("asked %q, want %q once", asked, want)
	}
}

// IN-02, RS-08, RS-13: what an answer allows is checked as with a JWT.
func TestIntrospectionAnswers(t *testing.T) {
	t.Parallel()
	const away = "key.unavailable"
	past, hash := time.Now().Add(-time.Minute).Unix(), hashOf("x")
	for _, tt := range []struct {
		name, body, want string
	}{
		{"as it is", answered(nil), ""},
		{"inactive", `{"active":false}`, "token.unknown"},
		{"inactive with all members", answered(map[string]any{"active": false}), "token.unknown"},
		{"active as text", answered(map[string]any{"active": "true"}), away},
		{"active missing", answered(map[string]any{"active": nil}), away},
		{"active null", strings.Replace(answered(nil), "true", "null", 1), away},
		{"active twice", `{"active":false,` + answered(nil)[1:], away},
		{"not JSON", "<html>", away},
		{"JWT", "eyJhbGciOiJub25lIn0.e30.", away},
		{"array", "[]", away},
		{"without iss", answered(map[string]any{"iss": nil}), ""},
		{"iss of another", answered(map[string]any{"iss": "https://evil.example"}), away},
		{"aud of another", answered(map[string]any{"aud": "https://other.example"}), "token.audience"},
		{"aud missing", answered(map[string]any{"aud": nil}), "token.audience"},
		{"aud array", answered(map[string]any{"aud": []string{"x", audience}}), ""},
		{"expired", answered(map[string]any{"exp": past}), "token.expired"},
		{"exp missing", answered(map[string]any{"exp": nil}), "token.malformed"},
		{"exp text", answered(map[string]any{"exp": "1"}), away},
		{"nbf ahead", answered(map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}), "token.not_yet"},
		{"nobody's", answered(map[string]any{"sub": nil, "client_id": nil}), "token.malformed"},
		{"bound to a key", answered(map[string]any{"cnf": map[string]string{"jkt": hash}, "token_type": "DPoP"}), "dpop.missing"},
		{"bound to a key that is not named", answered(map[string]any{"token_type": "DPoP"}), away},
		{"bound to a certificate", answered(map[string]any{"cnf": map[string]string{"x5t#S256": hash}}), "cert.missing"},
		{"too long", answered(map[string]any{"x": strings.Repeat("a", 64<<10)}), away},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := &publisher{body: tt.body}
			_, err := opaqueVerifier(p.introspector()).Verify(t.Context(), "opaque")
			if got := reason(t, err); got != tt.want {
				t.Errorf("%s: got %v, want %q", tt.body, err, tt.want)
			}
		})
	}
	for _, status := range []int{204, 302, 400, 401, 403, 404, 429, 500, 503} {
		p := &publisher{status: status, body: answered(nil)}
		if _, err := opaqueVerifier(p.introspector()).Verify(t.Context(), "opaque"); reason(t, err) != away {
			t.Errorf("status %d: got %v", status, err)
		}
	}
}

// IN-05, R24: an answer is kept for a while and never past the token's end; a
// refused endpoint is not asked without end; an old answer serves only as long
// as it may.
func TestIntrospectionCache(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &publisher{body: answered(map[string]any{"exp": time.Now().Add(12 * time.Second).Unix()})}
		in := p.introspector()
		v := opaqueVerifier(in)
		v.Leeway = -1
		verify := func() string {
			_, err := v.Verify(t.Context(), "opaque")
			return reason(t, err)
		}
		for range 3 {
			if got := verify(); got != "" {
				t.Fatal(got)
			}
		}
		time.Sleep(4 * time.Second)
		if verify(); p.count() != 1 {
			t.Errorf("%d requests within the answer's life, want 1", p.count())
		}
		time.Sleep(time.Second)
		if verify(); p.count() != 2 {
			t.Errorf("%d requests after the answer's life, want 2", p.count())
		}
		p.set(func(p *publisher) { p.body = `{"active":false}` })
		time.Sleep(5 * time.Second)
		if got := verify(); got != "token.unknown" {
			t.Errorf("revoked: got %q after 5 s", got)
		}

		in.Stale = time.Minute
		p.set(func(p *publisher) { p.body = answered(map[string]any{"exp": time.Now().Add(20 * time.Second).Unix()}) })
		time.Sleep(2 * time.Second)
		if got := verify(); got != "" {
			t.Fatal(got)
		}
		p.set(func(p *publisher) { p.err = errors.New("no route") })
		before := p.count()
		for range 17 {
			time.Sleep(time.Second)
			if got := verify(); got != "" {
				t.Fatalf("away: got %q, want what was known", got)
			}
		}
		time.Sleep(time.Second)
		if got := verify(); got == "" {
			t.Error("an answer outlived the token")
		}
		if n := p.count() - before; n < 5 || n > 17 {
			t.Errorf("%d requests in 20 seconds of trouble", n)
		}
	})
}

// R24: made-up tokens do not push out good ones, and no more requests are made
// at a time than may be.
func TestIntrospectionFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most := 0, 0
		good := answered(nil)
		client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			time.Sleep(10 * time.Millisecond)
			mu.Lock()
			running--
			mu.Unlock()
			body := `{"active":false}`
			if b, _ := io.ReadAll(r.Body); strings.HasPrefix(string(b), "token=good&") {
				body = good
			}
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		})}
		in := &enforce.Introspector{URL: "https://auth.example/i", Client: client, Size: 100, InFlight: 8, Life: time.Hour}
		v := opaqueVerifier(in)
		if _, err := v.Verify(t.Context(), "good"); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		busy, refused := 0, 0
		for i := range 10_000 {
			wg.Go(func() {
				_, err := v.Verify(t.Context(), fmt.Sprintf("bad%d", i))
				mu.Lock()
				defer mu.Unlock()
				switch reason(t, err) {
				case "token.unknown":
					refused++
				case "key.unavailable":
					busy++
				default:
					t.Errorf("got %v", err)
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		if _, err := v.Verify(t.Context(), "good"); err != nil || time.Since(began) != 0 {
			t.Errorf("a good token in the flood: %v after %v", err, time.Since(began))
		}
		wg.Wait()
		if most > 8 || busy == 0 || refused == 0 || busy+refused != 10_000 {
			t.Errorf("%d at a time, %d refused, %d told to wait", most, refused, busy)
		}
		if _, err := v.Verify(t.Context(), "good"); err != nil {
			t.Error(err)
		}
	})
}

// roundTrip is a transport.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// RS-22: nothing is told to an issuer, or taken from it, that is another's.
func TestIntrospectionRouting(t *testing.T) {
	t.Parallel()
	asked := map[string]string{}
	issuer := func(name string, prefixes ...string) *enforce.Issuer {
		return &enforce.Issuer{Name: name, Introspector: &enforce.Introspector{
			URL: name + "/i", Prefixes: prefixes,
			Client: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				body, _ := io.ReadAll(r.Body)
				form, _ := url.ParseQuery(string(body))
				asked[form.Get("token")] = name
				return &http.Response{
					StatusCode: http.StatusOK, Request: r,
					Body: io.NopCloser(strings.NewReader(answered(map[string]any{"iss": nil, "client_id": name}))),
				}, nil
			})},
		}}
	}
	v := &enforce.Verifier{
		Issuers: enforce.Issuers{
			issuer("https://a.example", "a_", "ab_"), issuer("https://b.example", "b_"), issuer("https://rest.example"),
			{Name: "https://jwt.example", Keys: enforce.StaticKeySet{}},
		},
		Audience: audience,
	}
	for token, want := range map[string]string{
		"a_1": "https://a.example", "ab_1": "https://a.example", "b_1": "https://b.example", "c_1": "https://rest.example",
		"a.b": "https://rest.example", "x~.y.z": "https://rest.example",
	} {
		tok, err := v.Verify(t.Context(), token)
		if err != nil || asked[token] != want || tok.Issuer != want || tok.ClientID != want {
			t.Errorf("%s: got %v, %v; asked %s, want %s", token, tok, err, asked[token], want)
		}
	}
	for _, token := range []string{"a.b.c", "e30.e30.e30", "a.b.c.d.e", "..", "...."} { // these look like JWTs
		if _, err := v.Verify(t.Context(), token); reason(t, err) == "" || asked[token] != "" {
			t.Errorf("%s: got %v, asked %q", token, err, asked[token])
		}
	}
	two := enforce.Issuers{issuer("https://a.example"), issuer("https://b.example")}
	if _, err := two.Opaque(t.Context(), "x"); !errors.Is(err, enforce.ErrUnknownIssuer) {
		t.Errorf("a token that may be either's: got %v", err)
	}
	if _, err := (&enforce.Verifier{Issuers: two, Audience: audience}).Verify(t.Context(), "x"); reason(t, err) != "token.malformed" {
		t.Errorf("got %v", err)
	}
}

// TestIntrospectJWTs holds that a revoked JWT is refused where its issuer is
// asked, and that a bad one is never shown to it.
func TestIntrospectJWTs(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	p := &publisher{body: answered(nil)}
	v := s.verifier()
	v.Issuers = &enforce.Issuer{Name: issuerName, Keys: enforce.StaticKeySet{s.key()}, Introspector: p.introspector(), IntrospectJWTs: true}
	if _, err := v.Verify(t.Context(), s.with(map[string]any{"aud": "x"})); reason(t, err) != "token.audience" || p.count() != 0 {
		t.Errorf("got %v after %d requests", err, p.count())
	}
	if _, err := v.Verify(t.Context(), s.with(nil)); err != nil || p.count() != 1 {
		t.Errorf("got %v after %d requests", err, p.count())
	}
	p.set(func(p *publisher) { p.body = `{"active":false}` })
	if _, err := v.Verify(t.Context(), s.with(map[string]any{"jti": "other"})); reason(t, err) != "token.revoked" {
		t.Errorf("got %v", err)
	}
	p.set(func(p *publisher) { p.status = 500 })
	if _, err := v.Verify(t.Context(), s.with(map[string]any{"jti": "third"})); reason(t, err) != "key.unavailable" {
		t.Errorf("got %v", err)
	}
}
