// Package people lets the people who administer sign in: by a password with a
// time-based code, by a passkey, or by an account at an OpenID provider. It
// keeps their sessions and carries out the one-time links by which they come.
//
// One thing is always true of it: what proves who somebody is works once and is
// nowhere kept in the clear. Cookies and links are in the database as hashes, a
// password under argon2id, a TOTP key sealed, and a code, a challenge or a link
// that was used is refused ever after, on each node.
//
//   - service.go: Service, and who looks (Viewer)
//   - session.go: sessions: begin, look up, end
//   - signin.go: sign in by password and code; throttle.go: how often
//   - password.go, totp.go: the two of them; recovery.go: codes for who lost the app
//   - link.go: first run, invitations, recovery
//   - pairing.go, pairingcode.go: how a command line is signed in by the console
//   - account.go: what people change of how they sign in
//   - passkey.go, oidc.go: the other two ways
//   - sealed.go: what a browser keeps between two steps of those
package people
