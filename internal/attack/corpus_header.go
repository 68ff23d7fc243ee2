package attack

import "strconv"

// aliasCases are number 4: a name that the API reads as that of a header which
// the gateway sets.
func aliasCases() []Case {
	const sources = "CVE-2025-64484 CVE-2026-33433 CVE-2026-54763 CVE-2026-39858"
	var cases []Case
	for name, line := range sorted(map[string]string{
		"same":        "{identity}: {spoof}",
		"lower":       "{identity-lower}: {spoof}",
		"upper":       "{identity-upper}: {spoof}",
		"underscore":  "{identity_}: {spoof}",
		"under-lower": "{identity_lower}: {spoof}",
		"mixed":       "{identity-mixed}: {spoof}",
		"dot":         "{identity.}: {spoof}",
		"space":       "{identity} : {spoof}",
		"tab":         "{identity}\t: {spoof}",
		"fold":        "X-Other: a\r\n {identity}: {spoof}",
		"null":        "{identity}\x00: {spoof}",
		"latin":       "{identity}\xa0: {spoof}",
		"bare-lf":     "X-Other: a\n{identity}: {spoof}",
		"bare-cr":     "X-Other: a\r{identity}: {spoof}",
	}) {
		cases = append(cases, Case{
			Name: "alias/" + name, List: 4, Sources: sources, Headers: []string{good, line}, EachIdentity: true, Rule: Neutral,
			About: "lets a caller say who it is in another spelling of the header",
		})
	}
	cases = append(cases,
		Case{
			Name: "alias/twice", List: 4, Sources: sources, Headers: []string{"{identity}: {spoof}", good, "{identity}: {spoof}-2"}, EachIdentity: true,
			Rule: Neutral, About: "removes one of two headers of a name",
		},
		Case{
			Name: "alias/no-token", List: 4, Sources: sources, Headers: []string{"{identity}: {spoof}"}, EachIdentity: true,
			About: "takes an identity header for a check that was done",
		},
	)
	for _, name := range []string{"X-Forwarded-User", "X-Remote-User", "Remote-User", "X-Auth-Request-User", "X-Authenticated", "X-Webauth-User", "X-Router-Key", "X-Internal"} {
		cases = append(cases, Case{
			Name: "alias/" + name, List: 4, Sources: "GO-2026-5390", Headers: []string{name + ": admin"}, About: "takes a caller's header for a check that was done",
		})
	}
	return append(cases,
		Case{Name: "alias/authorization", List: 4, Headers: []string{"Authorization_: Bearer {good}"}, About: "reads a token from a header of another name"},
		Case{Name: "alias/x-authorization", List: 4, Headers: []string{"X-Forwarded-Authorization: Bearer {good}"}, About: "reads a token from a header of another name"},
		Case{Name: "alias/proxy-authorization", List: 4, Headers: []string{"Proxy-Authorization: Bearer {good}"}, About: "reads a token from a header of another name"},
		Case{Name: "alias/cookie", List: 4, Headers: []string{"Cookie: access_token={good}; token={good}; Authorization={good}"}, About: "reads a token from a cookie"},
	)
}

// hopCases are number 5: Connection names a header that the gateway sets.
func hopCases() []Case {
	var cases []Case
	for i, line := range []string{
		"Connection: {identity}", "Connection: {identity-lower}", "Connection: close, {identity}", "Connection: keep-alive,{identity-lower}",
		"connection: {identity}", "Proxy-Connection: {identity}", "Keep-Alive: {identity}", "TE: {identity}", "Connection:\t{identity}",
		"Connection: close\r\nConnection: {identity}", "Connection: \"{identity}\"", "Connection: {identity_}",
		"Connection: {identity}\r\n{identity}: {spoof}", "Connection: {identity-lower}\r\n{identity-lower}: {spoof}",
	} {
		cases = append(cases, Case{
			Name: "hop/identity-" + strconv.Itoa(i+1), List: 5, Sources: "GO-2023-1747 CVE-2024-45410 CVE-2026-29054",
			Headers: []string{good, line}, EachIdentity: true, Rule: Neutral,
			About: "lets a caller remove a header that the gateway sets",
		})
	}
	for i, name := range []string{"Authorization", "Host", "Content-Length", "X-Forwarded-For", "X-Forwarded-Host", "Transfer-Encoding", "Content-Type", "Cookie"} {
		cases = append(cases, Case{
			Name: "hop/other-" + strconv.Itoa(i+1), List: 5, Sources: "CVE-2024-45410", Method: "POST", Body: "a=b",
			Headers: []string{good, "Content-Type: text/plain", "Connection: " + name}, Rule: Neutral,
			About: "removes " + name + " from what the API gets because a caller says so",
		})
	}
	return append(cases, Case{
		Name: "hop/trailer", List: 5, Method: "POST", Headers: []string{good, "Transfer-Encoding: chunked", "Trailer: {identity}"},
		Body: "3\r\na=b\r\n0\r\n{identity}: {spoof}\r\n\r\n", EachIdentity: true, Rule: Neutral,
		About: "passes on an identity header in the trailers",
	})
}
