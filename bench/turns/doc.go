// Package turns measures processes that answer the same request, one after the
// other in several rounds: what counts is the processor time of a process for
// one answer.
//
//   - server.go: a process that is started, measured and ended
//   - load.go: the load generator
//   - machine.go: what a report says of the machine and the commit
package turns
