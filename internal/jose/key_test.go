package jose_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/jose"
)

const rfc7638N = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"

const (
	ecX = "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs"
	ecY = "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"
	edX = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
)

func TestParseKey(t *testing.T) {
	t.Parallel()
	ec := func(more string) string {
		return `{"kty":"EC","crv":"P-256","x":"` + ecX + `","y":"` + ecY + `"` + more + `}`
	}
	rsaJWK := func(n, e, more string) string { return `{"kty":"RSA","n":"` + n + `","e":"` + e + `"` + more + `}` }
	invalid, unsupported := jose.ErrInvalidKey, jose.ErrUnsupportedKey
	tests := []struct {
		name, jwk string
		alg       jose.Alg
		err       error
	}{
		{"EC", ec(""), jose.ES256, nil},
		{"EC with all", ec(`,"alg":"ES256","use":"sig","key_ops":["verify"],"kid":"k","x5t":"ignored"`), jose.ES256, nil},
		{"RSA without alg", rsaJWK(rfc7638N, "AQAB", ""), "", nil},
		{"RSA PS384", rsaJWK(rfc7638N, "AQAB", `,"alg":"PS384"`), jose.PS384, nil},
		{"RSA e of 3", rsaJWK(rfc7638N, "Aw", ""), "", nil},
		{"OKP", `{"kty":"OKP","crv":"Ed25519","x":"` + edX + `"}`, jose.EdDSA, nil},
		{"JW-20 OKP with the new name", `{"kty":"OKP","crv":"Ed25519","alg":"Ed25519","x":"` + edX + `"}`, jose.EdDSA, nil},
		{"use enc", ec(`,"use":"enc"`), "", unsupported},
		{"use in other case", ec(`,"use":"SIG"`), "", unsupported},
		{"use is a number", ec(`,"use":1`), "", invalid},
		{"key_ops sign", ec(`,"key_ops":["sign"]`), "", unsupported},
		{"key_ops is a string", ec(`,"key_ops":"verify"`), "", invalid},
		{"unknown alg", ec(`,"alg":"ES256K"`), "", unsupported},
		{"alg none", ec(`,"alg":"none"`), "", unsupported},
		{"JW-02 alg of another curve", ec(`,"alg":"ES384"`), "", invalid},
		{"JW-02 HMAC alg", ec(`,"alg":"HS256"`), "", invalid},
		{"JW-02 EC alg on RSA", rsaJWK(rfc7638N, "AQAB", `,"alg":"ES256"`), "", invalid},
		{"private EC", ec(`,"d":"AA"`), "", invalid},
		{"private RSA", rsaJWK(rfc7638N, "AQAB", `,"p":"AA"`), "", invalid},
		{"EC with a secret", ec(`,"k":"AA"`), "", invalid},
		{"symmetric", `{"kty":"oct","alg":"HS256","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`, "", unsupported},
		{"unknown kty", `{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}`, "", unsupported},
		{"kty in other case", strings.Replace(ec(""), "EC", "ec", 1), "", unsupported},
		{"no kty", `{"crv":"P-256"}`, "", invalid},
		{"unknown crv", strings.Replace(ec(""), "P-256", "secp256k1", 1), "", unsupported},
		{"Ed448", `{"kty":"OKP","crv":"Ed448","x":"AA"}`, "", unsupported},
		{"X25519", `{"kty":"OKP","crv":"X25519","x":"` + edX + `"}`, "", unsupported},
		{"JW-05 wrong curve", strings.Replace(ec(""), "P-256", "P-384", 1), "", invalid},
		{"JW-05 not on the curve", strings.Replace(ec(""), ecX, ecY, 1), "", invalid},
		{"JW-05 point at infinity", `{"kty":"EC","crv":"P-256","x":"` + zeros(32) + `","y":"` + zeros(32) + `"}`, "", invalid},
		{"short x", strings.Replace(ec(""), ecX, "AQ", 1), "", invalid},
		{"padded x", strings.Replace(ec(""), ecX, ecX+"=", 1), "", invalid},
		{"JW-18 line break in x", strings.Replace(ec(""), ecX, ecX+`\n`, 1), "", invalid},
		{"x is a number", strings.Replace(ec(""), `"`+ecX+`"`, "1", 1), "", invalid},
		{"y missing", `{"kty":"EC","crv":"P-256","x":"` + ecX + `"}`, "", invalid},
		{"KY-01 e of 1", rsaJWK(rfc7638N, "AQ", ""), "", invalid},
		{"KY-01 even e", rsaJWK(rfc7638N, "AQAA", ""), "", invalid},
		{"KY-01 huge e", rsaJWK(rfc7638N, strings.Repeat("_", 43), ""), "", invalid},
		{"KY-01 no e", rsaJWK(rfc7638N, "", ""), "", invalid},
		{"KY-01 leading zero", rsaJWK(rfc7638N, "AAEAAQ", ""), "", invalid},
		{"KY-01 1024 bits", rsaJWK(rfc7638N[:172], "AQAB", ""), "", invalid},
		{"KY-01 16384 bits", rsaJWK(strings.Repeat("_", 2732), "AQAB", ""), "", invalid},
		{"KY-01 64 KiB", rsaJWK(strings.Repeat("_", 65536), "AQAB", ""), "", invalid},
		{"KY-01 even n", rsaJWK(rfc7638N[:len(rfc7638N)-2]+"gg", "AQAB", ""), "", invalid},
		{"name twice", ec(`,"kty":"EC"`), "", invalid},
		{"kid is a number", ec(`,"kid":1`), "", invalid},
		{"JW-11 line break in kid", ec(`,"kid":"a\nb"`), "", invalid},
		{"array", `[]`, "", invalid},
		{"not JSON", `kty=EC`, "", invalid},
		{"set", `{"keys":[]}`, "", invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k, err := jose.ParseKey([]byte(tt.jwk))
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Fatalf("%.200s: got %v, want %v", tt.jwk, err, tt.err)
			}
			if err == nil && k.Alg() != tt.alg {
				t.Errorf("%s: got alg %q, want %q", tt.jwk, k.Alg(), tt.alg)
			}
		})
	}
}

