package apply

import (
	"errors"
	"fmt"
	"time"

	"github.com/mintage-auth/mintage"
)

// Live is the live state of the tenants concerned (State.TenantIDs, and those
// that the source manages): all of their nouns, whole. The planner modifies
// none of them. AdminURL is the issuer of the built-in tenant, which is not
// among them.
type Live struct {
	AdminURL        string
	Tenants         []*mintage.Tenant
	Organizations   []*mintage.Organization
	ResourceServers []*mintage.ResourceServer
	Clients         []*mintage.Client
}

// Options is what a plan depends on beside the two states.
type Options struct {
	// Source names the declared state for ever: objects that it makes or adopts
	// carry it as ManagedBy. See Parsed.Source.
	Source string
	Now    time.Time
	// Digest is the keyed digest by which a changed secret is seen.
	Digest func(secret string) []byte
	// CheckHash says what is wrong with a hash that was made elsewhere, without
	// repeating it; nil means that any is right.
	CheckHash func(hash string) error
	// AllowDelete lets prune remove from protected tenants.
	AllowDelete bool
	// BuiltIn returns the resource server that every tenant has, for grants at a
	// tenant that the plan only makes; nil means there is none.
	BuiltIn func(tenant string) *mintage.ResourceServer
}

// Op is what becomes of an object.
type Op string

// Operations of a plan. What is OpLeft stays as it is and does not count.
const (
	OpAdd    Op = "add"
	OpChange Op = "change"
	OpRemove Op = "remove"
	OpLeft   Op = "left"
)

// Change is one object's line in a plan.
type Change struct {
	Op     Op     `json:"op"`
	Kind   string `json:"kind"` // KindTenants and so on
	Tenant string `json:"tenant"`
	ID     string `json:"id"`
	Name   string `json:"name,omitzero"`
	Diffs  []Diff `json:"diffs,omitzero"`
	Note   string `json:"note,omitzero"` // why it is left, or what removal means
}

// Diff is one member of an object that changes. Before is empty when there was
// nothing, After when there will be nothing; neither ever shows a secret.
type Diff struct {
	Path   string `json:"path"` // such as token.alg
	Before string `json:"before,omitzero"`
	After  string `json:"after,omitzero"`
}

// Wanted names a secret that the command is to generate before it applies.
type Wanted struct {
	Tenant     string `json:"tenant"`
	Client     string `json:"client"`
	Secret     string `json:"secret"` // its name
	Production bool   `json:"production"`
	// Hints are those of the secrets that the client has: a file that holds one
	// of them holds an old secret, not one that a crash left behind.
	Hints []string `json:"hints,omitzero"`
}

// Plan says what applying a state would do. It travels as JSON; only the one
// that MakePlan returned has an Outcome.
type Plan struct {
	// Hash stands for the changes and the versions of what they touch. Equal
	// hashes mean the same plan against the same world.
	Hash     string   `json:"hash"`
	Changes  []Change `json:"changes"`
	Generate []Wanted `json:"generate"`
	Secrets  int      `json:"secrets"` // how many secrets are made, replaced or retired
	// Protected says that the plan changes a protected tenant, so that somebody
	// must say yes.
	Protected bool `json:"protected"`

	outcome Outcome
	pending []pendingSecret
	opts    Options
}

// Empty reports whether the plan does nothing.
func (p *Plan) Empty() bool {
	for _, c := range p.Changes {
		if c.Op != OpLeft {
			return false
		}
	}
	return true
}

// MakePlan compares the live state with the one that is wanted. Its errors are
// *mintage.FieldError, one or several joined, with pointers into want.
func MakePlan(live Live, want *State, opts Options) (*Plan, error) {
	if err := want.Validate(); err != nil {
		return nil, err
	}
	p := newPlanner(live, want, opts)
	for i := range want.Tenants {
		p.tenant(i)
	}
	for i := range want.ResourceServers {
		p.resourceServer(i)
	}
	for i := range want.Organizations {
		p.organization(i)
	}
	for i := range want.Clients {
		p.client(i)
	}
	p.crossCheck()
	p.prune()
	if err := errors.Join(p.errs...); err != nil {
		return nil, err
	}
	return p.finish(), nil
}

