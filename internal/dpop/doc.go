// Package dpop says whether a DPoP proof is good for a request (RFC 9449 §4.3).
// The authorization server and resource servers ask it alike; what a proof is
// compared with, and where it is remembered, is theirs.
//
// One thing is always true of it: a proof of which anything is left out, twice
// there or not as it has to be is refused, with words for whoever made it.
//
//   - proof.go: Read and Proof
//   - uri.go: how URLs are compared
//   - nonce.go: nonces of which nothing has to be kept
package dpop
