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
// Verifier without an audience, an issuer or a key accepts nothing, and a token
// that is bound to a key is nothing without its proof.
//
// It needs nothing but the standard library. gRPC is in grpcauth.
//
//   - verifier.go: Verifier, the steps in their order
//   - call.go, binding.go: Authenticate, and what a token is bound to
//   - dpop.go: DPoP proofs, each of which is good once
//   - claims.go, token.go: reading the claims, strictly; Token, what they say
//   - issuer.go, profile.go: Issuer, sets of them, and those of other vendors
//   - keyset.go, remote.go, fetch.go: keys, known beforehand or published
//   - opaque.go: how a Verifier asks about tokens; introspect.go, answers.go: the
//     Introspector
//   - cache.go: tokens that were verified before
//   - feed.go, feed_read.go, event.go, endings.go: revocations as they come
//   - watch.go: streams that end with their token
//   - middleware.go, answer.go, metadata.go: Require, and what clients are told
//   - endpoint.go: how issuers are asked
package enforce
