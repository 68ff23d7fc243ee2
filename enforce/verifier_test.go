package enforce_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/oauth"
)

// reason returns the reason of a refusal, "" for none.
func reason(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	e, ok := errors.AsType[*oauth.Error](err)
	if !ok {
		t.Fatalf("%v is no *oauth.Error", err)
	}
	if strings.HasPrefix(e.Reason, "token.") && (e.Code != "invalid_token" || e.Status != http.StatusUnauthorized) {
		t.Errorf("%s: got %s with %d, want invalid_token with 401", e.Reason, e.Code, e.Status)
	}
	return e.Reason
}

func TestVerify(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	tok, err := s.verifier().Verify(t.Context(), s.with(map[string]any{"extra": []int{1}, "aud": []string{"x", audience}}))
	if err != nil {
		t.Fatal(err)
	}
	if tok.Issuer != issuerName || tok.ClientID != "agent" || tok.Subject != "agent" || tok.KeyID != "k1" ||
		tok.Algorithm != "ES256" || !tok.Scope.Equal(oauth.Scope{"orders.read", "orders.write"}) ||
		len(tok.Audience) != 2 || tok.Expires != noon.Add(time.Hour).Unix() {
		t.Errorf("got %+v", *tok)
	}
	var all map[string]any
	if err := json.Unmarshal(tok.Payload(), &all); err != nil || all["extra"] == nil {
		t.Errorf("payload: got %v, %v", all, err)
	}
}

// RS-07, RS-08, RS-11, RS-13, JW-10, JW-19: one claim wrong at a time.
func TestVerifyClaims(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	in := func(d time.Duration) int64 { return noon.Add(d).Unix() }
	for _, tt := range []struct {
		name   string
		change map[string]any
		want   string
	}{
		{"as it is", nil, ""},
		{"iss with a trailing slash", map[string]any{"iss": issuerName + "/"}, "token.issuer"},
		{"iss in another case", map[string]any{"iss": "https://AUTH.example"}, "token.issuer"},
		{"iss missing", map[string]any{"iss": nil}, "token.issuer"},
		{"iss empty", map[string]any{"iss": ""}, "token.issuer"},
		{"iss number", map[string]any{"iss": 1}, "token.malformed"},

		{"aud array with mine", map[string]any{"aud": []string{"a", audience}}, ""},
		{"aud of another", map[string]any{"aud": "https://other.example"}, "token.audience"},
		{"aud array without mine", map[string]any{"aud": []string{"a", "b"}}, "token.audience"},
		{"aud empty array", map[string]any{"aud": []string{}}, "token.audience"},
		{"aud missing", map[string]any{"aud": nil}, "token.audience"},
		{"aud number", map[string]any{"aud": 1}, "token.malformed"},
		{"aud nested", map[string]any{"aud": []any{[]string{audience}}}, "token.malformed"},
		{"aud with a null", map[string]any{"aud": []any{audience, nil}}, "token.malformed"},
		{"aud in another case", map[string]any{"aud": strings.ToUpper(audience)}, "token.audience"},
		{"aud with a prefix of mine", map[string]any{"aud": audience + ".evil"}, "token.audience"},

		{"exp just inside the leeway", map[string]any{"exp": in(-9 * time.Second)}, ""},
		{"exp at the leeway", map[string]any{"exp": in(-10 * time.Second)}, "token.expired"},
		{"exp now", map[string]any{"exp": in(0)}, ""},
		{"exp missing", map[string]any{"exp": nil}, "token.malformed"},
		{"iat at the leeway", map[string]any{"iat": in(10 * time.Second)}, ""},
		{"iat beyond the leeway", map[string]any{"iat": in(11 * time.Second)}, "token.not_yet"},
		{"nbf at the leeway", map[string]any{"nbf": in(10 * time.Second)}, ""},
		{"nbf beyond the leeway", map[string]any{"nbf": in(11 * time.Second)}, "token.not_yet"},

		{"sub missing", map[string]any{"sub": nil}, "token.malformed"},
		{"client_id missing", map[string]any{"client_id": nil}, "token.malformed"},
		{"iat missing", map[string]any{"iat": nil}, "token.malformed"},
		{"jti missing", map[string]any{"jti": nil}, "token.malformed"},
		{"jti number", map[string]any{"jti": 7}, "token.malformed"},
		{"scope missing", map[string]any{"scope": nil}, ""},
		{"scope array", map[string]any{"scope": []string{"a"}}, "token.malformed"},
		{"scope with a quote", map[string]any{"scope": `a"b`}, "token.malformed"},
		{"scopes array", map[string]any{"scope": nil, "scopes": []string{"a"}}, ""},
		{"scopes array with a space", map[string]any{"scope": nil, "scopes": []string{"a b"}}, "token.malformed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tok, err := s.verifier().Verify(t.Context(), s.with(tt.change))
			if got := reason(t, err); got != tt.want || (tok == nil) != (err != nil) {
				t.Errorf("%v: got %q (%v), want %q", tt.change, got, err, tt.want)
			}
		})
	}
	for _, claim := range []string{"exp", "iat", "nbf"} { // JW-19
		for _, v := range []string{`"1"`, `1e400`, `-1`, `0`, `9223372036854775808`, `253402300800`, `1.5`, `1e9`, `null`, `true`, `[1]`} {
			times := map[string]string{"exp": fmt.Sprint(in(time.Hour)), "iat": fmt.Sprint(in(0)), "nbf": fmt.Sprint(in(0)), claim: v}
			payload := fmt.Sprintf(`{"iss":%q,"sub":"a","aud":%q,"client_id":"a","jti":"j","exp":%s,"iat":%s,"nbf":%s}`,
				issuerName, audience, times["exp"], times["iat"], times["nbf"])
			if _, err := s.verifier().Verify(t.Context(), s.raw(payload)); reason(t, err) != "token.malformed" {
				t.Errorf("%s %s: got %v, want token.malformed", claim, v, err)
			}
		}
	}
}

