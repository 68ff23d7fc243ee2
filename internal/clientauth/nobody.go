package clientauth

import (
	"sync"

	"github.com/mintage-auth/mintage/internal/jose"
)

// nobodysKeys are public keys whose private halves were never kept. A signature
// is checked with one of them where there is no client to have a key: it takes
// the time of one that is wrong.
var nobodysKeys = sync.OnceValue(func() []*jose.Key {
	keys, err := jose.ParseKeySet([]byte(`{"keys":[
		{"kty":"EC","alg":"ES256","crv":"P-256","x":"vYBKQRUJ-IlQVJ8TQlmBgwKExQxGo8T7M2jtu3iAFws","y":"R6E7j2M3XzyDENnC5OxgMkmmeCkV8vIqj09V3hBA59c"},
		{"kty":"EC","alg":"ES384","crv":"P-384","x":"sqeVLb4PhN6GB9aY1m6LEZQOAKEvmJhvSaLC68nNcqKKAqoiu2tmXU4BItB176Dz","y":"kV0zBVfKXMpZiQLetglKwCaPtleM7rTga6Whzb85AbITiTxaJsAd_aZOxkxHlQQk"},
		{"kty":"EC","alg":"ES512","crv":"P-521","x":"AR2Il6q3aS3DriDYNpVEeaYk4GjDwjBHa083QVNbWV_12ue5Y_K5Wxp1ZzpVa716iGS0u3QRf5iMqr3hkkW3mUO8","y":"AHkpCmGBqkK4lGGFxQ2z3tLM7ArBmfbdVwpdQ1aGJzg8W7P0uEj-pdgtNTdptQTpCrYu6h3wPd6MkxH1dpMHmMed"},
		{"kty":"OKP","alg":"EdDSA","crv":"Ed25519","x":"Qs4j9GvzSrtYgqXyBwi8L8WY3C7-oi-d0DQ9J2NQIDk"},
		{"kty":"RSA","e":"AQAB","n":"wzWbyIkq6cDGYnsRXeXKSwBxxSptTM5ssd-NGtz2pV2WqRMaOWrLKkNcH9fjL1Y7j0NWTaxb62VZz_XxlPHg0lOWDK6zgJozGUqvlK93CZF-84SUwyQUuVqkcNWvpWLvDLjZIhtRVawy6DOpWv04qWT5JO-M5mIctJfyhiVtdddOAQh9nr_2FcJEAvpLz9Ljv-pHUj96oUMt80QA5m1XJX_Y57My3kOdR3wQi8aXzKUtbhM4fdeJ1ZoDqpVD2waghHRHptFhrEF_B_I_zCdo_PpFEg8-tAsM1LSwq56jg_jeed3lb42FhqF3sBF1kIfLaMtBD0lEX4FHYWBEvsbrKw"}
	]}`))
	if err != nil {
		panic(err) // TestNobodysKeys
	}
	return keys
})

// verifyNobody checks the signature with the key of nobody.
func (as *assertion) verifyNobody() {
	for _, k := range nobodysKeys() {
		if k, err := k.WithAlg(as.jws.Alg); err == nil {
			_ = as.jws.Verify(k) // it cannot be right
			return
		}
	}
}
