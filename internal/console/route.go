package console

import (
	"context"
	"slices"
	"strings"
)

// access says who may see a page.
type access string

const (
	open     access = "open"     // anybody
	member   access = "member"   // whoever is signed in; members of an organization see their part
	operator access = "operator" // operators over everything; to members it does not exist
)

// route is one row of the route table.
type route struct {
	pattern string // of net/http.ServeMux, with the method, below Prefix
	access  access
	scope   string // the admin scope that it needs too, by its bare name
	handle  func(*console, context.Context, *request) (*answer, error)
}

// Form is a row of the table that takes a form, for tests that walk it.
type Form struct{ Pattern, Access, Scope string }

// Forms returns them.
func Forms() []Form {
	var out []Form
	for _, rt := range routes() {
		if strings.HasPrefix(rt.pattern, "POST ") {
			out = append(out, Form{rt.pattern, string(rt.access), rt.scope})
		}
	}
	return out
}

// muxPattern is the pattern with the Prefix.
func (rt route) muxPattern() string {
	method, path, _ := strings.Cut(rt.pattern, " ")
	return method + " " + Prefix + path
}

// routes is the one route table: each screen's rows are beside its handlers.
func routes() []route {
	return slices.Concat(homeRoutes(), clientListRoutes(), clientNewRoutes(), verifyRoutes(), clientRoutes(), credentialRoutes(), accessRoutes(), clientTabRoutes(),
		requestRoutes(), auditRoutes(), resourceRoutes(), keyRoutes(),
		tokenRoutes(), overviewRoutes(), organizationRoutes(), configRoutes(), importRoutes(), settingRoutes(), usageRoutes(),
		signInRoutes(), linkRoutes(), accountRoutes(), pairRoutes(), operatorRoutes(), referenceRoutes(),
	)
}

// screen is one entry of the navigation.
type screen struct {
	key, title, path string
	letter           string // g and this letter go there
	scope            string // that it takes to read it
	members          bool   // whether members of an organization have it
}

// screens are the entries of the navigation, in order.
func screens() []screen {
	return []screen{
		{key: "overview", title: "Overview", path: "overview", letter: "o", scope: "clients:read"},
		{key: "clients", title: "API clients", path: "clients", letter: "c", scope: "clients:read", members: true},
		{key: "apis", title: "APIs", path: "apis", letter: "p", scope: "resource_servers:read"},
		{key: "keys", title: "Keys", path: "keys", letter: "k", scope: "keys:read"},
		{key: "requests", title: "Requests", path: "requests", letter: "l", scope: "requests:read", members: true},
		{key: "usage", title: "Usage", path: "usage", letter: "u", scope: "usage:read", members: true},
		{key: "token", title: "Token tool", path: "token", letter: "t", scope: "tokens:read"},
		{key: "organizations", title: "Organizations", path: "organizations", letter: "r", scope: "organizations:read"},
		{key: "operators", title: "People", path: "operators", letter: "m", scope: "operators:read", members: true},
		{key: "audit", title: "Audit", path: "audit", letter: "a", scope: "audit:read"},
		{key: "config", title: "Configuration", path: "config", letter: "f", scope: "state:read"},
		{key: "settings", title: "Settings", path: "settings", letter: "s", scope: "tenants:read"},
	}
}
