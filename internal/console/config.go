package console

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/yamlfile"
)

func configRoutes() []route {
	const at = "/t/{tenant}/config"
	return []route{
		{pattern: "GET " + at, access: operator, scope: "state:read", handle: (*console).config},
		{pattern: "GET " + at + "/export", access: operator, scope: "state:read", handle: (*console).exportConfig},
		{pattern: "POST " + at + "/plan", access: operator, scope: "state:write", handle: (*console).planConfig},
		{pattern: "POST " + at + "/apply", access: operator, scope: "state:write", handle: (*console).applyConfig},
	}
}

// configSource is what objects carry that were declared in the console.
const configSource = "console"

// configPage is the page of declared state.
type configPage struct {
	planned

	Sources  []sourceRow
	Hand     int // objects that no file declares
	Objects  []objectRow
	Many     bool // whether clients are too many to be among them
	Kinds    []option
	From     []option
	First    string
	Next     string
	Drifted  []driftRow
	Export   string
	BuiltIn  bool
	Text     string   // what was pasted
	Others   []option // tenants to compare with
	Compared string
	With     string
	Copy     *copyAs
}

// sourceRow is a file and how many objects it declares.
type sourceRow struct {
	Source  string
	Objects int
}

func (c *console) config(ctx context.Context, q *request) (*answer, error) {
	d, err := c.configPage(ctx, q)
	if err != nil {
		return nil, err
	}
	if with := q.query("with"); with != "" && with != q.tenant.ID && !d.BuiltIn {
		p, err := c.manager.Compare(ctx, q.tenant.ID, with)
		if err != nil {
			return nil, err
		}
		d.With, d.Compared = with, apply.RenderComparison(p, q.tenant.ID, with)
	}
	return shown("config", "config", "Configuration", d), nil
}

func (c *console) configPage(ctx context.Context, q *request) (*configPage, error) {
	d := &configPage{
		BuiltIn: q.tenant.BuiltIn(), Export: link(q.tenant.ID, "config", "export"), planned: planned{Type: q.typed(q.tenant.ID)},
	}
	rows, err := c.objects(ctx, q, d)
	if err != nil {
		return nil, err
	}
	d.countSources(rows)
	d.addObjects(q, rows)
	found, err := c.drift(ctx, q.tenant.ID, 0)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		d.Drifted = append(d.Drifted, driftRowOf(f))
	}
	return d, c.addOthers(ctx, q, d)
}

// objectRow is an object and who declares it.
type objectRow struct {
	Kind, ID, Name string
	Source         string // file; empty: it was made by hand
	Link           string
}

// objects are all of a tenant's that a file may declare, without clients where
// they are too many.
func (c *console) objects(ctx context.Context, q *request, d *configPage) ([]objectRow, error) {
	id := q.tenant.ID
	servers, err := c.manager.ResourceServers(ctx, id, "", 0)
	if err != nil {
		return nil, err
	}
	orgs, err := c.manager.Organizations(ctx, id, "", 0)
	if err != nil {
		return nil, err
	}
	clients, err := c.index.clients(ctx, id)
	if d.Many = errors.Is(err, errMany); err != nil && !d.Many {
		return nil, err
	}
	rows := []objectRow{{"tenant", id, "", q.tenant.ManagedBy, link(id, "settings")}}
	for _, rs := range servers {
		if !rs.BuiltIn() {
			rows = append(rows, objectRow{"API", rs.Identifier, rs.Name, rs.ManagedBy, link(id, "apis", rs.Identifier)})
		}
	}
	for _, o := range orgs {
		rows = append(rows, objectRow{"organization", o.ID, o.Name, o.ManagedBy, link(id, "organizations", o.ID)})
	}
	for _, cl := range clients {
		rows = append(rows, objectRow{"client", cl.ID, cl.Name, cl.ManagedBy, link(id, "clients", cl.ID)})
	}
	return rows, nil
}

// byHand stands for no file in an address.
const byHand = "-"

// addObjects adds the objects that the address asks for, a page of them.
func (d *configPage) addObjects(q *request, rows []objectRow) {
	kind, from := q.query("kind"), q.query("from")
	d.Kinds = options(kind, "", "anything", "tenant", "tenant", "API", "APIs", "organization", "organizations", "client", "clients")
	d.From = options(from, "", "anywhere", byHand, "by hand")
	for _, s := range d.Sources {
		d.From = append(d.From, option{Value: s.Source, Text: s.Source, Selected: s.Source == from})
	}
	page := max(1, days(q.query("page")))
	at, v := link(q.tenant.ID, "config"), q.r.URL.Query()
	skip := (page - 1) * pageSize
	for _, r := range rows {
		if kind != "" && r.Kind != kind || from != "" && cmp.Or(r.Source, byHand) != from {
			continue
		}
		if skip--; skip >= 0 {
			continue
		}
		if len(d.Objects) == pageSize {
			v.Set("page", strconv.Itoa(page+1))
			d.Next = at + "?" + v.Encode()
			break
		}
		d.Objects = append(d.Objects, r)
	}
	if page > 1 {
		v.Del("page")
		d.First = at + "?" + v.Encode()
	}
}

