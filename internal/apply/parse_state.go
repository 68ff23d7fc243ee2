package apply

import (
	"path/filepath"
	"strconv"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/yamlfile"
)

// reader reads one file into p.
type reader struct {
	p   *Parsed
	dir string
}

func (r *reader) document(root yamlfile.Node) {
	versioned := false
	s := r.p.State
	ok := root.Object(yamlfile.Fields{
		"apiVersion": func(n yamlfile.Node) {
			versioned = true
			if v, ok := n.Text(); ok && v != APIVersion {
				n.Errorf("this version reads apiVersion %s", APIVersion)
			}
		},
		KindTenants:         func(n yamlfile.Node) { n.Each(func(_ int, n yamlfile.Node) { r.tenant(n) }) },
		KindOrganizations:   func(n yamlfile.Node) { n.Each(func(_ int, n yamlfile.Node) { r.organization(n) }) },
		KindResourceServers: func(n yamlfile.Node) { n.Each(func(_ int, n yamlfile.Node) { r.resourceServer(n) }) },
		KindClients:         func(n yamlfile.Node) { n.Each(func(_ int, n yamlfile.Node) { r.client(n) }) },
		"prune": func(n yamlfile.Node) {
			n.Each(func(_ int, n yamlfile.Node) {
				if kind, ok := n.Text(); ok {
					r.p.nodes[mintage.Pointer("prune", len(s.Prune))] = n
					s.Prune = append(s.Prune, kind)
				}
			})
		},
	})
	if ok && !versioned {
		root.Errorf("the file begins with apiVersion: %s", APIVersion)
	}
}

func (r *reader) tenant(n yamlfile.Node) {
	var t Tenant
	if !n.Object(yamlfile.Fields{
		"id":           text(&t.ID),
		"issuer":       textPointer(&t.Issuer),
		"aliases":      texts(&t.Aliases),
		"protected":    boolPointer(&t.Protected),
		"disabled":     boolPointer(&t.Disabled),
		"token_paths":  textMap(&t.TokenPaths),
		"token":        token(&t.Token),
		"secret":       func(n yamlfile.Node) { t.Secret = secretPolicy(n) },
		"keys":         func(n yamlfile.Node) { t.Keys = keyPolicy(n) },
		"dpop_nonces":  boolPointer(&t.DPoPNonces),
		"cors_origins": texts(&t.CORSOrigins),
	}) {
		return
	}
	r.p.declare(KindTenants, len(r.p.State.Tenants), t.ID, []string{t.ID}, n)
	r.p.State.Tenants = append(r.p.State.Tenants, t)
}

func secretPolicy(n yamlfile.Node) *SecretPolicy {
	p := &SecretPolicy{}
	n.Object(yamlfile.Fields{
		"expires": duration(&p.Expires, true),
		"overlap": duration(&p.Overlap, false),
		"rotate_every": func(n yamlfile.Node) {
			n.KeyErrorf("rotate_every belongs to a secret that has write_to: whoever needs the new one has to get it")
		},
	})
	return p
}

func keyPolicy(n yamlfile.Node) *KeyPolicy {
	p := &KeyPolicy{}
	n.Object(yamlfile.Fields{"period": duration(&p.Period, true)})
	return p
}

func (r *reader) organization(n yamlfile.Node) {
	var o Organization
	if !n.Object(r.owned(&o.Tenants, yamlfile.Fields{
		"id":          text(&o.ID),
		"name":        textPointer(&o.Name),
		"grants":      func(n yamlfile.Node) { o.Grants = grants(n) },
		"max_clients": count(&o.MaxClients, "how many clients it may have at most, such as 20"),
	})) {
		return
	}
	r.p.declare(KindOrganizations, len(r.p.State.Organizations), o.ID, o.Tenants, n)
	r.p.State.Organizations = append(r.p.State.Organizations, o)
}

func (r *reader) resourceServer(n yamlfile.Node) {
	var rs ResourceServer
	if !n.Object(r.owned(&rs.Tenants, yamlfile.Fields{
		"identifier":    text(&rs.Identifier),
		"name":          textPointer(&rs.Name),
		"scope_prefix":  textPointer(&rs.ScopePrefix),
		"scopes":        textMap(&rs.Scopes),
		"token":         token(&rs.Token),
		"introspectors": texts(&rs.Introspectors),

		"dpop_bound_access_tokens": boolPointer(&rs.DPoPBound),
	})) {
		return
	}
	r.p.declare(KindResourceServers, len(r.p.State.ResourceServers), rs.Identifier, rs.Tenants, n)
	r.p.State.ResourceServers = append(r.p.State.ResourceServers, rs)
}

