package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage/internal/yamlfile"
	"github.com/mintage-auth/mintage/oauth"
)

// Profiles are the names of what Issuer.Profile may be.
func Profiles() []string { return []string{"rfc9068", "cognito", "auth0", "keycloak", "oidc"} }

// check reports what does not fit together, at its place in the file.
func (r *reader) check(root yamlfile.Node) {
	c := r.config
	for i := range c.Issuers {
		if err := c.Issuers[i].check(); err != nil {
			r.places.issuers[i].Errorf("%s", err)
		}
	}
	for i, u := range c.Upstreams {
		if err := u.check(); err != nil && i < len(r.places.upstreams) {
			r.places.upstreams[i].Errorf("%s", err)
		} else if err != nil {
			r.inlineError(u, err)
		}
	}
	for i, rt := range c.Routes {
		for _, err := range rt.check(c) {
			r.routes[i].Errorf("%s", err)
		}
	}
	for n, t := range map[*yamlfile.Node]*TLS{&r.places.tls: c.TLS, &r.places.adminTLS: c.AdminTLS, &r.places.forwardTLS: c.ForwardAuth.TLS} {
		if err := t.check(); err != nil {
			n.Errorf("%s", err)
		}
	}
	if c.Resource != "" {
		if err := checkResource(c.Resource); err != nil {
			r.places.resource.Errorf("%s", err)
		}
	}
	if err := c.checkWhole(); err != nil {
		root.Errorf("%s", err)
	}
	r.checkConflicts()
}

// inlineError points at the route that names an upstream by its URL.
func (r *reader) inlineError(u *Upstream, err error) {
	for i, rt := range r.config.Routes {
		if rt.Upstream == u.URL {
			r.routes[i].Errorf("%s", err)
			return
		}
	}
}

// checkConflicts points at the later of two routes that are ambiguous.
func (r *reader) checkConflicts() {
	for i, a := range r.config.Routes {
		for _, b := range r.config.Routes[:i] {
			switch err := a.conflict(b); {
			case a.Name == b.Name:
				r.routes[i].Errorf("the route %s is there twice; give each its own name", a.Name)
			case err != nil:
				r.routes[i].Errorf("%s", err)
			}
		}
	}
}

