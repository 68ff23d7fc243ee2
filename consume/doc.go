// Package consume lets a Go program get access tokens: ClientCredentials asks
// a token endpoint for one, in whichever of the usual spellings that endpoint
// reads.
//
//	src := &consume.ClientCredentials{
//		TokenURL:   "https://auth.example/oauth2/token",
//		ClientID:   "nightly-export",
//		Secret:     consume.SecretFile("/run/secrets/nightly-export"),
//		Scope:      []string{"orders.read"},
//		HTTPClient: client,
//	}
//	tok, err := src.Token(ctx)
//
// One thing is always true of it: neither a secret nor a token is in an error,
// in a log line, or in a request to any URL but the one that was configured.
//
// It needs nothing but the standard library.
//
//   - fetch.go: ClientCredentials and its request
//   - auth.go: how the client says who it is
//   - answer.go: reading what the server answers
//   - token.go: Token
//   - error.go: Error
package consume
