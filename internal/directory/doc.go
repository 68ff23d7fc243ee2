// Package directory answers what the server has to know of tenants, resource
// servers, clients, signing keys and revocations, from memory where it can.
//
// One thing is always true of it: once a change has been read from the feed,
// nothing that was read from the database before that change is handed out to
// whoever asks afterwards, and nothing of the kind stays in a cache.
//
// What it hands out is shared: nobody may modify it.
//
//   - directory.go: Config, Directory and its questions
//   - index.go: which tenant a host and a path belong to
//   - cache.go: a bounded cache that is filled on demand
//   - feed.go: the change feed, and how old our knowledge of it is
package directory
