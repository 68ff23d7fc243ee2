// Package mint turns a decision into an access token, and finds out what
// opaque tokens stand for.
//
// One thing is always true of it: a token says what was decided and nothing
// else. No format widens, shortens or fills in anything.
//
//   - mint.go: Minter, and the table of formats
//   - jwt.go: signed tokens: header and payload by claims profile
//   - claims.go: the claims profiles, one table entry each
//   - opaque.go: stored tokens, and the two spellings of opaque ones
//   - sealed.go: opaque tokens that hold what they stand for
//   - base62.go: the spelling that is not hex
//   - jti.go: token identifiers
package mint