func zeros(n int) string { return base64.RawURLEncoding.EncodeToString(make([]byte, n)) }

// KY-01: Ed25519 points that are none, that have a second spelling, or that have
// small order. The 8 torsion points and their non-canonical spellings are those
// that libraries list.
func TestWeakEd25519(t *testing.T) {
	t.Parallel()
	for _, h := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0200000000000000000000000000000000000000000000000000000000000000", // no point
	} {
		for _, sign := range []byte{0, 0x80} {
			b, err := hex.DecodeString(h)
			if err != nil {
				t.Fatal(err)
			}
			b[31] |= sign
			if _, err := jose.NewKey(ed25519.PublicKey(b), "", jose.EdDSA); !errors.Is(err, jose.ErrInvalidKey) {
				t.Errorf("%x: got %v", b, err)
			}
		}
	}
	for _, n := range []int{0, 31, 33} {
		if _, err := jose.NewKey(make(ed25519.PublicKey, n), "", jose.EdDSA); !errors.Is(err, jose.ErrInvalidKey) {
			t.Errorf("%d bytes: got %v", n, err)
		}
	}
	for range 50 { // and no good key is refused
		if _, err := jose.NewKey(privateKey(t, jose.EdDSA).Public(), "", jose.EdDSA); err != nil {
			t.Error(err)
		}
	}
}

