package jose_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/jose"
)

func TestParseReads(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, jose.HeaderForm{{Name: "alg"}, {Name: "kid"}, {Name: "typ", Value: "at+jwt"}})
	token := sign(t, s, `{"sub":"c"}`)
	j, err := jose.Parse(token)
	if err != nil {
		t.Fatal(err)
	}
	if j.Alg != jose.ES256 || j.KeyID != "kid-1" || j.Type != "at+jwt" || string(j.Payload) != `{"sub":"c"}` ||
		j.Header.Raw() != `{"alg":"ES256","kid":"kid-1","typ":"at+jwt"}` {
		t.Errorf("got %q %q %q %q %q", j.Alg, j.KeyID, j.Type, j.Payload, j.Header.Raw())
	}
	if err := j.Verify(s.Key()); err != nil {
		t.Error(err)
	}
}

// The signature is right in every case: what is refused is refused for the rest.
func TestHeaders(t *testing.T) {
	t.Parallel()
	priv := privateKey(t, jose.ES256)
	key, err := jose.NewKey(priv.Public(), "k", jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, header string
		want         jose.Reason
	}{
		{"plain", `{"alg":"ES256"}`, 0},
		{"white space", " {\n\t\"alg\" : \"ES256\"\r} ", 0},
		{"unknown parameter", `{"alg":"ES256","x":{"y":[1]}}`, 0},
		{"JW-01 other algorithm", `{"alg":"ES384"}`, jose.BadAlgorithm},
		{"JW-01 HMAC with the public key", `{"alg":"HS256"}`, jose.BadAlgorithm},
		{"JW-01 unregistered algorithm", `{"alg":"ES256K"}`, jose.BadAlgorithm},
		{"JW-01 case of the algorithm", `{"alg":"es256"}`, jose.BadAlgorithm},
		{"JW-03 none", `{"alg":"none"}`, jose.BadAlgorithm},
		{"JW-03 None", `{"alg":"None"}`, jose.BadAlgorithm},
		{"JW-03 NONE", `{"alg":"NONE"}`, jose.BadAlgorithm},
		{"JW-03 nOnE", `{"alg":"nOnE"}`, jose.BadAlgorithm},
		{"JW-03 empty", `{"alg":""}`, jose.BadAlgorithm},
		{"JW-03 missing", `{"kid":"k"}`, jose.BadAlgorithm},
		{"JW-03 number", `{"alg":0}`, jose.Malformed},
		{"JW-03 array", `{"alg":["ES256"]}`, jose.Malformed},
		{"JW-03 null", `{"alg":null}`, jose.Malformed},
		{"JW-07 zip", `{"alg":"ES256","zip":"DEF"}`, jose.Unsupported},
		{"enc", `{"alg":"ES256","enc":"A256GCM"}`, jose.Unsupported},
		{"JW-08 UTF-16", "{\x00\"\x00a\x00", jose.Malformed},
		{"JW-08 invalid UTF-8", "{\"alg\":\"ES256\",\"x\":\"\xc0\xaf\"}", jose.Malformed},
		{"JW-08 lone surrogate", `{"alg":"ES256","x":"\ud800"}`, jose.Malformed},
		{"JW-11 path in kid", `{"alg":"ES256","kid":"../../dev/null"}`, 0}, // a name like any other: nothing opens it
		{"JW-11 NUL in kid", `{"alg":"ES256","kid":"a\u0000"}`, jose.Malformed},
		{"JW-11 line break in kid", `{"alg":"ES256","kid":"a\nb"}`, jose.Malformed},
		{"JW-11 direction mark in kid", `{"alg":"ES256","kid":"a\u202eb"}`, jose.Malformed},
		{"JW-11 long kid", `{"alg":"ES256","kid":"` + strings.Repeat("k", 257) + `"}`, jose.Malformed},
		{"longest kid", `{"alg":"ES256","kid":"` + strings.Repeat("k", 256) + `"}`, 0},
		{"kid is a number", `{"alg":"ES256","kid":1}`, jose.Malformed},
		{"typ is an array", `{"alg":"ES256","typ":["at+jwt"]}`, jose.Malformed},
		{"JW-16 unknown crit", `{"alg":"ES256","crit":["exp"],"exp":1}`, jose.Unsupported},
		{"JW-16 empty crit", `{"alg":"ES256","crit":[]}`, jose.Unsupported},
		{"JW-16 absent crit", `{"alg":"ES256","crit":["x"]}`, jose.Unsupported},
		{"JW-16 null crit", `{"alg":"ES256","crit":null}`, jose.Unsupported},
		{"JW-16 b64 false", `{"alg":"ES256","b64":false,"crit":["b64"]}`, jose.Unsupported},
		{"JW-16 b64 alone", `{"alg":"ES256","b64":true}`, jose.Unsupported},
		{"JW-17 alg twice", `{"alg":"ES256","alg":"ES256"}`, jose.Malformed},
		{"JW-17 alg twice, escaped", `{"alg":"none","\u0061lg":"ES256"}`, jose.Malformed},
		{"JW-17 twice in depth", `{"alg":"ES256","x":{"y":1,"y":1}}`, jose.Malformed},
		{"JW-17 case variant beside", `{"Alg":"none","alg":"ES256"}`, 0},
		{"JW-17 case variant alone", `{"Alg":"ES256"}`, jose.BadAlgorithm},
		{"JW-17 Kelvin sign", `{"alg":"ES256","\u212aid":"x"}`, 0},
		{"JW-21 jwk of another", `{"alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}}`, 0},
		{"jwk is a string", `{"alg":"ES256","jwk":"x"}`, jose.Malformed},
		{"x5c is a string", `{"alg":"ES256","x5c":"x"}`, jose.Malformed},
		{"x5u is an array", `{"alg":"ES256","x5u":["x"]}`, jose.Malformed},
		{"array", `["alg","ES256"]`, jose.Malformed},
		{"not JSON", `alg=ES256`, jose.Malformed},
		{"text after", `{"alg":"ES256"}{}`, jose.Malformed},
		{"too deep", `{"alg":"ES256","x":` + strings.Repeat("[", 8) + strings.Repeat("]", 8) + `}`, jose.Malformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := reason(t, signRaw(t, priv, tt.header, "{}"), key); got != tt.want {
				t.Errorf("%s: got %v, want %v", tt.header, got, tt.want)
			}
		})
	}
}

