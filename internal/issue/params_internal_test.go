package issue

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// FuzzReadForm compares our form reader with the standard library's: what that
// one accepts, we read the same.
func FuzzReadForm(f *testing.F) {
	for _, seed := range []string{
		"", "grant_type=client_credentials", "scope=a+b%20c&resource=x&resource=y", "scope=&audience=%C3%A9", "a=b&&c", "=x&scope", "%zz=1&scope=%e9",
		"scope=a=b&client_id=%00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := url.ParseQuery(s)
		if err != nil || len(s) > 4096 {
			return
		}
		v := &values{known: tokenParams}
		if v.readForm(s) != nil {
			return
		}
		for p, name := range paramNames {
			if !v.known.has(param(p)) {
				continue
			}
			sent := slices.DeleteFunc(slices.Clone(want[name]), func(s string) bool { return s == "" })
			got := []string{v.value[p]}
			if param(p) == paramResource {
				got = v.resources
			} else if param(p) == paramAudience {
				got = v.audiences
			}
			got = slices.DeleteFunc(slices.Clone(got), func(s string) bool { return s == "" })
			if !slices.Equal(got, sent) {
				t.Errorf("%q: %s: got %q, want %q", s, name, got, sent)
			}
		}
	})
}

func TestResembles(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"scaope": "scope", "scop": "scope", "Scope": "scope", "scopes": "scope", "skope": "scope",
		"clientId": "client_id", "client-secret": "client_secret", "CLIENT_ID": "client_id", "grantType": "grant_type",
		"ressource": "resource", "username": "", "x": "", "": "",
	} {
		if got := tokenParams.didYouMean(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestShowable(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"scaope": true, "client_assertion_tipe": true, "clientId": true, "CLIENT_SECRET": true, "Client-Secret": true,
		"": false, "mint_live_0AbC": false, "S3CRET": false, "a b": false, "a\nb": false, "a;b": false,
		strings.Repeat("a", 32): true, strings.Repeat("a", 33): false,
	} {
		if got := showable(name); got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
}
