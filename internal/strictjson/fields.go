package strictjson

import (
	"reflect"
	"slices"
	"strings"
)

// field is one member that a Go struct reads, named as encoding/json names it.
type field struct {
	name   string
	typ    reflect.Type
	quoted bool // `,string`: the value is written inside a string
	tagged bool
	depth  int
}

// fields returns what encoding/json reads into struct t: of two fields with the
// same name the less embedded wins, then the tagged one, and otherwise neither.
func fields(t reflect.Type) map[string]field {
	all := collect(t, 0, nil)
	byName := make(map[string]field, len(all))
	ambiguous := map[string]bool{}
	for _, f := range all {
		have, ok := byName[f.name]
		switch {
		case !ok || f.depth < have.depth || f.depth == have.depth && f.tagged && !have.tagged:
			byName[f.name] = f
			ambiguous[f.name] = false
		case f.depth == have.depth && f.tagged == have.tagged:
			ambiguous[f.name] = true
		}
	}
	for name, bad := range ambiguous {
		if bad {
			delete(byName, name)
		}
	}
	return byName
}

// collect lists t's fields and those of structs embedded in it. within holds
// the structs being walked, which may embed themselves through pointers.
func collect(t reflect.Type, depth int, within []reflect.Type) []field {
	if slices.Contains(within, t) {
		return nil
	}
	within = append(slices.Clip(within), t)
	var all []field
	for sf := range t.Fields() {
		ft := sf.Type
		if sf.Anonymous && ft.Kind() == reflect.Pointer {
			ft = ft.Elem()
		}
		tag := sf.Tag.Get("json")
		if tag == "-" || !sf.IsExported() && (!sf.Anonymous || ft.Kind() != reflect.Struct) {
			continue
		}
		name, opts, _ := strings.Cut(tag, ",")
		if sf.Anonymous && name == "" && ft.Kind() == reflect.Struct {
			all = append(all, collect(ft, depth+1, within)...)
			continue
		}
		f := field{name: name, typ: sf.Type, tagged: name != "", depth: depth}
		if name == "" {
			f.name = sf.Name
		}
		f.quoted = slices.Contains(strings.Split(opts, ","), "string") && isScalar(sf.Type)
		all = append(all, f)
	}
	return all
}

// isScalar reports whether `,string` means something for t.
func isScalar(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() >= reflect.Bool && t.Kind() <= reflect.Float64 || t.Kind() == reflect.String
}
