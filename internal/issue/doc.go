// Package issue is the token endpoint (RFC 6749 §3.2) and its neighbours:
// introspection, revocation, metadata and the published keys.
//
// Every token request walks the same five steps, and [Handler.token] is the
// only place where they are listed:
//
//	read → Authenticate → Flow → Mint → Dialect.Write
//
// Before the Flow a DPoP proof is checked, and after it the token is bound to
// its key.
//
// A grant type fills in one step, and a dialect the first and the last, so that
// neither can leave out a check that all requests need. One thing is always
// true of every answer: it has a trace id, nobody may keep it unless it is a
// public key, and nothing that the caller sent is in it but the name of a scope.
//
//   - handler.go: Handler and what all endpoints share
//   - exchange.go: one request and its answer
//   - token.go: the five steps
//   - dpop.go: tokens that are bound to a key
//   - clientcredentials.go: the grant, and the table of grants
//   - request.go: how a request is read and what bounds it
//   - params.go: the parameters, from a form, a JSON object or the query
//   - dialect.go, dialect_*.go: how each family of servers spells all this
//   - introspect.go, revoke.go: the neighbours that take a token
//   - tokeninfo.go: what a token that somebody shows says
//   - metadata.go, jwks.go: the documents that everybody may read
//   - fail.go: the only place that answers an error
//   - cors.go, peer.go: browsers, and who is at the other end
//   - exposed.go: the second look at a secret that came in a URL
//   - outcome.go: what is logged and counted of a request
package issue
