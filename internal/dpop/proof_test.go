package dpop_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/dpop"
	"github.com/mintage-auth/mintage/internal/jose"
)

// noon is when the requests of the tests happen.
var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

const at = "https://a.example/token"

// proof signs claims with a new key.
func proof(tb testing.TB, claims map[string]any) string {
	tb.Helper()
	key, err := jose.GenerateKey(jose.ES256)
	if err != nil {
		tb.Fatal(err)
	}
	signer, err := jose.NewSigner(key, jose.ES256, "", jose.HeaderForm{{Name: "typ", Value: "dpop+jwt"}, {Name: "alg"}, {Name: "jwk"}})
	if err != nil {
		tb.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		tb.Fatal(err)
	}
	jwt, err := signer.AppendSign(nil, payload)
	if err != nil {
		tb.Fatal(err)
	}
	return string(jwt)
}

func good() map[string]any {
	return map[string]any{"jti": "1", "htm": "POST", "htu": at, "iat": noon.Unix()}
}

func request() *dpop.Request {
	return &dpop.Request{Method: "POST", URLs: []string{"https://b.example/token", at}, Now: noon}
}

// What is left out of a request refuses, and admits nothing.
func TestCheck(t *testing.T) {
	t.Parallel()
	nonces := &dpop.Nonces{Purpose: "test"}
	with := func(member string, value any) map[string]any {
		c := good()
		c[member] = value
		return c
	}
	for _, tt := range []struct {
		name   string
		claims map[string]any
		change func(*dpop.Request)
		want   string
	}{
		{"good", good(), func(*dpop.Request) {}, ""},
		{"no URL", good(), func(r *dpop.Request) { r.URLs = nil }, "another URL"},
		{"another URL", good(), func(r *dpop.Request) { r.URLs = r.URLs[:1] }, "another URL"},
		{"a URL that is none", with("htu", "x"), func(r *dpop.Request) { r.URLs = []string{"x"} }, "another URL"},
		{"no method", good(), func(r *dpop.Request) { r.Method = "" }, "another method"},
		{"no time", good(), func(r *dpop.Request) { r.Now = time.Time{} }, "too old or from the future"},
		{"a window", with("iat", noon.Unix()-90), func(r *dpop.Request) { r.Window = 2 * time.Minute }, ""},
		{"the longest window", with("iat", noon.Unix()-301), func(r *dpop.Request) { r.Window = time.Hour }, "too old or from the future"},
		{"a leeway", with("iat", noon.Unix()+30), func(r *dpop.Request) { r.Leeway = 30 * time.Second }, ""},
		{"no nonce", good(), func(r *dpop.Request) { r.Nonces = nonces }, "nonce"},
		{"the newest nonce", with("nonce", nonces.At(noon)), func(r *dpop.Request) { r.Nonces = nonces }, ""},
		{"the nonce before", with("nonce", nonces.At(noon.Add(-dpop.NonceLife))), func(r *dpop.Request) { r.Nonces = nonces }, ""},
		{"an old nonce", with("nonce", nonces.At(noon.Add(-2*dpop.NonceLife))), func(r *dpop.Request) { r.Nonces = nonces }, "nonce"},
		{"the nonce to come", with("nonce", nonces.At(noon.Add(dpop.NonceLife))), func(r *dpop.Request) { r.Nonces = nonces }, "nonce"},
		{"another's nonce", with("nonce", (&dpop.Nonces{Purpose: "other"}).At(noon)), func(r *dpop.Request) { r.Nonces = nonces }, "nonce"},
	} {
		p, err := dpop.Read([]string{proof(t, tt.claims)}, []string{"ES256"})
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		r := request()
		tt.change(r)
		err = p.Check(r)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := dpop.Read(nil, []string{"ES256"}); !errors.Is(err, dpop.ErrNone) {
		t.Errorf("no header: %v", err)
	}
	if p, err := dpop.Read([]string{proof(t, good())}, nil); err == nil {
		t.Errorf("no algorithm is accepted, and %+v is", p)
	}
}

// For as long as Keep says, a proof that is good now can be good again, and no
// longer.
func TestKeep(t *testing.T) {
	t.Parallel()
	claims := good()
	claims["iat"] = noon.Add(10 * time.Second).Unix() // as late as can be
	p, err := dpop.Read([]string{proof(t, claims)}, []string{"ES256"})
	if err != nil {
		t.Fatal(err)
	}
	r := request()
	if err := p.Check(r); err != nil {
		t.Fatal(err)
	}
	for after, good := range map[time.Duration]bool{r.Keep(): true, r.Keep() + time.Second: false} {
		later := request()
		later.Now = noon.Add(after)
		if err := p.Check(later); (err == nil) != good {
			t.Errorf("after %s: %v", after, err)
		}
	}
}

// FuzzRead: what reads has all that a proof has to have, and what does not is
// nothing.
func FuzzRead(f *testing.F) {
	f.Add(proof(f, good()))
	f.Add("eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7fX0.e30.AA")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := dpop.Read([]string{text}, []string{"ES256", "EdDSA"})
		if err != nil {
			if e, ok := errors.AsType[*dpop.Error](err); p != nil || !ok || e.Description == "" || strings.Contains(e.Description, `"`) {
				t.Errorf("%q: %+v, %v", text, p, err)
			}
			return
		}
		if p.ID == "" || p.Method == "" || p.URI == "" || p.Issued <= 0 || len(p.Thumbprint) != 43 || len(p.ID) > 256 {
			t.Errorf("%q reads as %+v", text, p)
		}
	})
}