// JW-21: the embedded key made the signature, and is not trusted for it.
func TestEmbeddedKeyIsNotTrusted(t *testing.T) {
	t.Parallel()
	s, err := jose.NewSigner(privateKey(t, jose.ES256), jose.ES256, "kid-1", jose.HeaderForm{{Name: "alg"}, {Name: "kid"}, {Name: "jwk"}})
	if err != nil {
		t.Fatal(err)
	}
	trusted := newSigner(t, jose.ES256, nil).Key()
	if got := reason(t, sign(t, s, "{}"), trusted); got != jose.BadSignature {
		t.Errorf("got %v, want signature", got)
	}
}

func TestForms(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, nil)
	good := sign(t, s, "{}")
	parts := strings.Split(good, ".")
	tests := []struct {
		name, token string
		want        jose.Reason
	}{
		{"empty", "", jose.Malformed},
		{"one part", parts[0], jose.Malformed},
		{"two parts", parts[0] + "." + parts[1], jose.Malformed},
		{"four parts", good + ".", jose.Malformed},
		{"JW-04 five parts", good + "." + parts[0] + "." + parts[1], jose.Encrypted},
		{"JW-04 five empty parts", "....", jose.Encrypted},
		{"six parts", ".....", jose.Malformed},
		{"no header", "." + parts[1] + "." + parts[2], jose.Malformed},
		{"no signature", parts[0] + "." + parts[1] + ".", jose.Malformed},
		{"JW-15 space", good + " ", jose.Malformed},
		{"JW-15 scheme", "Bearer " + good, jose.Malformed},
		{"JW-15 question mark", good[:10] + "?" + good[10:], jose.Malformed},
		{"JW-15 JSON", `{"payload":"","signatures":[]}`, jose.Malformed},
		{"JW-15 not ASCII", good + "é", jose.Malformed},
		{"JW-15 NUL", good + "\x00", jose.Malformed},
		{"JW-18 padding", good + "==", jose.Malformed},
		{"JW-18 padded header", parts[0] + "=." + parts[1] + "." + parts[2], jose.Malformed},
		{"JW-18 CR LF at the end", good + "\r\n", jose.Malformed},
		{"JW-18 LF inside", good[:20] + "\n" + good[20:], jose.Malformed},
		{"JW-18 standard alphabet", "+/" + good, jose.Malformed},
		{"JW-18 length 1 mod 4", parts[0] + "." + parts[1] + "." + parts[2] + "AAA", jose.Malformed},
		{"JW-22 too long", good + strings.Repeat("A", jose.MaxSize), jose.Malformed},
	}
	for _, tt := range tests {
		if got := reason(t, tt.token, s.Key()); got != tt.want {
			t.Errorf("%s: %.80q: got %v, want %v", tt.name, tt.token, got, tt.want)
		}
	}
	// JW-18: the last character of the signature has 4 spare bits, which are 0.
	last := strings.IndexByte(alphabet, good[len(good)-1])
	for i := 1; i < 16; i++ {
		token := good[:len(good)-1] + string(alphabet[last+i])
		if got := reason(t, token, s.Key()); got != jose.Malformed {
			t.Errorf("spare bits %04b: got %v, want malformed", i, got)
		}
	}
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// JW-22: what is too long, or of too many parts, costs no memory.
func TestFloodAllocs(t *testing.T) {
	for name, token := range map[string]string{
		"1 MB of dots":    strings.Repeat(".", 1<<20),
		"16 KiB of dots":  strings.Repeat(".", jose.MaxSize),
		"1 MB":            strings.Repeat("A", 1<<20),
		"16 KiB, no dots": strings.Repeat("A", jose.MaxSize),
	} {
		got := testing.AllocsPerRun(10, func() {
			if _, err := jose.Parse(token); err == nil {
				t.Fatal("accepted")
			}
		})
		if got > 1 { // the error
			t.Errorf("%s: got %v allocations, want 1", name, got)
		}
	}
}

