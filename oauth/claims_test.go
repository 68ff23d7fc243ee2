package oauth_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/mintage-auth/mintage/oauth"
)

// TestAudience is RFC 7519 §4.1.3: a string or an array of strings.
func TestAudience(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   string
		want oauth.Audience
		out  string
	}{
		{`"a"`, oauth.Audience{"a"}, `"a"`},
		{`["a"]`, oauth.Audience{"a"}, `"a"`},
		{`["a","b"]`, oauth.Audience{"a", "b"}, `["a","b"]`},
		{`[]`, oauth.Audience{}, `[]`},
	} {
		var got oauth.Audience
		if err := json.Unmarshal([]byte(tt.in), &got); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, %v", tt.in, got, err)
		}
		out, err := json.Marshal(got)
		if err != nil || string(out) != tt.out {
			t.Errorf("%s: writes %s, %v", tt.in, out, err)
		}
	}
	for _, bad := range []string{`1`, `{}`, `[1]`, `["a",null]`, `true`, `[["a"]]`} {
		var got oauth.Audience
		if err := json.Unmarshal([]byte(bad), &got); err == nil {
			t.Errorf("%s: got %q", bad, got)
		}
	}
}

// TestInactive is IN-02: nothing but active.
func TestInactive(t *testing.T) {
	t.Parallel()
	out, err := json.Marshal(oauth.Introspection{})
	if err != nil || string(out) != `{"active":false}` {
		t.Errorf("got %s, %v", out, err)
	}
}
