package agent

import (
	"net"
	"net/http"
	"strings"
)

// hostPort returns an http host with its port.
func hostPort(host string) string {
	host = strings.ToLower(host)
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), "80")
}

// serveProxy answers a program that has the agent as its HTTP proxy: what goes
// to an upstream that allows it gets a token, and nothing goes anywhere else.
func (a *Agent) serveProxy(l *live, w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		a.refuse(w, r, &refusal{
			status: http.StatusMethodNotAllowed, code: "proxy.connect",
			text: "No token can be put into a tunnel, so there are none here. " +
				"Send the request to http://127.0.0.1:7070/UPSTREAM/ instead of through the proxy, or list its host in NO_PROXY.",
		})
		return
	}
	u := l.proxied[hostPort(r.URL.Host)]
	switch {
	case r.URL.Scheme != "http" || u == nil:
		a.refuse(w, r, refused("proxy.unknown",
			"This proxy passes requests on to its own upstreams alone, and this host is none with forward_proxy: true. List it in NO_PROXY."))
		return
	case r.URL.User != nil:
		a.refuse(w, r, &refusal{status: http.StatusBadRequest, code: "request.path", text: "Credentials in the URL are not accepted."})
		return
	}
	// The path as it was sent: what follows scheme and host.
	_, target, _ := strings.Cut(r.RequestURI, "://")
	if i := strings.IndexAny(target, "/?"); i >= 0 {
		target = target[i:]
	} else {
		target = ""
	}
	if !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	base := strings.TrimSuffix(u.config.URL.EscapedPath(), "/")
	below, ok := strings.CutPrefix(target, base)
	if !ok || below != "" && below[0] != '/' && below[0] != '?' {
		a.refuse(w, r, refused("proxy.unknown", "This path is not below the upstream's own, "+base+"/."))
		return
	}
	if !strings.HasPrefix(below, "/") {
		below = "/" + below
	}
	a.pass(u, w, r, below)
}
