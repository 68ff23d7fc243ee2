package jose_test

import (
	"encoding/json"
	"testing"

	"github.com/mintage-auth/mintage/internal/jose"
)

func TestRFC7638Thumbprints(t *testing.T) {
	t.Parallel()
	var examples []struct {
		RFC        string
		JWK        json.RawMessage
		Thumbprint string
	}
	readVectors(t, "rfc-examples/rfc7638_thumbprints.json", &examples)
	right := 0
	for _, ex := range examples {
		k, err := jose.ParseKey(ex.JWK)
		if err != nil {
			t.Errorf("%s: %v", ex.RFC, err)
			continue
		}
		if got := k.Thumbprint(); got != ex.Thumbprint {
			t.Errorf("%s: got %s, want %s", ex.RFC, got, ex.Thumbprint)
			continue
		}
		right++
	}
	t.Logf("RFC 7638 thumbprints: %d of %d", right, len(examples))
}

func TestRFC9449Proofs(t *testing.T) {
	t.Parallel()
	var file struct {
		JKT    string
		Tokens []struct{ Name, JWT string }
	}
	readVectors(t, "rfc-examples/rfc9449.json", &file)
	right, proofs := 0, 0
	for _, tok := range file.Tokens {
		j, err := jose.Parse(tok.JWT)
		if err != nil {
			t.Errorf("%s: %v", tok.Name, err)
			continue
		}
		embedded, ok := j.Header.Lookup("jwk")
		if !ok {
			continue // the access token, whose key is not published
		}
		proofs++
		k, err := jose.ParseKeyValue(embedded)
		switch {
		case err != nil:
			t.Errorf("%s: %v", tok.Name, err)
		case j.Verify(k) != nil:
			t.Errorf("%s: %v", tok.Name, j.Verify(k))
		case k.Thumbprint() != file.JKT:
			t.Errorf("%s: got thumbprint %s, want %s", tok.Name, k.Thumbprint(), file.JKT)
		case !jose.TypeIs(j.Type, "dpop+jwt"):
			t.Errorf("%s: got type %q", tok.Name, j.Type)
		default:
			right++
		}
	}
	t.Logf("RFC 9449 proofs: %d of %d", right, proofs)
	if right != 3 {
		t.Errorf("%d right, want 3", right)
	}
}

func TestRFC9068Type(t *testing.T) {
	t.Parallel()
	var ex struct{ Header struct{ Typ string } }
	readVectors(t, "rfc-examples/rfc9068.json", &ex)
	if !jose.TypeIs(ex.Header.Typ, "at+jwt") {
		t.Errorf("%q is not at+jwt", ex.Header.Typ)
	}
}

// JW-13.
func TestTypeIs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		typ  string
		want bool
	}{
		{"at+jwt", true},
		{"AT+JWT", true},
		{"application/at+jwt", true},
		{"APPLICATION/at+Jwt", true},
		{"", false},
		{"jwt", false},
		{"at+jwt ", false},
		{"text/at+jwt", false},
		{"application/x/at+jwt", false},
		{"application/application/at+jwt", false},
		{"at+jwt;v=1", false},
	} {
		if got := jose.TypeIs(tt.typ, "at+jwt"); got != tt.want {
			t.Errorf("%q: got %v, want %v", tt.typ, got, tt.want)
		}
	}
	if !jose.TypeIs("at+jwt", "application/at+jwt") {
		t.Error("the prefix is not optional in what is wanted")
	}
	// JW-17: U+017F folds to s in Unicode, U+212A to k.
	if jose.TypeIs("\u017fecevent+jwt", "secevent+jwt") || jose.TypeIs("\u212a", "k") {
		t.Error("letters outside ASCII were folded")
	}
}