func TestVerifyPayload(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	good := fmt.Sprintf(`"iss":%q,"sub":"a","aud":%q,"client_id":"a","jti":"j","iat":%d,"exp":%d`,
		issuerName, audience, noon.Unix(), noon.Unix()+60)
	for payload, want := range map[string]string{
		`{` + good + `}`:                         "",
		`{` + good + `,"scope":"a","scope":"b"}`: "token.malformed", // JW-17
		`{` + good + `} `:                        "",
		`{` + good + `}x`:                        "token.malformed",
		`[{` + good + `}]`:                       "token.malformed",
		`null`:                                   "token.malformed",
		``:                                       "token.malformed",
		"{" + good + ",\"x\":\"\xff\"}":          "token.malformed", // JW-08
		`{` + good + `,"x":"\ud800"}`:            "token.malformed",
		`{` + good + `,"x":[[[[[[[[[[[1]]]]]]]]]]]}`:     "token.malformed",
		`{"ISS":` + good[len(`"iss":`):] + `}`:           "token.issuer", // names are case-sensitive
		`{` + good + `,"Aud":"https://other.example"}`:   "",
		strings.Replace(`{`+good+`}`, `"iss"`, `"x"`, 1): "token.issuer",
	} {
		if _, err := s.verifier().Verify(t.Context(), s.raw(payload)); reason(t, err) != want {
			t.Errorf("%.200q: got %v, want %q", payload, err, want)
		}
	}
}

// RS-10, JW-13, JW-14: no other kind of JWT passes for an access token.
func TestVerifyType(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ typ, strict, untyped string }{
		{"at+jwt", "", ""},
		{"AT+JWT", "", ""},
		{"application/at+jwt", "", ""},
		{"Application/At+Jwt", "", ""},
		{"JWT", "token.malformed", ""},
		{"application/jwt", "token.malformed", ""},
		{"", "token.malformed", ""},
		{"at+jwt;v=1", "token.malformed", "token.malformed"},
		{"application/x/at+jwt", "token.malformed", "token.malformed"},
		{"dpop+jwt", "token.malformed", "token.malformed"},
		{"logout+jwt", "token.malformed", "token.malformed"},
		{"token-introspection+jwt", "token.malformed", "token.malformed"},
		{"secevent+jwt", "token.malformed", "token.malformed"},
		{"client-authentication+jwt", "token.malformed", "token.malformed"},
	} {
		s := newSigner(t, jose.ES256, "k1", tt.typ)
		v := s.verifier()
		if _, err := v.Verify(t.Context(), s.with(nil)); reason(t, err) != tt.strict {
			t.Errorf("typ %q: got %v, want %q", tt.typ, err, tt.strict)
		}
		v.Issuers = &enforce.Issuer{Name: issuerName, Keys: enforce.StaticKeySet{s.key()}, InsecureUntyped: true}
		lax := s.with(map[string]any{"jti": nil, "client_id": nil, "iat": nil})
		if _, err := v.Verify(t.Context(), lax); reason(t, err) != tt.untyped {
			t.Errorf("typ %q with InsecureUntyped: got %v, want %q", tt.typ, err, tt.untyped)
		}
	}
}

