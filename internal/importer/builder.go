package importer

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/oauth"
)

// found is a client as a source has it.
type found struct {
	id, name string
	disabled bool
	scopes   map[string][]string // bare names by identifier; "": of Options.API
	life     time.Duration       // of its tokens; zero: not said
	// secret is the value or, with hashed, its hash. Empty: the source has none.
	secret apply.Sensitive
	hashed bool
	labels map[string]string
}

// builder collects what a source declares.
type builder struct {
	opts     Options
	from     origin
	result   *Result
	seen     map[string]string // client ids in lower case
	servers  map[string]*apply.ResourceServer
	order    []string // their identifiers as they came
	homeless bool     // there are scopes that belong to no API
}

func newBuilder(opts Options, from origin) *builder {
	return &builder{
		opts: opts, from: from, seen: map[string]string{}, servers: map[string]*apply.ResourceServer{},
		result: &Result{State: &apply.State{APIVersion: apply.APIVersion}},
	}
}

// skip notes a client that is not taken over.
func (b *builder) skip(id, name, why string) {
	b.result.Clients = append(b.result.Clients, Client{ID: id, Name: name, Outcome: Skipped, Why: why})
}

// server returns the resource server with an identifier, made when it is new.
func (b *builder) server(identifier string) *apply.ResourceServer {
	rs := b.servers[identifier]
	if rs == nil {
		rs = &apply.ResourceServer{Identifier: identifier, Tenants: []string{b.opts.Tenant}, Scopes: map[string]string{}}
		b.servers[identifier] = rs
		b.order = append(b.order, identifier)
	}
	return rs
}

// add takes a client over.
func (b *builder) add(f found) {
	f.name = cmp.Or(oneLine(f.name), f.id)
	if err := mintage.ValidateClientID(f.id); err != nil {
		b.skip(f.id, f.name, err.Error())
		return
	}
	if twin, ok := b.seen[strings.ToLower(f.id)]; ok {
		b.skip(f.id, f.name, "the source has the client "+twin+" already")
		return
	}
	grants, why := b.grants(f)
	if why != "" {
		b.skip(f.id, f.name, why)
		return
	}
	b.seen[strings.ToLower(f.id)] = f.id
	c := apply.Client{
		ID: f.id, Name: &f.name, Tenants: []string{b.opts.Tenant}, Dialects: []string{b.from.speak},
		Labels: f.labels, Grants: grants,
	}
	if f.disabled {
		c.Disabled = &f.disabled
	}
	if f.life > 0 {
		c.Token = &apply.Token{Lifetime: new(apply.Duration(f.life))}
	}
	if len(grants) > 1 {
		c.MultiAudience = new(true)
	}
	s, outcome := b.secret(f)
	c.Secrets = []apply.Secret{s}
	b.result.State.Clients = append(b.result.State.Clients, c)
	b.result.Clients = append(b.result.Clients, Client{ID: f.id, Name: f.name, Outcome: outcome.Outcome, Why: outcome.Why})
}

// oneLine returns what people wrote as the line that a name or a description is
// here.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// grants declares what a client may have, or says why that cannot be.
func (b *builder) grants(f found) (grants []apply.Grant, why string) {
	for _, identifier := range slices.Sorted(maps.Keys(f.scopes)) {
		scopes := f.scopes[identifier]
		for _, s := range scopes {
			if s != mintage.AllScopes && (!oauth.ValidScopeToken(s) || strings.Contains(s, mintage.AllScopes)) {
				return nil, fmt.Sprintf("its scope %q is none that can be granted by name", s)
			}
		}
		at := cmp.Or(identifier, b.opts.API)
		if at == "" {
			b.homeless = true
			continue
		}
		rs := b.server(at)
		for _, s := range scopes {
			if _, ok := rs.Scopes[s]; !ok && s != mintage.AllScopes {
				rs.Scopes[s] = ""
			}
		}
		scopes = slices.Clone(scopes)
		slices.Sort(scopes)
		grants = append(grants, apply.Grant{ResourceServer: at, Scopes: slices.Compact(scopes)})
	}
	return grants, ""
}

// secretName is the label of what comes from elsewhere.
const secretName = "imported"

// secret declares a client's secret, in a file of its own.
func (b *builder) secret(f found) (apply.Secret, Client) {
	at := path.Join("secrets", url.PathEscape(f.id))
	keep := func(suffix string) *apply.Ref {
		b.result.Files = append(b.result.Files, File{Path: at + suffix, Content: f.secret})
		return &apply.Ref{File: at + suffix}
	}
	why := "the source does not have its secret"
	switch {
	case f.secret == "":
	case !f.hashed:
		return apply.Secret{Name: secretName, Value: keep(".secret")}, Client{Outcome: Imported}
	case secret.CheckImported(f.secret.Reveal()) == nil:
		return apply.Secret{Name: secretName, Hash: keep(".hash")}, Client{Outcome: Imported, Why: "by the hash of its secret"}
	default:
		why = "the hash of its secret is of a kind that is not taken over"
	}
	return apply.Secret{Name: secretName, Generate: true, WriteTo: &apply.Target{File: at + ".env"}}, Client{Outcome: NewSecret, Why: why}
}

// finish puts the State together.
func (b *builder) finish() (*Result, error) {
	if b.homeless {
		return nil, errors.New("it has scopes that name no API: say the identifier of the API that they belong to")
	}
	s := b.result.State
	if b.opts.Issuer != "" {
		s.Tenants = []apply.Tenant{{ID: b.opts.Tenant, Issuer: &b.opts.Issuer, TokenPaths: map[string]string{b.from.path: b.from.speak}}}
	}
	for _, identifier := range b.order {
		s.ResourceServers = append(s.ResourceServers, *b.servers[identifier])
	}
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("what it declares is not valid: %w", err)
	}
	return b.result, nil
}
