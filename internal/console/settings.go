package console

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
)

func settingRoutes() []route {
	const at, write = "/t/{tenant}/settings", "tenants:write"
	return []route{
		{pattern: "GET " + at, access: operator, scope: "tenants:read", handle: (*console).settings},
		{pattern: "POST " + at, access: operator, scope: write, handle: (*console).saveTenant},
		{pattern: "GET " + at + "/disable", access: operator, scope: write, handle: (*console).askDisableTenant},
		{pattern: "POST " + at + "/disable", access: operator, scope: write, handle: (*console).disableTenant},
		{pattern: "GET " + at + "/delete", access: operator, scope: write, handle: (*console).askDeleteTenant},
		{pattern: "POST " + at + "/delete", access: operator, scope: write, handle: (*console).deleteTenant},
		{pattern: "GET " + at + "/enable", access: operator, scope: write, handle: (*console).askEnableTenant},
		{pattern: "POST " + at + "/enable", access: operator, scope: write, handle: (*console).enableTenant},
		{pattern: "GET /tenants/new", access: operator, scope: write, handle: (*console).newTenant},
		{pattern: "POST /tenants", access: operator, scope: write, handle: (*console).createTenant},
	}
}

// tenantForm is the form about a tenant, and what is known of it.
type tenantForm struct {
	Problems                   problems
	New                        bool
	ID, Issuer                 string
	Aliases, Paths, Origins    string // one a line
	Protected, Nonces          bool
	Formats, Algs              []option
	Lifetime, Expires, Overlap string
	Version                    int64
	Endpoints                  []endpoint
	Documents                  []string
	Action, Type               string
	BuiltIn                    bool
	Server                     string // release
	State                      *ServerState
	Backup                     string // how the age of the last backup looks
	Spoken                     []spoken
	Tenants                    []option // value and issuer of each environment
	KeyPeriod                  time.Duration
	Dialects                   string
	Copy                       *copyAs
}

// tenantFields are the fields by the members of a tenant.
var tenantFields = map[string]string{
	"id": "id", "issuer": "issuer", "aliases": "aliases", "token_paths": "paths", "cors_origins": "origins", "token": "lifetime",
	"secret_lifetime": "expires", "secret_overlap": "overlap",
}

// spoken is a dialect and where it is spoken; no URL: nowhere, it is off.
type spoken struct {
	Name string
	URLs []string
}

// spokenBy returns all dialects, with the URLs at which a tenant speaks them.
func spokenBy(t *mintage.Tenant) []spoken {
	var out []spoken
	for _, d := range mintage.Dialects() {
		s := spoken{Name: d.Name}
		for _, e := range endpointsOf(t, nil) {
			if e.Dialect == d.Name {
				s.URLs = append(s.URLs, e.URL)
			}
		}
		out = append(out, s)
	}
	return out
}

func (f *tenantForm) choices(format, alg string) {
	f.Formats = options(format, "", "as built in: JWT", "jwt", "JWT, signed", "stored", "stored, opaque", "sealed", "sealed, opaque")
	f.Algs = options(alg, "", "as built in: "+mintage.DefaultTokenAlg)
	for _, a := range mintage.SigningAlgs() {
		f.Algs = append(f.Algs, option{Value: a, Text: a, Selected: a == alg})
	}
	var names []string
	for _, d := range mintage.Dialects() {
		names = append(names, d.Name)
	}
	f.Dialects = strings.Join(names, ", ")
}

