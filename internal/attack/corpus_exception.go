package attack

import "strings"

// exceptionCases are number 7: exceptions that are really holes.
func exceptionCases() []Case {
	var cases []Case
	add := func(name, sources string, c Case) {
		c.Name, c.List, c.Sources = "exception/"+name, 7, sources
		if c.About == "" {
			c.About = "leaves out the check for this kind of request"
		}
		cases = append(cases, c)
	}
	for _, agent := range []string{
		"GoogleHC/1.0", "kube-probe/1.30", "ELB-HealthChecker/2.0", "Prometheus/2.42.0", "Go-http-client/1.1", "Mintage/1.0", "curl/8.0",
		"Amazon-Route53-Health-Check-Service", "Envoy/HC", "HAProxy", "Consul Health Check",
	} {
		add("agent-"+strings.Fields(strings.ReplaceAll(agent, "/", " "))[0], "CVE-2026-34457", Case{Headers: []string{"User-Agent: " + agent}})
	}
	add("health-header", "CVE-2026-34457", Case{Headers: []string{"X-Health-Check: 1", "X-Healthcheck: true"}})
	add("options", "", Case{Method: "OPTIONS"})
	add("preflight", "", Case{Method: "OPTIONS", Headers: []string{
		"Origin: https://evil.example", "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: authorization",
	}})
	add("preflight-get", "", Case{Headers: []string{"Origin: https://evil.example", "Access-Control-Request-Method: GET"}})
	add("head", "", Case{Method: "HEAD"})
	for name, line := range sorted(map[string]string{
		"anonymous": "Authorization: Anonymous", "basic": "Authorization: Basic YW5vbnltb3VzOg==", "empty": "Authorization: ",
		"bearer-empty": "Authorization: Bearer ", "bearer-null": "Authorization: Bearer null", "bearer-undefined": "Authorization: Bearer undefined",
		"bearer-none": "Authorization: Bearer none", "scheme-only": "Authorization: Bearer", "negotiate": "Authorization: Negotiate YII=",
	}) {
		add(name, "CVE-2026-54762", Case{Headers: []string{line}})
	}
	add("websocket", "", Case{Headers: []string{
		"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	}})
	add("h2c", "", Case{Headers: []string{"Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"}})
	add("acme", "", Case{Target: "/.well-known/acme-challenge/..{path}", Rule: CleanPath})
	add("resource-metadata", "", Case{Target: "/.well-known/oauth-protected-resource/..{path}", Rule: CleanPath})
	add("http10", "", Case{Raw: "GET {path} HTTP/1.0\r\nX-Attack-Id: {id}\r\n\r\n"})
	add("http09", "", Case{Raw: "GET {path}\r\n\r\n"})
	add("http12", "", Case{Raw: "GET {path} HTTP/1.2\r\nHost: {host}\r\nX-Attack-Id: {id}\r\n\r\n"})
	add("other-host", "", Case{Raw: "GET {path} HTTP/1.1\r\nHost: unknown.invalid\r\nX-Attack-Id: {id}\r\n\r\n"})
	add("host-dot", "CVE-2022-23632", Case{Raw: "GET {path} HTTP/1.1\r\nHost: localhost.\r\nX-Attack-Id: {id}\r\n\r\n"})
	add("expect", "", Case{Method: "POST", Headers: []string{"Expect: 100-continue"}, Body: "a=b"})
	add("range", "", Case{Headers: []string{"Range: bytes=0-0"}})
	add("conditional", "", Case{Headers: []string{`If-None-Match: "x"`, "Cache-Control: only-if-cached"}})
	return cases
}

// resourceCases are number 8: input that costs more than it may.
func resourceCases() []Case {
	const sources = "CVE-2025-30204 CVE-2025-27144 CVE-2025-22868"
	big := func(name, line string) Case {
		return Case{Name: "resource/" + name, List: 8, Sources: sources, Headers: []string{line}, About: "works on a token of any size before it is refused"}
	}
	return []Case{
		big("dots", "Authorization: Bearer "+strings.Repeat(".", 12<<10)),
		big("segments", "Authorization: Bearer "+strings.Repeat("a.", 6<<10)),
		big("long", "Authorization: Bearer {good}"+strings.Repeat("A", 12<<10)),
		big("huge", "Authorization: Bearer "+strings.Repeat("A", 128<<10)),
		big("deep", "Authorization: Bearer "+encode(`{"alg":"ES256","x":`+strings.Repeat("[", 4<<10)+strings.Repeat("]", 4<<10)+`}`)+".e30.AAAA"),
		big("spaces", "Authorization: Bearer "+strings.Repeat(" ", 8<<10)+"x"),
		big("commas", "Authorization: "+strings.Repeat("Bearer x,", 1<<10)),
		big("fields", strings.TrimSuffix(strings.Repeat("X-Filler: a\r\n", 1<<10), "\r\n")),
		{Name: "resource/query", List: 8, Sources: "CVE-2025-61726", Target: "{path}?" + strings.Repeat("a&", 3<<10) + "a", About: "works on a query of any size before it is refused"},
		{
			Name: "resource/form-token", List: 8, Method: "POST", Headers: []string{"Content-Type: application/x-www-form-urlencoded"},
			Body: "access_token={good}", About: "takes a token from the body, which it has to read for that",
		},
		{
			Name: "resource/form-token-beside", List: 8, Method: "POST", Target: "{forbidden}", Body: "access_token={good}",
			Headers: []string{"Content-Type: application/x-www-form-urlencoded", bearer}, Forge: flipped, About: "takes a token from the body beside one in the header",
		},
	}
}
