// Package consume lets a Go program call protected APIs: ClientCredentials asks
// a token endpoint for a token, in whichever of the usual spellings that
// endpoint reads; a Source keeps it fresh for any number of goroutines; and a
// Transport puts it on requests.
//
//	src := &consume.Source{Fetcher: &consume.ClientCredentials{
//		TokenURL:   "https://auth.example/oauth2/token",
//		ClientID:   "nightly-export",
//		Secret:     consume.SecretFile("/run/secrets/nightly-export"),
//		Scope:      []string{"orders.read"},
//		HTTPClient: client,
//	}}
//	defer src.Close()
//	api := &http.Client{Transport: &consume.Transport{
//		Source:  src,
//		Origins: []string{"https://api.example"},
//	}}
//
// One thing is always true of it: neither a secret nor a token is in an error,
// in a log line, or in a request to anywhere but where it was configured to go.
//
// It needs nothing but the standard library.
//
//   - fetch.go: ClientCredentials and its request
//   - auth.go: how the client says who it is, one table
//   - secret.go, key.go: Secret and Key, and reading them from files
//   - assertion.go: what a client signs instead of showing a secret
//   - dpop.go: tokens that are bound to a key
//   - clock.go: how far the server's clock is ahead of ours
//   - answer.go: reading what the server answers
//   - discover.go: the server's metadata
//   - preset.go: vendors, one table
//   - token.go: Token
//   - error.go: Error
//   - source.go: Source
//   - kept.go: the token that is handed out, and for how long
//   - flight.go: one fetch that any number of callers wait for
//   - patience.go: callers that wait for another try
//   - failure.go: what a failed fetch stands in the way of, and for how long
//   - status.go: how a Source is
//   - observer.go: who is told of it
//   - transport.go: Transport
//   - challenge.go: what a 401 says
//   - replay.go: bodies that are sent twice
package consume
