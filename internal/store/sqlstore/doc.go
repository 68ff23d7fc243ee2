// Package sqlstore keeps the store's rows in a SQL database. The text of every
// statement is the same for all engines; what differs between them is a value
// in engine.go. A method is one transaction.
//
// # Map
//
//   - store.go: open, transactions, close. session.go: statements in a
//     transaction. reader.go: the reads of a Store, each in a transaction of
//     its own.
//   - engine.go: what differs. sqlite.go: the SQLite engine. postgres.go: the
//     PostgreSQL engine; pglisten.go hears of other nodes' changes. migrate.go
//     and migrations: the schema.
//   - backup.go: copies of a SQLite database. copy.go: from SQLite to
//     PostgreSQL. lease.go: who of several nodes does what one should.
//   - one file per noun. value.go: how times and settings are written.
//   - tokenwriter.go: stored tokens, many to a commit. shape.go: what they have
//     in common. minute.go: when they were made and end. summary.go: what the
//     writer remembers of both. sweep.go: deleting what has expired.
package sqlstore
