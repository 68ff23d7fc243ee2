package jose_test

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/jose"
)

// TestUnverifiedExpiry reads the exp of what is a JWT, and of nothing else.
func TestUnverifiedExpiry(t *testing.T) {
	t.Parallel()
	for claims, want := range map[string]int64{
		`{"exp":1700000000}`: 1700000000, `{"exp":"1700000000"}`: 1700000000, `{"exp":1.7e9}`: 1700000000, `{"exp":1700000000.9}`: 1700000000,
		`{}`: 0, `{"exp":null}`: 0, `{"exp":0}`: 0, `{"exp":-1}`: 0, `{"exp":1e300}`: 0, `{"exp":"soon"}`: 0, `[]`: 0, `x`: 0,
	} {
		got, ok := jose.UnverifiedExpiry("e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln")
		if ok != (want != 0) || ok && got.Unix() != want {
			t.Errorf("%s: %v, %t, want %d", claims, got, ok, want)
		}
	}
	for _, token := range []string{"", "opaque", "a.b", "a.b.c.d", "e30.!.c2ln"} {
		if got, ok := jose.UnverifiedExpiry(token); ok {
			t.Errorf("%q: %v", token, got)
		}
	}
}

// FuzzUnverifiedExpiry: what is returned is a time that can be counted with.
func FuzzUnverifiedExpiry(f *testing.F) {
	f.Add("e30.eyJleHAiOjE3MDAwMDAwMDB9.c2ln")
	f.Fuzz(func(t *testing.T, token string) {
		at, ok := jose.UnverifiedExpiry(token)
		if ok && (at.Unix() < 0 || at.After(time.Unix(1<<38, 0))) || !ok && !at.IsZero() {
			t.Errorf("%q: %v, %t", token, at, ok)
		}
	})
}
