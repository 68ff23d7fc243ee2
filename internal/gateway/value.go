package gateway

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/internal/yamlfile"
)

func isMethod(m string) bool {
	if m == "" || m == "CONNECT" || m == "TRACE" {
		return false
	}
	for i := range len(m) {
		if c := m[i]; (c < 'A' || c > 'Z') && c != '-' {
			return false
		}
	}
	return true
}

func isHeaderName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isUnreserved(c) || c == '~' || c == '_' {
			return false
		}
	}
	return s != ""
}

func checkAddress(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err != nil || !isPort(port) {
		return fmt.Errorf("%q is no address: write host:port, such as 127.0.0.1:9410", s)
	}
	return nil
}

// ParseRate reads a rate such as 100/s, 600/m or 10/h.
func ParseRate(s string) (Rate, error) {
	count, unit, _ := strings.Cut(s, "/")
	n, err := strconv.Atoi(count)
	per, ok := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	if err != nil || !ok || n < 1 || n > 10_000_000 {
		return Rate{}, errors.New("write a rate as requests in a second, minute or hour: 100/s, 600/m or 10/h")
	}
	return Rate{Count: n, Per: per, Burst: max(1, int(time.Duration(n)*time.Second/per))}, nil
}

// rate reads 100/s, or an object with a burst.
func rate(to *Rate) func(yamlfile.Node) {
	spelt := func(n yamlfile.Node) {
		s, ok := n.Text()
		if !ok {
			return
		}
		v, err := ParseRate(s)
		if err != nil {
			n.Errorf("%s", err)
		}
		*to = v
	}
	return func(n yamlfile.Node) {
		if n.Scalar() {
			spelt(n)
			return
		}
		burst := 0
		n.Object(yamlfile.Fields{"rate": spelt, "burst": integer(&burst, 1, 10_000_000)})
		if to.Count == 0 {
			n.Errorf("rate is missing")
		}
		if burst > 0 {
			to.Burst = burst
		}
	}
}

func (r Rate) isZero() bool { return r.Count == 0 }
