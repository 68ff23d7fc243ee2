package agent

import (
	"context"
	"net"
	"net/http"
	"strings"
)

// peerKey is where a connection's context has who is at its other end.
type peerKey struct{}

// peer is the other end of a connection.
type peer struct {
	unix  bool
	uid   uint32
	known bool // the kernel said so
}

// withPeer notes who is at the other end of a new connection.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	p := &peer{}
	if u, ok := c.(*net.UnixConn); ok {
		p.unix = true
		p.uid, p.known = peerUID(u)
	}
	return context.WithValue(ctx, peerKey{}, p)
}

// guard decides who may call, before anything else looks at a request.
type guard struct {
	uids  map[uint32]bool
	hosts map[string]bool
}

func newGuard(c *Config, self uint32) *guard {
	g := &guard{uids: map[uint32]bool{self: true}, hosts: map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true}}
	for _, uid := range c.AllowUIDs {
		g.uids[uid] = true
	}
	for _, h := range c.Hosts {
		g.hosts[strings.ToLower(h)] = true
	}
	for _, addr := range c.Listen {
		if host, _, err := net.SplitHostPort(addr); err == nil && host != "" {
			g.hosts[strings.ToLower(host)] = true
		}
	}
	return g
}

// check returns why r is refused, or nil.
//
// A page in somebody's browser can make it send requests to this machine. It
// says so in Origin or Sec-Fetch-Site; where it was led here by a name of the
// page's own (DNS rebinding), Host is that name.
func (g *guard) check(r *http.Request) *refusal {
	p, _ := r.Context().Value(peerKey{}).(*peer)
	switch {
	case p == nil:
		return refused("caller.unknown", "It is not known who is at the other end of this connection.")
	case p.unix && (!p.known || !g.uids[p.uid]):
		return refused("caller.user", "This socket is for the user of the agent and those in allow_uids.")
	case len(r.Header["Origin"]) > 0:
		return refused("caller.origin", "A request with Origin comes from a web page, and a web page gets no token here.")
	case !ownSite(r.Header["Sec-Fetch-Site"]):
		return refused("caller.site", "A browser sent this request for a web page, and a web page gets no token here.")
	case r.Method == http.MethodTrace:
		return &refusal{status: http.StatusMethodNotAllowed, code: "request.method", text: "TRACE would send the token back."}
	case r.Method == http.MethodConnect, r.URL.Host != "":
		return nil // a proxy request: its host is the upstream's, and the list of those is what counts
	case !p.unix && !g.ownHost(r.Host):
		return refused("caller.host", "This name is not one of the agent's. Use 127.0.0.1 or localhost, or list the name in hosts.")
	}
	return nil
}

// ownSite reports whether Sec-Fetch-Site is absent, or says that a person typed
// the address.
func ownSite(values []string) bool {
	for _, v := range values {
		if v != "none" {
			return false
		}
	}
	return true
}

// ownHost reports whether a Host is one of the agent's names. The port does not
// matter: a page that rebinds a name cannot change the name.
func (g *guard) ownHost(host string) bool {
	if g.hosts[host] {
		return true
	}
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	return g.hosts[strings.ToLower(name)]
}
