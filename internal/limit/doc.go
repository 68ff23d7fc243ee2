// Package limit says when somebody asks too often.
//
// One thing is always true of it: nobody's memory can be filled. A table has a
// fixed number of cells, whatever the number of clients and addresses, and the
// cost of asking is the same in a flood as without one. What a process knows
// here is its own and gone when it ends: each node limits for itself.
//
//   - table.go: the table of cells, and the rate that one key may have
//   - guesses.go: wrong credentials, which run out, beside right ones, which do not
//   - requests.go: requests of clients and addresses, right or wrong
package limit
