package apidoc

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// schema is a JSON schema, as far as it is shown.
type schema struct {
	Ref                  string             `json:"$ref"`
	Type                 string             `json:"type"`
	Format               string             `json:"format"`
	Description          string             `json:"description"`
	Properties           map[string]*schema `json:"properties"`
	Items                *schema            `json:"items"`
	AdditionalProperties json.RawMessage    `json:"additionalProperties"`
	OneOf                []*schema          `json:"oneOf"`
	Enum                 []any              `json:"enum"`
	Required             []string           `json:"required"`
	ReadOnly             bool               `json:"readOnly"`
	WriteOnly            bool               `json:"writeOnly"`
	Minimum              *float64           `json:"minimum"`
	Maximum              *float64           `json:"maximum"`
	MaxLength            *int               `json:"maxLength"`
	Default              any                `json:"default"`
}

const refPrefix = "#/components/schemas/"

// nameOf returns the name of the schema that s refers to. One that stands in its
// place gets the name of the operation.
func (d *openAPI) nameOf(s *schema, operation string) string {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		return strings.TrimPrefix(s.Ref, refPrefix)
	case len(s.Properties) == 0:
		return ""
	}
	if _, ok := d.Components.Schemas[operation]; !ok {
		d.Components.Schemas[operation] = s
	}
	return operation
}

// deepest bounds how far members are listed into what they hold.
const deepest = 6

// members lists the members of a document by name.
func (d *openAPI) members(name string) ([]Member, error) {
	s := d.Components.Schemas[name]
	if s == nil {
		return nil, fmt.Errorf("there is no schema %q", name)
	}
	return d.membersOf(s, "", 0, nil)
}

// membersOf lists the members of s and of what they hold. Within are the names of
// the schemas that it is listed in.
func (d *openAPI) membersOf(s *schema, before string, depth int, within []string) ([]Member, error) {
	var out []Member
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		if p == nil {
			continue
		}
		m := Member{
			Name: before + name, Type: p.typeName(), Required: slices.Contains(s.Required, name),
			ReadOnly: p.ReadOnly, SendOnly: p.WriteOnly, Doc: sentence(p.Description, p),
		}
		at, inner := m.Name+".", p
		if p.Type == "array" && p.Items != nil {
			at, inner = m.Name+"[].", p.Items
		}
		ref := strings.TrimPrefix(inner.Ref, refPrefix)
		if inner.Ref != "" {
			if inner = d.Components.Schemas[ref]; inner == nil {
				return nil, fmt.Errorf("%s: there is no schema %q", m.Name, ref)
			}
		}
		out = append(out, m)
		if len(inner.Properties) == 0 || depth == deepest || slices.Contains(within, ref) {
			continue
		}
		nested, err := d.membersOf(inner, at, depth+1, append(slices.Clone(within), ref))
		if err != nil {
			return nil, err
		}
		out = append(out, nested...)
	}
	return out, nil
}

// typeName says the type in words.
func (s *schema) typeName() string {
	switch {
	case s == nil:
		return "any"
	case s.Ref != "":
		return "object"
	case s.Type == "array" && s.Items != nil:
		return "array of " + s.Items.typeName()
	case s.Type == "object" && len(s.AdditionalProperties) > 0 && s.AdditionalProperties[0] == '{':
		var of schema
		if json.Unmarshal(s.AdditionalProperties, &of) == nil {
			return "object of " + of.typeName()
		}
	case len(s.OneOf) > 0:
		var names []string
		for _, o := range s.OneOf {
			names = append(names, o.typeName())
		}
		return strings.Join(names, " or ")
	case s.Type == "":
		return "any"
	case s.Format == "date-time":
		return "time"
	}
	return s.Type
}

// sentence says what a member is for, and what bounds it.
func sentence(doc string, s *schema) string {
	var more []string
	if len(s.Enum) > 0 {
		var words []string
		for _, v := range s.Enum {
			words = append(words, fmt.Sprint(v))
		}
		more = append(more, "One of "+strings.Join(words, ", ")+".")
	}
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		more = append(more, fmt.Sprintf("%v to %v.", *s.Minimum, *s.Maximum))
	case s.Minimum != nil:
		more = append(more, fmt.Sprintf("At least %v.", *s.Minimum))
	case s.MaxLength != nil:
		more = append(more, fmt.Sprintf("At most %d characters.", *s.MaxLength))
	}
	if s.Default != nil {
		more = append(more, fmt.Sprintf("Left out: %v.", s.Default))
	}
	return strings.TrimSpace(doc + " " + strings.Join(more, " "))
}
