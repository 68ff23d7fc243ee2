package oauth_test

import (
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/oauth"
)

// TestBearerChallenge is RS-05 and RS-06.
func TestBearerChallenge(t *testing.T) {
	t.Parallel()
	expired := oauth.InvalidToken("token.expired", "the token has expired", nil)
	for _, tt := range []struct {
		realm string
		err   *oauth.Error
		scope oauth.Scope
		want  string
	}{
		{"", nil, nil, "Bearer"},
		{"https://api.example", nil, nil, `Bearer realm="https://api.example"`},
		{"r", expired, nil, `Bearer realm="r", error="invalid_token", error_description="the token has expired"`},
		{"", oauth.InsufficientScope(oauth.NewScope("b", "a")), oauth.NewScope("b", "a"), `Bearer error="insufficient_scope", error_description="the request needs the scope a b", scope="a b"`},
		{`a"b\c`, nil, nil, `Bearer realm="a\"b\\c"`},
		{"a\r\nSet-Cookie: x\x00é", nil, nil, `Bearer realm="aSet-Cookie: x"`},
	} {
		if got := oauth.BearerChallenge(tt.realm, tt.err, tt.scope); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

// FuzzChallenge is RS-05: whatever the realm, a challenge is one header line
// whose quotes are balanced.
func FuzzChallenge(f *testing.F) {
	f.Add("https://auth.example")
	f.Add("\"\\\r\n\x00é")
	f.Fuzz(func(t *testing.T, realm string) {
		for _, got := range []string{oauth.BasicChallenge(realm), oauth.BearerChallenge(realm, nil, nil)} {
			inside, escaped := false, false
			for i := range len(got) {
				c := got[i]
				switch {
				case c < 0x20 || c > 0x7e:
					t.Errorf("%q: %q has byte %#x", realm, got, c)
				case escaped:
					escaped = false
				case c == '\\' && inside:
					escaped = true
				case c == '"':
					inside = !inside
				}
			}
			if inside || escaped || !strings.HasPrefix(got, "B") {
				t.Errorf("%q: %q", realm, got)
			}
		}
	})
}
