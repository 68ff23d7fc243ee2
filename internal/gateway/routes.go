package gateway

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// table finds the route of a request. Where several match, the most specific
// wins: one that names the host before one for any host, then the one whose
// paths and methods are inside the other's.
type table struct {
	hosts map[string]*node
	any   *node
}

// node is a place in the tree of segments.
type node struct {
	literals map[string]*node
	wildcard *node
	here     []*Route // patterns that end here
	rest     []*Route // patterns with {name...} here
}

// newTable builds a table, and refuses routes of which neither is more
// specific than the other.
func newTable(routes []*Route) (*table, error) {
	var errs []error
	for i, a := range routes {
		for _, b := range routes[:i] {
			if err := a.conflict(b); err != nil {
				errs = append(errs, err)
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	t := &table{hosts: map[string]*node{}, any: &node{}}
	for _, r := range routes {
		root := t.any
		if r.Host != "" {
			root = t.hosts[r.Host]
			if root == nil {
				root = &node{}
				t.hosts[r.Host] = root
			}
		}
		for _, p := range r.patterns {
			root.insert(p, r)
		}
	}
	return t, nil
}

// conflictError says that two routes match the same requests.
type conflictError struct {
	route *Route
	text  string
}

func (e *conflictError) Error() string { return e.text }

func (r *Route) conflict(o *Route) error {
	if r.Host != o.Host {
		return nil
	}
	methods := compareMethods(r.Methods, o.Methods)
	for _, p := range r.patterns {
		for _, q := range o.patterns {
			switch p.compare(q).and(methods) {
			case equal:
				return &conflictError{r, fmt.Sprintf("the routes %s and %s match the same requests, %s", o.Name, r.Name, p)}
			case overlapping:
				return &conflictError{r, fmt.Sprintf(
					"the routes %s (%s) and %s (%s) both match some requests, and neither is more specific", o.Name, q, r.Name, p)}
			case narrower, wider, disjoint:
			}
		}
	}
	return nil
}

func (n *node) insert(p pattern, r *Route) {
	for _, s := range p {
		switch s.kind {
		case rest:
			n.rest = append(n.rest, r)
			return
		case wildcard:
			if n.wildcard == nil {
				n.wildcard = &node{}
			}
			n = n.wildcard
		case literal:
			next := n.literals[s.text]
			if next == nil {
				next = &node{}
				if n.literals == nil {
					n.literals = map[string]*node{}
				}
				n.literals[s.text] = next
			}
			n = next
		}
	}
	n.here = append(n.here, r)
}

// find returns the route of a request with a canonical path. Without one,
// allowed are the methods that the path has, if any.
func (t *table) find(host, method, path string) (found *Route, allowed []string) {
	if n := t.hosts[host]; n != nil {
		if r := n.find(method, path, &allowed); r != nil {
			return r, nil
		}
	}
	if r := t.any.find(method, path, &allowed); r != nil {
		return r, nil
	}
	slices.Sort(allowed)
	return nil, slices.Compact(allowed)
}

// find looks below n for what begins with the slash of path.
func (n *node) find(method, path string, allowed *[]string) *Route {
	if path == "" {
		return pick(n.here, method, allowed)
	}
	part, after := path[1:], ""
	if i := strings.IndexByte(part, '/'); i >= 0 {
		part, after = part[:i], part[i:]
	}
	if next := n.literals[part]; next != nil {
		if r := next.find(method, after, allowed); r != nil {
			return r
		}
	}
	if n.wildcard != nil && part != "" {
		if r := n.wildcard.find(method, after, allowed); r != nil {
			return r
		}
	}
	return pick(n.rest, method, allowed)
}

// pick returns the route that serves the method: one that names it before one
// for any method.
func pick(routes []*Route, method string, allowed *[]string) *Route {
	var anyMethod *Route
	for _, r := range routes {
		switch {
		case len(r.Methods) == 0:
			anyMethod = r
		case slices.Contains(r.Methods, method):
			return r
		default:
			*allowed = append(*allowed, r.Methods...)
		}
	}
	return anyMethod
}

// errHost says that a Host is none.
var errHost = errors.New("the host is not a name, an address, or one of these with a port")

// canonicalHost returns host in lower case, without a dot at its end, and the
// name in it without the port.
func canonicalHost(host string) (whole, name string, err error) {
	if host == "" || len(host) > 261 {
		return "", "", errHost
	}
	for i := range len(host) {
		if c := host[i]; !isUnreserved(c) && c != '.' && c != ':' && c != '[' && c != ']' {
			return "", "", errHost
		}
	}
	host = strings.ToLower(host)
	name, port := host, ""
	if strings.ContainsRune(host, ':') || host[0] == '[' {
		if host[len(host)-1] == ']' {
			name = host
		} else if name, port, err = net.SplitHostPort(host); err != nil || !isPort(port) {
			return "", "", errHost
		}
	}
	if trimmed, dotted := strings.CutSuffix(name, "."); dotted {
		name, host = trimmed, trimmed
		if port != "" {
			host += ":" + port
		}
	}
	if name == "" || strings.HasPrefix(name, ".") || strings.Contains(name, "..") {
		return "", "", errHost
	}
	return host, name, nil
}

func isPort(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != "" && len(s) <= 5
}