// tenantOf makes the form of a tenant with what it has.
func (c *console) tenantOf(q *request) *tenantForm {
	t := q.tenant
	f := &tenantForm{
		ID: t.ID, Issuer: t.Issuer, Aliases: strings.Join(t.Aliases, "\n"), Origins: strings.Join(t.CORSOrigins, "\n"), Protected: t.Protected,
		Nonces: t.DPoPNonces, Version: t.Version, Endpoints: endpointsOf(t, nil), Action: link(t.ID, "settings"), Type: q.typed(t.ID), BuiltIn: t.BuiltIn(), Server: c.cfg.Version,
		Documents: []string{
			t.Issuer + "/.well-known/oauth-authorization-server", t.Issuer + "/.well-known/jwks.json", t.Issuer + "/oauth2/introspect", t.Issuer + "/oauth2/revoke",
		},
	}
	for _, p := range slices.Sorted(maps.Keys(t.TokenPaths)) {
		f.Paths += p + " " + t.TokenPaths[p] + "\n"
	}
	for _, d := range []struct {
		at *string
		is time.Duration
	}{{&f.Lifetime, t.Token.Lifetime}, {&f.Expires, t.SecretLifetime}, {&f.Overlap, t.SecretOverlap}} {
		if d.is > 0 {
			*d.at = fileDuration(d.is)
		}
	}
	f.choices(string(t.Token.Format), t.Token.Alg)
	if !f.BuiltIn {
		f.Copy = &copyAs{YAML: wholeTenant(t)}
	}
	return f
}

func (c *console) settings(ctx context.Context, q *request) (*answer, error) {
	f, err := c.settingsOfTenant(ctx, q)
	if err != nil {
		return nil, err
	}
	return shown("settings", "settings", "Settings", f), nil
}

// settingsOfTenant makes the form of a tenant, with what is known of the server
// and the other environments.
func (c *console) settingsOfTenant(ctx context.Context, q *request) (*tenantForm, error) {
	f := c.tenantOf(q)
	f.State = c.state(ctx)
	f.Backup, f.Spoken, f.KeyPeriod = f.State.BackupKind(c.cfg.Now()), spokenBy(q.tenant), c.manager.KeyPeriodOf(q.tenant)
	ts, err := c.manager.Tenants(ctx, "", maxSwitch)
	for _, t := range ts {
		f.Tenants = append(f.Tenants, option{Value: t.ID, Text: t.Issuer, Selected: t.Protected})
	}
	return f, err
}

// readTenant reads the form into t.
func readTenant(q *request, t *mintage.Tenant) problems {
	p := problems{}
	t.Issuer, t.Aliases, t.CORSOrigins = q.text("issuer"), lines(q.text("aliases")), lines(q.text("origins"))
	t.Protected, t.DPoPNonces = q.ticked("protected"), q.ticked("dpop_nonces")
	t.TokenPaths = nil
	for _, line := range lines(q.text("paths")) {
		path, dialect, _ := strings.Cut(line, " ")
		if t.TokenPaths == nil {
			t.TokenPaths = map[string]string{}
		}
		t.TokenPaths[path] = cmp.Or(strings.TrimSpace(dialect), mintage.DialectRFC)
	}
	t.Token.Format, t.Token.Alg = mintage.TokenFormat(q.text("format")), q.text("alg")
	t.Token.Lifetime = readDuration(q, "lifetime", p)
	t.SecretLifetime, t.SecretOverlap = readDuration(q, "expires", p), readDuration(q, "overlap", p)
	return p
}

// resend fills the form in as it was sent.
func (f *tenantForm) resend(q *request, p problems) {
	f.Problems, f.ID, f.Issuer, f.Aliases, f.Paths = p, cmp.Or(f.ID, q.text("id")), q.text("issuer"), q.text("aliases"), q.text("paths")
	f.Origins, f.Protected, f.Lifetime, f.Expires = q.text("origins"), q.ticked("protected"), q.text("lifetime"), q.text("expires")
	f.Overlap, f.Nonces, f.Version = q.text("overlap"), q.ticked("dpop_nonces"), q.version()
	f.choices(q.text("format"), q.text("alg"))
}

