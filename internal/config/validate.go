package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// validate checks what holds between settings.
func (s *Server) validate() error {
	var errs []error
	refuse := func(path, message string) { errs = append(errs, s.refusal(path, message)) }
	for _, pair := range []struct {
		group string
		tls   TLS
	}{{"tls", s.TLS}, {"admin_tls", s.AdminTLS}} {
		cert, key := pair.group+".cert", pair.group+".key"
		message := ": " + cert + " and " + key + " go together: set both or neither"
		switch {
		case pair.tls.Cert != "" && pair.tls.Key == "":
			refuse(cert, message)
		case pair.tls.Cert == "" && pair.tls.Key != "":
			refuse(key, message)
		}
	}
	if !loopback(s.Listen) && !s.TLS.On() && len(s.BehindProxy) == 0 {
		refuse("listen", " can be reached from other machines, and secrets would cross the network in the clear: "+
			"set tls.cert and tls.key, or behind_proxy to the network of the proxy that ends TLS")
	}
	if !loopback(s.AdminListen) {
		if !s.AdminTLS.On() {
			refuse("admin_listen", " can be reached from other machines: set admin_tls.cert and admin_tls.key, or listen on 127.0.0.1")
		}
		if s.AdminURL == "" {
			refuse("admin_listen", " can be reached from other machines: set admin_url to the URL under which they do")
		}
	}
	if s.Listen == s.AdminListen && !ephemeral(s.Listen) {
		refuse("listen", " and admin_listen are the same address: give each its own port")
	}
	s.validateConsole(refuse)
	return errors.Join(errs...)
}

// validateConsole checks a listener of the console's own.
func (s *Server) validateConsole(refuse func(path, message string)) {
	switch {
	case s.ConsoleListen == "":
		return
	case !loopback(s.ConsoleListen) && !s.TLS.On() && len(s.BehindProxy) == 0:
		refuse("console_listen", " can be reached from other machines, and passwords would cross the network in the clear: "+
			"set tls.cert and tls.key, or behind_proxy to the network of the proxy that ends TLS")
	case !loopback(s.ConsoleListen) && s.ConsoleURL == "":
		refuse("console_listen", " can be reached from other machines: set console_url to the URL under which people do")
	}
	if !ephemeral(s.ConsoleListen) && (s.ConsoleListen == s.Listen || s.ConsoleListen == s.AdminListen) {
		refuse("console_listen", " is the address of another listener: give each its own port")
	}
}

// refusal says what is wrong with a setting, where it was set: with line and
// caret when that is the file. The message goes on where the value ends.
func (s *Server) refusal(path, message string) error {
	o := s.origins[path]
	subject := path + " " + cmp.Or(o.Value, "nothing")
	if n, ok := s.places[path]; ok {
		return n.Error("%s%s", subject, message)
	}
	return fmt.Errorf("%s (%s)%s", subject, o.From, message)
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
