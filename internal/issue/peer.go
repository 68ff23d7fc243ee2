package issue

import (
	"net/http"
	"net/netip"

	"github.com/mintage-auth/mintage/oauth"
)

// Peer is who is at the other end of a request.
type Peer struct {
	Addr netip.Addr
	// Secure says that the way there is encrypted. What a proxy says of it
	// counts only if the server was told of that proxy.
	Secure bool
}

// directPeer is the peer of a server without proxies.
func directPeer(r *http.Request) Peer {
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	return Peer{Addr: at.Addr().Unmap().WithZone(""), Secure: r.TLS != nil}
}

// checkSecure refuses credentials that came in the clear (RFC 6749 §3.2). On
// the loopback interface there is nobody to read them.
func (p Peer) checkSecure() error {
	if p.Secure || p.Addr.IsLoopback() {
		return nil
	}
	return oauth.InvalidRequest("request.not_https", "this endpoint is served over HTTPS only")
}
