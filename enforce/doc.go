// Package enforce lets a Go service accept access tokens: a Verifier says what
// a token is worth, and Require puts it in front of a handler.
//
//	v := &enforce.Verifier{
//		Issuers: &enforce.Issuer{
//			Name: "https://auth.example",
//			Keys: &enforce.RemoteKeySet{URL: "https://auth.example/.well-known/jwks.json", Client: client},
//		},
//		Audience: "https://api.example",
//	}
//	mux.Handle("GET /bookings", v.Require(bookings, "bookings.read"))
//
// One thing is always true of it: what was not configured is refused. A
// Verifier without an audience, an issuer or a key accepts nothing.
//
// It needs nothing from the authorization server but its issuer identifier and
// its keys, and nothing but the standard library.
//
//   - verifier.go: Verifier, the steps in their order
//   - claims.go: reading the claims, strictly
//   - token.go: Token, what a verified token says
//   - issuer.go: Issuer and sets of them
//   - keyset.go: Key, KeySet, and keys that are known beforehand
//   - remote.go, fetch.go: keys that the issuer publishes
//   - middleware.go: Authenticate, Require and the challenge
package enforce
