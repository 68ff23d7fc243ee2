package attack

import "strings"

// smuggled is a request inside of another: the protected path, without a token.
const smuggled = "GET {path}?smuggled-{id} HTTP/1.1\r\nHost: {host}\r\nX-Attack-Id: {id}\r\n\r\n"

// DesyncSet are the 29 requests whose bounds or meaning two parsers read
// differently. A front either refuses one or passes on one request that nobody
// can misread.
func DesyncSet() []Case {
	var set []Case
	add := func(name, head, body string) {
		set = append(set, Case{
			Name: "desync/" + name, Sources: "CVE-2025-22871 CVE-2026-71324", Rule: OneRequest,
			About: "passes on a request that the API may read differently", Raw: head + "\r\n" + body,
		})
	}
	post := func(more string) string {
		return "POST {path} HTTP/1.1\r\nHost: {host}\r\n" + good + "\r\nX-Attack-Id: {id}\r\n" + more
	}
	get := func(more string) string {
		return "GET {path} HTTP/1.1\r\nHost: {host}\r\n" + good + "\r\nX-Attack-Id: {id}\r\n" + more
	}
	const chunks = "3\r\na=b\r\n0\r\n\r\n"
	// What net/http refuses.
	add("length-different", post("Content-Length: 3\r\nContent-Length: 5\r\n"), "a=b"+smuggled)
	add("length-plus", post("Content-Length: +3\r\n"), "a=b"+smuggled)
	add("length-list", post("Content-Length: 3,3\r\n"), "a=b"+smuggled)
	add("coding-xchunked", post("Content-Length: 3\r\nTransfer-Encoding: xchunked\r\n"), chunks+smuggled)
	add("coding-identity", post("Transfer-Encoding: chunked, identity\r\n"), chunks+smuggled)
	add("space-before-colon", post("Content-Length: 3\r\nTransfer-Encoding : chunked\r\n"), chunks+smuggled)
	add("host-twice", get("Host: other.invalid\r\n"), "")
	add("host-missing", "GET {path} HTTP/1.1\r\n"+good+"\r\nX-Attack-Id: {id}\r\n", "")
	add("null", get("X-Null: a\x00b\r\n"), "")
	add("cr-in-value", get("X-Cr: a\rTransfer-Encoding: chunked\r\n"), "")
	add("header-22k", get("X-Long: "+strings.Repeat("a", 22<<10)+"\r\n"), "")
	add("body-shorter", post("Content-Length: 1000000\r\n"), "a=b")
	add("target-space", strings.Replace(get(""), "{path}", "{path} x", 1), "")
	add("target-percent", strings.Replace(get(""), "{path}", "{path}/%zz", 1), "")
	// What net/http takes.
	add("coding-and-length", post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n"), "0\r\n\r\nG"+smuggled)
	add("length-equal", post("Content-Length: 3\r\nContent-Length: 3\r\n"), "a=b"+smuggled)
	add("bare-lf", strings.ReplaceAll(get("X-Lf: a\r\n"), "\r\n", "\n"), "")
	add("folded", post("Content-Length: 3\r\nX-Fold: a\r\n Transfer-Encoding: chunked\r\n"), "a=b"+smuggled)
	add("absolute-other-host", strings.Replace(get(""), "{path}", "http://other.invalid{path}", 1), "")
	add("http10-chunked", strings.Replace(post("Transfer-Encoding: chunked\r\n"), "HTTP/1.1", "HTTP/1.0", 1), chunks+smuggled)
	add("authorization-twice", get("Authorization: Bearer other\r\n"), "")
	add("connect", "CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n"+good+"\r\nX-Attack-Id: {id}\r\n", smuggled)
	add("trace", strings.Replace(get(""), "GET", "TRACE", 1), "")
	add("http2-preface", "PRI * HTTP/2.0\r\n", "SM\r\n\r\n"+smuggled)
	add("h2c", get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	// What shows only when the body is read.
	add("chunk-hex", post("Transfer-Encoding: chunked\r\n"), "0x3\r\na=b\r\n0\r\n\r\n"+smuggled)
	add("chunk-negative", post("Transfer-Encoding: chunked\r\n"), "-3\r\na=b\r\n0\r\n\r\n"+smuggled)
	add("chunk-overflow", post("Transfer-Encoding: chunked\r\n"), "10000000000000003\r\na=b\r\n0\r\n\r\n"+smuggled)
	add("chunk-bare-lf", post("Transfer-Encoding: chunked\r\n"), "3;\na=b\r\n0\r\n\r\n"+smuggled)
	return set
}
