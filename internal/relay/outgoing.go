package relay

import (
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// outgoing is a request as it is sent, once or twice.
type outgoing struct {
	method string
	path   string // with the query, in the spelling of the caller
	host   string
	header http.Header // the caller's, of which dropped names do not go on
	named  []string    // canonical names that the caller's Connection lists
	auth   string      // the value of Authorization, where replaced
	// replaced says that the caller's own Authorization does not go on.
	replaced bool
	upgrade  string // protocol to switch to, or nothing
	trailers bool   // the caller reads trailers
	expect   bool   // the caller waits for 100 (Continue)
	body     *body  // nil: none
	trailer  http.Header
}

// newOutgoing reads what matters of the caller's request.
func (u *Upstream) newOutgoing(r *http.Request, path string, replaced bool) *outgoing {
	o := &outgoing{method: r.Method, path: path, host: u.host, header: r.Header, replaced: replaced}
	if u.preserveHost {
		o.host = r.Host
	}
	for _, line := range r.Header["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			name = textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name))
			switch name {
			case "", "Close", "Keep-Alive":
			case "Upgrade":
				if r.ProtoMajor == 1 {
					o.upgrade = r.Header.Get("Upgrade")
				}
			default:
				o.named = append(o.named, name)
			}
		}
	}
	for _, v := range r.Header["Te"] {
		o.trailers = o.trailers || hasToken(v, "trailers")
	}
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return o
	}
	o.body = newBody(r, u.maxReplay)
	o.trailer = r.Trailer
	o.expect = hasToken(r.Header.Get("Expect"), "100-continue")
	return o
}

// hasToken reports whether a list of the form #token holds token; parameters
// do not count.
func hasToken(list, token string) bool {
	for item := range strings.SplitSeq(list, ",") {
		item, _, _ = strings.Cut(item, ";")
		if strings.EqualFold(textproto.TrimString(item), token) {
			return true
		}
	}
	return false
}

// drops reports whether a field of the caller stays behind: those of one
// connection alone (RFC 9110 §7.6.1), those that say how long the message is,
// and those that we write ourselves.
func (o *outgoing) drops(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade", "Content-Length", "Expect", "Host", "Http2-Settings":
		return true
	case "Authorization":
		return o.replaced
	}
	return slices.Contains(o.named, name)
}

// appendHead writes the request line and the fields.
func (o *outgoing) appendHead(b []byte) []byte {
	b = append(b, o.method...)
	b = append(b, ' ')
	b = append(b, o.path...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, o.host...)
	b = append(b, "\r\n"...)
	for name, values := range o.header {
		if o.drops(name) {
			continue
		}
		for _, v := range values {
			b = appendField(b, name, v)
		}
	}
	if o.replaced {
		b = appendField(b, "Authorization", o.auth)
	}
	switch {
	case o.upgrade != "":
		b = appendField(b, "Connection", "Upgrade")
		b = appendField(b, "Upgrade", o.upgrade)
	case o.trailers:
		b = append(b, "Connection: TE\r\nTE: trailers\r\n"...)
	}
	b = o.appendFraming(b)
	return append(b, "\r\n"...)
}

// appendFraming says how long the body is.
func (o *outgoing) appendFraming(b []byte) []byte {
	switch {
	case o.body == nil:
		if o.method == http.MethodPost || o.method == http.MethodPut || o.method == http.MethodPatch {
			b = append(b, "Content-Length: 0\r\n"...) // RFC 9110 §8.6
		}
	case o.body.length >= 0:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, o.body.length, 10)
		b = append(b, "\r\n"...)
	default:
		for name := range o.trailer {
			if !forbiddenTrailer(name) {
				b = appendField(b, "Trailer", name)
			}
		}
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	if o.expect {
		b = append(b, "Expect: 100-continue\r\n"...)
	}
	return b
}

// forbiddenTrailer reports whether a field may not come after the body, since
// it says how to read the message or who sent it (RFC 9110 §6.5.1).
func forbiddenTrailer(name string) bool {
	switch textproto.CanonicalMIMEHeaderKey(name) {
	case "Transfer-Encoding", "Content-Length", "Trailer", "Host", "Connection", "Te", "Upgrade", "Authorization",
		"Proxy-Authorization", "Cookie", "Set-Cookie", "Content-Encoding", "Content-Type", "Content-Range", "Expect", "Www-Authenticate":
		return true
	}
	return false
}

// appendField writes one field. Names and values come from net/http's parser or
// from us, so that neither holds a line break; a value that does all the same
// must not begin a second field.
func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	for i := range len(value) {
		if c := value[i]; c == '\r' || c == '\n' || c == 0 {
			value = strings.Map(func(r rune) rune {
				if r == '\r' || r == '\n' || r == 0 {
					return ' '
				}
				return r
			}, value)
			break
		}
	}
	b = append(b, value...)
	return append(b, "\r\n"...)
}
