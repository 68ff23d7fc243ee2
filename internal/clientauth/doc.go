// Package clientauth answers one question about a request: which client sent
// it (RFC 6749 §2.3).
//
// One thing is always true of it: every method looks at the request before any
// of them decides, so that a request with two ways to authenticate is seen as
// such and never falls through from one to the next. A client that does not
// exist is answered like a wrong secret, byte for byte and in the same time.
//
//   - clientauth.go: Request, Result and the steps that all methods share
//   - method.go: the registry of methods and what each finds in a request
//   - basic.go: client_secret_basic
//   - post.go: client_secret_post, in a form or a JSON body
//   - query.go: credentials in the URL, on the ladder
//   - assertion.go: private_key_jwt, an assertion that the client signed
//   - assertion_read.go: what an assertion says, and whether it may
//   - nobody.go: what an assertion of an unknown client costs
//   - fail.go: the errors
package clientauth