// Validate checks a Config that was not read from a file, and fills in its
// defaults.
func (c *Config) Validate() error {
	c.setDefaults()
	errs := []error{checkAddress(c.Listen), checkAddress(c.AdminListen), c.TLS.check(), c.AdminTLS.check(), c.ForwardAuth.check(), c.checkWhole()}
	for i := range c.Issuers {
		errs = append(errs, c.Issuers[i].check())
	}
	for _, u := range c.Upstreams {
		errs = append(errs, u.check())
	}
	for _, r := range c.Routes {
		errs = append(errs, r.check(c)...)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	_, err := newTable(c.Routes)
	return err
}

// checkWhole is what concerns no single object.
func (c *Config) checkWhole() error {
	var errs []error
	switch {
	case c.Audience == "" && !c.AnyAudience && !c.publicOnly():
		errs = append(errs, errors.New("audience is missing: name the API that tokens must be for, as its aud says"))
	case c.Audience != "" && c.AnyAudience:
		errs = append(errs, errors.New("audience and danger_any_audience exclude one another"))
	}
	if len(c.Issuers) == 0 && !c.publicOnly() {
		errs = append(errs, errors.New("issuers is missing: name the authorization servers whose tokens are accepted"))
	}
	if len(c.Routes) == 0 {
		errs = append(errs, errors.New("routes is missing: without one every request is answered 404"))
	}
	names := map[string]bool{}
	for _, i := range c.Issuers {
		if names[i.Name] {
			errs = append(errs, fmt.Errorf("the issuer %s is there twice", i.Name))
		}
		names[i.Name] = true
	}
	names = map[string]bool{}
	for _, u := range c.Upstreams {
		if names[u.Name] {
			errs = append(errs, fmt.Errorf("the upstream %s is there twice", u.Name))
		}
		names[u.Name] = true
	}
	if err := checkAdmin(c.AdminListen, c.AdminTLS); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// publicOnly says whether no route needs a token.
func (c *Config) publicOnly() bool {
	return len(c.Routes) > 0 && !slices.ContainsFunc(c.Routes, func(r *Route) bool { return !r.Public })
}

// checkAdmin refuses an admin listener that strangers reach without TLS.
func checkAdmin(addr string, t *TLS) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil || t != nil || host == "localhost" {
		return nil //nolint:nilerr // the address has an error of its own
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsLoopback() {
		return nil
	}
	return errors.New("admin_listen is no loopback address: it needs admin_tls")
}

func (t *TLS) check() error {
	switch {
	case t == nil:
		return nil
	case t.Cert == "" || t.Key == "":
		return errors.New("TLS needs both cert and key, PEM files")
	case t.ClientCertificates == CertificateRequire && t.ClientCA == "":
		return errors.New("client certificates that are required need a client_ca; use request to bind tokens only")
	case t.ClientCA != "" && t.ClientCertificates == CertificateNone:
		return errors.New("client_ca does nothing unless client_certificates is request or require")
	}
	return nil
}

func (i *Issuer) check() error {
	if i.Name == "" {
		return errors.New("issuer is missing: the issuer identifier, as the tokens' iss says it")
	}
	for what, s := range map[string]string{"issuer": i.Name, "jwks_uri": i.JWKS} {
		if s == "" {
			continue
		}
		if err := checkURL(s); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	if err := i.Introspection.check(); err != nil {
		return err
	}
	if err := i.Revocations.check(); err != nil {
		return err
	}
	if len(i.ClientIDs) > 0 && i.Profile != "cognito" {
		return errors.New("client_ids is for the profile cognito, whose tokens have no aud")
	}
	return nil
}

func (in *Introspection) check() error {
	switch {
	case in == nil:
		return nil
	case in.URL == "" || in.ClientID == "" || in.SecretFile == "":
		return errors.New("introspection needs url, client_id and client_secret_file")
	}
	if err := checkURL(in.URL); err != nil {
		return fmt.Errorf("introspection: %w", err)
	}
	return nil
}

func (f *Revocations) check() error {
	switch {
	case f == nil:
		return nil
	case f.URL == "" || f.TokenURL == "" || f.ClientID == "" || f.SecretFile == "":
		return errors.New("revocations needs url, token_url, client_id and client_secret_file")
	}
	for _, s := range []string{f.URL, f.TokenURL} {
		if err := checkURL(s); err != nil {
			return fmt.Errorf("revocations: %w", err)
		}
	}
	return nil
}

// checkURL wants https, or http to this machine.
func checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return fmt.Errorf("%q is no URL of a server", s)
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && isLoopbackHost(u.Hostname()):
		return nil
	}
	return errors.New("the URL must be https, but for loopback addresses")
}

func isLoopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func checkResource(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && (u.Scheme != "http" || !isLoopbackHost(u.Hostname())) ||
		u.Host == "" || u.Fragment != "" || u.RawQuery != "" || u.User != nil { // RFC 9728 §1.2
		return errors.New("resource is an https URL without query and fragment")
	}
	return nil
}

func (u *Upstream) check() error {
	if u.Name == "" || u.URL == "" {
		return errors.New("an upstream needs name and url")
	}
	at, err := url.Parse(u.URL)
	if err != nil || at.Host == "" || at.User != nil || at.RawQuery != "" || at.Fragment != "" ||
		!slices.Contains([]string{"http", "https", "h2", "h2c"}, at.Scheme) {
		return fmt.Errorf("upstream %s: the url begins with http, https, h2c or h2, has a host, and no user, query or fragment", u.Name)
	}
	if p := at.EscapedPath(); p != "" && p != "/" {
		if canonical, err := CanonicalPath(p); err != nil || canonical != p {
			return fmt.Errorf("upstream %s: the path of the url is not in its canonical form", u.Name)
		}
	}
	secure := at.Scheme == "https" || at.Scheme == "h2"
	switch {
	case !secure && (u.CA != "" || u.Cert != "" || u.Key != "" || u.ServerName != ""):
		return fmt.Errorf("upstream %s: ca, cert, key and server_name need an https or h2 url", u.Name)
	case (u.Cert == "") != (u.Key == ""):
		return fmt.Errorf("upstream %s: cert and key go together", u.Name)
	case u.Health != "" && u.Health[0] != '/':
		return fmt.Errorf("upstream %s: health is a path", u.Name)
	}
	return nil
}

// check returns what is wrong with a route, and prepares it.
func (r *Route) check(c *Config) []error {
	if r.Name == "" && len(r.Paths) > 0 {
		r.Name = r.defaultName()
	}
	errs := r.checkMatch()
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, s := range r.Scopes {
		if !oauth.ValidScopeToken(s) {
			add("%q is no scope", s)
		}
	}
	if r.Public && (len(r.Scopes) > 0 || r.Mode != Enforce || !r.ClientRate.isZero()) {
		add("a public route asks for no token: it has no scopes, mode or client_rate")
	}
	if r.Upstream != "" && c.ForUpstream(r.Upstream) == nil {
		names := make([]string, 0, len(c.Upstreams))
		for _, u := range c.Upstreams {
			names = append(names, u.Name)
		}
		add("there is no upstream %s%s", r.Upstream, yamlfile.Suggest(r.Upstream, names))
	}
	if r.StripPrefix != "" {
		if err := r.checkPrefix(); err != nil {
			add("%w", err)
		}
	}
	return errs
}

// checkMatch is check of what the route matches.
func (r *Route) checkMatch() (errs []error) {
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(r.Paths) == 0 {
		add("path is missing: a pattern such as /v1/{id} or /v1/{rest...}")
	}
	if r.Host != "" {
		if whole, name, err := canonicalHost(r.Host); err != nil || whole != name || name != r.Host {
			add("the host of a route is a name in lower case, without a port")
		}
	}
	r.patterns = nil
	for _, s := range r.Paths {
		p, err := parsePattern(s)
		if err != nil {
			add("path %s: %w", s, err)
			continue
		}
		r.patterns = append(r.patterns, p)
	}
	for _, m := range r.Methods {
		if !isMethod(m) {
			add("%q is no method that is passed on: upper case, and neither CONNECT nor TRACE", m)
		}
	}
	if slices.Contains(r.Methods, "GET") && !slices.Contains(r.Methods, "HEAD") {
		r.Methods = append(slices.Clone(r.Methods), "HEAD")
	}
	return errs
}

// checkPrefix wants a prefix that each pattern of the route has.
func (r *Route) checkPrefix() error {
	prefix, err := parsePattern(r.StripPrefix)
	if err != nil || strings.HasSuffix(r.StripPrefix, "/") || strings.Contains(r.StripPrefix, "{") {
		return errors.New("strip_prefix is a path without wildcards and without a slash at its end")
	}
	for _, p := range r.patterns {
		if len(p) < len(prefix) || !slices.Equal(p[:len(prefix)], prefix) {
			return fmt.Errorf("strip_prefix %s is not the beginning of the path %s", r.StripPrefix, p)
		}
	}
	return nil
}

// defaultName is a name for logs and metrics.
func (r *Route) defaultName() string {
	name := r.Host + r.Paths[0]
	if len(r.Methods) > 0 {
		name = strings.Join(r.Methods, ",") + " " + name
	}
	return name
}
