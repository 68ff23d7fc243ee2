package console

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
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
	Formats []option
	API     string
	Source  string // what was pasted
	SHA256  bool
	Problem string
	Clients []importer.Client // what would become of each
	Counts  [3]int            // imported, with a new secret, skipped
	Plan    string
	Hash    string
	Empty   bool
	Type    string
}

func (c *console) importForm(_ context.Context, q *request) (*answer, error) {
	return shown("import", "config", "Import clients", newImportPage(q)), nil
}

func newImportPage(q *request) *importPage {
	d := &importPage{API: q.text("api"), Source: q.form.Get("source"), SHA256: q.ticked("sha256"), Type: q.typed(q.tenant.ID)}
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
	if err != nil {
		return d.refused(err)
	}
	declared.Hash = ""
	p, err := c.manager.Plan(ctx, q.by(), declared)
	if err != nil {
		return d.refused(err)
	}
	d.Plan, d.Hash, d.Empty = apply.Render(p), p.Hash, p.Empty()
	return shown("import", "config", "Import clients", d), nil
}

// importApply takes them over, if it is still the same plan.
func (c *console) importApply(ctx context.Context, q *request) (*answer, error) {
	d := newImportPage(q)
	if d.Type != "" && q.text("confirm") != d.Type {
		return d.refused(errors.New("that is not " + d.Type + "; nothing was changed"))
	}
	declared, err := d.read(q)
	if err != nil {
		return d.refused(err)
	}
	if declared.Hash == "" {
		return nil, errForm
	}
	p, err := c.manager.Apply(ctx, q.by(), declared)
	if err != nil {
		return d.refused(err)
	}
	return gone(link(q.tenant.ID, "clients"), "Imported: "+cmp.Or(lastLine(apply.Render(p)), "no changes")+"."), nil
}

// refused is the page again with what is wrong; errors that are ours stay
// errors.
func (d *importPage) refused(err error) (*answer, error) {
	if errors.Is(err, mintage.ErrUnavailable) {
		return nil, err
	}
	d.Problem = err.Error()
	if errors.Is(err, mintage.ErrConflict) {
		d.Problem = "The tenant changed since the plan was made: look at the new plan first."
	}
	return again("import", "config", "Import clients", d), nil
}
