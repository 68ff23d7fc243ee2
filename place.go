package mintage

import (
	"net/url"
	"strings"
)

// Place is where requests for a tenant arrive: a host without its default port,
// and the path of the issuer, empty or with a leading slash. No two tenants
// have the same one.
type Place struct{ Host, Path string }

// String returns the place as people write it.
func (p Place) String() string { return p.Host + p.Path }

// PlaceOf returns the place of an issuer; ok is false when it is no URL.
func PlaceOf(issuer string) (p Place, ok bool) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" {
		return Place{}, false
	}
	host := strings.ToLower(u.Host)
	switch u.Scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return Place{Host: host, Path: strings.TrimSuffix(u.EscapedPath(), "/")}, true
}

// Spellings returns the issuers that may have this place, and the three aliases
// that may name its host, default ports being written or not.
func (p Place) Spellings() (issuers []string, aliases [3]string) {
	return []string{
		"https://" + p.Host + p.Path, "https://" + p.Host + ":443" + p.Path,
		"http://" + p.Host + p.Path, "http://" + p.Host + ":80" + p.Path,
	}, [3]string{p.Host, p.Host + ":443", p.Host + ":80"}
}

// Places returns the place of the issuer of t and then that of each alias,
// which has the same path. Without an issuer there are none.
func (t *Tenant) Places() []Place {
	own, ok := PlaceOf(t.Issuer)
	if !ok {
		return nil
	}
	places := []Place{own}
	for _, alias := range t.Aliases {
		// An alias has no scheme, so that either default port may be meant.
		host := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(alias), ":443"), ":80")
		places = append(places, Place{Host: host, Path: own.Path})
	}
	return places
}

// Occupied maps places to the identifiers of the tenants that have them.
type Occupied map[Place]string

// Add enters the places of t. Where two tenants have one, the first stays.
func (o Occupied) Add(t *Tenant) {
	for _, p := range t.Places() {
		if _, taken := o[p]; !taken {
			o[p] = t.ID
		}
	}
}

// Clash returns the first place of t that another tenant has, with that
// tenant's identifier and a pointer to the member of t that says so; an empty
// identifier means that t clashes with nobody.
func (o Occupied) Clash(t *Tenant) (p Place, other, pointer string) {
	for i, p := range t.Places() {
		if other := o[p]; other != "" && other != t.ID {
			pointer := "/issuer"
			if i > 0 {
				pointer = Pointer("aliases", i-1)
			}
			return p, other, pointer
		}
	}
	return Place{}, "", ""
}
