package agent

import (
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/internal/relay"
	"github.com/mintage-auth/mintage/internal/yamlfile"
)

// unixPrefix begins the address of a Unix socket.
const unixPrefix = "unix:"

// checkListen refuses listeners that others than this machine reach.
func (c *Config) checkListen(listen, status yamlfile.Node) {
	seen := map[string]bool{}
	for _, addr := range c.Listen {
		path, isUnix := strings.CutPrefix(addr, unixPrefix)
		_, port, err := net.SplitHostPort(addr)
		switch {
		case isUnix && !strings.HasPrefix(path, "/"):
			listen.Errorf("a Unix socket is written unix:/absolute/path")
		case isUnix && !peersKnown:
			listen.Errorf("Unix sockets need a system that tells who is at the other end, such as Linux")
		case !isUnix && (err != nil || port == ""):
			listen.Errorf("%s is no address: write host:port, such as %s, or unix:/path", addr, DefaultListen)
		case !isUnix && !loopback(addr) && !c.DangerListenBeyondLoopback:
			listen.Errorf("%s can be reached from other machines, and whoever reaches it is lent the tokens: "+
				"listen on 127.0.0.1, or set danger_listen_beyond_loopback: true", addr)
		case seen[addr] && !strings.HasSuffix(addr, ":0"):
			listen.Errorf("%s is there twice", addr)
		}
		seen[addr] = true
	}
	if s := c.StatusListen; s != "" {
		if _, port, err := net.SplitHostPort(s); err != nil || port == "" {
			status.Errorf("%s is no address: write host:port", s)
		}
	}
}

// loopback reports whether addr is out of reach for other machines.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// badName says what is wrong with the name of an upstream, which is a segment
// of paths and a label of metrics.
func badName(name string) string {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return "the name of an upstream has lower-case letters, digits and - _ . in it"
		}
	}
	switch {
	case name == "" || len(name) > 64 || name[0] == '.':
		return "the name of an upstream has 1 to 64 characters and does not begin with a dot"
	case slices.Contains(reserved, name):
		return fmt.Sprintf("/%s is a path of the agent itself: give the upstream another name", name)
	}
	return ""
}

// check refuses an upstream that cannot work or gives its token away.
func (u *UpstreamConfig) check(at yamlfile.Node) {
	if u.URL == nil {
		if u.ForwardProxy && at.IsZero() {
			u.ForwardProxy = false
		}
		return
	}
	up, err := relay.New(u.relay(nil))
	if err != nil {
		at.Errorf("%s", err)
		return
	}
	up.Close()
	plain := u.URL.Scheme == "http"
	switch {
	case plain && !loopback(u.URL.Host) && !u.DangerPlainHTTP:
		at.Errorf("the token would cross the network in the clear: use https, or set danger_plain_http: true")
	case u.ForwardProxy && !plain:
		at.Errorf("forward_proxy is for upstreams of plain http: for https, programs would ask the agent for a tunnel, "+
			"into which no token can be put. Send requests to http://%s/%s/ instead", DefaultListen, u.Name)
	}
}

// check refuses a token that cannot be got.
func (t *TokenConfig) check(n yamlfile.Node) {
	missing := func(key string) bool {
		_, there := n.At(key)
		return !there
	}
	needs := t.fill(n)
	switch {
	case t.TokenURL == "" && needs != "":
		n.KeyErrorf("%s", needs)
	case t.Preset == "" && missing("token_url"):
		n.KeyErrorf("token_url is missing: the URL of the server's token endpoint")
	case missing("client_id"):
		n.KeyErrorf("client_id is missing")
	default:
		t.checkCredentials(n)
	}
	if t.TokenURL != "" && needs != "" {
		n.KeyErrorf("%s", needs)
	}
	if t.TokenURL != "" {
		if why := badTokenURL(t.TokenURL, t.DangerPlainHTTP); why != "" {
			at, there := n.At("token_url")
			if !there {
				at, _ = n.At("base")
			}
			at.Errorf("%s", why)
		}
	}
}

// fill takes from the preset what the file does not say, and returns what the
// vendor needs beside it and is not there.
func (t *TokenConfig) fill(n yamlfile.Node) (needs string) {
	p, err := consume.PresetOf(t.Preset)
	if err != nil { // none, or one that was refused where it is
		if _, there := n.At("base"); there && t.Preset == "" {
			return "base goes with preset"
		}
		return ""
	}
	p = p.At(t.Base)
	switch {
	case t.TokenURL == "" && p.Base == "":
		return "base is missing: where the customer's server of " + p.Vendor + " is, such as https://acme.example"
	case t.TokenURL == "":
		t.TokenURL = p.Base + p.Path
	}
	t.Auth = or(t.Auth, string(p.Auth))
	if len(t.Scope) == 0 {
		t.Scope = p.Scope
	}
	for key, there := range map[string]bool{"Scope": len(t.Scope) > 0, "Audience": len(t.Audience) > 0} {
		if slices.Contains(p.Needs, key) && !there {
			return p.Vendor + " gives no token without " + strings.ToLower(key)
		}
	}
	return ""
}

// vendors are the names of the presets.
func vendors() []string {
	var all []string
	for _, p := range consume.Presets() {
		all = append(all, p.Vendor)
	}
	return all
}

// badTokenURL says what is wrong with a token endpoint.
func badTokenURL(s string, plain bool) string {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return "write the whole URL of the token endpoint, such as https://auth.example/oauth2/token"
	case u.User != nil || u.Fragment != "":
		return "the URL of a token endpoint has neither credentials nor a fragment"
	case u.Scheme == "http" && !loopback(u.Host) && !plain:
		return "the secret would cross the network in the clear: use https, or set danger_plain_http: true"
	}
	return ""
}

// check refuses a caching endpoint that cannot work.
func (e *EndpointConfig) check(n yamlfile.Node, upstreams []*UpstreamConfig) {
	first, _, _ := strings.Cut(strings.TrimPrefix(e.Path, "/"), "/")
	switch {
	case !strings.HasPrefix(e.Path, "/") || len(e.Path) < 2 || relay.CheckTarget(e.Path) != nil || strings.ContainsAny(e.Path, "?#% "):
		n.KeyErrorf("the key is the path where the agent answers, such as /oauth2/token")
	case slices.Contains(reserved, first):
		n.KeyErrorf("/%s is a path of the agent itself", first)
	case slices.ContainsFunc(upstreams, func(u *UpstreamConfig) bool { return u.Name == first }):
		n.KeyErrorf("/%s belongs to the upstream %s: give one of them another name", first, first)
	case e.URL == "":
		n.KeyErrorf("url is missing: the server's own token endpoint")
	default:
		if why := badTokenURL(e.URL, e.DangerPlainHTTP); why != "" {
			at, _ := n.At("url")
			at.Errorf("%s", why)
		}
	}
	for i, h := range e.Headers {
		e.Headers[i] = textproto.CanonicalMIMEHeaderKey(h)
		if !headerName(h) || slices.Contains(neverForwarded, e.Headers[i]) {
			at, _ := n.At("headers")
			at.Errorf("%q is no header that can be passed on", h)
		}
	}
}

// neverForwarded are headers that are about the connection or the message's
// form, whatever a file says.
var neverForwarded = []string{
	"Connection", "Content-Length", "Cookie", "Dpop", "Expect", "Host", "Keep-Alive", "Proxy-Authorization", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "Accept-Encoding",
}

func headerName(s string) bool {
	for _, c := range s {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != ""
}
