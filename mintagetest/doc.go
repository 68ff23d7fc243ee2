// Package mintagetest runs an authorization server inside a test: the real one,
// with its data in a temporary place, ready in a few dozen milliseconds.
//
//	func TestExport(t *testing.T) {
//		s := mintagetest.New(t, mintagetest.Options{})
//		src := &consume.ClientCredentials{
//			TokenURL: s.TokenURL, ClientID: s.ClientID, Secret: consume.SecretValue(s.ClientSecret), HTTPClient: s.Client(),
//		}
//		// ... use src against s.APIURL, or against your own API with s.JWKSURL
//	}
//
// It issues tokens in every dialect, signs ones with any claims (Server.Token),
// publishes its keys, introspects, revokes and has a revocation feed. On demand
// it is hostile: it refuses good tokens, is busy, slow, away, rotates keys all
// the time or has a wrong clock. Each Server is independent of all others.
//
// One thing is always true of it: what a token is worth is the real server's
// answer, never one of this package's, unless the test asked for hostility.
//
//   - server.go: New, and the URLs and credentials that a test needs
//   - options.go: Options
//   - client.go: more clients, and secrets that change
//   - token.go: tokens with any claims, and how tokens end early
//   - hostility.go: Hostility, and what has happened so far
package mintagetest
