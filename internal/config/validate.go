package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// validate checks what holds between settings.
func (s *Server) validate() error {
	var errs []error
	for _, pair := range []struct {
		group string
		tls   TLS
	}{{"tls", s.TLS}, {"admin_tls", s.AdminTLS}} {
		if (pair.tls.Cert == "") != (pair.tls.Key == "") {
			errs = append(errs, fmt.Errorf("%s.cert and %s.key go together: set both or neither", pair.group, pair.group))
		}
	}
	if !loopback(s.Listen) && !s.TLS.On() && len(s.BehindProxy) == 0 {
		errs = append(errs, fmt.Errorf(
			"%s can be reached from other machines, and secrets would cross the network in the clear: "+
				"set tls.cert and tls.key, or behind_proxy to the network of the proxy that ends TLS", s.from("listen")))
	}
	if !loopback(s.AdminListen) {
		if !s.AdminTLS.On() {
			errs = append(errs, fmt.Errorf(
				"%s can be reached from other machines: set admin_tls.cert and admin_tls.key, or listen on 127.0.0.1", s.from("admin_listen")))
		}
		if s.AdminURL == "" {
			errs = append(errs, fmt.Errorf(
				"%s can be reached from other machines: set admin_url to the URL under which they do", s.from("admin_listen")))
		}
	}
	if s.Listen == s.AdminListen && !ephemeral(s.Listen) {
		errs = append(errs, fmt.Errorf("%s and admin_listen are the same address: give each its own port", s.from("listen")))
	}
	return errors.Join(errs...)
}

func splitAddress(addr string) (host, port string, ok bool) {
	host, port, err := net.SplitHostPort(addr)
	return host, port, err == nil && port != ""
}

// loopback reports whether a listener at addr is out of reach for other
// machines. A name other than localhost could resolve to anything.
func loopback(addr string) bool {
	host, _, _ := splitAddress(addr)
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// ephemeral reports whether the system picks the port.
func ephemeral(addr string) bool {
	_, port, _ := splitAddress(addr)
	return port == "0"
}