// driftRow is an object that is not as a file says.
type driftRow struct {
	Source, What, Name, Problem string
	Diff                        []memberDiff // is it, and would be as the file says
}

func driftRowOf(f manage.Drifted) driftRow {
	if f.Change == nil {
		return driftRow{Source: f.Source, Problem: f.Problem}
	}
	r := driftRow{Source: f.Source, What: strings.ReplaceAll(strings.TrimSuffix(f.Change.Kind, "s"), "_", " ") + " " + f.Change.ID, Name: f.Change.Name}
	if f.Change.Op == apply.OpAdd {
		r.Problem = "It is not there any more."
	}
	for _, d := range f.Change.Diffs {
		if f.Change.Op == apply.OpChange {
			r.Diff = append(r.Diff, memberDiff{Name: d.Path, Was: d.After, Is: d.Before})
		}
	}
	return r
}

// countSources counts objects by the file that declares them.
func (d *configPage) countSources(rows []objectRow) {
	n := map[string]int64{}
	for _, r := range rows {
		n[r.Source]++
	}
	d.Hand = int(n[""])
	delete(n, "")
	for _, t := range sorted(n) {
		d.Sources = append(d.Sources, sourceRow{t.Key, int(t.Count)})
	}
}

func (c *console) addOthers(ctx context.Context, q *request, d *configPage) error {
	tenants, err := c.manager.Tenants(ctx, "", 0)
	if err != nil {
		return err
	}
	for _, t := range tenants {
		if t.ID != q.tenant.ID && !t.BuiltIn() {
			d.Others = append(d.Others, option{Value: t.ID, Text: t.ID, Selected: t.ID == q.query("with")})
		}
	}
	return nil
}

// exportConfig is the tenant as a file.
func (c *console) exportConfig(ctx context.Context, q *request) (*answer, error) {
	state, err := c.manager.Export(ctx, q.tenant.ID)
	if err != nil {
		return nil, err
	}
	doc, err := json.Marshal(state)
	if err != nil {
		return nil, err
	}
	text, err := yamlfile.FromJSON(doc)
	if err != nil {
		return nil, err
	}
	return &answer{file: q.tenant.ID + ".yaml", media: "application/yaml;charset=UTF-8", body: text}, nil
}

// pasted reads declared state from a form. It may say nothing of secrets, which
// are found where the command runs, and nothing of other tenants than its
// own: a page is about one.
func (c *console) pasted(q *request) (manage.Declared, error) {
	p, err := apply.ParseDocument(configSource, ".", []byte(q.form.Get("state")))
	if err != nil {
		return manage.Declared{}, err
	}
	for i := range p.State.Clients {
		if len(p.State.Clients[i].Secrets) > 0 {
			return manage.Declared{}, errors.New("the client " + p.State.Clients[i].ID + " has secrets, which are files and variables where mintage apply runs: leave them out here, and add secrets at the client")
		}
	}
	for _, t := range p.State.TenantIDs() {
		if t != q.tenant.ID {
			return manage.Declared{}, errors.New("it is about the tenant " + t + " too: change to it, or use mintage apply")
		}
	}
	return manage.Declared{State: p.State, Source: configSource, Hash: q.text("hash")}, nil
}

// planConfig shows what applying what was pasted would change.
func (c *console) planConfig(ctx context.Context, q *request) (*answer, error) {
	d, err := c.configPage(ctx, q)
	if err != nil {
		return nil, err
	}
	d.Text = q.form.Get("state")
	declared, err := c.pasted(q)
	if err == nil {
		err = d.plan(ctx, c, q, declared)
	}
	if err != nil {
		return d.refused(d.page(), err)
	}
	d.Copy = c.asApplied(ctx, d.Text, declared, d.Hash)
	return d.page(), nil
}

// asApplied says how what was pasted is applied elsewhere.
func (c *console) asApplied(ctx context.Context, text string, d manage.Declared, hash string) *copyAs {
	as := &copyAs{CLI: command("apply", "-f", "tenants.yaml"), YAML: text}
	if doc, err := json.Marshal(d.State); err == nil {
		as.Curl = c.call(ctx, http.MethodPost, "/state/apply", adminclient.StateRequest{State: doc, Source: d.Source, Hash: hash})
	}
	return as
}

// applyConfig applies what was planned, if it is still the same plan.
func (c *console) applyConfig(ctx context.Context, q *request) (*answer, error) {
	d, err := c.configPage(ctx, q)
	if err != nil {
		return nil, err
	}
	d.Text = q.form.Get("state")
	if err := d.unconfirmed(q); err != nil {
		return d.refused(d.page(), err)
	}
	declared, err := c.pasted(q)
	if err != nil {
		return d.refused(d.page(), err)
	}
	done, err := d.apply(ctx, c, q, declared)
	if err != nil {
		return d.refused(d.page(), err)
	}
	return gone(link(q.tenant.ID, "config"), "Applied: "+done+"."), nil
}

func (d *configPage) page() *answer { return shown("config", "config", "Configuration", d) }

func lastLine(s string) string {
	all := lines(s)
	if len(all) == 0 {
		return ""
	}
	return strings.TrimSuffix(all[len(all)-1], ".")
}
