package directory

import (
	"maps"
	"strings"

	"github.com/mintage-auth/mintage"
)

// wellKnown are the documents that RFC 8414 §3.1 puts between the host and the
// path of an issuer; OpenID Discovery 1.0 §4 appends its own, and clients do
// either with both.
var wellKnown = []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"}

// index finds tenants. It is never changed: a change of a tenant makes a new
// one.
type index struct {
	byID     map[string]*entry
	byIssuer map[string]*mintage.Tenant
	byPlace  map[mintage.Place]candidate
	depth    int // of the longest issuer path, in segments
}

// entry is a tenant with its places, which take a while to find; without an
// issuer it is found by its identifier alone.
type entry struct {
	tenant *mintage.Tenant
	places []mintage.Place // that of the issuer first
}

// candidate is the tenant of a place. Should two claim it, the one whose issuer
// it is has it, else the first by identifier.
type candidate struct {
	tenant *mintage.Tenant
	alias  bool
}

func newEntry(t *mintage.Tenant) *entry { return &entry{tenant: t, places: t.Places()} }

// withoutPort removes the default port of either scheme.
func withoutPort(host string) string {
	return strings.TrimSuffix(strings.TrimSuffix(host, ":443"), ":80")
}

func newIndex(ts []*mintage.Tenant) *index {
	entries := make(map[string]*entry, len(ts))
	for _, t := range ts {
		entries[t.ID] = newEntry(t)
	}
	return build(entries)
}

// with returns an index in which the tenants of changed are as given; nil means
// gone.
func (x *index) with(changed map[string]*mintage.Tenant) *index {
	entries := maps.Clone(x.byID)
	for id, t := range changed {
		if t == nil {
			delete(entries, id)
		} else {
			entries[id] = newEntry(t)
		}
	}
	return build(entries)
}

func build(entries map[string]*entry) *index {
	x := &index{
		byID:     entries,
		byIssuer: make(map[string]*mintage.Tenant, len(entries)),
		byPlace:  make(map[mintage.Place]candidate, len(entries)),
	}
	for id, e := range entries {
		x.byIssuer[e.tenant.Issuer] = e.tenant
		if id == mintage.BuiltInTenant {
			continue // it is reached by its listener, never by what a caller calls us
		}
		for i, p := range e.places {
			c := candidate{tenant: e.tenant, alias: i > 0}
			if have, ok := x.byPlace[p]; ok && !c.before(have) {
				continue
			}
			x.byPlace[p] = c
			x.depth = max(x.depth, strings.Count(p.Path, "/"))
		}
	}
	return x
}

func (c candidate) before(o candidate) bool {
	if c.alias != o.alias {
		return o.alias
	}
	return c.tenant.ID < o.tenant.ID
}

// resolve returns the tenant with this host and the longest path that is a
// prefix of path on a segment boundary, and the rest of path; nil when there is
// none.
func (x *index) resolve(host, path string) (t *mintage.Tenant, rest string) {
	host = strings.ToLower(host)
	if t, rest = x.at(host, path); t != nil {
		return t, rest
	}
	if bare := withoutPort(host); bare != host {
		return x.at(bare, path)
	}
	return nil, ""
}

func (x *index) at(host, path string) (t *mintage.Tenant, rest string) {
	for _, doc := range wellKnown {
		after, ok := strings.CutPrefix(path, doc)
		if !ok || !strings.HasPrefix(after, "/") {
			continue
		}
		if c, ok := x.byPlace[mintage.Place{Host: host, Path: after}]; ok {
			return c.tenant, doc
		}
	}
	end := prefix(path, x.depth)
	for {
		if c, ok := x.byPlace[mintage.Place{Host: host, Path: path[:end]}]; ok {
			return c.tenant, path[end:]
		}
		if end == 0 {
			return nil, ""
		}
		end = strings.LastIndexByte(path[:end], '/')
		if end < 0 {
			return nil, "" // the path does not begin with a slash
		}
	}
}

// prefix returns the length of the first n segments of path, all of it when it
// has no more.
func prefix(path string, n int) int {
	for i := range len(path) {
		if path[i] == '/' {
			if n == 0 {
				return i
			}
			n--
		}
	}
	return len(path)
}
