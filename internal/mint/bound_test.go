package mint_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage"
)

// jkt is the thumbprint of RFC 9449 §6.1.
const jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"

// TestBound: each format says which key a token is bound to, and says nothing in
// a token that is bound to none.
func TestBound(t *testing.T) {
	t.Parallel()
	for _, format := range []mintage.TokenFormat{mintage.FormatJWT, mintage.FormatStored, mintage.FormatSealed} {
		for _, claims := range []mintage.ClaimsProfile{mintage.ClaimsRFC, mintage.ClaimsCognito, mintage.ClaimsMyParcel} {
			for _, key := range []string{"", jkt} {
				m, _, _ := newMinter(t, "ES256", mintage.SealingAlg)
				az := decision(settings(format, "ES256", claims))
				az.KeyThumbprint = key
				tok := mustMint(t, m, az)
				if want := map[string]string{"": "Bearer", jkt: "DPoP"}[key]; tok.Type() != want || tok.KeyThumbprint != key {
					t.Errorf("%s: type %s, key %q", format, tok.Type(), tok.KeyThumbprint)
				}
				if format != mintage.FormatJWT {
					rec, err := m.Lookup(t.Context(), "prod", tok.Value)
					if err != nil || rec.KeyThumbprint != key {
						t.Errorf("%s: got %+v, %v", format, rec, err)
					}
					continue
				}
				payload, err := base64.RawURLEncoding.DecodeString(strings.Split(tok.Value, ".")[1])
				if err != nil || strings.Contains(string(payload), `"cnf":{"jkt":"`+jkt+`"}`) != (key != "") || strings.Contains(string(payload), "cnf") != (key != "") {
					t.Errorf("%s: claims %s, %v", claims, payload, err)
				}
			}
		}
	}
}

// A token that has to be bound is not made without a key, and none with a key
// that is none.
func TestBoundToNothing(t *testing.T) {
	t.Parallel()
	m, _, _ := newMinter(t, "ES256", mintage.SealingAlg)
	for _, format := range []mintage.TokenFormat{mintage.FormatJWT, mintage.FormatStored, mintage.FormatSealed} {
		az := decision(settings(format, "ES256", mintage.ClaimsRFC))
		az.DPoPBound = true
		if tok, err := m.Mint(t.Context(), az); err == nil {
			t.Errorf("%s: got %+v", format, tok)
		}
		az.KeyThumbprint = jkt
		mustMint(t, m, az)
	}
	for _, bad := range []string{"x", jkt + "A", jkt[:40], jkt + "="} {
		az := decision(settings(mintage.FormatSealed, "", ""))
		az.KeyThumbprint = bad
		if tok, err := m.Mint(t.Context(), az); err == nil {
			t.Errorf("%q: got %+v", bad, tok)
		}
	}
}

// A stored token that is bound says so in its first byte too: with a row that
// lost its key, or got one, it is none.
func TestBoundRow(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", jkt} {
		m, _, s := newMinter(t)
		az := decision(settings(mintage.FormatStored, "", ""))
		az.KeyThumbprint, az.Dialect = key, mintage.DialectDoorkeeper
		tok := mustMint(t, m, az)
		if want := map[string]string{"": "01", jkt: "03"}[key]; tok.Value[:2] != want {
			t.Errorf("the token is %s, want it to begin with %s", tok.Value, want)
		}
		for _, rec := range s.all["prod"] {
			rec.KeyThumbprint = map[string]string{"": jkt, jkt: ""}[key]
		}
		if rec, err := m.Lookup(t.Context(), "prod", tok.Value); !errors.Is(err, mintage.ErrNotFound) {
			t.Errorf("got %+v, %v", rec, err)
		}
	}
}
