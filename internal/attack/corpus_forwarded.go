package attack

import "strings"

// forwardedCases are number 1: what a header says of the request is believed.
func forwardedCases() []Case {
	const about = "believes a caller who says in a header what was asked for"
	var cases []Case
	add := func(name string, headers ...string) {
		c := spoof("forwarded/"+name, about, "CVE-2026-40575 CVE-2026-33495 CVE-2026-35051", headers...)
		c.List = 1
		cases = append(cases, c)
		// The same with a token that opens one path, for another path.
		other := c
		other.Name += "+token"
		other.Target = "{forbidden}"
		other.Headers = append([]string{good}, headers...)
		for i, h := range other.Headers {
			other.Headers[i] = strings.ReplaceAll(h, "{public}", "{path}")
		}
		cases = append(cases, other)
	}
	for _, name := range []string{
		"X-Forwarded-Uri", "X-Original-Uri", "X-Original-Url", "X-Rewrite-Url", "X-Forwarded-Path", "X-Forwarded-Prefix",
		"X-Envoy-Original-Path", "X-Auth-Request-Redirect", "X-Request-Uri", "Request-Uri", "X-Forwarded-Url",
	} {
		add(strings.ToLower(name), name+": {public}")
	}
	add("x_forwarded_uri", "X_Forwarded_Uri: {public}")
	add("x.forwarded.uri", "X.Forwarded.Uri: {public}")
	add("twice", "X-Forwarded-Uri: {path}", "X-Forwarded-Uri: {public}")
	add("method", "X-Forwarded-Method: OPTIONS", "X-Forwarded-Uri: {public}")
	add("original-method", "X-Original-Method: OPTIONS", "X-Original-Uri: {public}")
	add("all", "X-Forwarded-Method: GET", "X-Forwarded-Proto: https", "X-Forwarded-Host: {host}", "X-Forwarded-Uri: {public}", "X-Forwarded-For: 127.0.0.1")
	add("host", "X-Forwarded-Host: localhost", "X-Forwarded-Server: localhost")
	add("address", "X-Forwarded-For: 127.0.0.1", "X-Real-Ip: 127.0.0.1", "True-Client-Ip: 127.0.0.1", "X-Client-Ip: 127.0.0.1")
	add("forwarded", `Forwarded: for=127.0.0.1;host=localhost;proto=https;path="{public}"`)
	add("https", "X-Forwarded-Proto: https", "X-Forwarded-Ssl: on", "X-Forwarded-Port: 443")
	return append(cases, assertedCases()...)
}

// assertedCases are headers that say something about the caller or its place
// which the API must not be told.
func assertedCases() []Case {
	var cases []Case
	for name, line := range sorted(map[string]string{
		"prefix":                  "X-Forwarded-Prefix: /{spoof}",
		"client-cert":             "Client-Cert: :{spoof}:",
		"client-cert-chain":       "Client-Cert-Chain: :{spoof}:",
		"x-ssl-client-cert":       "X-SSL-Client-Cert: {spoof}",
		"x_ssl_client_cert":       "X_SSL_Client_Cert: {spoof}",
		"x-forwarded-client-cert": "X-Forwarded-Client-Cert: Hash={spoof}",
		"x-forwarded-tls":         "X-Forwarded-Tls-Client-Cert: {spoof}",
	}) {
		cases = append(cases, Case{
			Name: "asserted/" + name, List: 1, Sources: "CVE-2026-35051 CVE-2026-54764 RFC-9440",
			About:   "passes on what a caller asserts as if the gateway had said it",
			Headers: []string{good, line}, Rule: Neutral,
		})
	}
	return cases
}
