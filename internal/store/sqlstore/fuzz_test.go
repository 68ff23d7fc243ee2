package sqlstore_test

import (
	"encoding/binary"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mintage-auth/mintage"
)

// FuzzToken: what a stored token is made of comes back, however it is packed.
func FuzzToken(f *testing.F) {
	f.Add("0190a0b0-c0d0-7000-8000-00000000abcd", "mc_one", "read write", "https://api.example")
	f.Add("t", "", "[x", "[\"x\"]\x00\x00 ")
	f.Add("u0190a0b0c0d07000800000000000abcd", "c", "", "\x00")
	s := openFile(f, "")
	f.Cleanup(func() {
		if err := s.Close(); err != nil {
			f.Error(err)
		}
	})
	var count atomic.Uint64
	f.Fuzz(func(t *testing.T, jti, client, scope, audience string) {
		rec := &mintage.TokenRecord{
			Tenant: "t", JTI: jti, ClientID: client, Subject: client + "x",
			Scope: strings.Fields(scope), Audience: strings.Split(audience, "\x00"),
			IssuedAt: time.Unix(1, 0).UTC(), Expires: time.Unix(2, 0).UTC(),
		}
		for _, text := range []string{jti, client, scope, audience} {
			if !utf8.ValidString(text) {
				t.Skip("all text is UTF-8")
			}
		}
		binary.BigEndian.PutUint64(rec.Key[:], count.Add(1))
		if err := s.CreateToken(t.Context(), rec); err != nil {
			t.Fatalf("%+v: %v", rec, err)
		}
		got, err := s.Token(t.Context(), "t", rec.Key)
		if err != nil {
			t.Fatalf("%+v: %v", rec, err)
		}
		if d := cmp.Diff(rec, got, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	})
}
