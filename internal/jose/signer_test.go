package jose_test

import (
	"crypto"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/mintage-auth/mintage/internal/jose"
)

func TestHeaderForms(t *testing.T) {
	t.Parallel()
	priv := privateKey(t, jose.EdDSA)
	tests := []struct {
		name, kid string
		form      jose.HeaderForm
		want      string // "" for an error
	}{
		{"default", "k", nil, `{"alg":"EdDSA","kid":"k"}`},
		{"default without kid", "", nil, `{"alg":"EdDSA"}`},
		{"rfc", "k", jose.HeaderForm{{Name: "alg"}, {Name: "kid"}, {Name: "typ", Value: "at+jwt"}}, `{"alg":"EdDSA","kid":"k","typ":"at+jwt"}`},
		{"cognito", "k+/=", jose.HeaderForm{{Name: "kid"}, {Name: "alg"}}, `{"kid":"k+/=","alg":"EdDSA"}`},
		{"myparcel", "k", jose.HeaderForm{{Name: "typ", Value: "JWT"}, {Name: "alg"}, {Name: "kid"}}, `{"typ":"JWT","alg":"EdDSA","kid":"k"}`},
		{"escaped kid", `a"b\`, nil, `{"alg":"EdDSA","kid":"a\"b\\"}`},
		{"no alg", "k", jose.HeaderForm{{Name: "kid"}}, ""},
		{"no kid", "k", jose.HeaderForm{{Name: "alg"}}, ""},
		{"kid without value", "", jose.HeaderForm{{Name: "alg"}, {Name: "kid"}}, ""},
		{"alg given", "k", jose.HeaderForm{{Name: "alg", Value: "none"}, {Name: "kid"}}, ""},
		{"alg twice", "k", jose.HeaderForm{{Name: "alg"}, {Name: "alg"}, {Name: "kid"}}, ""},
		{"typ without value", "k", jose.HeaderForm{{Name: "alg"}, {Name: "kid"}, {Name: "typ"}}, ""},
		{"crit", "k", jose.HeaderForm{{Name: "alg"}, {Name: "kid"}, {Name: "crit", Value: "x"}}, ""},
		{"b64", "k", jose.HeaderForm{{Name: "alg"}, {Name: "kid"}, {Name: "b64", Value: "false"}}, ""},
		{"control character in kid", "a\n", nil, ""},
	}
	for _, tt := range tests {
		s, err := jose.NewSigner(priv, jose.EdDSA, tt.kid, tt.form)
		if tt.want == "" {
			if err == nil {
				t.Errorf("%s: accepted", tt.name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		token := sign(t, s, "{}")
		j, err := jose.Parse(token)
		if err != nil || j.Header.Raw() != tt.want || j.Verify(s.Key()) != nil {
			t.Errorf("%s: got %v, %v, want %s", tt.name, j, err, tt.want)
		}
	}
}

// The header of a DPoP proof carries the public key and needs no kid.
func TestHeaderWithKey(t *testing.T) {
	t.Parallel()
	form := jose.HeaderForm{{Name: "typ", Value: "dpop+jwt"}, {Name: "alg"}, {Name: "jwk"}}
	s, err := jose.NewSigner(privateKey(t, jose.ES256), jose.ES256, "", form)
	if err != nil {
		t.Fatal(err)
	}
	j, err := jose.Parse(sign(t, s, "{}"))
	if err != nil {
		t.Fatal(err)
	}
	embedded, _ := j.Header.Lookup("jwk")
	k, err := jose.ParseKeyValue(embedded)
	if err != nil || j.Verify(k) != nil || k.Thumbprint() != s.Key().Thumbprint() || embedded.Len() != 4 {
		t.Errorf("got %s, %v", embedded.Raw(), err)
	}
}

func TestAppendSign(t *testing.T) {
	t.Parallel()
	for _, alg := range allAlgs {
		s := newSigner(t, alg, nil)
		out, err := s.AppendSign([]byte("before "), []byte(`{"a":1}`))
		if err != nil || !strings.HasPrefix(string(out), "before ") {
			t.Fatalf("%s: got %q, %v", alg, out, err)
		}
		if got := reason(t, string(out[len("before "):]), s.Key()); got != 0 {
			t.Errorf("%s: got %v", alg, got)
		}
	}
}

// Many short r and s: the form on the wire has a fixed length.
func TestSignatureLength(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, nil)
	for range 300 { // one in 128 has a leading zero byte in r or s
		token := sign(t, s, "")
		if sig := token[strings.LastIndexByte(token, '.')+1:]; len(sig) != 86 {
			t.Fatalf("%s: signature of %d characters", token, len(sig))
		}
		if got := reason(t, token, s.Key()); got != 0 {
			t.Fatalf("%s: %v", token, got)
		}
	}
}

func TestSignerIsConcurrent(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				if got := reason(t, sign(t, s, "{}"), s.Key()); got != 0 {
					t.Errorf("got %v", got)
				}
			}
		})
	}
	wg.Wait()
}

// answers is a crypto.Signer that answers something else than a signature.
type answers struct {
	crypto.Signer
	sig []byte
	err error
}

func (a answers) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return a.sig, a.err }

func TestSignerErrors(t *testing.T) {
	t.Parallel()
	priv := privateKey(t, jose.ES256)
	wide := append([]byte{0x30, 0x26, 2, 0x21, 1}, make([]byte, 32)...) // r of 33 bytes
	wide = append(wide, 2, 1, 1)
	boom := errors.New("out of order")
	for name, a := range map[string]answers{
		"error":         {err: boom},
		"nothing":       {},
		"not ASN.1":     {sig: make([]byte, 64)},
		"r too wide":    {sig: wide},
		"text after":    {sig: []byte{0x30, 6, 2, 1, 1, 2, 1, 1, 0}},
		"short":         {sig: []byte{0x30, 6, 2, 1, 1, 2, 1}},
		"only r":        {sig: []byte{0x30, 3, 2, 1, 1}},
		"only a header": {sig: []byte{0x30, 0x81}},
	} {
		a.Signer = priv
		s, err := jose.NewSigner(a, jose.ES256, "k", nil)
		if err != nil {
			t.Fatal(err)
		}
		out, err := s.AppendSign([]byte("x"), []byte("{}"))
		if err == nil || string(out) != "x" || a.err != nil && !errors.Is(err, boom) {
			t.Errorf("%s: got %q, %v", name, out, err)
		}
	}
	s := newSigner(t, jose.EdDSA, nil)
	if out, err := s.AppendSign(nil, make([]byte, jose.MaxSize)); err == nil {
		t.Errorf("made a token of %d bytes, which nobody reads", len(out))
	}
}

func TestNewSignerErrors(t *testing.T) {
	t.Parallel()
	if _, err := jose.NewSigner(nil, jose.ES256, "k", nil); !errors.Is(err, jose.ErrInvalidKey) {
		t.Errorf("no key: got %v", err)
	}
	for _, alg := range []jose.Alg{"", "none", jose.ES384, jose.RS256, jose.EdDSA, jose.HS256} {
		if _, err := jose.NewSigner(privateKey(t, jose.ES256), alg, "k", nil); !errors.Is(err, jose.ErrInvalidKey) {
			t.Errorf("%q with a P-256 key: got %v", alg, err)
		}
	}
	for _, alg := range []jose.Alg{"", "none", jose.HS256} {
		if k, err := jose.GenerateKey(alg); err == nil {
			t.Errorf("GenerateKey(%q): got a %T", alg, k)
		}
	}
}
