package console

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/yamlfile"
)

// offer is one resource server as a form offers its scopes.
type offer struct {
	Identifier, Name string
	Admin            bool     // the administration of the tenant itself
	Whole            bool     // whether All may be ticked
	All              scopeBox // all of them, now and later
	Scopes           []scopeBox
}

// scopeBox is one box to tick. Its value is the identifier of the resource
// server, a blank, and the bare name of the scope, which has no blank.
type scopeBox struct {
	Value, Name, Description string
	Ticked                   bool
}

// clientForm is what a form about a client shows and holds.
type clientForm struct {
	Problems problems
	Mark     string
	Version  int64

	Name, Organization, Labels string
	Organizations              []option
	Offers                     []offer
	NewAPI, NewScopes          string // where the tenant has no API yet

	Expires        []option
	SecretName     string
	Dialects       []scopeBox
	Formats, Algs  []option
	Lifetime       string
	AllowFrom      string
	Tokens, Asks   string // per minute
	MultiAudience  bool
	Downscope      bool
	DPoPBound      bool
	Operator       bool // whether the settings that are an operator's are there
	DefaultExpires string
	// Back is the list, for who thinks better of it.
	Back string
	Copy *copyAs
}

// HasAPI reports whether there is an API to choose, beside administration.
func (f *clientForm) HasAPI() bool {
	return slices.ContainsFunc(f.Offers, func(o offer) bool { return !o.Admin })
}

// clientFields are the fields of the form by the members of a client.
var clientFields = map[string]string{
	"name": "name", "organization": "organization", "labels": "labels", "grants": "grant", "dialects": "dialect",
	"allow_from": "allow_from", "token": "lifetime", "secret/expires_in": "expires", "secret/name": "secret_name", "limits": "tokens", "default_scope": "grant",
}

// offers returns the resource servers whose scopes the viewer may give, with
// what has ticked.
func (c *console) offers(ctx context.Context, q *request, ticked func(value string) bool) ([]offer, error) {
	servers, err := c.manager.ResourceServers(ctx, q.tenant.ID, "", 0)
	if err != nil {
		return nil, err
	}
	var out []offer
	for _, rs := range servers {
		if rs.Identifier == mintage.AdminResource && !q.viewer.Operator() {
			continue
		}
		o := offer{Identifier: rs.Identifier, Name: cmp.Or(rs.Name, rs.Identifier), Admin: rs.BuiltIn(), Whole: true}
		box := func(name, description string) scopeBox {
			value := rs.Identifier + " " + name
			return scopeBox{Value: value, Name: name, Description: description, Ticked: ticked(value)}
		}
		o.All = box(mintage.AllScopes, "all scopes of this API, now and later")
		for _, s := range rs.Scopes {
			o.Scopes = append(o.Scopes, box(s.Name, s.Description))
		}
		out = append(out, o)
	}
	slices.SortStableFunc(out, func(a, b offer) int { // administration last
		switch {
		case a.Admin == b.Admin:
			return 0
		case a.Admin:
			return 1
		}
		return -1
	})
	return c.within(ctx, q, out)
}

// within leaves of offers what the viewer's organization was granted.
func (c *console) within(ctx context.Context, q *request, all []offer) ([]offer, error) {
	m := q.viewer.Membership
	if m == nil {
		return all, nil
	}
	org, err := c.manager.Organization(ctx, m.Tenant, m.Organization)
	if err != nil {
		return nil, err
	}
	var out []offer
	for _, g := range org.Grants {
		i := slices.IndexFunc(all, func(o offer) bool { return o.Identifier == g.ResourceServer })
		if i < 0 {
			continue
		}
		o := all[i]
		if o.Whole = slices.Contains(g.Scopes, mintage.AllScopes); !o.Whole {
			o.Scopes = slices.DeleteFunc(slices.Clone(o.Scopes), func(b scopeBox) bool { return !slices.Contains(g.Scopes, b.Name) })
		}
		out = append(out, o)
	}
	return out, nil
}

// grantsOf reads ticked boxes as grants, in the order of the offers. A tick at
// all scopes makes the others of that API moot.
func grantsOf(values []string, offers []offer) ([]mintage.Grant, problems) {
	p := problems{}
	by := map[string][]string{}
	for _, v := range values {
		i := strings.LastIndexByte(v, ' ')
		if i < 0 {
			p.add("grant", "Tick scopes in the list.")
			continue
		}
		by[v[:i]] = append(by[v[:i]], v[i+1:])
	}
	var grants []mintage.Grant
	for _, o := range offers {
		scopes := by[o.Identifier]
		for _, s := range scopes {
			if s == mintage.AllScopes && !o.Whole || s != mintage.AllScopes && !slices.ContainsFunc(o.Scopes, func(b scopeBox) bool { return b.Name == s }) {
				p.add("grant", "One of the scopes is not there any more, or not yours to give.")
			}
		}
		delete(by, o.Identifier)
		switch {
		case len(scopes) == 0:
			continue
		case slices.Contains(scopes, mintage.AllScopes):
			scopes = []string{mintage.AllScopes}
		}
		slices.Sort(scopes)
		grants = append(grants, mintage.Grant{ResourceServer: o.Identifier, Scopes: slices.Compact(scopes)})
	}
	if len(by) > 0 {
		p.add("grant", "One of the APIs is not there any more, or not yours to give.")
	}
	return grants, p
}

