package mintage_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/jose"
)

// Public keys of RFC 7517 Appendix A.1 and RFC 8037 Appendix A.2, and what is
// wrong with others.
const (
	ecKey  = `"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"`
	edKey  = `"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`
	rsaKey = `"kty":"RSA","e":"AQAB","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs` +
		`tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpb` +
		`ISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"`
	shortKey = `"kty":"RSA","e":"AQAB","n":"4BI1gS-7WRTUmMwrKUZbqBpSQCKqQDE3dSFcyXTIRwAtLfYLBLpDYL_JEbnVv8GYd5kIAMBQ7YEf6ZdQtT3z8Q"`
)

func jwks(keys ...string) string {
	for i, k := range keys {
		keys[i] = "{" + k + "}"
	}
	return `{"keys":[` + strings.Join(keys, ",") + `]}`
}

// TestNormalJWKS says what is kept of a client's keys.
func TestNormalJWKS(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		jwks(ecKey + `,"kid":"a","use":"sig","x5c":["AA"],"key_ops":["verify"]`): jwks(`"kty":"EC","kid":"a","use":"sig","alg":"ES256",` + ecKey[11:]),
		jwks(edKey):                 jwks(`"kty":"OKP","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","use":"sig","alg":"EdDSA",` + edKey[12:]),
		jwks(rsaKey + `,"kid":"r"`): jwks(`"kty":"RSA","kid":"r","use":"sig",` + rsaKey[12:]),
		jwks(rsaKey+`,"kid":"r","alg":"PS256"`, edKey+`,"kid":"e"`) + " \n": jwks(`"kty":"RSA","kid":"r","use":"sig","alg":"PS256",`+rsaKey[12:], `"kty":"OKP","kid":"e","use":"sig","alg":"EdDSA",`+edKey[12:]),
	} {
		got, err := mintage.NormalJWKS(doc)
		if err != nil || got != want {
			t.Errorf("%s: got\n%s, %v, want\n%s", doc, got, err, want)
		}
		if again, err := mintage.NormalJWKS(got); again != got || err != nil {
			t.Errorf("the normal form of %s is %s", got, again)
		}
	}
}

// TestRefusedJWKS is CJ-10 and CJ-16 at registration: which keys a client cannot
// have, and where the document is wrong.
func TestRefusedJWKS(t *testing.T) {
	t.Parallel()
	many := make([]string, mintage.MaxClientKeys+1)
	for i := range many {
		many[i] = edKey + fmt.Sprintf(`,"kid":"k%d"`, i)
	}
	for _, tt := range []struct{ doc, pointer, message string }{
		{`{"keys":[{`, "", "not JSON"},
		{`{"keys":[],"keys":[]}`, "", "not JSON"},
		{`[]`, "", "array keys"},
		{"{" + edKey + "}", "", "one JWK"},
		{jwks(), "/keys", "no key"},
		{jwks(many...), "/keys", "at most 16"},
		{`{"keys":["a"]}`, "/keys/0", "an object"},
		{jwks(edKey, ecKey+`,"d":"AAAA-canary"`), "/keys/1/d", "private half"},
		{jwks(`"kty":"oct","k":"AAAA-canary"`), "/keys/0/kty", "symmetric"},
		{jwks(shortKey), "/keys/0", "fewer than 2048 bits"},
		{jwks(edKey+`,"kid":"a"`, ecKey+`,"kid":"a"`), "/keys/1/kid", "has this kid"},
		{jwks(edKey, edKey), "/keys/1/kid", "has this kid"},
		{jwks(ecKey + `,"use":"enc"`), "/keys/0/use", "not for signatures"},
		{jwks(ecKey + `,"key_ops":["sign"]`), "/keys/0", "key_ops"},
		{jwks(ecKey + `,"alg":"HS256"`), "/keys/0", "algorithm"},
		{jwks(rsaKey + `,"alg":"RS512"`), "/keys/0/alg", "ES256"},
		{jwks(`"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"`), "/keys/0", "crv"},
		{jwks(strings.Replace(ecKey, "MKBC", "MKBD", 1)), "/keys/0", "curve"},
		{jwks(edKey + `,"kid":"` + strings.Repeat("k", 257) + `"`), "/keys/0", "kid"},
	} {
		got, err := mintage.NormalJWKS(tt.doc)
		fields := mintage.FieldErrors(err)
		if got != "" || len(fields) != 1 || fields[0].Pointer != tt.pointer || !strings.Contains(fields[0].Message, tt.message) {
			t.Errorf("%.120s:\ngot %v, %+v\nwant %s at %s", tt.doc, got, fields, tt.message, tt.pointer)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("a secret is shown: %v", err)
		}
	}
}

