package apidoc

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Reference is all that there is to say of the API.
type Reference struct {
	Title, Version, Description string
	Prefix                      string // of all paths
	Groups                      []Group
}

// Group is what the API does with one kind of thing.
type Group struct {
	Key, Title string
	Operations []Operation
	Documents  []Document // what its operations take and answer, sorted
}

// Operation is one operation.
type Operation struct {
	ID, Method, Path, Summary string
	Token                     bool   // whether it needs a token
	Scope                     string // that the token needs; empty: none
	Once                      bool   // whether it takes an Idempotency-Key
	Member                    bool   // whether it is there for tokens of an organization
	Parameters                []Member
	Body                      string   // name of the document that it takes; empty: none
	Media                     []string // of the body
	Patch                     bool     // whether any part of the body will do
	Answers                   []Answer
	Reasons                   []string // codes of its refusals
	Curl                      string
	Example                   string // of the body, as JSON
}

// Answer is a success.
type Answer struct {
	Status   string
	Document string // empty: there is no body
	Headers  []Member
}

// Document is a JSON document with its members, those of nested ones too.
type Document struct {
	Name    string
	Members []Member
}

// Member is a member of a document, a parameter or a header.
type Member struct {
	Name     string // nested ones as token.lifetime and grants[].scopes
	In       string // of a parameter: path, query or header
	Type     string
	Required bool
	ReadOnly bool // only ever answered
	SendOnly bool // never answered
	Doc      string
}

// order is that of the groups; what is not here comes after.
var order = []string{
	"tenants", "organizations", "resource-servers", "clients", "keys", "tokens", "requests", "usage", "audit", "state", "operators", "self",
}

// titles are those of groups whose key does not say it.
var titles = map[string]string{
	"resource-servers": "Resource servers and scopes", "clients": "Clients and their secrets", "keys": "Signing keys", "requests": "Request log",
	"self":  "Who asks, and signing in",
	"audit": "Audit log", "state": "Declared state", "operators": "Operators and invitations", "openapi.json": "The document itself",
}

// elsewhere says with what an operation belongs whose path begins with
// something else.
var elsewhere = map[string]string{"ladder": "clients", "invitations": "operators", "pairings": "self", "sessions": "operators"}

// group returns the key of the group of a path.
func group(path string) string {
	rest := strings.TrimPrefix(strings.TrimPrefix(path, "/tenants/{tenant}"), "/")
	first, _, _ := strings.Cut(rest, "/")
	return cmp.Or(elsewhere[first], first, "tenants")
}

// Document as OpenAPI has it, as far as it is shown.
type (
	openAPI struct {
		Info struct {
			Title       string `json:"title"`
			Version     string `json:"version"`
			Description string `json:"description"`
		} `json:"info"`
		Servers []struct {
			URL string `json:"url"`
		} `json:"servers"`
		Paths      map[string]map[string]apiOperation `json:"paths"`
		Components struct {
			Schemas map[string]*schema `json:"schemas"`
		} `json:"components"`
	}
	apiOperation struct {
		OperationID string                 `json:"operationId"`
		Summary     string                 `json:"summary"`
		Parameters  []apiParameter         `json:"parameters"`
		Security    []map[string][]string  `json:"security"`
		RequestBody *apiBody               `json:"requestBody"`
		Responses   map[string]apiResponse `json:"responses"`
		Reasons     []string               `json:"x-reasons"`
		Member      bool                   `json:"x-members"`
	}
	apiParameter struct {
		Name        string  `json:"name"`
		In          string  `json:"in"`
		Description string  `json:"description"`
		Required    bool    `json:"required"`
		Schema      *schema `json:"schema"`
	}
	apiBody struct {
		Content map[string]apiContent `json:"content"`
	}
	apiResponse struct {
		Content map[string]apiContent `json:"content"`
		Headers map[string]apiContent `json:"headers"`
	}
	apiContent struct {
		Schema *schema `json:"schema"`
	}
)

