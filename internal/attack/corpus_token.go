package attack

import "strings"

// cacheCases are number 6: an answer that is kept for another question.
func cacheCases() []Case {
	const sources = "CVE-2026-33496 CVE-2021-32701 CVE-2026-71326 CVE-2026-49998"
	return []Case{
		{
			Name: "cache/other-path", List: 6, Sources: sources, Target: "{forbidden}", Headers: []string{good},
			About: "remembers that a token is good and forgets for what",
		},
		{
			Name: "cache/signature", List: 6, Sources: sources, Headers: []string{bearer}, Forge: flipped,
			About: "finds a token in its cache by a part of it",
		},
		{
			Name: "cache/signature-beside", List: 6, Sources: sources, Headers: []string{bearer}, Forge: flipped, Beside: 8,
			About: "gives one caller's answer to another who asks at the same time",
		},
		{
			Name: "cache/other-path-beside", List: 6, Sources: sources, Target: "{forbidden}", Headers: []string{good}, Beside: 8,
			About: "gives the answer for one path to a request for another at the same time",
		},
		{
			Name: "cache/case", List: 6, Sources: sources, Headers: []string{bearer}, Forge: func(good string, _ Keys) string { return swapCase(good) },
			About: "folds the case of a token for its cache key",
		},
		{
			Name: "cache/suffix", List: 6, Sources: sources, Headers: []string{bearer},
			Forge: func(good string, _ Keys) string { return good + "~{path}" }, About: "joins the parts of its cache key without a bound",
		},
	}
}

// tokenCases are number 9: what is made of a good token without its key.
func tokenCases() []Case {
	var cases []Case
	for _, f := range forgeries() {
		cases = append(cases, Case{
			Name: "token/" + f.name, List: 9, Sources: f.sources, Headers: []string{bearer}, Forge: f.forge, About: f.about,
		})
	}
	return cases
}

// bearerCases are number 9 too: the token is good and how it is sent is not.
func bearerCases() []Case {
	var cases []Case
	add := func(name, about string, headers ...string) {
		cases = append(cases, Case{Name: "bearer/" + name, List: 9, Headers: headers, Forge: flipped, About: about})
	}
	const two = "takes one of two tokens and lets the API take the other"
	add("two-good-first", two, good, bearer)
	add("two-good-last", two, bearer, good)
	add("two-same", two, good, good)
	add("comma", two, "Authorization: Bearer {good}, Bearer {token}")
	add("comma-basic", two, "Authorization: Basic YTpi, Bearer {good}")
	add("basic-too", two, "Authorization: Basic YTpi", good)
	add("no-scheme", "takes a token without a scheme", "Authorization: {good}")
	add("token-scheme", "takes a token of another scheme", "Authorization: Token {good}")
	add("jwt-scheme", "takes a token of another scheme", "Authorization: JWT {good}")
	add("colon", "takes a token of another scheme", "Authorization: Bearer: {good}")
	add("bearerx", "takes a token of a scheme that begins like the right one", "Authorization: BearerX {good}")
	add("quoted", "takes a token that is no token68", `Authorization: Bearer "{good}"`)
	add("equals", "takes a token that is no token68", "Authorization: Bearer token={good}")
	add("dpop", "takes a token that is bound to no key as if it were", "Authorization: DPoP {good}")
	add("folded", "takes a token from a line that does not belong to its header", "X-Other: a\r\n Authorization: Bearer {good}")
	add("after", "takes a token with something behind it", "Authorization: Bearer {good} x")
	return cases
}

// swapCase changes the case of the letters of a token's signature.
func swapCase(token string) string {
	head, sig, ok := cutLast(token)
	if !ok {
		return ""
	}
	swapped := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, sig)
	if swapped == sig {
		return ""
	}
	return head + swapped
}