// RS-12, JW-01 to JW-04, JW-15 to JW-18, JW-21, JW-22.
func TestVerifySignature(t *testing.T) {
	t.Parallel()
	s, other := newSigner(t, jose.ES256, "k1", "at+jwt"), newSigner(t, jose.ES256, "k1", "at+jwt")
	good := s.with(nil)
	parts := strings.Split(good, ".")
	payload := `{"iss":"` + issuerName + `"}`
	for _, tt := range []struct{ name, token, want string }{
		{"empty", "", "token.missing"},
		{"another key with the same kid", other.with(nil), "token.signature"},
		{"unknown kid", newSigner(t, jose.ES256, "k2", "at+jwt").with(nil), "token.kid_unknown"},
		{"no kid", newSigner(t, jose.ES256, "", "at+jwt").with(nil), "token.kid_unknown"},
		{"another algorithm", newSigner(t, jose.EdDSA, "k1", "at+jwt").with(nil), "token.signature"},
		{"an algorithm that is not allowed", newSigner(t, jose.ES384, "k1", "at+jwt").with(nil), "token.signature"},
		{"none", forge(`{"alg":"none","typ":"at+jwt","kid":"k1"}`, payload), "token.signature"},
		{"NoNe", forge(`{"alg":"NoNe","typ":"at+jwt","kid":"k1"}`, payload), "token.signature"},
		{"HS256", forge(`{"alg":"HS256","typ":"at+jwt","kid":"k1"}`, payload), "token.malformed"},
		{"alg array", forge(`{"alg":["ES256"],"typ":"at+jwt","kid":"k1"}`, payload), "token.malformed"},
		{"crit", forge(`{"alg":"ES256","typ":"at+jwt","kid":"k1","crit":["exp"]}`, payload), "token.malformed"},
		{"alg twice", forge(`{"alg":"ES256","alg":"ES256","typ":"at+jwt","kid":"k1"}`, payload), "token.malformed"},
		{"five parts", good + ".a.b", "token.malformed"},
		{"two parts", parts[0] + "." + parts[1], "token.malformed"},
		{"padding", good + "=", "token.malformed"},
		{"line break", good + "\n", "token.malformed"},
		{"changed payload", parts[0] + "." + strings.Split(s.with(map[string]any{"scope": "admin"}), ".")[1] + "." + parts[2], "token.signature"},
		{"too long", s.with(nil) + strings.Repeat("A", enforce.MaxTokenSize), "token.malformed"},
		{"dots", strings.Repeat(".", 1<<20), "token.malformed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := s.verifier().Verify(t.Context(), tt.token); reason(t, err) != tt.want {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// RS-11, RS-22, JW-09: keys belong to the issuer that the token names.
func TestSeveralIssuers(t *testing.T) {
	t.Parallel()
	a, b := newSigner(t, jose.ES256, "k1", "at+jwt"), newSigner(t, jose.RS256, "k1", "at+jwt")
	v := a.verifier()
	v.Issuers = enforce.Issuers{
		{Name: "https://a.example", Keys: enforce.StaticKeySet{a.key()}},
		{Name: "https://b.example", Keys: enforce.StaticKeySet{b.key()}, Algorithms: []string{"RS256"}},
	}
	for _, tt := range []struct {
		by   *signer
		iss  string
		want string
	}{
		{a, "https://a.example", ""},
		{b, "https://b.example", ""},
		{a, "https://b.example", "token.signature"},
		{b, "https://a.example", "token.signature"},
		{a, "https://c.example", "token.issuer"},
	} {
		if _, err := v.Verify(t.Context(), tt.by.with(map[string]any{"iss": tt.iss})); reason(t, err) != tt.want {
			t.Errorf("iss %s: got %v, want %q", tt.iss, err, tt.want)
		}
	}
}

// RS-08: what is left out refuses.
func TestIncompleteVerifier(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	for name, change := range map[string]func(*enforce.Verifier){
		"no audience":    func(v *enforce.Verifier) { v.Audience = "" },
		"no issuers":     func(v *enforce.Verifier) { v.Issuers = nil },
		"no keys":        func(v *enforce.Verifier) { v.Issuers = &enforce.Issuer{Name: issuerName} },
		"no issuer name": func(v *enforce.Verifier) { v.Issuers = &enforce.Issuer{Keys: enforce.StaticKeySet{s.key()}} },
		"nil issuer":     func(v *enforce.Verifier) { v.Issuers = (*enforce.Issuer)(nil) },
		"only unknown algorithms": func(v *enforce.Verifier) {
			v.Issuers = &enforce.Issuer{Name: issuerName, Keys: enforce.StaticKeySet{s.key()}, Algorithms: []string{"none", "HS256"}}
		},
		"a key set without an aim": func(v *enforce.Verifier) {
			v.Issuers = &enforce.Issuer{Name: issuerName, Keys: keyFunc(func(context.Context, string) (*enforce.Key, error) { return nil, nil })}
		},
	} {
		v := s.verifier()
		change(v)
		for _, tok := range []string{s.with(nil), s.with(map[string]any{"aud": ""}), s.with(map[string]any{"iss": ""})} {
			if _, err := v.Verify(t.Context(), tok); err == nil {
				t.Errorf("%s: a token passes", name)
			}
		}
	}
	v := s.verifier()
	v.Audience, v.AnyAudience = "", true
	if _, err := v.Verify(t.Context(), s.with(map[string]any{"aud": nil})); err != nil {
		t.Errorf("AnyAudience: %v", err)
	}
}

// RS-21: an issuer that is away is no reason to ask for a new token.
func TestKeysAway(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	v := s.verifier()
	away := errors.New("away")
	v.Issuers = &enforce.Issuer{Name: issuerName, Keys: keyFunc(func(context.Context, string) (*enforce.Key, error) { return nil, away })}
	_, err := v.Verify(t.Context(), s.with(nil))
	e, ok := errors.AsType[*oauth.Error](err)
	if !ok || e.Status != http.StatusServiceUnavailable || e.Reason != "key.unavailable" || !errors.Is(err, away) {
		t.Errorf("got %v, want temporarily_unavailable", err)
	}
}

// RS-17.
func TestEnded(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	v := s.verifier()
	asked := 0
	v.Ended = func(_ context.Context, tok *enforce.Token) (bool, error) {
		asked++
		return tok.ClientID == "agent", nil
	}
	if _, err := v.Verify(t.Context(), s.with(nil)); reason(t, err) != "token.revoked" {
		t.Errorf("got %v, want token.revoked", err)
	}
	if _, err := v.Verify(t.Context(), s.with(map[string]any{"client_id": "other"})); err != nil {
		t.Error(err)
	}
	if _, err := v.Verify(t.Context(), s.with(map[string]any{"aud": "x"})); err == nil || asked != 2 {
		t.Errorf("asked %d times, want 2: only for tokens that pass everything else", asked)
	}
	away := errors.New("away")
	v.Ended = func(context.Context, *enforce.Token) (bool, error) { return false, away }
	if _, err := v.Verify(t.Context(), s.with(nil)); reason(t, err) != "store.unavailable" || !errors.Is(err, away) {
		t.Errorf("got %v, want store.unavailable (RS-21)", err)
	}
}

// RS-13: the leeway has a bound, and can be none.
func TestLeeway(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	for _, tt := range []struct {
		leeway time.Duration
		late   time.Duration // still accepted so long after exp
	}{
		{0, 10 * time.Second}, {-1, 0}, {30 * time.Second, 30 * time.Second}, {math.MaxInt64, time.Minute},
	} {
		v := s.verifier()
		v.Leeway = tt.leeway
		tok := s.with(map[string]any{"iat": noon.Add(-time.Hour).Unix(), "exp": noon.Unix()})
		v.Now = func() time.Time { return noon.Add(tt.late - time.Millisecond) }
		if _, err := v.Verify(t.Context(), tok); err != nil {
			t.Errorf("leeway %v, %v after exp: %v", tt.leeway, tt.late-time.Millisecond, err)
		}
		v.Now = func() time.Time { return noon.Add(tt.late) }
		if _, err := v.Verify(t.Context(), tok); reason(t, err) != "token.expired" {
			t.Errorf("leeway %v, %v after exp: got %v, want token.expired", tt.leeway, tt.late, err)
		}
	}
}

// A token does not show itself in logs and errors.
func TestTokenIsHidden(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	raw := s.with(nil)
	tok, err := s.verifier().Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	if tok.Value() != raw {
		t.Error("Value is another token")
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", slog.Any("token", tok))
	_, refused := s.verifier().Verify(t.Context(), raw[:len(raw)-2]+"AA")
	secret := raw[len(raw)-20 : len(raw)-4]
	for _, out := range []string{log.String(), fmt.Sprint(tok), fmt.Sprintf("%+v %#v %s", tok, tok, tok), refused.Error()} {
		if strings.Contains(out, secret) {
			t.Errorf("the token is in %q", out)
		}
	}
}

// What is not signed by us never passes, whatever it looks like.
func FuzzVerify(f *testing.F) {
	s := newSigner(f, jose.ES256, "k1", "at+jwt")
	good := s.with(nil)
	f.Add(good)
	f.Add(good + ".")
	f.Add(forge(`{"alg":"none"}`, `{}`))
	v := s.verifier()
	f.Fuzz(func(t *testing.T, raw string) {
		tok, err := v.Verify(t.Context(), raw)
		if err == nil && raw != good {
			// ECDSA signatures can be changed into another that is right, and only
			// the signature may differ.
			if i := strings.LastIndexByte(good, '.'); !strings.HasPrefix(raw, good[:i+1]) {
				t.Errorf("%q passes", raw)
			}
		}
		if err != nil && tok != nil {
			t.Error("a token comes with an error")
		}
	})
}
