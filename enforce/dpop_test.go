package enforce_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/oauth"
)

// prover makes DPoP proofs.
type prover struct {
	t    testing.TB
	priv crypto.Signer
	alg  jose.Alg
}

func newProver(tb testing.TB, alg jose.Alg) *prover {
	tb.Helper()
	priv, err := jose.GenerateKey(alg)
	if err != nil {
		tb.Fatal(err)
	}
	return &prover{t: tb, priv: priv, alg: alg}
}

func (p *prover) key() *jose.Key {
	p.t.Helper()
	k, err := jose.NewKey(p.priv.Public(), "", p.alg)
	if err != nil {
		p.t.Fatal(err)
	}
	return k
}

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// claims are those of a good proof for GET https://api.example/orders at noon,
// changed; nil removes one.
func (p *prover) claims(token string, change map[string]any) map[string]any {
	c := map[string]any{
		"jti": rand.Text(), "htm": "GET", "htu": "https://api.example/orders", "iat": noon.Unix(), "ath": hashOf(token),
	}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// header is that of a good proof, changed as claims.
func (p *prover) header(change map[string]any) map[string]any {
	h := map[string]any{"typ": "dpop+jwt", "alg": string(p.alg), "jwk": json.RawMessage(p.key().AppendJWK(nil))}
	maps.Copy(h, change)
	maps.DeleteFunc(h, func(_ string, v any) bool { return v == nil })
	return h
}

// sign signs whatever header and claims say.
func (p *prover) sign(header, claims any) string {
	p.t.Helper()
	enc := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			p.t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	input := enc(header) + "." + enc(claims)
	return input + "." + base64.RawURLEncoding.EncodeToString(rawSignature(p.t, p.priv, p.alg, []byte(input)))
}

func (p *prover) proof(token string, change map[string]any) string {
	p.t.Helper()
	return p.sign(p.header(nil), p.claims(token, change))
}

// rawSignature signs as the algorithm says.
func rawSignature(tb testing.TB, priv crypto.Signer, alg jose.Alg, input []byte) []byte {
	tb.Helper()
	sum := sha256.Sum256(input)
	var sig []byte
	var err error
	switch alg { //nolint:exhaustive // the others are refused below
	case jose.ES256:
		r, s, signErr := ecdsa.Sign(rand.Reader, priv.(*ecdsa.PrivateKey), sum[:])
		if err = signErr; err == nil {
			sig = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		}
	case jose.RS256:
		sig, err = priv.Sign(rand.Reader, sum[:], crypto.SHA256)
	case jose.PS256:
		sig, err = priv.Sign(rand.Reader, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
	case jose.EdDSA:
		sig, err = priv.Sign(rand.Reader, input, crypto.Hash(0))
	default:
		tb.Fatalf("no signature of %s", alg)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return sig
}

// bound is a token that is bound to the key of p.
func (s *signer) bound(p *prover) string {
	return s.with(map[string]any{"cnf": map[string]string{"jkt": p.key().Thumbprint()}})
}

// request is GET https://api.example/orders?x=1 with a token and proofs.
func request(scheme, token string, proofs ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "https://api.example/orders?x=1", nil)
	r.Header.Set("Authorization", scheme+" "+token)
	for _, p := range proofs {
		r.Header.Add("DPoP", p)
	}
	return r
}

// told returns code and reason of a refusal, "" for none.
func told(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	e, ok := errors.AsType[*oauth.Error](err)
	if !ok {
		t.Fatalf("%v is no *oauth.Error", err)
	}
	return fmt.Sprintf("%d %s %s", e.Status, e.Code, e.Reason)
}

const (
	badProof     = "401 invalid_dpop_proof dpop.invalid"
	missingProof = "401 invalid_dpop_proof dpop.missing"
	replayed     = "401 invalid_dpop_proof dpop.replayed"
	needsNonce   = "401 use_dpop_nonce dpop.nonce"
	notBound     = "401 invalid_token dpop.invalid"
	bearerBound  = "401 invalid_token dpop.missing"
)

// DP-01 to DP-09, DP-11, DP-12, DP-17, DP-19: one thing wrong at a time.
func TestDPoPProof(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	v := s.verifier()
	v.DPoP = &enforce.DPoP{}
	p, other := newProver(t, jose.ES256), newProver(t, jose.ES256)
	tok := s.bound(p)
	with := func(change map[string]any) []string { return []string{p.proof(tok, change)} }
	head := func(change map[string]any) []string { return []string{p.sign(p.header(change), p.claims(tok, nil))} }
	at := func(d time.Duration) []string { return with(map[string]any{"iat": noon.Add(d).Unix()}) }
	htu := func(u string) []string { return with(map[string]any{"htu": u}) }
	private := map[string]any{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "AA"}
	good := p.proof(tok, nil)
	flipped := good[:len(good)-8] + map[bool]string{true: "A", false: "B"}[good[len(good)-8] != 'A'] + good[len(good)-7:]
	for _, tt := range []struct {
		name   string
		proofs []string
		want   string
	}{
		{"as it is", []string{good}, ""},
		{"none", nil, missingProof},                                                                       // DP-12
		{"two headers", []string{p.proof(tok, nil), p.proof(tok, nil)}, badProof},                         // DP-01
		{"two in one header", []string{p.proof(tok, nil) + "," + p.proof(tok, nil)}, badProof},            // DP-01
		{"empty", []string{""}, badProof},                                                                 // DP-02
		{"garbage", []string{"a.b.c"}, badProof},                                                          // DP-02
		{"five parts", []string{"a.b.c.d.e"}, badProof},                                                   // DP-02
		{"JSON serialization", []string{`{"payload":"e30","signatures":[]}`}, badProof},                   // DP-02
		{"too long", with(map[string]any{"x": strings.Repeat("a", 9000)}), badProof},                      // DP-02
		{"no typ", head(map[string]any{"typ": nil}), badProof},                                            // DP-03
		{"no jwk", head(map[string]any{"jwk": nil}), badProof},                                            // DP-03
		{"no alg", head(map[string]any{"alg": nil}), badProof},                                            // DP-03
		{"no jti", with(map[string]any{"jti": nil}), badProof},                                            // DP-03
		{"no htm", with(map[string]any{"htm": nil}), badProof},                                            // DP-03
		{"no htu", with(map[string]any{"htu": nil}), badProof},                                            // DP-03
		{"no iat", with(map[string]any{"iat": nil}), badProof},                                            // DP-03
		{"no ath", with(map[string]any{"ath": nil}), badProof},                                            // DP-03
		{"typ JWT", head(map[string]any{"typ": "JWT"}), badProof},                                         // DP-04
		{"typ at+jwt", head(map[string]any{"typ": "at+jwt"}), badProof},                                   // DP-04
		{"typ in capitals", head(map[string]any{"typ": "DPoP+JWT"}), ""},                                  // DP-04, RFC 7515 §4.1.9
		{"alg none", head(map[string]any{"alg": "none"}), badProof},                                       // DP-05
		{"alg HS256", head(map[string]any{"alg": "HS256"}), badProof},                                     // DP-05
		{"alg unknown", head(map[string]any{"alg": "XX256"}), badProof},                                   // DP-05
		{"alg of another key", head(map[string]any{"alg": "RS256"}), badProof},                            // DP-05
		{"a bit flipped", []string{flipped}, badProof},                                                    // DP-06
		{"another key", []string{other.proof(tok, nil)}, badProof},                                        // DP-06, DP-12
		{"another key's jwk", []string{other.sign(p.header(nil), p.claims(tok, nil))}, badProof},          // DP-06
		{"private jwk", head(map[string]any{"jwk": private}), badProof},                                   // DP-07
		{"oct jwk", head(map[string]any{"jwk": map[string]any{"kty": "oct", "k": "c2VjcmV0"}}), badProof}, // DP-07
		{"jwk string", head(map[string]any{"jwk": "x"}), badProof},
		{"PUT for GET", with(map[string]any{"htm": "PUT"}), badProof}, // DP-08
		{"lower case", with(map[string]any{"htm": "get"}), badProof},  // DP-08
		{"htm number", with(map[string]any{"htm": 1}), badProof},      // DP-08
		{"query", htu("https://api.example/orders?x=1"), ""},          // DP-09
		{"another query", htu("https://api.example/orders?y=2"), ""},  // DP-09
		{"fragment", htu("https://api.example/orders#x"), ""},         // DP-09
		{"capitals", htu("HTTPS://API.Example/orders"), ""},           // DP-09
		{"port", htu("https://api.example:443/orders"), ""},           // DP-09
		{"escaped", htu("https://api.example/%6frders"), ""},          // DP-09
		{"dots", htu("https://api.example/x/../orders"), ""},          // DP-09
		{"another path", htu("https://api.example/order"), badProof},  // DP-09
		{"path in capitals", htu("https://api.example/Orders"), badProof},
		{"trailing slash", htu("https://api.example/orders/"), badProof},
		{"escaped slash", htu("https://api.example%2Forders"), badProof},
		{"another host", htu("https://api.example.evil/orders"), badProof},
		{"another port", htu("https://api.example:444/orders"), badProof},
		{"another scheme", htu("http://api.example/orders"), badProof},
		{"user", htu("https://u@api.example/orders"), badProof},
		{"relative", htu("/orders"), badProof},
		{"10 s old", at(-10 * time.Second), ""},        // DP-11
		{"10 s ahead", at(10 * time.Second), ""},       // DP-11
		{"60 s old", at(-time.Minute), ""},             // DP-11
		{"61 s old", at(-61 * time.Second), badProof},  // DP-11
		{"11 s ahead", at(11 * time.Second), badProof}, // DP-11
		{"1 h old", at(-time.Hour), badProof},          // DP-11
		{"1 h ahead", at(time.Hour), badProof},         // DP-11
		{"iat text", with(map[string]any{"iat": "1"}), badProof},
		{"another ath", with(map[string]any{"ath": hashOf("x")}), badProof},                                   // DP-12
		{"jti of 64 KB", with(map[string]any{"jti": strings.Repeat("a", 64<<10)}), badProof},                  // DP-17
		{"jti of 257", with(map[string]any{"jti": strings.Repeat("a", 257)}), badProof},                       // DP-17
		{"again", []string{good}, replayed},                                                                   // DP-17
		{"nbf and exp", with(map[string]any{"nbf": noon.Unix(), "exp": noon.Unix() + 60, "x": []int{1}}), ""}, // DP-19
		{"exp in the past", with(map[string]any{"exp": noon.Unix() - 60}), badProof},
	} {
		_, err := v.Authenticate(request("DPoP", tok, tt.proofs...), "orders.read")
		if got := told(t, err); got != tt.want {
			t.Errorf("%s: got %q (%v), want %q", tt.name, got, err, tt.want)
		}
	}
}

// DP-15: a bound token is nothing without its proof, and a bearer token needs
// none.
func TestDPoPScheme(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	p := newProver(t, jose.ES256)
	bound, plain := s.bound(p), s.with(nil)
	for _, tt := range []struct {
		name string
		dpop *enforce.DPoP
		r    *http.Request
		want string
	}{
		{"bound as Bearer", &enforce.DPoP{}, request("Bearer", bound), bearerBound},
		{"bound as Bearer with a proof", &enforce.DPoP{}, request("Bearer", bound, p.proof(bound, nil)), bearerBound},
		{"bound as Bearer where no proofs are taken", nil, request("Bearer", bound), bearerBound},
		{"bound as DPoP where no proofs are taken", nil, request("DPoP", bound, p.proof(bound, nil)), "401 invalid_token token.missing"},
		{"plain as DPoP", &enforce.DPoP{}, request("DPoP", plain, p.proof(plain, nil)), notBound},
		{"plain as Bearer", &enforce.DPoP{}, request("Bearer", plain), ""},
		{"plain as Bearer with a proof of no use", &enforce.DPoP{}, request("Bearer", plain, "x"), ""},
		{"scheme in capitals", &enforce.DPoP{}, request("DPOP", bound, p.proof(bound, nil)), ""},
	} {
		v := s.verifier()
		v.DPoP = tt.dpop
		_, err := v.Authenticate(tt.r)
		if got := told(t, err); got != tt.want {
			t.Errorf("%s: got %q (%v), want %q", tt.name, got, err, tt.want)
		}
		if _, err := v.Verify(t.Context(), bound); told(t, err) != bearerBound {
			t.Errorf("Verify of a bound token: got %v", err)
		}
		if tok, err := v.Inspect(t.Context(), bound); err != nil || tok.Confirmation.Key != p.key().Thumbprint() {
			t.Errorf("Inspect of a bound token: got %v, %v", tok, err)
		}
	}
}

// DP-10: a nonce of this server, once it is demanded, and no other.
func TestDPoPNonce(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	p := newProver(t, jose.ES256)
	tok := s.bound(p)
	now := noon
	v := s.verifier()
	v.Now = func() time.Time { return now }
	v.DPoP = &enforce.DPoP{Nonces: true, Window: 5 * time.Minute}
	h := v.Require(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	ask := func(nonce any) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request("DPoP", tok, p.proof(tok, map[string]any{"nonce": nonce, "iat": now.Unix()})))
		if values := w.Header().Values("DPoP-Nonce"); len(values) != 1 || len(values[0]) != 43 {
			t.Errorf("nonce %v: the answer has the nonces %q", nonce, values)
		}
		return w
	}
	refused := func(w *httptest.ResponseRecorder) bool {
		return w.Code == http.StatusUnauthorized && strings.Contains(w.Header().Get("WWW-Authenticate"), `error="use_dpop_nonce"`)
	}
	first := ask(nil)
	nonce := first.Header().Get("DPoP-Nonce")
	if !refused(first) || !refused(ask("x")) || !refused(ask("")) {
		t.Errorf("without a nonce: %d %v", first.Code, first.Header())
	}
	if w := ask(nonce); w.Code != http.StatusNoContent {
		t.Errorf("with the nonce: %d %v", w.Code, w.Header())
	}
	now = now.Add(3 * time.Minute)
	next := ask(nonce)
	if next.Code != http.StatusNoContent || next.Header().Get("DPoP-Nonce") == nonce {
		t.Errorf("with the nonce before: %d %v", next.Code, next.Header())
	}
	now = now.Add(3 * time.Minute)
	if w := ask(nonce); !refused(w) {
		t.Errorf("with an old nonce: %d", w.Code)
	}
	other := &enforce.DPoP{Nonces: true}
	if n := other.Nonce(now); n == v.DPoP.Nonce(now) || !refused(ask(n)) {
		t.Error("another process has the same nonces")
	}
	a, b := &enforce.DPoP{Nonces: true, NonceKey: []byte("0123456789abcdef0123456789abcdef")}, &enforce.DPoP{Nonces: true, NonceKey: []byte("0123456789abcdef0123456789abcdef")}
	if a.Nonce(now) != b.Nonce(now) {
		t.Error("two processes with one key have other nonces")
	}
	if (&enforce.DPoP{}).Nonce(now) != "" {
		t.Error("a nonce where none is demanded")
	}
}

// DP-16: what the challenges of each refusal say.
func TestDPoPChallenges(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	p := newProver(t, jose.ES256)
	tok := s.bound(p)
	v := s.verifier()
	v.DPoP = &enforce.DPoP{Algorithms: []string{"ES256", "EdDSA"}}
	const realm, algs = `realm="https://api.example"`, `algs="ES256 EdDSA"`
	for _, tt := range []struct {
		name string
		r    *http.Request
		want []string
	}{
		{"no token", httptest.NewRequest(http.MethodGet, "/", nil), []string{"Bearer " + realm, "DPoP " + realm + ", " + algs}},
		{"bound as Bearer", request("Bearer", tok), []string{
			"Bearer " + realm + `, error="invalid_token", error_description="the access token is bound to a DPoP key and cannot be used as a bearer token"`,
			"DPoP " + realm + ", " + algs,
		}},
		{"no proof", request("DPoP", tok), []string{
			"DPoP " + realm + `, error="invalid_dpop_proof", error_description="the request carries no DPoP proof", ` + algs,
		}},
	} {
		w := httptest.NewRecorder()
		_, err := v.Authenticate(tt.r)
		v.Refuse(w, err)
		if got := w.Header().Values("WWW-Authenticate"); w.Code != http.StatusUnauthorized || !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %d\n%q, want\n%q", tt.name, w.Code, got, tt.want)
		}
	}
}

