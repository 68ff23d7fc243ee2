package clientkeys

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// NewHTTPClient returns the client that fetches keys: TLS alone, no redirects, no
// cookies, no proxy, a bounded header, and no address that is not public unless it is in one
// of the networks. The address is looked at when the connection is made, so that no name
// can be resolved to another one in between. Nil roots are the system's.
func NewHTTPClient(networks []netip.Prefix, roots *x509.CertPool) *http.Client {
	const maxHeader = 16 << 10
	dialer := &net.Dialer{
		Timeout: fetchTimeout,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			return reachable(address, networks)
		},
	}
	return &http.Client{
		Timeout: fetchTimeout,
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			TLSHandshakeTimeout:    fetchTimeout,
			ResponseHeaderTimeout:  fetchTimeout,
			MaxResponseHeaderBytes: maxHeader,
			DisableKeepAlives:      true, // the next fetch is minutes away
			DisableCompression:     true,
			ExpectContinueTimeout:  time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// reachable refuses addresses to which no client may make us talk.
func reachable(address string, networks []netip.Prefix) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address: %w", err)
	}
	addr := at.Addr().Unmap().WithZone("")
	if public(addr) || slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(addr) }) {
		return nil
	}
	return fmt.Errorf("%s is not a public address: the operator can allow its network by the setting jwks.networks", addr)
}

// public reports whether an address is one of the Internet's (RFC 6890).
func public(addr netip.Addr) bool {
	if addr.Is6() && !internet6.Contains(addr) {
		return false
	}
	if addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() || addr.IsMulticast() || addr.IsUnspecified() {
		return false
	}
	return !slices.ContainsFunc(special, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// internet6 is where IPv6 has public addresses.
var internet6 = netip.MustParsePrefix("2000::/3")

// special are the networks that are nobody's, or that lead to addresses which
// this server would not see: of translation and of tunnels (RFC 6890 §2.2).
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("3fff::/20"),
}