// choices fills in what a form offers, with the choices of now.
func (c *console) choices(ctx context.Context, q *request, f *clientForm, format, alg, expires string, dialects []string) error {
	f.Operator = q.viewer.Operator()
	f.Back = link(q.tenant.ID, "clients")
	f.Expires = options(expires, "", defaultExpiry(q.tenant), "30", "in 30 days", "90", "in 90 days", "180", "in 180 days", "365", "in a year", "never", "never, until somebody revokes it")
	f.Formats = options(format, "", "as the API or tenant says", "jwt", "JWT, signed", "stored", "stored, opaque", "sealed", "sealed, opaque")
	f.Algs = options(alg, "", "as the API or tenant says")
	for _, a := range mintage.SigningAlgs() {
		f.Algs = append(f.Algs, option{Value: a, Text: a, Selected: a == alg})
	}
	spoken := map[string]bool{}
	for _, d := range q.tenant.TokenPaths {
		spoken[d] = true
	}
	for _, d := range mintage.Dialects() {
		if spoken[d.Name] || len(spoken) == 0 && d.Name == mintage.DialectRFC || slices.Contains(dialects, d.Name) {
			f.Dialects = append(f.Dialects, scopeBox{Value: d.Name, Name: d.Name, Ticked: slices.Contains(dialects, d.Name)})
		}
	}
	if !f.Operator {
		return nil
	}
	orgs, err := c.manager.Organizations(ctx, q.tenant.ID, "", 0)
	if err != nil || len(orgs) == 0 {
		return err
	}
	f.Organizations = options(f.Organization, "", "none: the tenant's own")
	for _, o := range orgs {
		f.Organizations = append(f.Organizations, option{Value: o.ID, Text: o.Name, Selected: o.ID == f.Organization})
	}
	return nil
}

func defaultExpiry(t *mintage.Tenant) string {
	if t.SecretLifetime == 0 {
		return "as the tenant says: never"
	}
	return "as the tenant says: in " + span(t.SecretLifetime)
}

// readClient reads the form about a client into c, and what is wrong with it.
func readClient(q *request, offers []offer, c *mintage.Client) problems {
	grants, p := grantsOf(q.form["grant"], offers)
	c.Name, c.Grants = q.text("name"), grants
	c.Labels = nil
	for _, line := range lines(q.text("labels")) {
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			p.add("labels", "Write name=value, one a line.")
			continue
		}
		if c.Labels == nil {
			c.Labels = map[string]string{}
		}
		c.Labels[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	if !q.viewer.Operator() {
		return p
	}
	c.Organization = q.text("organization")
	c.Dialects = slices.Clone(q.form["dialect"])
	c.MultiAudience, c.Downscope, c.DPoPBoundAccessTokens = q.ticked("multi_audience"), q.ticked("downscope"), q.ticked("dpop_bound")
	c.Token.Format, c.Token.Alg = mintage.TokenFormat(q.text("format")), q.text("alg")
	c.Token.Lifetime = readDuration(q, "lifetime", p)
	c.Limits = mintage.Limits{TokensPerMinute: readCount(q, "tokens", p), IntrospectionsPerMinute: readCount(q, "asks", p)}
	c.AllowFrom = nil
	for _, line := range lines(q.text("allow_from")) {
		network, err := netip.ParsePrefix(line)
		if err != nil {
			p.add("allow_from", "Write networks as 203.0.113.0/24, one a line.")
			continue
		}
		c.AllowFrom = append(c.AllowFrom, network)
	}
	return p
}

// lines are the lines of a text that have something in them.
func lines(s string) []string {
	var out []string
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// readCount reads a number; empty is zero.
func readCount(q *request, name string, p problems) int {
	s := q.text(name)
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		p.add(name, "A whole number, or nothing for no bound.")
	}
	return n
}

// readDuration reads a duration as files have it, such as 90d or 1h; empty is
// zero.
func readDuration(q *request, name string, p problems) time.Duration {
	s := q.text(name)
	if s == "" {
		return 0
	}
	d, err := yamlfile.ParseDuration(s)
	if err != nil {
		p.add(name, "A number with d, h, m or s behind it, such as 1h or 14d.")
	}
	return d
}

// readExpiry reads when a new secret is to end.
func readExpiry(q *request, p problems) manage.NewSecret {
	s := manage.NewSecret{Name: q.text("secret_name")}
	switch v := q.text("expires"); v {
	case "":
	case "never":
		s.Forever = true
	default:
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 3650 {
			p.add("expires", "Choose one of the list.")
		}
		s.Lifetime = time.Duration(n) * day
	}
	return s
}
