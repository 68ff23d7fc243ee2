package attack

import (
	"iter"
	"maps"
	"slices"
)

// Rule says what makes a case harmless.
type Rule int

// The rules. The zero value is the strictest.
const (
	// Refused: nothing of it may reach the API.
	Refused Rule = iota
	// Neutral: it may reach the API, which then sees the identity that it sees
	// without the trick, once, and nothing of what the caller asserted.
	Neutral
	// CleanPath: it may reach the API under a path that everybody reads alike
	// and that this caller may have.
	CleanPath
	// OneRequest: it may reach the API as exactly one request that everybody
	// reads alike, and the next caller's request arrives as it was sent.
	OneRequest
)

// Case is one request that must get nobody anywhere.
//
// In Target, Headers, Body and Raw these are replaced: {path} the protected
// path, {public} and {forbidden} those of the target, {host} its authority,
// {good} the good token, {token} what Forge makes of it, {id} a mark of this
// request, {spoof} a value that must not be believed.
type Case struct {
	Name  string // unique: kind/what
	List  int    // of the published bypasses in docs/howto/attack-your-gateway.md, 1 to 9; 0: framing
	About string // what a gateway that is fooled does wrong
	// Sources are the advisories that it is taken from, separated by spaces.
	Sources string

	Method  string   // "" is GET
	Target  string   // "" is {path}
	Headers []string // whole lines after Host
	Body    string   // sent with Content-Length, unless Headers say how it is framed
	Raw     string   // the whole request, instead of the above

	// Forge makes {token} of the good token; nil: {token} is the good one. It
	// returns "" when it cannot, and the case is left out.
	Forge func(good string, k Keys) string
	// For each name, a case in which {identity} is that identity header.
	EachIdentity bool
	// Beside is how many good requests are under way while the case is sent.
	Beside int

	Rule Rule
}

// bearer is the header line with the token of the case.
const bearer = "Authorization: Bearer {token}"

// good is the header line with the good token.
const good = "Authorization: Bearer {good}"

// Corpus returns all cases, in the order of the list.
func Corpus() []Case {
	var all []Case
	for _, part := range [][]Case{
		forwardedCases(), pathCases(), queryCases(), aliasCases(), hopCases(), cacheCases(), exceptionCases(), resourceCases(),
		tokenCases(), bearerCases(), DesyncSet(),
	} {
		all = append(all, part...)
	}
	return all
}

// spoof is a case without a good token that tries to look as if it needed none.
func spoof(name, about, sources string, headers ...string) Case {
	return Case{Name: name, About: about, Sources: sources, Headers: headers}
}

// sorted yields what a map holds, in the order of its keys.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}