func (c *console) saveTenant(ctx context.Context, q *request) (*answer, error) {
	f, err := c.settingsOfTenant(ctx, q)
	if err != nil {
		return nil, err
	}
	tried := *q.tenant
	p := readTenant(q, &tried)
	if q.previews() {
		as := &copyAs{}
		if tried.Token.Lifetime > 0 || q.tenant.Token.Lifetime == 0 { // a file cannot take it away
			as.YAML = wholeTenant(&tried)
		}
		return elsewhere("settings", as), nil
	}
	if f.Type != "" && q.text("confirm") != f.Type {
		p.add("", "That is not "+f.Type+". Nothing was changed.")
	}
	if len(p) == 0 {
		_, err := c.manager.UpdateTenant(ctx, q.by(), q.tenant.ID, q.version(), func(t *mintage.Tenant) error {
			claims := t.Token.Claims
			readTenant(q, t)
			t.Token.Claims = claims
			return nil
		})
		if err == nil {
			return gone(f.Action, "The settings are changed."), nil
		}
		if p = problemsOf(err, tenantFields); p == nil {
			return nil, err
		}
	}
	f.resend(q, p)
	return again("settings", "settings", "Settings", f), nil
}

func (c *console) newTenant(context.Context, *request) (*answer, error) {
	f := &tenantForm{New: true, Action: Prefix + "/tenants"}
	f.choices("", "")
	return shown("settings", "settings", "New tenant", f), nil
}

func (c *console) createTenant(ctx context.Context, q *request) (*answer, error) {
	t := &mintage.Tenant{ID: q.text("id")}
	p := readTenant(q, t)
	if q.previews() {
		return elsewhere("settings", c.asTenantMade(ctx, t)), nil
	}
	if len(p) == 0 {
		_, err := c.manager.CreateTenant(ctx, q.by(), t)
		if err == nil {
			return gone(link(t.ID, "overview"), "The tenant is there."), nil
		}
		if p = problemsOf(err, tenantFields); p == nil {
			return nil, err
		}
	}
	f := &tenantForm{New: true, Action: Prefix + "/tenants"}
	f.resend(q, p)
	return again("settings", "settings", "New tenant", f), nil
}

// tenantQuestion asks before a tenant is disabled.
func (c *console) tenantQuestion(ctx context.Context, q *request) *ask {
	at := link(q.tenant.ID, "settings")
	return &ask{
		Title: "Disable the tenant " + q.tenant.ID, Nav: "settings", Action: at + "/disable", Button: "Disable", Back: at, Type: q.typed(q.tenant.ID),
		Text: "It answers nothing from now on: no token, no key set, no introspection. It can be enabled again.",
		Copy: c.asSwitched(ctx, q.tenant.ID, true),
	}
}

// enableTenantQuestion asks before a tenant answers again.
func (c *console) enableTenantQuestion(ctx context.Context, q *request) *ask {
	at := link(q.tenant.ID, "settings")
	return &ask{
		Title: "Enable the tenant " + q.tenant.ID, Nav: "settings", Action: at + "/enable", Button: "Enable", Safe: true, Back: at,
		Text: "It answers again, as before it was disabled.",
		Copy: c.asSwitched(ctx, q.tenant.ID, false),
	}
}

func (c *console) askDisableTenant(ctx context.Context, q *request) (*answer, error) {
	return c.tenantQuestion(ctx, q).page(), nil
}

func (c *console) askEnableTenant(ctx context.Context, q *request) (*answer, error) {
	return c.enableTenantQuestion(ctx, q).page(), nil
}

func (c *console) disableTenant(ctx context.Context, q *request) (*answer, error) {
	return c.tenantQuestion(ctx, q).carriedOut(q, "The tenant is disabled: it answers nothing.", func() error {
		return c.setDisabled(ctx, q, true)
	})
}

func (c *console) enableTenant(ctx context.Context, q *request) (*answer, error) {
	return c.enableTenantQuestion(ctx, q).carriedOut(q, "The tenant is enabled.", func() error {
		return c.setDisabled(ctx, q, false)
	})
}

func (c *console) setDisabled(ctx context.Context, q *request, disabled bool) error {
	_, err := c.manager.UpdateTenant(ctx, q.by(), q.tenant.ID, 0, func(t *mintage.Tenant) error {
		t.Disabled = disabled
		return nil
	})
	return err
}
