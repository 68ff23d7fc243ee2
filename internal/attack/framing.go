package attack

import (
	"bytes"
	"strconv"
	"strings"
)

// Seen is one request as it reached an API, before anybody made sense of it.
type Seen struct {
	Method  string   `json:"method"`
	Target  string   `json:"target"` // as it was sent
	Proto   string   `json:"proto"`
	Headers []string `json:"headers"` // lines, without their ends
	// Trailers are the lines behind a chunked body.
	Trailers []string `json:"trailers,omitempty"`
	Body     int      `json:"body"` // bytes
	// Ambiguous says what two parsers may read differently; none: nothing.
	Ambiguous []string `json:"ambiguous,omitempty"`
}

// Header returns the values of a header whose name is spelled so, but for case.
func (s *Seen) Header(name string) []string {
	var values []string
	for _, line := range s.Headers {
		if n, value, _ := strings.Cut(line, ":"); strings.EqualFold(n, name) {
			values = append(values, strings.TrimSpace(value))
		}
	}
	return values
}

func (s *Seen) note(what string) { s.Ambiguous = append(s.Ambiguous, what) }

// parseHead reads the lines of a request's head, which ends in an empty line,
// and notes what is not plain. It never fails: what cannot be read is noted.
func parseHead(head []byte) (s Seen) {
	text := string(head)
	if strings.Count(text, "\n") != strings.Count(text, "\r\n") {
		s.note("a line ends in a bare line feed")
	}
	if strings.Count(text, "\r") != strings.Count(text, "\r\n") {
		s.note("a carriage return stands alone")
	}
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	words := strings.Split(lines[0], " ")
	if len(words) != 3 {
		s.note("the request line has not three words")
		words = append(words, "", "", "")
	}
	s.Method, s.Target, s.Proto = words[0], words[1], words[2]
	if !isToken(s.Method) {
		s.note("the method is no word")
	}
	for _, line := range lines[1:] {
		if line == "" {
			continue
		}
		s.Headers = append(s.Headers, line)
		s.checkLine(line)
	}
	s.checkTogether()
	return s
}

// checkLine notes what is wrong with one line.
func (s *Seen) checkLine(line string) {
	name, value, ok := strings.Cut(line, ":")
	switch {
	case line[0] == ' ' || line[0] == '\t':
		s.note("a line is folded")
	case !ok:
		s.note("a line has no colon")
	case !isToken(name):
		s.note("a header's name has other characters than a name may have")
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		s.note("a header's value has control characters")
	}
}

// isToken reports whether s is a token (RFC 9110 §5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// checkTogether notes what the headers say against one another.
func (s *Seen) checkTogether() {
	lengths, codings, hosts := s.Header("Content-Length"), s.Header("Transfer-Encoding"), s.Header("Host")
	if len(lengths) > 1 || len(lengths) == 1 && !digits(lengths[0]) {
		s.note("Content-Length is not one number")
	}
	if len(codings) > 1 || len(codings) == 1 && !strings.EqualFold(codings[0], "chunked") {
		s.note("Transfer-Encoding is not chunked alone")
	}
	if len(codings) > 0 && len(lengths) > 0 {
		s.note("Transfer-Encoding and Content-Length are both there")
	}
	if len(codings) > 0 && s.Proto != "HTTP/1.1" {
		s.note("HTTP/1.0 has no Transfer-Encoding")
	}
	if len(hosts) > 1 || len(hosts) == 0 && s.Proto == "HTTP/1.1" || len(hosts) == 1 && strings.ContainsAny(hosts[0], " ,/@?#") {
		s.note("Host is not there once")
	}
	if len(s.Header("Authorization")) > 1 {
		s.note("Authorization is there twice")
	}
	s.checkTarget(hosts)
}

func (s *Seen) checkTarget(hosts []string) {
	switch {
	case s.Method == "CONNECT" || s.Method == "TRACE" || s.Method == "PRI":
		s.note("the method " + s.Method + " is not for an API")
	case strings.HasPrefix(s.Target, "/"), s.Target == "*" && s.Method == "OPTIONS":
	default:
		scheme, rest, _ := strings.Cut(s.Target, "://")
		authority, _, _ := strings.Cut(rest, "/")
		if len(hosts) != 1 || hosts[0] != authority || scheme != "http" && scheme != "https" {
			s.note("the target names another host than Host")
		}
	}
	if s.Proto != "HTTP/1.1" && s.Proto != "HTTP/1.0" {
		s.note("the protocol is not HTTP/1")
	}
	for _, up := range s.Header("Upgrade") {
		if strings.EqualFold(up, "h2c") {
			s.note("it asks for another protocol on the connection")
		}
	}
	if i := strings.IndexByte(s.Target, '%'); i >= 0 && !validPercent(s.Target[i:]) || strings.ContainsFunc(s.Target, notInTarget) {
		s.note("the target is no URL path")
	}
}

// notInTarget reports whether a byte must be encoded in a request target.
func notInTarget(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("#\"<>\\^`{|}", r)
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// validPercent reports whether two hexadecimal digits follow each percent sign.
func validPercent(s string) bool {
	for part := range strings.SplitSeq(s, "%") {
		if part == s[:len(part)] && !strings.HasPrefix(s, "%") {
			continue
		}
		if part != "" && (len(part) < 2 || strings.Trim(part[:2], "0123456789abcdefABCDEF") != "") {
			return false
		}
	}
	return !strings.HasSuffix(s, "%") && !strings.Contains(s, "%%")
}

// chunkSize reads the line before a chunk. A size that others may read
// differently is noted, and read as the strictest would.
func (s *Seen) chunkSize(line []byte) (size int, ok bool) {
	if !bytes.HasSuffix(line, []byte("\r\n")) {
		s.note("a chunk's size ends in a bare line feed")
	}
	text := strings.TrimRight(string(line), "\r\n")
	if strings.Trim(text, "0123456789abcdefABCDEF") != "" || text == "" || len(text) > 8 {
		s.note("a chunk's size is not a plain number")
		return 0, false
	}
	n, err := strconv.ParseInt(text, 16, 64)
	return int(n), err == nil
}