// Parse reads the document.
func Parse(document []byte) (*Reference, error) {
	var d openAPI
	if err := json.Unmarshal(document, &d); err != nil {
		return nil, fmt.Errorf("the OpenAPI document: %w", err)
	}
	r := &Reference{Title: d.Info.Title, Version: d.Info.Version, Description: d.Info.Description}
	for _, s := range d.Servers {
		r.Prefix = s.URL
	}
	groups := map[string]*Group{}
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		ops, err := d.operations(r.Prefix, path)
		if err != nil {
			return nil, err
		}
		key := group(path)
		if groups[key] == nil {
			groups[key] = &Group{Key: key, Title: cmp.Or(titles[key], strings.ToUpper(key[:1])+key[1:])}
		}
		groups[key].Operations = append(groups[key].Operations, ops...)
	}
	for _, key := range slices.SortedFunc(maps.Keys(groups), byOrder) {
		g := groups[key]
		if err := d.documents(g); err != nil {
			return nil, err
		}
		r.Groups = append(r.Groups, *g)
	}
	return r, nil
}

// methods are those of an OpenAPI path, in the order in which they are shown.
var methods = []string{"get", "post", "put", "patch", "delete"}

func byOrder(a, b string) int {
	place := func(key string) int {
		if i := slices.Index(order, key); i >= 0 {
			return i
		}
		return len(order)
	}
	return cmp.Or(cmp.Compare(place(a), place(b)), strings.Compare(a, b))
}

// operations reads those of a path.
func (d *openAPI) operations(prefix, path string) (ops []Operation, err error) {
	for _, method := range methods {
		op, ok := d.Paths[path][method]
		if !ok {
			continue
		}
		shown, err := d.operation(prefix, path, method, &op)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", method, path, err)
		}
		ops = append(ops, shown)
	}
	return ops, nil
}

// operation reads one operation.
func (d *openAPI) operation(prefix, path, method string, op *apiOperation) (Operation, error) {
	out := Operation{
		ID: op.OperationID, Method: strings.ToUpper(method), Path: path, Summary: op.Summary, Reasons: op.Reasons, Member: op.Member,
	}
	for _, s := range op.Security {
		out.Token = true
		for _, scopes := range s {
			out.Scope = strings.Join(scopes, " ")
		}
	}
	for _, p := range op.Parameters {
		out.Once = out.Once || p.Name == "Idempotency-Key"
		out.Parameters = append(out.Parameters, p.member())
	}
	if op.RequestBody != nil {
		out.Media = slices.Sorted(maps.Keys(op.RequestBody.Content))
		for _, media := range out.Media {
			s := op.RequestBody.Content[media].Schema
			out.Body, out.Patch = d.nameOf(s, op.OperationID), out.Patch || strings.Contains(media, "patch")
		}
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		if status == "default" {
			continue
		}
		a := Answer{Status: status + " " + statusText(status)}
		for _, c := range op.Responses[status].Content {
			a.Document = d.nameOf(c.Schema, "")
		}
		headers := op.Responses[status].Headers
		for _, name := range slices.Sorted(maps.Keys(headers)) {
			m := Member{Name: name}
			if s := headers[name].Schema; s != nil {
				m.Doc = s.Description
			}
			a.Headers = append(a.Headers, m)
		}
		out.Answers = append(out.Answers, a)
	}
	err := d.example(prefix, &out)
	return out, err
}

func (p *apiParameter) member() Member {
	m := Member{Name: p.Name, In: p.In, Required: p.Required, Doc: p.Description}
	if p.Schema != nil {
		m.Type, m.Doc = p.Schema.typeName(), sentence(cmp.Or(p.Description, p.Schema.Description), p.Schema)
	}
	return m
}

func statusText(status string) string {
	var n int
	if _, err := fmt.Sscan(status, &n); err != nil {
		return ""
	}
	return http.StatusText(n)
}

// documents gives a group those that its operations take and answer.
func (d *openAPI) documents(g *Group) error {
	names := map[string]bool{}
	for i := range g.Operations {
		names[g.Operations[i].Body] = true
		for _, a := range g.Operations[i].Answers {
			names[a.Document] = true
		}
	}
	delete(names, "")
	for _, name := range slices.Sorted(maps.Keys(names)) {
		members, err := d.members(name)
		if err != nil {
			return err
		}
		g.Documents = append(g.Documents, Document{Name: name, Members: members})
	}
	return nil
}
