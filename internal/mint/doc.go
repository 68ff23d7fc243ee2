// Package mint turns a decision into an access token, and finds stored tokens
// again.
//
// One thing is always true of it: a token says what was decided and nothing
// else. No format widens, shortens or fills in anything.
//
//   - mint.go: Minter, and the table of formats
//   - jwt.go: signed tokens: header and payload by claims profile
//   - claims.go: the claims profiles, one table entry each
//   - opaque.go: stored tokens and their two spellings
//   - base62.go: the spelling that is not hex
//   - jti.go: token identifiers
package mint
