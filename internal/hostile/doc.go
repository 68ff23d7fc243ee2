// Package hostile makes an issuer misbehave on purpose, for tests of those who
// depend on one: mintagetest puts it around an issuer inside a test, and
// mintage dev --hostile around one for programs in other languages.
//
// One thing is always true of it: what it does to a request is written in the
// Hostility alone, spread evenly and in the same order each time, so that a test
// can say beforehand how often it happens.
//
//   - hostility.go: Hostility, and its one-line form
//   - front.go: Front, which stands before the issuer
//   - reset.go: how a connection is broken
//   - fate.go: which good tokens are refused
//   - api.go: an API that refuses them
//   - introspect.go: the issuer's own opinion of a token
//   - control.go: how programs change it
//   - rotate.go: keys that change all the time
package hostile
