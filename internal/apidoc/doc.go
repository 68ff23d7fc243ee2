// Package apidoc reads our OpenAPI document into what a reference shows: the
// operations by what they are about, with their parameters, the members of what
// they take and answer, and a command that calls them.
//
// One thing is always true of it: each operation of the document is in exactly
// one group. It knows no operation by name but to give it a better example, so
// that a new one needs nothing here.
//
//   - apidoc.go: Parse, and what it returns
//   - schema.go: the members of a document
//   - example.go: values that look like real ones, and the command
//   - markdown.go: docs/reference/admin-api.md
package apidoc
