package apply

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/yamlfile"
)

// maxFile bounds one file, in bytes: a hundred thousand clients fit.
const maxFile = 64 << 20

// Parsed is a State and where each of its members was written.
type Parsed struct {
	State *State
	// Source is the base name of the file or folder: what objects carry as
	// ManagedBy. It is the same wherever the command is run.
	Source string

	root  yamlfile.Node
	nodes map[string]yamlfile.Node // JSON pointer of an object → the object
	names map[[3]string]yamlfile.Node
	errs  []error
}

// Parse reads a file, or all files of a folder that end in .yaml or .yml, as
// one declared state. Paths of secrets in it are taken from the folder of the
// file that names them. The error tells all that is wrong, each with file,
// line, column, the line itself and a caret.
func Parse(path string) (*Parsed, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	files := []string{path}
	if info.IsDir() {
		if files, err = yamlFiles(path); err != nil {
			return nil, err
		}
	}
	p := newParsed(filepath.Base(absolute(path)))
	for _, name := range files {
		data, err := readFile(name)
		if err != nil {
			return nil, err
		}
		p.add(name, filepath.Dir(name), data)
	}
	return p.finish()
}

// ParseDocument reads data as the whole declared state. Name is what errors
// and ManagedBy call it; paths of secrets are taken from the folder dir.
func ParseDocument(name, dir string, data []byte) (*Parsed, error) {
	p := newParsed(name)
	p.add(name, dir, data)
	return p.finish()
}

func newParsed(source string) *Parsed {
	return &Parsed{
		State: &State{APIVersion: APIVersion}, Source: source,
		nodes: map[string]yamlfile.Node{}, names: map[[3]string]yamlfile.Node{},
	}
}

// absolute makes "." and ".." say which folder they mean.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

func yamlFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") && (ext == ".yaml" || ext == ".yml") {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: the folder has no file that ends in .yaml or .yml", dir)
	}
	return files, nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s: the file is larger than %d MiB", name, maxFile>>20)
	}
	return data, err
}

// add reads one file into the state.
func (p *Parsed) add(name, dir string, data []byte) {
	f, err := yamlfile.Parse(name, data)
	if err != nil {
		p.errs = append(p.errs, err)
		return
	}
	r := &reader{p: p, dir: dir}
	r.document(f.Root())
	if err := f.Err(); err != nil {
		p.errs = append(p.errs, err)
	}
	if p.root.IsZero() {
		p.root = f.Root()
	}
}

// finish checks what was read. What the rules of the nouns say is told here
// already, where the file alone shows it.
func (p *Parsed) finish() (*Parsed, error) {
	if len(p.errs) > 0 {
		return nil, errors.Join(p.errs...)
	}
	if err := errors.Join(p.State.Validate(), p.checkNouns()); err != nil {
		return nil, p.Locate(err)
	}
	return p, nil
}

// declare notes where an object is, and that it is there once in each tenant.
func (p *Parsed) declare(kind string, i int, id string, tenants []string, n yamlfile.Node) {
	p.nodes[mintage.Pointer(kind, i)] = n
	for _, tenant := range tenants {
		k := [3]string{kind, tenant, id}
		if first, twice := p.names[k]; twice && id != "" {
			n.Errorf("%s is there twice in the tenant %s; the first is at %s", id, tenant, first.Place())
			continue
		}
		p.names[k] = n
	}
}

// Locate returns err with each *mintage.FieldError in it, whose pointer is
// into the State, put as an error of the file: with line, column and caret. Any
// other error comes back as it is.
func (p *Parsed) Locate(err error) error {
	fields := mintage.FieldErrors(err)
	if len(fields) == 0 {
		return err
	}
	var all []*yamlfile.Error
	for _, e := range fields {
		n, _ := p.find(e.Pointer)
		all = append(all, n.Error("%s", e.Message))
	}
	return yamlfile.Join(all...)
}

// find returns the node that a pointer into the state leads to, or the nearest
// above it; whole says that it is the node itself.
func (p *Parsed) find(pointer string) (n yamlfile.Node, whole bool) {
	tokens := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, token := range tokens {
		tokens[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
	}
	if len(tokens) >= 2 {
		if n, ok := p.nodes["/"+tokens[0]+"/"+tokens[1]]; ok {
			return n.At(tokens[2:]...)
		}
	}
	return p.root.At(tokens...)
}

// checkNouns applies the rules of the nouns to what is written, and leaves out
// what only the live state can tell: members that are not written.
func (p *Parsed) checkNouns() error {
	var errs []error
	written := func(prefix string, err error) {
		for _, e := range mintage.FieldErrors(mintage.Under(prefix, err)) {
			if _, whole := p.find(e.Pointer); whole {
				errs = append(errs, e)
			}
		}
	}
	s := p.State
	for i := range s.Tenants {
		t := &mintage.Tenant{ID: s.Tenants[i].ID}
		s.Tenants[i].overlay(t)
		written(mintage.Pointer(KindTenants, i), t.Validate())
	}
	for i := range s.Organizations {
		o := &mintage.Organization{ID: s.Organizations[i].ID}
		put(&o.Name, s.Organizations[i].Name)
		put(&o.MaxClients, s.Organizations[i].MaxClients)
		o.Grants = asWritten(s.Organizations[i].Grants)
		written(mintage.Pointer(KindOrganizations, i), o.Validate())
	}
	for i := range s.ResourceServers {
		rs := &mintage.ResourceServer{Identifier: s.ResourceServers[i].Identifier}
		s.ResourceServers[i].overlay(rs)
		written(mintage.Pointer(KindResourceServers, i), rs.Validate())
	}
	planner := newPlanner(Live{}, s, Options{})
	for i := range s.Clients {
		w := s.Clients[i] // a copy, without what names other objects
		w.Grants, w.DefaultScope = nil, nil
		w.unresolved()
		c := &mintage.Client{ID: w.ID}
		planner.overlayClient(&w, c, mintage.Pointer(KindClients, i))
		c.Grants = asWritten(s.Clients[i].Grants)
		written(mintage.Pointer(KindClients, i), c.Validate())
	}
	written("", errors.Join(planner.errs...))
	return errors.Join(errs...)
}

// asWritten returns grants with their resource servers as the file calls them.
func asWritten(grants []Grant) (out []mintage.Grant) {
	for _, g := range grants {
		out = append(out, mintage.Grant{ResourceServer: g.ResourceServer, Scopes: slices.Clone(g.Scopes)})
	}
	return out
}