func (r *reader) client(n yamlfile.Node) {
	var c Client
	if !n.Object(r.owned(&c.Tenants, yamlfile.Fields{
		"id":             text(&c.ID),
		"name":           textPointer(&c.Name),
		"organization":   textPointer(&c.Organization),
		"disabled":       boolPointer(&c.Disabled),
		"dialects":       texts(&c.Dialects),
		"grant_types":    texts(&c.GrantTypes),
		"token":          token(&c.Token),
		"default_scope":  func(n yamlfile.Node) { c.DefaultScope = defaultScope(n) },
		"multi_audience": boolPointer(&c.MultiAudience),
		"downscope":      boolPointer(&c.Downscope),
		"ladder":         textMap(&c.Ladder),
		"allow_from":     texts(&c.AllowFrom),
		"labels":         textMap(&c.Labels),
		"grants":         func(n yamlfile.Node) { c.Grants = grants(n) },
		"secrets":        func(n yamlfile.Node) { c.Secrets = r.secrets(n) },
		"auth_methods":   texts(&c.AuthMethods),
		"jwks_uri":       textPointer(&c.JWKSURI),
		"jwks":           func(n yamlfile.Node) { c.JWKS = r.jwks(n) },
		"limits":         func(n yamlfile.Node) { c.Limits = limits(n) },

		"dpop_bound_access_tokens": boolPointer(&c.DPoPBound),
	})) {
		return
	}
	r.p.declare(KindClients, len(r.p.State.Clients), c.ID, c.Tenants, n)
	r.p.State.Clients = append(r.p.State.Clients, c)
}

// owned adds the two ways of saying which tenants an object is in.
func (r *reader) owned(tenants *[]string, fields yamlfile.Fields) yamlfile.Fields {
	said := false
	once := func(n yamlfile.Node) bool {
		if said {
			n.KeyErrorf("write tenant or tenants, not both")
		}
		first := !said
		said = true
		return first
	}
	fields["tenant"] = func(n yamlfile.Node) {
		if t, ok := n.Text(); ok && once(n) {
			*tenants = []string{t}
		}
	}
	fields["tenants"] = func(n yamlfile.Node) {
		if all, ok := n.Texts(); ok && once(n) {
			*tenants = all
		}
	}
	return fields
}

func limits(n yamlfile.Node) *Limits {
	l := &Limits{}
	n.Object(yamlfile.Fields{
		"tokens_per_minute":         perMinute(&l.TokensPerMinute),
		"introspections_per_minute": perMinute(&l.IntrospectionsPerMinute),
	})
	return l
}

func grants(n yamlfile.Node) []Grant {
	all := []Grant{}
	n.Each(func(_ int, n yamlfile.Node) {
		var g Grant
		n.Object(yamlfile.Fields{
			"resource_server": text(&g.ResourceServer),
			"scopes":          texts(&g.Scopes),
		})
		all = append(all, g)
	})
	return all
}

// defaultScope reads all, none or a list.
func defaultScope(n yamlfile.Node) []string {
	if !n.Scalar() {
		list, _ := n.Texts()
		return list
	}
	switch word, _ := n.Text(); word {
	case "all":
		return []string{mintage.AllScopes}
	case "none":
		return []string{}
	}
	n.Errorf("write all, none or a list of scopes")
	return nil
}

func (r *reader) secrets(n yamlfile.Node) []Secret {
	all := []Secret{}
	n.Secretive().Each(func(_ int, n yamlfile.Node) {
		var s Secret
		n.Object(yamlfile.Fields{
			"name":         text(&s.Name),
			"value":        func(n yamlfile.Node) { s.Value = r.ref(n, "value") },
			"hash":         func(n yamlfile.Node) { s.Hash = r.ref(n, "hash") },
			"expires":      duration(&s.Expires, true),
			"write_to":     func(n yamlfile.Node) { s.WriteTo = r.target(n) },
			"rotate_every": duration(&s.RotateEvery, false),
			"generate": func(n yamlfile.Node) {
				s.Generate, _ = n.Bool()
			},
		})
		if s.Generate && s.WriteTo == nil {
			n.Errorf("a generated secret is shown once: say where it goes with write_to: { file: ... }")
		}
		all = append(all, s)
	})
	return all
}