// DP-17: the memory of proofs is bounded, holds them for as long as they could
// be used again, and refuses rather than forgets.
func TestDPoPMemory(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	p := newProver(t, jose.EdDSA)
	tok := s.bound(p)
	now := noon
	v := s.verifier()
	v.Now = func() time.Time { return now }
	v.DPoP = &enforce.DPoP{MaxProofs: 4}
	ask := func(proof string) string {
		_, err := v.Authenticate(request("DPoP", tok, proof))
		return told(t, err)
	}
	fresh := func() string { return p.proof(tok, map[string]any{"iat": now.Unix()}) }
	ahead := p.proof(tok, map[string]any{"iat": now.Add(10 * time.Second).Unix()})
	if got := ask(ahead); got != "" {
		t.Fatal(got)
	}
	for range 70 { // as long as it is young enough
		now = now.Add(time.Second)
		if got := ask(ahead); got != replayed {
			t.Fatalf("after %v: got %q, want %q", now.Sub(noon), got, replayed)
		}
	}
	now = now.Add(time.Second)
	if got := ask(ahead); got != badProof {
		t.Errorf("too old: got %q", got)
	}
	for range 3 {
		if got := ask(fresh()); got != "" {
			t.Error(got)
		}
	}
	for range 2 {
		if got := ask(fresh()); got != "503 temporarily_unavailable dpop.replayed" {
			t.Errorf("full: got %q", got)
		}
	}
	now = now.Add(141 * time.Second)
	if got := ask(fresh()); got != "" {
		t.Errorf("later: got %q", got)
	}
}

