// Package explain says in plain words why a request was refused. Its table has
// every reason code that a log line, a metric or an administrator's answer can
// carry; the documentation, the commands and the console print from it.
//
// One thing is always true of it: a code keeps its meaning for ever. Codes are
// part of the interface.
//
//   - explain.go: Reason and how to find one
//   - reasons.go: the table
//   - page.go: the documentation page of a reason
//   - reproduce.go: how each is brought about
//   - trace.go: the identifier that finds a request in the log
package explain

import "slices"

// Reason says why something happened and what to do about it. Nothing in it is
// secret, but a caller that was refused is not told the code.
type Reason struct {
	Code  string // area.detail, such as scope.not_granted
	Cause string // one sentence
	Cure  string // one sentence; empty where nothing has to be done
}

// Reasons returns the whole table, ordered by area as a request meets them.
func Reasons() []Reason { return slices.Clone(reasons) }

// Lookup returns the reason with the given code.
func Lookup(code string) (Reason, bool) {
	i := slices.IndexFunc(reasons, func(r Reason) bool { return r.Code == code })
	if i < 0 {
		return Reason{}, false
	}
	return reasons[i], true
}
