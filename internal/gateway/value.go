package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
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

func text(to *string) func(yamlfile.Node) {
	return func(n yamlfile.Node) {
		if s, ok := n.Text(); ok {
			if s == "" {
				n.Errorf("this is empty; leave the key out instead")
			}
			*to = s
		}
	}
}

func texts(to *[]string) func(yamlfile.Node) {
	return func(n yamlfile.Node) {
		if all, ok := n.Texts(); ok {
			*to = all
		}
	}
}

// oneOrMore reads one text or a list of them.
func oneOrMore(to *[]string) func(yamlfile.Node) {
	return func(n yamlfile.Node) {
		if n.Scalar() {
			if s, ok := n.Text(); ok {
				*to = []string{s}
			}
			return
		}
		texts(to)(n)
	}
}

func boolean(to *bool) func(yamlfile.Node) {
	return func(n yamlfile.Node) {
		if v, ok := n.Bool(); ok {
			*to = v
		}
	}
}

func oneOf(to *string, values ...string) func(yamlfile.Node) {
	return func(n yamlfile.Node) {
		s, ok := n.Text()
		if ok && !slices.Contains(values, s) {
			n.Errorf("write one of %s%s", strings.Join(values, ", "), yamlfile.Suggest(s, values))
		}
		*to = s
	}
}

func duration(to *time.Duration) func(yamlfile.Node) {
	return func(n yamlfile.Node) {
		if s, ok := n.Text(); ok {
			d, err := yamlfile.ParseDuration(s)
			if err != nil {
				n.Errorf("%s", err)
			}
			*to = d
		}
	}
}

func integer(to *int, least, most int) func(yamlfile.Node) {
	return func(n yamlfile.Node) {
		if s, ok := n.Text(); ok {
			v, err := strconv.Atoi(s)
			if err != nil || v < least || v > most {
				n.Errorf("write a whole number from %d to %d", least, most)
			}
			*to = v
		}
	}
}

func address(to *string) func(yamlfile.Node) {
	return func(n yamlfile.Node) {
		text(to)(n)
		if err := checkAddress(*to); err != nil {
			n.Errorf("%s", err)
		}
	}
}

func headerName(to *string) func(yamlfile.Node) {
	return func(n yamlfile.Node) {
		s, ok := n.TextOrNothing()
		if ok && s != "" && !isHeaderName(s) {
			n.Errorf("write the name of a header: letters, digits and hyphens")
		}
		*to = s
	}
}

func prefixes(to *[]netip.Prefix) func(yamlfile.Node) {
	return func(n yamlfile.Node) {
		n.Each(func(_ int, n yamlfile.Node) {
			s, ok := n.Text()
			if !ok {
				return
			}
			p, err := ParsePrefix(s)
			if err != nil {
				n.Errorf("%s", err)
			}
			*to = append(*to, p)
		})
	}
}

// ParsePrefix reads an address or a range of addresses.
func ParsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || p != p.Masked() {
		return netip.Prefix{}, errors.New("write an address or a range of them, such as 10.0.0.0/8")
	}
	return p, nil
}

// size reads a number of bytes, which may have the unit KiB, MiB or GiB.
func size(to *int64) func(yamlfile.Node) {
	return func(n yamlfile.Node) {
		s, ok := n.Text()
		if !ok {
			return
		}
		v, err := parseSize(s)
		if err != nil {
			n.Errorf("%s", err)
		}
		*to = v
	}
}

func parseSize(s string) (int64, error) {
	unit := int64(1)
	for _, u := range []struct {
		name string
		size int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}} {
		if cut, ok := strings.CutSuffix(s, u.name); ok {
			s, unit = strings.TrimRight(cut, " "), u.size
		}
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v <= 0 || v > (1<<40)/unit {
		return 0, errors.New("write a size in bytes, such as 1048576, 512KiB or 10MiB")
	}
	return v * unit, nil
}