// DP-05, with every algorithm that is accepted, and a list of fewer (RS256 under
// FAPI 2.0).
func TestDPoPAlgorithms(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	v, strict := s.verifier(), s.verifier()
	v.DPoP, strict.DPoP = &enforce.DPoP{}, &enforce.DPoP{Algorithms: []string{"PS256", "ES256", "EdDSA"}}
	for _, alg := range []jose.Alg{jose.ES256, jose.EdDSA, jose.RS256, jose.PS256} {
		p := newProver(t, alg)
		tok := s.bound(p)
		if _, err := v.Authenticate(request("DPoP", tok, p.proof(tok, nil))); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		want := ""
		if alg == jose.RS256 {
			want = badProof
		}
		if _, err := strict.Authenticate(request("DPoP", tok, p.proof(tok, nil))); told(t, err) != want {
			t.Errorf("%s where it is not allowed: %v", alg, err)
		}
	}
}

// DP-09: behind a proxy the URL of the configuration counts, and no header.
func TestDPoPOrigin(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	p := newProver(t, jose.ES256)
	tok := s.bound(p)
	ask := func(origin, htu string) string {
		v := s.verifier()
		v.DPoP, v.Origin = &enforce.DPoP{}, origin
		r := httptest.NewRequest(http.MethodGet, "http://backend:8080/orders", nil)
		r.Header.Set("Authorization", "DPoP "+tok)
		r.Header.Set("DPoP", p.proof(tok, map[string]any{"htu": htu}))
		for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Original-Url"} {
			r.Header.Set(name, "https://evil.example")
		}
		_, err := v.Authenticate(r)
		return told(t, err)
	}
	for _, tt := range []struct{ origin, htu, want string }{
		{"https://api.example", "https://api.example/orders", ""},
		{"https://api.example", "http://backend:8080/orders", badProof},
		{"", "http://backend:8080/orders", ""},
		{"", "https://evil.example/orders", badProof},
		{"https://api.example", "https://evil.example/orders", badProof},
	} {
		if got := ask(tt.origin, tt.htu); got != tt.want {
			t.Errorf("%q, %s: got %q, want %q", tt.origin, tt.htu, got, tt.want)
		}
	}
}
