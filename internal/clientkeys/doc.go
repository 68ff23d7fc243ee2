// Package clientkeys finds the public keys that check the assertions of clients
// (RFC 7523 §3): those that are registered by value, and those that a client
// publishes at its jwks_uri (RFC 7591 §2).
//
// One thing is always true of it: where keys come from is the client's
// registration's to say, and never a request's; and no registration can make
// this server talk to an address that its operator has not opened.
//
//   - source.go: Source, what it keeps and for how long
//   - fetch.go: one fetch of a jwks_uri
//   - guard.go: the HTTP client, and which addresses it may reach
package clientkeys