// key is what an object is called: its tenant and its identifier there.
type key struct{ tenant, id string }

// planner holds the world as the plan leaves it, and where each object that
// the file has is in the file.
type planner struct {
	want *State
	opts Options
	live Live

	tenants map[string]*mintage.Tenant
	orgs    map[key]*mintage.Organization
	servers map[key]*mintage.ResourceServer
	clients map[key]*mintage.Client

	declared map[string]map[key]string // kind, object → JSON pointer
	removed  map[string]map[key]bool

	plan *Plan
	errs []error
}

func newPlanner(live Live, want *State, opts Options) *planner {
	p := &planner{
		want: want, opts: opts, live: live,
		tenants: map[string]*mintage.Tenant{}, orgs: map[key]*mintage.Organization{},
		servers: map[key]*mintage.ResourceServer{}, clients: map[key]*mintage.Client{},
		declared: map[string]map[key]string{}, removed: map[string]map[key]bool{},
		plan: &Plan{Changes: []Change{}, Generate: []Wanted{}, opts: opts},
	}
	for _, kind := range []string{KindTenants, KindOrganizations, KindResourceServers, KindClients} {
		p.declared[kind], p.removed[kind] = map[key]string{}, map[key]bool{}
	}
	for _, t := range live.Tenants {
		p.tenants[t.ID] = t
	}
	for _, o := range live.Organizations {
		p.orgs[key{o.Tenant, o.ID}] = o
	}
	for _, rs := range live.ResourceServers {
		p.servers[key{rs.Tenant, rs.Identifier}] = rs
	}
	for _, c := range live.Clients {
		p.clients[key{c.Tenant, c.ID}] = c
	}
	return p
}

// refuse records what is wrong below pointer.
func (p *planner) refuse(pointer string, err error) {
	if err != nil {
		p.errs = append(p.errs, mintage.Under(pointer, err))
	}
}

func (p *planner) refusef(pointer, format string, args ...any) {
	p.errs = append(p.errs, &mintage.FieldError{Pointer: pointer, Message: fmt.Sprintf(format, args...)})
}

// in returns the tenant that an object belongs to, or nil after a refusal.
func (p *planner) in(pointer, tenant string) *mintage.Tenant {
	t := p.tenants[tenant]
	switch {
	case tenant == mintage.BuiltInTenant:
		p.refusef(pointer, "the tenant %s is built in and not for files", tenant)
		return nil
	case t == nil:
		p.refusef(pointer, "there is no tenant %s, neither in the file nor on the server", tenant)
	}
	return t
}

// record adds a change to the plan.
func (p *planner) record(c Change) {
	p.plan.Changes = append(p.plan.Changes, c)
	if t := p.tenants[c.Tenant]; c.Op != OpLeft && t != nil && t.Protected {
		p.plan.Protected = true
	}
}

// changed records what changes of an object, whose version is zero when it is
// new, and reports whether anything does.
func (p *planner) changed(c Change, meta mintage.Meta, diffs []Diff) bool {
	c.Op, c.Diffs = OpChange, diffs
	if meta.Version == 0 {
		c.Op = OpAdd
	} else if len(diffs) == 0 {
		return false
	}
	p.record(c)
	return true
}

// meta returns the bookkeeping of an object that the file has.
func (p *planner) meta(live mintage.Meta) mintage.Meta {
	if live.Version == 0 {
		live = mintage.Meta{Created: p.now()}
	}
	live.ManagedBy = p.opts.Source
	return live
}

func (p *planner) now() time.Time { return p.opts.Now.UTC().Truncate(time.Second) }
