// Package server wires the parts of Mintage into a process: two listeners, one
// route table and the work that goes on in the background. It is the only
// package that knows all the others, and it decides nothing about a token.
//
// Files: server.go (open, run, drain), routes.go (the one route table, with
// the access that each route needs), listen.go (listeners and TLS), peer.go
// (who is at the other end), health.go (/healthz and /readyz), docs.go (the
// documentation under /docs), background.go (the change feed, sweeps, missing
// keys, exposed secrets), secrets.go (imported hashes, ends of secrets), bootstrap.go (the first start), credentials.go (admin.json),
// recover.go (another administrator), dev.go (mintage dev).
package server
