package relay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// Bounds of an answer's head.
const (
	maxHead   = 256 << 10 // bytes
	maxFields = 500
)

// field is one line of a head.
type field struct{ name, value string }

// head is the head of an answer (RFC 9112 §4, §5).
type head struct {
	minor  int // of HTTP/1.x
	raw    []byte
	fields []field
}

// read reads a head and returns its status.
func (h *head) read(r *bufio.Reader) (status int, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		if errors.Is(err, io.EOF) || len(line) == 0 {
			return 0, fmt.Errorf("%w: %w", errNoAnswer, err)
		}
		return 0, err
	}
	if status, err = h.statusLine(line); err != nil {
		return 0, err
	}
	if h.raw, err = readLines(r, h.raw[:0]); err != nil {
		return 0, err
	}
	h.fields, err = parseFields(h.fields[:0], string(h.raw))
	if cap(h.raw) > readBuffer {
		h.raw = nil
	}
	return status, err
}

// statusLine reads HTTP/1.x, three digits and a reason that nobody needs.
func (h *head) statusLine(line []byte) (int, error) {
	if len(line) < len("HTTP/1.1 200\n") || !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[8] != ' ' || line[7] < '0' || line[7] > '1' {
		return 0, malformed("the status line")
	}
	if c := line[12]; c != ' ' && c != '\r' && c != '\n' {
		return 0, malformed("the status")
	}
	h.minor = int(line[7] - '0')
	status := 0
	for _, c := range line[9:12] {
		if c < '0' || c > '9' {
			return 0, malformed("the status")
		}
		status = status*10 + int(c-'0')
	}
	if status < 100 {
		return 0, malformed("the status")
	}
	return status, nil
}

// readLines appends the lines up to an empty one.
func readLines(r *bufio.Reader, b []byte) ([]byte, error) {
	begin := true // of a line
	for {
		part, err := r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return b, err
		}
		if begin && err == nil && (len(part) == 1 || len(part) == 2 && part[0] == '\r') {
			return b, nil
		}
		begin = err == nil
		if b = append(b, part...); len(b) > maxHead {
			return b, malformed("the head is too long")
		}
	}
}

// parseFields reads lines of a name, a colon and a value. The values share the
// text that they are cut from.
func parseFields(fields []field, text string) ([]field, error) {
	for text != "" {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		line = strings.TrimSuffix(line, "\r")
		name, value, ok := strings.Cut(line, ":")
		switch {
		case !ok || !isToken(name): // also a folded line, RFC 9112 §5.2
			return nil, malformed("a field's name")
		case len(fields) == maxFields:
			return nil, malformed("too many fields")
		}
		value = textproto.TrimString(value)
		for i := range len(value) {
			if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
				return nil, malformed("a field's value")
			}
		}
		fields = append(fields, field{textproto.CanonicalMIMEHeaderKey(name), value})
	}
	return fields, nil
}

// isToken is token of RFC 9110 §5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' {
			continue
		}
		if strings.IndexByte("!#$%&'*+.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// inform passes an informational answer on.
func (h *head) inform(w http.ResponseWriter, status int) {
	to := w.Header()
	for _, f := range h.fields {
		if !hopByHop(f.name) {
			to.Add(f.name, f.value)
		}
	}
	w.WriteHeader(status)
	clear(to)
}

// hopByHop reports whether a field of an answer is about one connection alone,
// or about framing that we make anew.
func hopByHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Transfer-Encoding", "Upgrade", "Trailer", "Te":
		return true
	}
	return false
}

// framing is how long a body is.
type framing struct {
	length  int64 // bytes; -1: chunks, or to the end of the connection
	chunked bool
	close   bool // the connection ends with this answer
	named   []string
}

// framing reads what the head says of the body that follows (RFC 9112 §6.3).
func (h *head) framing(method string, status int) (framing, error) {
	f := framing{length: -1, close: h.minor == 0}
	for _, l := range h.fields {
		switch l.name {
		case "Content-Length":
			n, err := strconv.ParseUint(l.value, 10, 63)
			if err != nil || f.length >= 0 && f.length != int64(n) {
				return f, malformed("Content-Length")
			}
			f.length = int64(n)
		case "Transfer-Encoding":
			if f.chunked || !strings.EqualFold(l.value, "chunked") || h.minor == 0 {
				return f, malformed("Transfer-Encoding")
			}
			f.chunked = true
		case "Connection":
			f.connection(l.value)
		}
	}
	switch {
	case f.chunked && f.length >= 0:
		return f, malformed("both Transfer-Encoding and Content-Length")
	case method == http.MethodHead || status == http.StatusNoContent || status == http.StatusNotModified || status == http.StatusSwitchingProtocols:
		f.length, f.chunked = 0, false
	case f.length < 0 && !f.chunked:
		f.close = true
	}
	return f, nil
}

// connection reads a Connection field.
func (f *framing) connection(value string) {
	for name := range strings.SplitSeq(value, ",") {
		switch name = textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name)); name {
		case "Close":
			f.close = true
		case "", "Keep-Alive", "Upgrade":
		default:
			f.named = append(f.named, name)
		}
	}
}
