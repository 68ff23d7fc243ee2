// Package oauth is the wire vocabulary that the three sides share: scopes,
// error codes, token answers, metadata, introspection and the Authorization
// header, as the RFCs spell them.
//
// It is the only package that issuing, enforcing and consuming code have in
// common, because on a real network the wire is all they have in common. It
// needs nothing but the standard library.
//
// Files: scope.go, error.go, basic.go, bearer.go, challenge.go, token.go,
// claims.go, metadata.go, introspection.go.
package oauth
