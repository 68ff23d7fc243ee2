package consume_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/internal/jose"
)

// proven reads a DPoP proof.
func proven(t *testing.T, r *http.Request) map[string]any {
	t.Helper()
	if len(r.Header.Values("DPoP")) != 1 {
		t.Fatalf("%d proofs", len(r.Header.Values("DPoP")))
	}
	jws, claims := verified(t, r.Header.Get("DPoP"), func(jws *jose.JWS) *jose.Key {
		jwk, ok := jws.Header.Lookup("jwk")
		if !ok {
			t.Fatal("there is no key in the proof")
		}
		return must(jose.ParseKeyValue(jwk))(t) // refuses private ones
	})
	if jws.Type != "dpop+jwt" {
		t.Errorf("got typ %q", jws.Type)
	}
	return claims
}

const bound = `{"access_token":"abc","token_type":"DPoP","expires_in":3600}`

// RFC 9449: proofs to both servers, each fresh, with the nonces they ask for.
func TestDPoP(t *testing.T) {
	t.Parallel()
	seen := map[any]bool{}
	tries := map[string]int{}
	d := &consume.DPoP{}
	check := func(r *http.Request, at, nonce, ath string) {
		c := proven(t, r)
		if c["htm"] != r.Method || c["htu"] != at || seen[c["jti"]] || str(c["nonce"]) != nonce || str(c["ath"]) != ath {
			t.Errorf("got %v, want %s %s nonce %q ath %q", c, r.Method, at, nonce, ath)
		}
		seen[c["jti"]] = true
	}
	cc := source(tripper(func(r *http.Request) (*http.Response, error) {
		switch tries["token"]++; tries["token"] {
		case 1:
			check(r, "https://auth.example/oauth2/token", "", "")
			return answer(400, `{"error":"use_dpop_nonce"}`, "DPoP-Nonce", "n1")(r)
		default:
			check(r, "https://auth.example/oauth2/token", "n1", "")
			return answer(200, bound)(r)
		}
	}))
	cc.DPoP, cc.Now = d, nil
	src := &consume.Source{Fetcher: cc}
	defer src.Close()
	sum := sha256.Sum256([]byte("abc"))
	ath := base64.RawURLEncoding.EncodeToString(sum[:])
	client := &http.Client{Transport: &consume.Transport{
		Source: src, DPoP: d, Origins: []string{"https://api.example"},
		Base: tripper(func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("Authorization") != "DPoP abc" {
				t.Errorf("got %q", r.Header.Get("Authorization"))
			}
			switch tries["api"]++; tries["api"] {
			case 1:
				check(r, "https://api.example/x", "", ath)
				return answer(401, "", "WWW-Authenticate", `DPoP error="use_dpop_nonce", algs="ES256"`, "DPoP-Nonce", "n2")(r)
			case 2:
				check(r, "https://api.example/x", "n2", ath)
				return answer(200, "", "DPoP-Nonce", "n3")(r)
			default:
				check(r, "https://api.example/x", "n3", ath)
				return answer(200, "")(r)
			}
		}),
	}}
	for range 2 {
		res, err := client.Get("https://api.example/x?q=1")
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("got %v, %v", res, err)
		}
		_ = res.Body.Close()
	}
	if tries["token"] != 2 || tries["api"] != 3 {
		t.Errorf("%v tries, want 2 for the token and 3 at the API", tries)
	}
}

func str(v any) string {
	s, _ := v.(string)
	return s
}

// DP-20: a bearer token is not taken for a bound one, nor the other way.
func TestDPoPType(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		d    *consume.DPoP
		body string
		ok   bool
	}{
		{&consume.DPoP{}, bound, true},
		{&consume.DPoP{}, good, false},
		{nil, bound, false},
		{nil, good, true},
	} {
		c := source(answer(200, tt.body))
		c.DPoP = tt.d
		if _, err := c.Token(t.Context()); (err == nil) != tt.ok {
			t.Errorf("DPoP %v: %s: got %v", tt.d != nil, tt.body, err)
		}
	}
}

// A server that asks for another nonce each time is not asked for ever.
func TestDPoPNonceLoop(t *testing.T) {
	t.Parallel()
	asked := 0
	c := source(tripper(func(r *http.Request) (*http.Response, error) {
		asked++
		return answer(400, `{"error":"use_dpop_nonce"}`, "DPoP-Nonce", time.Now().String())(r)
	}))
	c.DPoP = &consume.DPoP{}
	_, err := c.Token(t.Context())
	if e, ok := errors.AsType[*consume.Error](err); !ok || e.Code != "use_dpop_nonce" || asked != 2 {
		t.Errorf("got %v after %d requests", err, asked)
	}
}
