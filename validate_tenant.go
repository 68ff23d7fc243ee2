package mintage

import (
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// LongestSecretLifetime bounds what a tenant or a secret may set: who wants
// longer wants for ever, and says so.
const LongestSecretLifetime = 10 * 366 * 24 * time.Hour

// BuiltIn reports whether t is the tenant that administers the server, which
// nobody edits.
func (t *Tenant) BuiltIn() bool { return t.ID == BuiltInTenant }

// Validate checks every member of t. Whether issuer and aliases are free, only
// the store knows.
func (t *Tenant) Validate() error {
	var p problems
	if !slug(t.ID, "-") {
		p.add("/id", "a tenant's id is 1 to 63 lower-case letters, digits and inner hyphens")
	}
	p.check("/issuer", ValidateIssuer(t.Issuer))
	for i, alias := range t.Aliases {
		p.check(Pointer("aliases", i), validateHost(alias))
		if slices.Contains(t.Aliases[:i], alias) {
			p.add(Pointer("aliases", i), "the alias is listed twice")
		}
	}
	for _, path := range slices.Sorted(maps.Keys(t.TokenPaths)) {
		p.check(Pointer("token_paths", path), validateTokenPath(path, t.TokenPaths[path]))
	}
	p.check("/token", t.Token.Validate())
	if t.SecretLifetime != 0 {
		p.check("/secret/expires", validateSpan(t.SecretLifetime, LongestSecretLifetime))
	}
	if t.SecretOverlap != 0 {
		p.check("/secret/overlap", validateSpan(t.SecretOverlap, LongestSecretLifetime))
	}
	if t.KeyPeriod != 0 {
		p.check("/keys/period", ValidateKeyPeriod(t.KeyPeriod))
	}
	for i, origin := range t.CORSOrigins {
		p.check(Pointer("cors_origins", i), validateOrigin(origin))
	}
	return p.err()
}

// ValidateIssuer checks an issuer identifier (RFC 8414 §2): an https URL, or
// http on a loopback address, without query and fragment. It has no trailing
// slash and nothing that could be spelled in a second way, since issuers are
// compared byte for byte.
func ValidateIssuer(s string) error {
	if s == "" {
		return invalid("an issuer is required, such as https://auth.example.com")
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || !printable(s) || u.Opaque != "" || u.Host == "":
		return invalid("an issuer is an absolute URL, such as https://auth.example.com")
	case len(s) > 512:
		return invalid("at most 512 characters")
	case u.User != nil:
		return invalid("an issuer holds no user name or password")
	case strings.ContainsAny(s, "?#"):
		return invalid("an issuer has neither query nor fragment (RFC 8414 §2)")
	case strings.HasSuffix(s, "/"):
		return invalid("write the issuer without the trailing slash")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return invalid("an issuer is an https URL; http is for loopback addresses")
	case !strings.HasPrefix(s, u.Scheme+"://"+u.Host):
		return invalid("write scheme and host in lower case")
	}
	if err := validateHost(u.Host); err != nil {
		return err
	}
	if u.Path == "" {
		return nil
	}
	return validatePath(u.EscapedPath())
}

// loopback reports whether host names this machine and no other.
func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// validateHost checks a host or host:port.
func validateHost(s string) error {
	u, err := url.Parse("https://" + s)
	if err != nil || u.Host != s || u.Hostname() == "" || strings.HasSuffix(s, ":") {
		return invalid("write a host name or host:port, such as auth.example.com or 127.0.0.1:9400")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port[0] == '0' {
			return invalid("a port is a number from 1 to 65535")
		}
	}
	host := u.Hostname()
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Zone() != "" || addr.String() != host {
			return invalid("write the address in its shortest form, without a zone")
		}
		return nil
	}
	if len(host) > 253 {
		return invalid("a host name has at most 253 characters")
	}
	for label := range strings.SplitSeq(host, ".") {
		if !slug(label, "-") {
			return invalid("a host name is made of lower-case letters, digits, hyphens and dots")
		}
	}
	return nil
}

// validatePath checks a path in its only spelling: nothing encoded, no empty
// segment and no dots that a proxy might resolve.
func validatePath(path string) error {
	segments := strings.Split(path, "/")
	if segments[0] != "" || len(segments) < 2 {
		return invalid("a path begins with a slash")
	}
	for _, seg := range segments[1:] {
		if seg == "" || seg == "." || seg == ".." {
			return invalid("a path has no empty, . or .. segment and no trailing slash")
		}
		if strings.Trim(seg, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~") != "" {
			return invalid("a path is made of letters, digits, hyphens, dots, underscores, tildes and slashes")
		}
	}
	if segments[1] == ".well-known" {
		return invalid("/.well-known is taken by the metadata")
	}
	return nil
}

// ownPaths are the endpoints that every tenant has beside its token paths.
var ownPaths = []string{"/oauth2/introspect", "/oauth2/revoke", "/oauth2/authorize", "/oauth2/revocations", "/docs"}

func validateTokenPath(path, dialect string) error {
	if err := validatePath(path); err != nil {
		return err
	}
	for _, own := range ownPaths {
		if path == own || strings.HasPrefix(path, own+"/") {
			return invalid("%s is taken by another endpoint", own)
		}
	}
	return ValidateDialect(dialect)
}

// ValidateDialect checks the name of a dialect.
func ValidateDialect(name string) error {
	if _, ok := DialectByName(name); ok {
		return nil
	}
	var names []string
	for _, d := range Dialects() {
		names = append(names, d.Name)
	}
	return invalid("the dialect %q is not one of %s", name, strings.Join(names, ", "))
}

// validateOrigin checks a web origin (RFC 6454 §6.2).
func validateOrigin(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || s != u.Scheme+"://"+u.Host {
		return invalid("an origin is a scheme and a host, such as https://app.example.com, and is never *")
	}
	return validateHost(u.Host)
}
