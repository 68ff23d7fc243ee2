package gateway

import (
	"errors"
	"strings"
)

// ParseRoute reads a route as the command line has it: PATH=UPSTREAM, where
// the path stands for itself and all below it.
func ParseRoute(s string, scopes []string) (*Route, error) {
	path, upstream, ok := strings.Cut(s, "=")
	if !ok || path == "" || upstream == "" || !strings.Contains(upstream, "://") {
		return nil, errors.New("write a route as PATH=UPSTREAM, such as /api=http://127.0.0.1:9000")
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
