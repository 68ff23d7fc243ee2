package gateway

import (
	"errors"
	"net/http"
	"net/textproto"
	"strings"
)

// hopByHop are the headers that concern one connection (RFC 9110 §7.6.1), with
// those that were never in a list but are used so.
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "Http2-Settings",
}

// forwarded are the headers by which proxies tell one another of the caller.
// What a caller says of itself in them means nothing and is dropped; the
// gateway sets those that it vouches for.
var forwarded = []string{
	"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix",
	"X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-Server", "X-Forwarded-Scheme", "X-Forwarded-Ssl", "X-Forwarded-Path",
	"X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Preferred-Username", "X-Forwarded-Access-Token",
	"X-Forwarded-Client-Cert", "X-Forwarded-Tls-Client-Cert", "X-Forwarded-Tls-Client-Cert-Info", "X-Original-Uri", "X-Original-Url", "X-Original-Method", "X-Original-Host", "X-Rewrite-Url",
	"X-Real-Ip", "X-Client-Ip", "True-Client-Ip", "Client-Ip", "Client-Cert", "Client-Cert-Chain", "X-Client-Cert",
	"X-Ssl-Client-Cert", "Ssl-Client-Cert", "X-Ssl-Cert", "X-Ssl-Client-Verify", "X-Ssl-Client-Dn", "X-Ssl-Client-S-Dn", "X-Ssl-Client-Cn",
	"X-Scheme", "X-Url-Scheme", "Front-End-Https", "X-Http-Method", "X-Http-Method-Override", "X-Method-Override",
	"X-Remote-User", "Remote-User", "X-Auth-Request-User", "X-Auth-Request-Email", "X-Envoy-Original-Path",
}

// known are headers that a backend must never see under another spelling of
// their name: many turn every sign of a name into an underscore.
var known = []string{
	"Host", "Content-Length", "Content-Type", "Content-Encoding", "Authorization", "Cookie", "Dpop", "Expect", "Range",
	"Accept", "Accept-Encoding", "If-Match", "If-None-Match", "Origin", "Referer", "User-Agent", "X-Request-Id",
}

// protected says which headers of a caller do not reach the backend.
type protected struct {
	drop  map[string]bool   // by folded name: in every spelling
	exact map[string]string // by folded name: in any spelling but this one
}

// newProtected protects the names of the identity headers, those in force and
// those of default, beside the ones that are always protected.
func newProtected(id Identity) *protected {
	p := &protected{drop: map[string]bool{}, exact: map[string]string{}}
	for _, name := range id.names() {
		p.drop[fold(name)] = true
	}
	for _, list := range [][]string{hopByHop, forwarded} {
		for _, name := range list {
			p.drop[fold(name)] = true
		}
	}
	for _, name := range known {
		p.exact[fold(name)] = textproto.CanonicalMIMEHeaderKey(name)
	}
	delete(p.drop, "authorization") // which an internal token may replace: the route says
	return p
}

// names returns the names of the headers that the gateway sets.
func (id Identity) names() []string {
	var all []string
	for _, h := range []IdentityHeaders{id.Headers, DefaultIdentityHeaders()} {
		for _, name := range []string{h.ClientID, h.Subject, h.Scope, h.Issuer, h.TokenID} {
			if name != "" {
				all = append(all, name)
			}
		}
	}
	all = append(all, "X-Internal-Token")
	if id.JWT != nil {
		all = append(all, id.JWT.Header)
	}
	return all
}

// fold returns name as the most careless backend reads it: in lower case, every
// sign that is no letter or digit the same.
func fold(name string) string { return string(appendFold(nil, name)) }

func appendFold(dst []byte, name string) []byte {
	for i := range len(name) {
		c := name[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		default:
			c = '-'
		}
		dst = append(dst, c)
	}
	return dst
}

// drops reports whether a header of a caller with this name must not reach the
// backend.
func (p *protected) drops(name string) bool {
	var buf [64]byte
	folded := appendFold(buf[:0], name)
	if p.drop[string(folded)] {
		return true
	}
	canonical, ok := p.exact[string(folded)]
	return ok && canonical != name
}

// stripped returns the headers of in that are in the way, as in has them.
func (p *protected) stripped(in http.Header) []string {
	var all []string
	for name := range in {
		if p.drops(name) {
			all = append(all, name)
		}
	}
	return all
}

// errConnection says that a Connection header names what no hop may remove.
var errConnection = errors.New("the Connection header names a header that is not of the connection")

// checkConnection refuses a Connection header that names a header which the
// gateway sets or decides by, or which says where the message ends: a caller
// must not remove what somebody else put there.
func (p *protected) checkConnection(in http.Header) error {
	for _, option := range connectionOptions(in) {
		var buf [64]byte
		folded := appendFold(buf[:0], option)
		switch string(folded) {
		case "close", "keep-alive", "upgrade", "te", "http2-settings", "trailer", "proxy-connection":
			continue
		}
		if p.drop[string(folded)] || p.exact[string(folded)] != "" {
			return errConnection
		}
	}
	return nil
}

// connectionOptions returns what the Connection headers of in name.
func connectionOptions(in http.Header) []string {
	var all []string
	for _, line := range in["Connection"] {
		if strings.EqualFold(line, "keep-alive") || strings.EqualFold(line, "close") {
			continue // what nearly everybody sends
		}
		for option := range strings.SplitSeq(line, ",") {
			if option = textproto.TrimString(option); option != "" {
				all = append(all, option)
			}
		}
	}
	return all
}

// isUpgrade returns the protocol that a request asks to go on with, if any.
func isUpgrade(in http.Header) (protocol string, ok bool) {
	for _, option := range connectionOptions(in) {
		if strings.EqualFold(option, "upgrade") && len(in["Upgrade"]) == 1 {
			return in["Upgrade"][0], true
		}
	}
	return "", false
}
