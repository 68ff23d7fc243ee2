package gateway

import (
	"errors"
	"strings"
)

// ErrRoute says how a route is written on the command line.
var ErrRoute = errors.New("write a route as PATH=UPSTREAM, such as /api=http://127.0.0.1:9000")

// ParseRoute reads a route as the command line has it: PATH=UPSTREAM, where
// the path stands for itself and all below it. PATH alone is for forward auth,
// which passes nothing on.
func ParseRoute(s string, scopes []string) (*Route, error) {
	path, upstream, passes := strings.Cut(s, "=")
	if path == "" || passes && !strings.Contains(upstream, "://") {
		return nil, ErrRoute
	}
	r := &Route{Name: path, Paths: []string{path}, Upstream: upstream, Scopes: scopes, PreserveHost: true}
	switch {
	case strings.HasSuffix(path, "...}"): // it says itself what it is for
	case strings.HasSuffix(path, "/"):
		r.Paths = []string{path + "{rest...}"}
	default:
		r.Paths = append(r.Paths, path+"/{rest...}")
	}
	return r, nil
}