// JW-02, JW-20.
func TestOneAlgorithmPerKey(t *testing.T) {
	t.Parallel()
	priv := privateKey(t, jose.RS256)
	for _, signAlg := range allAlgs {
		signPriv := priv
		if !strings.HasSuffix(string(signAlg)[:1], "R") && signAlg[0] != 'P' {
			signPriv = privateKey(t, signAlg)
		}
		s, err := jose.NewSigner(signPriv, signAlg, "k", nil)
		if err != nil {
			t.Fatal(err)
		}
		token := sign(t, s, "{}")
		for _, alg := range allAlgs {
			key, err := jose.NewKey(signPriv.Public(), "k", alg)
			if err != nil {
				if !errors.Is(err, jose.ErrInvalidKey) {
					t.Errorf("%s key as %s: %v", signAlg, alg, err)
				}
				continue
			}
			want := jose.BadAlgorithm
			if alg == signAlg {
				want = 0
			}
			if got := reason(t, token, key); got != want {
				t.Errorf("%s token, %s key: got %v, want %v", signAlg, alg, got, want)
			}
		}
	}
	ed := privateKey(t, jose.EdDSA)
	for _, alg := range []jose.Alg{jose.EdDSA, jose.Ed25519} {
		key, err := jose.NewKey(ed.Public(), "k", alg)
		if err != nil || key.Alg() != jose.EdDSA {
			t.Fatalf("%s: got %v, %v", alg, key, err)
		}
		for _, name := range []string{"EdDSA", "Ed25519"} {
			token := signRaw(t, ed, `{"alg":"`+name+`"}`, "{}")
			if got := reason(t, token, key); got != 0 {
				t.Errorf("JW-20: header %s, key %s: got %v", name, alg, got)
			}
		}
		for _, name := range []string{"Ed448", "ed25519", "EDDSA"} {
			if got := reason(t, signRaw(t, ed, `{"alg":"`+name+`"}`, "{}"), key); got != jose.BadAlgorithm {
				t.Errorf("header %s: got %v, want algorithm", name, got)
			}
		}
	}
}

func TestVerifyWithoutKey(t *testing.T) {
	t.Parallel()
	j, err := jose.Parse(sign(t, newSigner(t, jose.RS256, nil), "{}"))
	if err != nil {
		t.Fatal(err)
	}
	noAlg, err := jose.ParseKey([]byte(`{"kty":"RSA","e":"AQAB","n":"` + rfc7638N + `"}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []*jose.Key{nil, noAlg, new(jose.Key)} {
		if err := j.Verify(k); !errors.Is(err, jose.ErrInvalid) {
			t.Errorf("%v: got %v", k == nil, err)
		}
	}
	if err := new(jose.JWS).Verify(noAlg); !errors.Is(err, jose.ErrInvalid) {
		t.Errorf("zero JWS: got %v", err)
	}
}

func TestErrorsQuoteNothing(t *testing.T) {
	t.Parallel()
	_, err := jose.Parse(encode(`{"alg":"s3cret"}`) + ".." + "AA")
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
}

func TestPrintingHidesSecrets(t *testing.T) {
	t.Parallel()
	key, err := jose.ParseSecretKey([]byte(`{"kty":"oct","alg":"HS256","kid":"s","k":"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE"}`))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, nil))
	s := newSigner(t, jose.EdDSA, nil)
	log.LogAttrs(t.Context(), slog.LevelInfo, "x", slog.Any("key", key), slog.Any("signer", s))
	fmt.Fprintf(&out, "%v %+v %#v %v %+v %#v", key, key, key, s, s, s)
	jwk, err := key.MarshalJSON()
	fmt.Fprintf(&out, " %s %v", jwk, err)
	if got := out.String(); strings.Contains(got, "AAAA") || strings.Contains(got, "65, 65") || strings.Contains(got, "0x41") ||
		strings.Contains(got, "65 65") || strings.Contains(got, "QUFB") || strings.Contains(got, "priv") {
		t.Errorf("a secret shows: %s", got)
	}
}
