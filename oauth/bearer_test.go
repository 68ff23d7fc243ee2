package oauth_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/mintage-auth/mintage/oauth"
)

// TestBearer is RS-01 and RS-02 as far as a header goes.
func TestBearer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		header []string
		want   string
		err    string // none, malformed or empty
	}{
		{"plain", []string{"Bearer abc"}, "abc", ""},
		{"any case", []string{"bEARER abc"}, "abc", ""},
		{"two spaces", []string{"Bearer  abc "}, "abc", ""},
		{"whole alphabet", []string{"Bearer aZ09-._~+/=="}, "aZ09-._~+/==", ""},
		{"none", nil, "", "none"},
		{"other scheme", []string{"Basic abc"}, "", "none"},
		{"longer scheme", []string{"BearerX abc"}, "", "none"},
		{"no token", []string{"Bearer"}, "", "malformed"},
		{"empty token", []string{"Bearer "}, "", "malformed"},
		{"padding alone", []string{"Bearer =="}, "", "malformed"},
		{"padding inside", []string{"Bearer a=b"}, "", "malformed"},
		{"two tokens", []string{"Bearer a b"}, "", "malformed"},
		{"comma", []string{"Bearer a,b"}, "", "malformed"},
		{"quoted", []string{`Bearer "a"`}, "", "malformed"},
		{"control", []string{"Bearer a\x00"}, "", "malformed"},
		{"not ASCII", []string{"Bearer é"}, "", "malformed"},
		{"two headers", []string{"Bearer a", "Bearer a"}, "", "malformed"},
		{"two schemes", []string{"Basic a", "Bearer a"}, "", "malformed"},
	} {
		got, err := oauth.Bearer(http.Header{"Authorization": tt.header})
		kind := ""
		if oe, ok := errors.AsType[*oauth.Error](err); ok && oe.Code == "invalid_request" && oe.Status == http.StatusBadRequest {
			kind = "malformed"
		} else if errors.Is(err, oauth.ErrNoBearer) {
			kind = "none"
		}
		if got != tt.want || kind != tt.err {
			t.Errorf("%s: %q: got %q, %v", tt.name, tt.header, got, err)
		}
	}
}

// FuzzBearer: a token is a part of the header that goes back into a header as
// it is.
func FuzzBearer(f *testing.F) {
	f.Add("Bearer abc")
	f.Add("bearer  a.b-c~d+/== ")
	f.Add("Bearer")
	f.Fuzz(func(t *testing.T, header string) {
		token, err := oauth.Bearer(http.Header{"Authorization": {header}})
		if err != nil {
			if token != "" {
				t.Errorf("%q: refused, and got %q", header, token)
			}
			return
		}
		again, err := oauth.Bearer(http.Header{"Authorization": {"Bearer " + token}})
		if err != nil || again != token {
			t.Errorf("%q: %q reads back as %q, %v", header, token, again, err)
		}
	})
}
