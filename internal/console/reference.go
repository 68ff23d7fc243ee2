package console

import (
	"context"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apidoc"
)

// The reference of the admin API is open, as the document is that it is made
// from: it tells nothing of this server but what it can do.
func referenceRoutes() []route {
	return []route{
		{pattern: "GET /reference", access: open, handle: (*console).referenceIndex},
		{pattern: "GET /reference/{group}", access: open, handle: (*console).referenceGroup},
	}
}

// referencePage is the first page of the reference, or that of a group.
type referencePage struct {
	*apidoc.Reference
	Group  *apidoc.Group // nil on the first page
	Common []string
}

// Errors is where the page of a reason is, below the documentation.
func (p *referencePage) Errors(code string) string { return "/errors/reasons/" + code }

// reference returns what there is to show, which is read when somebody first
// asks.
func (c *console) reference() (*referencePage, error) {
	if c.cfg.OpenAPI == nil {
		return nil, mintage.ErrNotFound
	}
	r, err := c.apiReference()
	if err != nil {
		return nil, err
	}
	return &referencePage{Reference: r, Common: apidoc.Common}, nil
}

// parseReference reads the OpenAPI document.
func (c *console) parseReference() (*apidoc.Reference, error) {
	document, err := c.cfg.OpenAPI()
	if err != nil {
		return nil, err
	}
	return apidoc.Parse(document)
}

func (c *console) referenceIndex(context.Context, *request) (*answer, error) {
	p, err := c.reference()
	if err != nil {
		return nil, err
	}
	return shown("reference", "", "Admin API", p), nil
}

func (c *console) referenceGroup(_ context.Context, q *request) (*answer, error) {
	p, err := c.reference()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(p.Groups, func(g apidoc.Group) bool { return g.Key == q.value("group") })
	if i < 0 {
		return nil, mintage.ErrNotFound
	}
	p.Group = &p.Groups[i]
	return shown("reference", "", p.Group.Title+" · Admin API", p), nil
}

// referenceLink is the address of a group's page, or of something on it.
func referenceLink(group string, parts ...string) string {
	at := Prefix + "/reference"
	if group != "" {
		at += "/" + group
	}
	if len(parts) > 0 {
		at += "#" + strings.Join(parts, "")
	}
	return at
}
