package admin

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// directions marks in the document which members go one way alone, so that who
// makes a client of it, such as a provider of Terraform, knows what they can
// compare: writeOnly is sent and never answered, readOnly only ever answered.
func (h *Handler) directions() {
	d := directions{doc: h.api.OpenAPI(), done: map[*huma.Schema]bool{}, answered: map[*huma.Schema]bool{}}
	for _, path := range slices.Sorted(maps.Keys(d.doc.Paths)) {
		if item := d.doc.Paths[path+"/{"+d.parameter(path)+"}"]; item != nil || d.doc.Paths[path].Post == nil {
			d.noun(d.doc.Paths[path], item)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(d.doc.Paths)) {
		for _, op := range []*huma.Operation{d.doc.Paths[path].Get, d.doc.Paths[path].Post, d.doc.Paths[path].Patch, d.doc.Paths[path].Delete} {
			if op != nil {
				d.sent(op)
				d.told(op, []*huma.Schema{d.body(op)})
			}
		}
	}
}

type directions struct {
	doc      *huma.OpenAPI
	done     map[*huma.Schema]bool // documents whose members for reading are marked
	answered map[*huma.Schema]bool // members of requests that some answer has
}

// parameter returns the name of the path parameter that follows a collection.
func (d *directions) parameter(collection string) string {
	for path := range d.doc.Paths {
		if rest, ok := strings.CutPrefix(path, collection+"/{"); ok && strings.HasSuffix(rest, "}") && !strings.Contains(rest, "/") {
			return strings.TrimSuffix(rest, "}")
		}
	}
	return ""
}

// noun marks what only answers have of the objects of a collection: what neither
// the one that makes them takes, nor the one that changes them.
func (d *directions) noun(collection, item *huma.PathItem) {
	var requests []*huma.Schema
	ops := []*huma.Operation{collection.Get, collection.Post}
	if collection.Post != nil {
		requests = append(requests, d.body(collection.Post))
	}
	if item != nil {
		ops = append(ops, item.Get, item.Patch)
		if item.Patch != nil {
			requests = append(requests, d.body(item.Patch))
		}
	}
	for _, op := range ops {
		if op != nil {
			d.told(op, requests)
		}
	}
}

// told marks the members of an answer that no request has.
func (d *directions) told(op *huma.Operation, requests []*huma.Schema) {
	doc := d.answer(op)
	if doc == nil || d.done[doc] {
		return
	}
	d.done[doc] = true
	for name, member := range doc.Properties {
		member.ReadOnly = !slices.ContainsFunc(requests, func(r *huma.Schema) bool { return r != nil && r.Properties[name] != nil })
	}
}

// sent marks the members of a request that its answer lacks, unless the answer
// of another operation that takes the same document has them.
func (d *directions) sent(op *huma.Operation) {
	body := d.body(op)
	if body == nil {
		return
	}
	doc := d.answer(op)
	for name, member := range body.Properties {
		if doc != nil && doc.Properties[name] != nil {
			d.answered[member] = true
		}
		member.WriteOnly = !d.answered[member]
	}
}

// body returns the document that an operation takes; nil: none.
func (d *directions) body(op *huma.Operation) *huma.Schema {
	if op.RequestBody == nil || op.RequestBody.Content[mediaJSON] == nil {
		return nil
	}
	return d.resolved(op.RequestBody.Content[mediaJSON].Schema)
}

// answer returns the document that an operation answers, or the one of which it
// lists many; nil: none.
func (d *directions) answer(op *huma.Operation) *huma.Schema {
	for _, status := range []int{http.StatusOK, http.StatusCreated} {
		r := op.Responses[strconv.Itoa(status)]
		if r == nil || r.Content[mediaJSON] == nil {
			continue
		}
		doc := d.resolved(r.Content[mediaJSON].Schema)
		if doc != nil && doc.Properties["items"] != nil && doc.Properties["next"] != nil {
			doc = d.resolved(doc.Properties["items"].Items)
		}
		return doc
	}
	return nil
}

func (d *directions) resolved(s *huma.Schema) *huma.Schema {
	if s != nil && s.Ref != "" {
		return d.doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}
