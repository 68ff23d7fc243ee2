package oauth_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/oauth"
)

// TestParseScope is TE-12: the grammar of RFC 6749 §3.3.
func TestParseScope(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		wire string
		want oauth.Scope
		err  string // part of the error
	}{
		{"", nil, ""},
		{"   ", nil, ""},
		{"a", oauth.Scope{"a"}, ""},
		{"b a", oauth.Scope{"a", "b"}, ""},
		{" a  b ", oauth.Scope{"a", "b"}, ""},
		{"a a A", oauth.Scope{"A", "a"}, ""},
		{"orders/read https://x.example/#a", oauth.Scope{"https://x.example/#a", "orders/read"}, ""},
		{"!~", oauth.Scope{"!~"}, ""},
		{`a"b`, nil, "byte 2"},
		{`a\b`, nil, "byte 2"},
		{"a\tb", nil, "byte 2"},
		{"a\nb", nil, "byte 2"},
		{"ab \x7f", nil, "byte 4"},
		{"é", nil, "byte 1"},
		{"a\x00", nil, "byte 2"},
	} {
		got, err := oauth.ParseScope(tt.wire)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) || got != nil {
				t.Errorf("%q: got %q, %v; want an error at %s", tt.wire, got, err, tt.err)
			}
			continue
		}
		if err != nil || !got.Equal(tt.want) {
			t.Errorf("%q: got %q, %v; want %q", tt.wire, got, err, tt.want)
		}
	}
}

func TestScopeSet(t *testing.T) {
	t.Parallel()
	s := oauth.NewScope("b", "a", "b", "c")
	if s.String() != "a b c" {
		t.Errorf("got %q", s)
	}
	if !s.Has("b") || s.Has("d") || s.Has("") || oauth.Scope(nil).Has("a") {
		t.Error("Has is wrong")
	}
	if got := s.Without(oauth.NewScope("a", "z")); !got.Equal(oauth.Scope{"b", "c"}) {
		t.Errorf("got %q", got)
	}
	if got := s.Without(s); len(got) != 0 || !got.Equal(nil) {
		t.Errorf("got %q", got)
	}
	in := []string{"b", "a"}
	if oauth.NewScope(in...); in[0] != "b" {
		t.Error("NewScope sorts its argument")
	}
	for token, want := range map[string]bool{"a": true, "": false, "a b": false, `"`: false, "é": false, "*": true} {
		if got := oauth.ValidScopeToken(token); got != want {
			t.Errorf("%q: got %v", token, got)
		}
	}
}

func TestScopeJSON(t *testing.T) {
	t.Parallel()
	var s oauth.Scope
	if err := json.Unmarshal([]byte(`"b a  b"`), &s); err != nil || s.String() != "a b" {
		t.Errorf("got %q, %v", s, err)
	}
	for _, bad := range []string{`["a"]`, `1`, `"a\"b"`, `"a\u0000"`} {
		if err := json.Unmarshal([]byte(bad), &s); err == nil {
			t.Errorf("%s: got %q", bad, s)
		}
	}
	out, err := json.Marshal(oauth.TokenResponse{AccessToken: "x", TokenType: "Bearer", ExpiresIn: 1})
	if err != nil || string(out) != `{"access_token":"x","token_type":"Bearer","expires_in":1}` {
		t.Errorf("got %s, %v", out, err)
	}
}

// FuzzParseScope: what parses prints back the same, and what fails names no
// input.
func FuzzParseScope(f *testing.F) {
	for _, seed := range []string{"", "a b", "b  a ", `"`, "\\", "é", "a\tb", "orders/read orders/write"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, wire string) {
		s, err := oauth.ParseScope(wire)
		if err != nil {
			if s != nil || !strings.HasPrefix(err.Error(), "scope has a character that is not allowed at byte ") {
				t.Errorf("%q: got %q, %v", wire, s, err)
			}
			return
		}
		again, err := oauth.ParseScope(s.String())
		if err != nil || !again.Equal(s) {
			t.Errorf("%q: %q prints back as %q, %v", wire, s, again, err)
		}
		if !slices.IsSorted(s) || len(slices.Compact(slices.Clone(s))) != len(s) {
			t.Errorf("%q: %q is no sorted set", wire, s)
		}
		for _, token := range s {
			if !oauth.ValidScopeToken(token) || !strings.Contains(wire, token) {
				t.Errorf("%q: token %q", wire, token)
			}
		}
	})
}
