package oauth_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/oauth"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestParseBasic(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		header, id, secret string
		want               string // basic, none or malformed
	}{
		{"Basic " + b64("id:secret"), "id", "secret", "basic"},
		{"bAsIc " + b64("id:secret"), "id", "secret", "basic"},
		{"Basic   " + b64("id:secret") + " ", "id", "secret", "basic"},
		{"Basic " + b64("id:a:b"), "id", "a:b", "basic"},
		{"Basic " + b64("id:"), "id", "", "basic"},
		{"Basic " + b64(":"), "", "", "basic"},
		{"Basic " + b64("a%20b:c+d"), "a%20b", "c+d", "basic"},
		{"Basic " + b64("no colon"), "", "", "malformed"},
		{"Basic", "", "", "malformed"},
		{"Basic ", "", "", "malformed"},
		{"Basic !!!", "", "", "malformed"},
		{"Basic " + strings.TrimRight(b64("id:secre"), "="), "", "", "malformed"},
		{"Basic aWQ6c2VjcmX=", "", "", "malformed"}, // spare bits that are not zero
		{"Basic aWQ6\r\nc2VjcmV0", "", "", "malformed"},
		{"Basic " + b64("id:secret") + " x", "", "", "malformed"},
		{"", "", "", "none"},
		{"Bearer " + b64("id:secret"), "", "", "none"},
		{"Basically " + b64("id:secret"), "", "", "none"},
		{"Baſic " + b64("id:secret"), "", "", "none"}, // U+017F folds to s
	} {
		got, err := oauth.ParseBasic(tt.header)
		kind := "malformed"
		switch {
		case err == nil:
			kind = "basic"
		case errors.Is(err, oauth.ErrNoBasic):
			kind = "none"
		}
		if kind != tt.want || got.ID != tt.id || got.Secret != tt.secret {
			t.Errorf("%q: got %s, %q %q; want %s", tt.header, kind, got.ID, got.Secret, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "aWQ6") {
			t.Errorf("%q: the error repeats the header: %v", tt.header, err)
		}
	}
}

// TestBasicDecoded is TE-10: both halves are form-decoded, and what is not
// form-encoded is said to be so.
func TestBasicDecoded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		id, secret         string
		wantID, wantSecret string
		ok                 bool
	}{
		{"id", "secret", "id", "secret", true},
		{"1PpG%2FQ+1", "z%2FtZ%3Dx", "1PpG/Q 1", "z/tZ=x", true},
		{"%C3%A9", "%25%2b", "é", "%+", true},
		{"a%", "b", "", "", false},
		{"a", "%zz", "", "", false},
	} {
		got, ok := oauth.Basic{ID: tt.id, Secret: tt.secret}.Decoded()
		if ok != tt.ok || got.ID != tt.wantID || got.Secret != tt.wantSecret {
			t.Errorf("%q %q: got %q %q, %v", tt.id, tt.secret, got.ID, got.Secret, ok)
		}
	}
}

func TestBasicHidesItsSecret(t *testing.T) {
	t.Parallel()
	b := oauth.Basic{ID: "id", Secret: "canary"}
	if s := fmt.Sprintf("%v %s %+v", b, b, &b); strings.Contains(s, "canary") {
		t.Errorf("got %s", s)
	}
}

// FuzzBasic: what we write, we read back, whatever is in it.
func FuzzBasic(f *testing.F) {
	f.Add("id", "secret")
	f.Add("a:b", "c:d")
	f.Add("\x00é%+ ", "\r\n\xff")
	f.Fuzz(func(t *testing.T, id, secret string) {
		sent, err := oauth.ParseBasic(oauth.BasicHeader(id, secret))
		if err != nil {
			t.Fatalf("%q %q: %v", id, secret, err)
		}
		got, ok := sent.Decoded()
		if !ok || got.ID != id || got.Secret != secret {
			t.Errorf("%q %q: got %q %q, %v", id, secret, got.ID, got.Secret, ok)
		}
	})
}

// FuzzParseBasic: whatever a header is, it is read in one way or refused.
func FuzzParseBasic(f *testing.F) {
	f.Add("Basic aWQ6c2VjcmV0")
	f.Add("basic  aWQ6 ")
	f.Add("Bearer x")
	f.Fuzz(func(t *testing.T, header string) {
		got, err := oauth.ParseBasic(header)
		if err != nil {
			if got != (oauth.Basic{}) {
				t.Errorf("%q: refused, and got %q", header, got.ID)
			}
			return
		}
		_, encoded, _ := strings.Cut(header, " ")
		if strings.Trim(encoded, " ") != b64(got.ID+":"+got.Secret) {
			t.Errorf("%q: %q %q is written differently", header, got.ID, got.Secret)
		}
	})
}
