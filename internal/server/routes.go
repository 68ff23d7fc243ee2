package server

import (
	"net/http"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/docs"
	"github.com/mintage-auth/mintage/internal/directory"
	"github.com/mintage-auth/mintage/internal/telemetry"
)

// access says what a route asks of its caller.
type access string

const (
	accessOpen   access = "open"   // nothing
	accessClient access = "client" // client authentication (RFC 6749 §2.3)
	accessToken  access = "token"  // an access token of ours with the operation's scope
	accessPerson access = "person" // a session, which each page of the console asks for
)

// route is one row of the route table. Exactly one of tenant and plain is set.
type route struct {
	public, admin bool   // the listeners that have it
	pages         bool   // whether it is the console's: on its own listener where it has one, else on the admin one
	path          string // below the issuer for a tenant's route, else from the root; {x} is one segment, a final / all below
	access        access
	tenant        func(s *Server, w http.ResponseWriter, r *http.Request, t *mintage.Tenant, param string)
	plain         func(s *Server) http.Handler
}

// tokenRoute stands for the token paths, which each tenant maps for itself.
const tokenRoute = "{token_paths}"

// routes is the one route table of both listeners. Which methods a route
// serves is its handler's: each answers all others with 405.
func routes() []route {
	return []route{
		{public: true, admin: true, path: tokenRoute, access: accessClient, tenant: (*Server).token},
		{public: true, admin: true, path: "/oauth2/introspect", access: accessClient, tenant: (*Server).introspect},
		{public: true, admin: true, path: "/oauth2/revoke", access: accessClient, tenant: (*Server).revoke},
		{public: true, admin: true, path: "/oauth2/revocations", access: accessToken, tenant: (*Server).revocations},
		{public: true, admin: true, path: "/oauth2/authorize", access: accessOpen, tenant: (*Server).authorize},
		{public: true, admin: true, path: "/.well-known/oauth-authorization-server", access: accessOpen, tenant: (*Server).metadata},
		{public: true, admin: true, path: "/.well-known/openid-configuration", access: accessOpen, tenant: (*Server).metadata},
		{public: true, admin: true, path: "/.well-known/jwks.json", access: accessOpen, tenant: (*Server).jwks},
		{public: true, admin: true, path: "/.well-known/keys/{kid}.pem", access: accessOpen, tenant: (*Server).pem},
		{pages: true, path: "/", access: accessOpen, plain: func(*Server) http.Handler { return http.HandlerFunc(toConsole) }},
		{pages: true, path: "/console/", access: accessPerson, plain: (*Server).pagesHandler},
		{public: true, admin: true, pages: true, path: "/docs/", access: accessOpen, plain: func(*Server) http.Handler { return docsHandler(docs.FS) }},
		{admin: true, path: "/admin/v1/", access: accessToken, plain: func(s *Server) http.Handler { return s.adminAPI }},
		{admin: true, path: "/healthz", access: accessOpen, plain: func(*Server) http.Handler { return http.HandlerFunc(healthz) }},
		{admin: true, path: "/readyz", access: accessOpen, plain: func(s *Server) http.Handler { return http.HandlerFunc(s.readyz) }},
		{admin: true, path: "/metrics", access: accessOpen, plain: func(s *Server) http.Handler { return s.metrics.Handler() }},
	}
}

// publicHandler serves every tenant but the built-in one, each under its issuer.
func (s *Server) publicHandler() http.Handler {
	table := newTable(s, func(rt route) bool { return rt.public })
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if route, h := table.plainAt(r.URL.Path); h != nil {
			s.metrics.Serve(w, r, route, h.ServeHTTP)
			return
		}
		t, rest, err := s.directory.Resolve(r.Context(), r.Host, r.URL.EscapedPath())
		if err != nil {
			s.noTenant(w, r, err)
			return
		}
		table.serve(s, w, r, t, rest)
	})
	if s.cfg.Front != nil {
		h = s.cfg.Front(h)
	}
	return h
}

// adminHandler serves the admin API and the built-in tenant, whatever the host
// that it is reached by.
func (s *Server) adminHandler() http.Handler {
	table := newTable(s, func(rt route) bool { return rt.admin || rt.pages && s.cfg.ConsoleListen == "" })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if route, h := table.plainAt(r.URL.Path); h != nil {
			s.metrics.Serve(w, r, route, h.ServeHTTP)
			return
		}
		t, err := s.directory.Tenant(r.Context(), mintage.BuiltInTenant)
		if err != nil {
			s.noTenant(w, r, err)
			return
		}
		rest, ok := directory.Rest(t, r.URL.EscapedPath())
		if !ok {
			s.noTenant(w, r, mintage.ErrNotFound)
			return
		}
		table.serve(s, w, r, t, rest)
	})
}

