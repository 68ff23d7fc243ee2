// Package importer reads what another authorization server says of its clients,
// and declares them as tenants.yaml does.
//
// One thing is always true of it: every client of the source is in the result
// with what became of it, and one that cannot be taken over is skipped with the
// reason, never changed into something else. Secrets are in Files alone, not in
// the State, not in an error.
//
//   - importer.go: Read and what it returns
//   - builder.go: clients and resource servers, as they are found
//   - cognito.go, hydra.go, keycloak.go: documents in JSON
//   - doorkeeper.go, passport.go: tables, which table.go reads
package importer