// ref reads where a secret or a hash is. One that is written in the file
// itself is refused, and not shown.
func (r *reader) ref(n yamlfile.Node, what string) *Ref {
	ref := &Ref{}
	if n.Scalar() {
		n.Refuse("no secret is written in this file: use %s: { env: NAME } or %s: { file: PATH }", what, what)
		return ref
	}
	if !n.Object(yamlfile.Fields{
		"env":  text(&ref.Env),
		"file": r.path(&ref.File),
		"sops": func(n yamlfile.Node) {
			n.KeyErrorf("sops is not supported by this version: run mintage under sops exec-env, and use env")
			ref.File = "sops"
		},
	}) {
		return ref
	}
	if (ref.Env == "") == (ref.File == "") {
		n.Errorf("say where the %s is: env or file, one of them", what)
	}
	return ref
}

func (r *reader) target(n yamlfile.Node) *Target {
	t := &Target{}
	later := func(n yamlfile.Node) {
		unsupported(n)
		t.File = n.Key() // told once
	}
	if n.Object(yamlfile.Fields{
		"file":       r.path(&t.File),
		"kubernetes": later,
		"command":    later,
	}) && t.File == "" {
		n.Errorf("write_to says the file: { file: PATH }")
	}
	return t
}

// path reads a path, which is relative to the folder of the file.
func (r *reader) path(dst *string) func(yamlfile.Node) {
	return func(n yamlfile.Node) {
		s, ok := n.Text()
		switch {
		case !ok:
		case s == "":
			n.Errorf("the path is empty")
		case filepath.IsAbs(s):
			*dst = filepath.Clean(s)
		default:
			*dst = filepath.Join(r.dir, s)
		}
	}
}

// unsupported refuses a key that later versions read.
func unsupported(n yamlfile.Node) { n.KeyErrorf("%s is not supported by this version", n.Key()) }

func text(dst *string) func(yamlfile.Node) {
	return func(n yamlfile.Node) { *dst, _ = n.Text() }
}

func textPointer(dst **string) func(yamlfile.Node) {
	return func(n yamlfile.Node) {
		if s, ok := n.Text(); ok {
			*dst = &s
		}
	}
}

func boolPointer(dst **bool) func(yamlfile.Node) {
	return func(n yamlfile.Node) {
		if b, ok := n.Bool(); ok {
			*dst = &b
		}
	}
}

func texts(dst *[]string) func(yamlfile.Node) {
	return func(n yamlfile.Node) { *dst, _ = n.Texts() }
}

func textMap(dst *map[string]string) func(yamlfile.Node) {
	return func(n yamlfile.Node) { *dst, _ = n.TextMap() }
}

// duration reads a duration; endless says whether never is one here.
func duration(dst **Duration, endless bool) func(yamlfile.Node) {
	return func(n yamlfile.Node) {
		s, ok := n.Text()
		if !ok {
			return
		}
		d, err := ParseDuration(s)
		switch {
		case err != nil:
			n.Errorf("%s", err)
		case d == 0 && !endless:
			n.Errorf("%s", yamlfile.ErrDuration)
		default:
			*dst = &d
		}
	}
}

func token(dst **Token) func(yamlfile.Node) {
	return func(n yamlfile.Node) {
		t := &Token{}
		n.Object(yamlfile.Fields{
			"format":   textPointer(&t.Format),
			"alg":      textPointer(&t.Alg),
			"claims":   textPointer(&t.Claims),
			"lifetime": duration(&t.Lifetime, false),
		})
		*dst = t
	}
}

// perMinute reads how often something may happen in a minute.
func perMinute(dst **int) func(yamlfile.Node) {
	return count(dst, "how many in a minute, such as 60")
}

// count reads a number that is a bound, or zero.
func count(dst **int, what string) func(yamlfile.Node) {
	return func(n yamlfile.Node) {
		s, ok := n.Text()
		if !ok {
			return
		}
		i, err := strconv.Atoi(s)
		if err != nil || i < 0 {
			n.Errorf("write %s, or 0 for no bound", what)
			return
		}
		*dst = &i
	}
}
