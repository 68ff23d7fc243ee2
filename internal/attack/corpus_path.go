package attack

import "strconv"

// pathCases are number 2: the checker and the API read two paths out of one
// request.
func pathCases() []Case {
	const sources = "CVE-2026-33494 CVE-2025-47952 CVE-2025-66490 CVE-2026-40912 CVE-2026-48020 CVE-2026-65600 CVE-2026-67309"
	var cases []Case
	add := func(name, target string) {
		cases = append(cases, Case{
			Name: "path/" + name, List: 2, Sources: sources, Target: target, Rule: CleanPath,
			About: "decides on another path than the API sees",
		})
	}
	withToken := func(name, target string) {
		add(name, target)
		cases[len(cases)-1].Headers = []string{good}
	}
	// A public path in front, the protected one behind a step up.
	for i, up := range []string{
		"/..", "/%2e%2e", "/%2E%2E", "/.%2e", "/%2e.", "/..;", "/;/..", "/..;x=y", "/x/../..", "/./..", "//..", "/%2f..", "/..%2f", "/..%5c",
		`/..\`, "/%5c..", "/%252e%252e", "/%25%32%65%25%32%65", "/..%00", "/..%2500", "/%c0%ae%c0%ae", "/%u002e%u002e", "/..%09", "/..%20",
		"/..%0d%0a", "/..?", "/..#",
	} {
		add("up-"+strconv.Itoa(i+1), "{public}"+up+"{path}")
		withToken("up-"+strconv.Itoa(i+1)+"+token", "{path}"+up+"{forbidden}")
	}
	// The protected path, spelled so that no rule knows it.
	for i, target := range []string{
		"/{path}", "//{path}", "/.{path}", "/%2e{path}", `\{path}`, "/%5c{path}", "/%2f{path}", "{path}/", "{path}//", "{path}/.", "{path}/..",
		"{path};x", "{path};/", "{path}%00", "{path}%20", "{path}%09", "{path}%0a", "{path}.", "{path}%2f", "{path}%3f", "{path}%23", "{path}#",
		"{path}%", "{path}%zz", "{path}%c0%af", "{path}\\", "{path}~", "{path}::$DATA", "/x/..{path}", "/x/%2e%2e{path}", "/x%2f..{path}",
		"/{upper}", "{encoded}", "{double}",
	} {
		add("spelled-"+strconv.Itoa(i+1), target)
	}
	cases = append(cases, fragmentCases()...)
	add("absolute", "http://{host}{public}/..{path}")
	add("absolute-user", "http://x@{host}{path}")
	add("asterisk", "*")
	return append(cases, methodCases()...)
}

// fragmentCases have what no request target may have.
func fragmentCases() []Case {
	var cases []Case
	for name, target := range sorted(map[string]string{
		"public": "{path}#{public}", "dots": "{path}#/..{public}", "front": "{public}#{path}", "encoded": "{path}%23{public}", "query": "{path}#?{public}",
	}) {
		cases = append(cases, Case{
			Name: "path/fragment-" + name, List: 2, Sources: "CVE-2026-41059 CVE-2023-47106", Target: target, Rule: CleanPath,
			About: "takes a fragment for a part of the path",
		})
	}
	return cases
}

// methodCases hide the method that counts.
func methodCases() []Case {
	var cases []Case
	for name, line := range sorted(map[string]string{
		"x-http-method-override": "X-HTTP-Method-Override: OPTIONS", "x-http-method": "X-HTTP-Method: OPTIONS",
		"x-method-override": "X-Method-Override: OPTIONS", "x-original-method": "X-Original-Method: OPTIONS",
		"x-forwarded-method": "X-Forwarded-Method: OPTIONS",
	}) {
		cases = append(cases, Case{
			Name: "method/" + name, List: 2, Headers: []string{line}, About: "lets a header say which method is checked",
		})
	}
	for _, method := range []string{"get", "GETT", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "TRACE", "TRACK", "DEBUG", "SEARCH", "QUERY", "HEAD", "X"} {
		cases = append(cases, Case{
			Name: "method/" + method, List: 2, Method: method, About: "checks some methods and not this one",
		})
	}
	return append(cases,
		Case{Name: "method/query-override", List: 2, Target: "{path}?_method=OPTIONS", About: "lets the query say which method is checked"},
		Case{
			Name: "method/body-override", List: 2, Method: "POST", Headers: []string{"Content-Type: application/x-www-form-urlencoded"},
			Body: "_method=OPTIONS", About: "lets the body say which method is checked",
		},
	)
}

// queryCases are number 3: a query inside a rule about the path.
func queryCases() []Case {
	var cases []Case
	for name, target := range sorted(map[string]string{
		"public": "{path}?{public}", "param": "{path}?x={public}", "encoded": "{path}%3f{public}", "slash": "{path}?/..{public}", "double": "{path}??{public}",
		"newline": "{path}?%0a{public}", "semicolon": "{path}?a=1;{public}", "amp": "{path}&{public}", "css": "{path}?x.css", "static": "{path}?/favicon.ico",
		"js": "{path};.js", "health": "{path}?/healthz",
	}) {
		cases = append(cases, Case{
			Name: "query/" + name, List: 3, Sources: "CVE-2025-54576", Target: target, About: "lets the query match a rule about the path",
		})
	}
	return append(cases,
		Case{
			Name: "query/token", List: 3, Sources: "CVE-2026-44883", Target: "{path}?access_token={good}",
			About: "takes a token from the query, where logs and referers keep it",
		},
		Case{
			Name: "query/token-and-header", List: 3, Target: "{path}?access_token={token}", Headers: []string{good}, Forge: flipped,
			About: "takes one token from the header and lets the API take another from the query",
		},
	)
}
