package console

import (
	"context"
	"strings"

	"github.com/mintage-auth/mintage/internal/importer"
	"github.com/mintage-auth/mintage/internal/manage"
)

func importRoutes() []route {
	const at = "/t/{tenant}/import"
	return []route{
		{pattern: "GET " + at, access: operator, scope: "state:write", handle: (*console).importForm},
		{pattern: "POST " + at, access: operator, scope: "state:write", handle: (*console).importPreview},
		{pattern: "POST " + at + "/apply", access: operator, scope: "state:write", handle: (*console).importApply},
	}
}

// importPage is the page that takes over the clients of another server.
type importPage struct {
	planned

	Formats []option
	API     string
	Source  string // what was pasted
	SHA256  bool
	Clients []importer.Client // what would become of each
	Counts  [3]int            // imported, with a new secret, skipped
}

func (c *console) importForm(_ context.Context, q *request) (*answer, error) {
	return newImportPage(q).page(), nil
}

func newImportPage(q *request) *importPage {
	d := &importPage{API: q.text("api"), Source: q.form.Get("source"), SHA256: q.ticked("sha256"), planned: planned{Type: q.typed(q.tenant.ID)}}
	for _, f := range importer.Formats() {
		name := string(f)
		d.Formats = append(d.Formats, option{Value: name, Text: strings.ToUpper(name[:1]) + name[1:], Selected: name == q.text("format")})
	}
	return d
}

// read returns what the pasted source declares, as the server takes it.
func (d *importPage) read(q *request) (manage.Declared, error) {
	r, err := importer.Read(importer.Format(q.text("format")), strings.NewReader(d.Source), importer.Options{
		Tenant: q.tenant.ID, API: d.API, SHA256: d.SHA256,
	})
	if err != nil {
		return manage.Declared{}, err
	}
	d.Clients = r.Clients
	for i, o := range []importer.Outcome{importer.Imported, importer.NewSecret, importer.Skipped} {
		d.Counts[i] = r.Count(o)
	}
	return manage.Declared{State: r.Resolved(), Source: configSource, Hash: q.text("hash")}, nil
}

// importPreview shows what would become of each client, and the plan.
func (c *console) importPreview(ctx context.Context, q *request) (*answer, error) {
	d := newImportPage(q)
	declared, err := d.read(q)
	if err == nil {
		err = d.plan(ctx, c, q, declared)
	}
	if err != nil {
		return d.refused(d.page(), err)
	}
	return d.page(), nil
}

// importApply takes them over, if it is still the same plan.
func (c *console) importApply(ctx context.Context, q *request) (*answer, error) {
	d := newImportPage(q)
	if err := d.unconfirmed(q); err != nil {
		return d.refused(d.page(), err)
	}
	declared, err := d.read(q)
	if err != nil {
		return d.refused(d.page(), err)
	}
	done, err := d.apply(ctx, c, q, declared)
	if err != nil {
		return d.refused(d.page(), err)
	}
	return gone(link(q.tenant.ID, "clients"), "Imported: "+done+"."), nil
}

func (d *importPage) page() *answer { return shown("import", "config", "Import clients", d) }
