// Package attack is the corpus of published bypasses of gateways and forward
// auth as requests that can be sent, and the judge of what came of them. A
// gateway that lets one through has the hole of the advisory that the request
// is taken from.
//
// It is always true that one case is sent at a time, over a connection of its
// own, byte for byte as the corpus has it: many cases are no HTTP that
// net/http would write.
//
//   - case.go: Case, what makes one harmless, and Corpus
//   - corpus_*.go: the cases, one file for each kind
//   - token.go: what is made of a good token without its key
//   - target.go: the gateway under attack
//   - send.go: raw HTTP/1.1 on a connection
//   - echo.go, framing.go: an API that says what reached it, and how
//   - backendlog.go: what reached an API that runs elsewhere
//   - judge.go: whether a case got through
//   - run.go: all cases in turn
package attack