// KY-01: two primes so close that Fermat's method finds them.
func TestCloseprimes(t *testing.T) {
	t.Parallel()
	p, err := rand.Prime(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	q := new(big.Int).Add(p, big.NewInt(2))
	for !q.ProbablyPrime(20) {
		q.Add(q, big.NewInt(2))
	}
	for name, n := range map[string]*big.Int{"next prime": new(big.Int).Mul(p, q), "square": new(big.Int).Mul(p, p)} {
		_, err := jose.NewKey(&rsa.PublicKey{N: n, E: 65537}, "", jose.RS256)
		if !errors.Is(err, jose.ErrInvalidKey) || !strings.Contains(err.Error(), "close primes") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestNewKeyErrors(t *testing.T) {
	t.Parallel()
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jose.NewKey(&p224.PublicKey, "", jose.ES256); !errors.Is(err, jose.ErrUnsupportedKey) {
		t.Errorf("P-224: got %v", err)
	}
	if _, err := jose.NewKey("text", "", jose.ES256); !errors.Is(err, jose.ErrUnsupportedKey) {
		t.Errorf("a string: got %v", err)
	}
	if _, err := jose.NewKey(&rsa.PublicKey{}, "", jose.RS256); !errors.Is(err, jose.ErrInvalidKey) {
		t.Errorf("empty RSA key: got %v", err)
	}
	if _, err := jose.NewKey(&ecdsa.PublicKey{}, "", jose.ES256); err == nil {
		t.Error("empty EC key: accepted")
	}
	if _, err := jose.NewKey(privateKey(t, jose.ES256).Public(), strings.Repeat("k", 257), jose.ES256); !errors.Is(err, jose.ErrInvalidKey) {
		t.Errorf("long kid: got %v", err)
	}
}

func TestKeyIsACopy(t *testing.T) {
	t.Parallel()
	pub := privateKey(t, jose.EdDSA).Public().(ed25519.PublicKey)
	k, err := jose.NewKey(pub, "", jose.EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	before := k.Thumbprint()
	pub[0] ^= 1
	if k.Thumbprint() != before {
		t.Error("the key changed with the caller's slice")
	}
}

func TestWithAlg(t *testing.T) {
	t.Parallel()
	k, err := jose.ParseKey([]byte(`{"kty":"RSA","kid":"k","n":"` + rfc7638N + `","e":"AQAB"}`))
	if err != nil {
		t.Fatal(err)
	}
	ps, err := k.WithAlg(jose.PS256)
	if err != nil || ps.Alg() != jose.PS256 || ps.ID() != "k" || k.Alg() != "" {
		t.Fatalf("got %v, %v", ps, err)
	}
	if same, err := ps.WithAlg(jose.PS256); err != nil || same != ps {
		t.Errorf("the same again: got %v, %v", same, err)
	}
	for _, alg := range []jose.Alg{jose.RS256, jose.PS384, jose.ES256, "", "none"} {
		if _, err := ps.WithAlg(alg); !errors.Is(err, jose.ErrInvalidKey) {
			t.Errorf("JW-02: PS256 key as %q: got %v", alg, err)
		}
	}
	for _, alg := range []jose.Alg{jose.ES256, jose.HS256, "", "none"} {
		if _, err := k.WithAlg(alg); !errors.Is(err, jose.ErrInvalidKey) {
			t.Errorf("RSA key as %q: got %v", alg, err)
		}
	}
}

func TestKeyOutput(t *testing.T) {
	t.Parallel()
	for _, alg := range allAlgs {
		k, err := jose.NewKey(privateKey(t, alg).Public(), `k"1`, alg)
		if err != nil {
			t.Fatal(err)
		}
		jwk, err := json.Marshal(k)
		if err != nil {
			t.Fatal(err)
		}
		again, err := jose.ParseKey(jwk)
		if err != nil || again.Thumbprint() != k.Thumbprint() || again.ID() != `k"1` || again.Alg() != alg {
			t.Errorf("%s: %s reads back as %v, %v", alg, jwk, again, err)
		}
		block, err := k.PEM()
		if err != nil {
			t.Fatal(err)
		}
		p, rest := pem.Decode(block)
		if p == nil || p.Type != "PUBLIC KEY" || len(rest) != 0 {
			t.Fatalf("%s: got %s", alg, block)
		}
		pub, err := x509.ParsePKIXPublicKey(p.Bytes)
		if err != nil || !pub.(interface{ Equal(crypto.PublicKey) bool }).Equal(k.Public()) {
			t.Errorf("%s: PEM is of another key, %v", alg, err)
		}
	}
	k, err := jose.ParseKey([]byte(`{"alg":"ES256","kid":"k","y":"` + ecY + `","x":"` + ecX + `","crv":"P-256","kty":"EC"}`))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"kty":"EC","kid":"k","use":"sig","alg":"ES256","crv":"P-256","x":"` + ecX + `","y":"` + ecY + `"}`
	if got := string(k.AppendJWK(nil)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := string(jose.AppendKeySet([]byte("x"), []*jose.Key{k, k})); got != `x{"keys":[`+want+`,`+want+`]}` {
		t.Errorf("got %s", got)
	}
	if got := string(jose.AppendKeySet(nil, nil)); got != `{"keys":[]}` {
		t.Errorf("got %s", got)
	}
}

func TestParseKeySet(t *testing.T) {
	t.Parallel()
	ec := func(more string) string {
		return `{"kty":"EC","crv":"P-256","x":"` + ecX + `","y":"` + ecY + `"` + more + `}`
	}
	okp := func(more string) string { return `{"kty":"OKP","crv":"Ed25519","x":"` + edX + `"` + more + `}` }
	tests := []struct {
		name, set string
		kids      []string
		ok        bool
	}{
		{"empty", `{"keys":[]}`, nil, true},
		{"two", `{"keys":[` + ec(`,"kid":"a"`) + `,` + okp(`,"kid":"b"`) + `],"more":1}`, []string{"a", "b"}, true},
		{"left out", `{"keys":[{"kty":"new","kid":"x"},` + ec(`,"use":"enc"`) + `,{"kty":"oct","kid":"x","k":"AA"},7,` +
			ec(`,"alg":"ECDH-ES"`) + `,` + ec(`,"d":"AA","kid":"p"`) + `,` + okp(`,"kid":"b"`) + `]}`, []string{"b"}, true},
		{"without kid", `{"keys":[` + ec("") + `,` + okp("") + `]}`, []string{"", ""}, true},
		{"same kid, one for encryption", `{"keys":[` + ec(`,"kid":"a","use":"enc"`) + `,` + okp(`,"kid":"a"`) + `]}`, []string{"a"}, true},
		{"same kid", `{"keys":[` + ec(`,"kid":"a"`) + `,` + okp(`,"kid":"a"`) + `]}`, nil, false},
		{"same kid, one wrong", `{"keys":[` + strings.Replace(ec(`,"kid":"a"`), ecX, ecY, 1) + `,` + okp(`,"kid":"a"`) + `]}`, nil, false},
		{"no keys", `{}`, nil, false},
		{"keys is an object", `{"keys":{}}`, nil, false},
		{"a key alone", ec(""), nil, false},
		{"array", `[` + ec("") + `]`, nil, false},
		{"name twice", `{"keys":[],"keys":[]}`, nil, false},
		{"name twice in a key", `{"keys":[` + ec(`,"x":"`+ecX+`"`) + `]}`, nil, false},
		{"too many", `{"keys":[{}` + strings.Repeat(",{}", 128) + `]}`, nil, false},
	}
	for _, tt := range tests {
		keys, err := jose.ParseKeySet([]byte(tt.set))
		var kids []string
		for _, k := range keys {
			kids = append(kids, k.ID())
		}
		if (err == nil) != tt.ok || !slices.Equal(kids, tt.kids) {
			t.Errorf("%s: %s: got %q, %v, want %q", tt.name, tt.set, kids, err, tt.kids)
		}
		if err != nil && !errors.Is(err, jose.ErrInvalidKey) {
			t.Errorf("%s: got %v, want ErrInvalidKey", tt.name, err)
		}
	}
}

func ExampleKey_Thumbprint() {
	k, err := jose.ParseKey([]byte(`{"kty":"OKP","crv":"Ed25519","x":"` + edX + `"}`))
	fmt.Println(k.Thumbprint(), err)
	// Output: kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k <nil>
}
