package server

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage/internal/issue"
)

// peers tells who is at the other end of a request, and whether the way there
// is encrypted. What a proxy says of it counts only from a listed address.
type peers struct {
	proxies []netip.Prefix
}

// peer returns who is at the other end of r, as the proxies of now say.
func (s *Server) peer(r *http.Request) issue.Peer { return s.peers.Load().of(r) }

// of returns the peer of r. X-Forwarded-For is read from its end, over the
// listed proxies, so that what a caller wrote in front of it means nothing.
func (p peers) of(r *http.Request) issue.Peer {
	direct, _ := netip.ParseAddrPort(r.RemoteAddr)
	peer := issue.Peer{Addr: direct.Addr().Unmap().WithZone(""), Secure: r.TLS != nil}
	if !p.trusts(peer.Addr) {
		return peer
	}
	if said := r.Header.Values("X-Forwarded-Proto"); len(said) > 0 {
		peer.Secure = lastProto(said) == "https"
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		peer.Addr = addr.Unmap().WithZone("")
		if !p.trusts(peer.Addr) {
			break
		}
	}
	return peer
}

func (p peers) trusts(addr netip.Addr) bool {
	for _, prefix := range p.proxies {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// lastProto returns the value that the nearest proxy appended.
func lastProto(values []string) string {
	all := strings.Split(strings.Join(values, ","), ",")
	return strings.ToLower(strings.TrimSpace(all[len(all)-1]))
}
