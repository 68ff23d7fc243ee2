// Package sqlscale makes large databases quickly, for tests and measurements: as
// many clients and stored tokens as are asked for, copied from those that the
// product itself wrote for one client.
//
// One thing is always true of it: which columns a row has, it reads from the
// database, and what is in them is what the product wrote, but for the
// identifiers, names and times that tell one copy from the other. It writes
// behind the store's back, so that no server may run on a SQLite file meanwhile.
package sqlscale