// TestReadClientKeys says that PEM and a single JWK are as good as a set, and
// that a private key is not.
func TestReadClientKeys(t *testing.T) {
	t.Parallel()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pub, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	ecDER, ecErr := x509.MarshalPKIXPublicKey(ec.Public())
	edDER, edErr := x509.MarshalPKIXPublicKey(pub)
	both := block("PUBLIC KEY", ecDER, ecErr) + block("PUBLIC KEY", edDER, edErr)
	got, err := mintage.ReadClientKeys([]byte(both))
	if err != nil || strings.Count(got, `"kid"`) != 2 || !strings.Contains(got, `"alg":"ES256"`) || !strings.Contains(got, `"alg":"EdDSA"`) {
		t.Errorf("PEM: got %s, %v", got, err)
	}
	single, err := mintage.ReadClientKeys([]byte("  {" + edKey + "}\n"))
	want, _ := mintage.NormalJWKS(jwks(edKey))
	if err != nil || single != want {
		t.Errorf("one JWK: got %s, %v", single, err)
	}
	priv, privErr := x509.MarshalPKCS8PrivateKey(ed)
	for _, bad := range []string{block("PRIVATE KEY", priv, privErr), "-----BEGIN X-----", "", "{}", "ssh-ed25519 AAAA"} {
		if got, err := mintage.ReadClientKeys([]byte(bad)); err == nil {
			t.Errorf("%.30q: got %s", bad, got)
		}
	}
}

// TestClientAuth says what a client may say of how it authenticates. CJ-16:
// client_secret_jwt is not offered.
func TestClientAuth(t *testing.T) {
	t.Parallel()
	keys, _ := mintage.NormalJWKS(jwks(edKey))
	for _, tt := range []struct {
		name    string
		c       mintage.Client
		pointer string
	}{
		{"nothing", mintage.Client{}, ""},
		{"by value", mintage.Client{AuthMethods: []string{"private_key_jwt"}, JWKS: keys}, ""},
		{"by URI", mintage.Client{AuthMethods: []string{"client_secret_post", "private_key_jwt"}, JWKSURI: "https://a.example:8443/b?c=d"}, ""},
		{"the header alone", mintage.Client{AuthMethods: []string{"client_secret_basic"}}, ""},
		{"client_secret_jwt", mintage.Client{AuthMethods: []string{"client_secret_jwt"}}, "/auth_methods/0"},
		{"none", mintage.Client{AuthMethods: []string{"none"}}, "/auth_methods/0"},
		{"twice", mintage.Client{AuthMethods: []string{"client_secret_post", "client_secret_post"}}, "/auth_methods/1"},
		{"no keys", mintage.Client{AuthMethods: []string{"private_key_jwt"}}, "/auth_methods"},
		{"keys for nothing", mintage.Client{JWKS: keys}, "/auth_methods"},
		{"both", mintage.Client{AuthMethods: []string{"private_key_jwt"}, JWKS: keys, JWKSURI: "https://a.example/"}, "/jwks_uri"},
		{"another form", mintage.Client{AuthMethods: []string{"private_key_jwt"}, JWKS: keys + " "}, "/jwks"},
		{"in the clear", mintage.Client{AuthMethods: []string{"private_key_jwt"}, JWKSURI: "http://a.example/"}, "/jwks_uri"},
		{"with credentials", mintage.Client{AuthMethods: []string{"private_key_jwt"}, JWKSURI: "https://a:b@a.example/"}, "/jwks_uri"},
		{"a fragment", mintage.Client{AuthMethods: []string{"private_key_jwt"}, JWKSURI: "https://a.example/#x"}, "/jwks_uri"},
		{"no host", mintage.Client{AuthMethods: []string{"private_key_jwt"}, JWKSURI: "https:///x"}, "/jwks_uri"},
		{"a file", mintage.Client{AuthMethods: []string{"private_key_jwt"}, JWKSURI: "file:///etc/passwd"}, "/jwks_uri"},
	} {
		tt.c.ID, tt.c.Name = "mc_x", "x"
		fields := mintage.FieldErrors(tt.c.Validate())
		switch {
		case tt.pointer == "" && len(fields) > 0, tt.pointer != "" && (len(fields) != 1 || fields[0].Pointer != tt.pointer):
			t.Errorf("%s: got %+v, want %s", tt.name, fields, tt.pointer)
		}
	}
}

// FuzzNormalJWKS holds that what is kept is kept for good, and that it is keys
// that verify and nothing else.
func FuzzNormalJWKS(f *testing.F) {
	for _, seed := range []string{jwks(edKey), jwks(ecKey+`,"kid":"a"`, rsaKey), jwks(shortKey), "{" + edKey + "}", `{"keys":[]}`, `-----BEGIN PUBLIC KEY-----`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		got, err := mintage.ReadClientKeys([]byte(doc))
		if err != nil {
			if got != "" || len(mintage.FieldErrors(err)) == 0 {
				t.Errorf("%q: got %q, %v", doc, got, err)
			}
			return
		}
		again, err := mintage.NormalJWKS(got)
		keys, keysErr := jose.ParseKeySet([]byte(got))
		if again != got || err != nil || keysErr != nil || len(keys) == 0 || !json.Valid([]byte(got)) {
			t.Errorf("%q: got %q and then %q, %v, %v", doc, got, again, err, keysErr)
		}
	})
}