// table is the part of the route table that one listener has.
type table struct {
	token   route
	tenant  map[string]route // by path
	pattern []route          // with a parameter
	plain   map[string]http.Handler
	below   map[string]http.Handler // by path with its final slash
}

func newTable(s *Server, has func(route) bool) *table {
	tb := &table{tenant: map[string]route{}, plain: map[string]http.Handler{}, below: map[string]http.Handler{}}
	for _, rt := range routes() {
		switch {
		case !has(rt):
		case rt.path == tokenRoute:
			tb.token = rt
		case rt.plain != nil && rt.path != "/" && strings.HasSuffix(rt.path, "/"):
			tb.below[rt.path] = rt.plain(s)
		case rt.plain != nil:
			tb.plain[rt.path] = rt.plain(s)
		case strings.Contains(rt.path, "{"):
			tb.pattern = append(tb.pattern, rt)
		default:
			tb.tenant[rt.path] = rt
		}
	}
	return tb
}

// plainAt returns what is served at path whatever the tenant, and the route;
// nil where nothing is.
func (tb *table) plainAt(path string) (route string, h http.Handler) {
	if h := tb.plain[path]; h != nil {
		return path, h
	}
	for prefix, h := range tb.below {
		if strings.HasPrefix(path, prefix) || path+"/" == prefix {
			return prefix, h
		}
	}
	return "", nil
}

// noTenant answers where no tenant is.
func (s *Server) noTenant(w http.ResponseWriter, r *http.Request, err error) {
	s.metrics.Serve(w, r, telemetry.OtherRoute, func(w http.ResponseWriter, r *http.Request) { s.issue.NoTenant(w, r, err) })
}

// serve answers a request for rest below the issuer of t.
func (tb *table) serve(s *Server, w http.ResponseWriter, r *http.Request, t *mintage.Tenant, rest string) {
	rt, param, ok := tb.find(t, rest)
	if !ok {
		s.metrics.Serve(w, r, telemetry.OtherRoute, func(w http.ResponseWriter, r *http.Request) { s.issue.NotFound(w, r, t) })
		return
	}
	s.metrics.Serve(w, r, rt.path, func(w http.ResponseWriter, r *http.Request) {
		if s.tracing == nil {
			rt.tenant(s, w, r, t, param)
			return
		}
		s.traced(rt, t, param).ServeHTTP(w, r)
	})
}

// find returns the route of rest below the issuer of t, and its parameter.
func (tb *table) find(t *mintage.Tenant, rest string) (route, string, bool) {
	if _, ok := t.DialectFor(rest); ok {
		return tb.token, rest, true
	}
	if rt, ok := tb.tenant[rest]; ok {
		return rt, "", true
	}
	for _, rt := range tb.pattern {
		before, after, _ := strings.Cut(rt.path, "{kid}")
		param, ok := strings.CutPrefix(rest, before)
		if ok {
			param, ok = strings.CutSuffix(param, after)
		}
		if ok && param != "" && !strings.Contains(param, "/") {
			return rt, param, true
		}
	}
	return route{}, "", false
}

func (s *Server) token(w http.ResponseWriter, r *http.Request, t *mintage.Tenant, path string) {
	dialect, _ := t.DialectFor(path)
	s.issue.Token(w, r, t, dialect)
}

func (s *Server) introspect(w http.ResponseWriter, r *http.Request, t *mintage.Tenant, _ string) {
	s.issue.Introspect(w, r, t)
}

func (s *Server) revoke(w http.ResponseWriter, r *http.Request, t *mintage.Tenant, _ string) {
	s.issue.Revoke(w, r, t)
}

func (s *Server) revocations(w http.ResponseWriter, r *http.Request, t *mintage.Tenant, _ string) {
	s.adminAPI.Revocations(w, r, t)
}

func (s *Server) authorize(w http.ResponseWriter, r *http.Request, t *mintage.Tenant, _ string) {
	s.issue.AuthorizationEndpoint(w, r, t)
}

func (s *Server) metadata(w http.ResponseWriter, r *http.Request, t *mintage.Tenant, _ string) {
	s.issue.Metadata(w, r, t)
}

func (s *Server) jwks(w http.ResponseWriter, r *http.Request, t *mintage.Tenant, _ string) {
	s.issue.JWKS(w, r, t)
}

func (s *Server) pem(w http.ResponseWriter, r *http.Request, t *mintage.Tenant, kid string) {
	s.issue.PEM(w, r, t, kid)
}
