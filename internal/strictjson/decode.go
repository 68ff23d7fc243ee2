package strictjson

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Unmarshal is Decode with default Options: unknown members are refused.
func Unmarshal(data []byte, v any) error { return Decode(data, v, Options{}) }

// Decode reads data into what v points to, by the field tags of encoding/json
// but without its leniency: names match exactly or not at all, unknown members
// are refused unless opts allows them, null only goes where Go has a nil, and
// an array must fill a Go array. A refusal is an *Error with the place, and
// leaves *v alone; only a custom decoder that answers differently the second
// time it is asked can break that.
//
// Decode panics when v is not a pointer to something.
func Decode(data []byte, v any, opts Options) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		panic("strictjson: Decode needs a pointer to something")
	}
	doc, err := Parse(data, opts)
	if err != nil {
		return err
	}
	// encoding/json decodes into what an interface already points to.
	for target.Elem().Kind() == reflect.Interface && target.Elem().Elem().Kind() == reflect.Pointer && !target.Elem().Elem().IsNil() {
		target = target.Elem().Elem()
	}
	c := checker{allowUnknown: opts.AllowUnknown}
	if err := c.value(doc, target.Type().Elem()); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return &Error{Msg: "does not fit the target", Cause: err}
	}
	return nil
}

// checker compares a document with a Go type.
type checker struct{ allowUnknown bool }

func (c checker) value(v Value, t reflect.Type) *Error {
	for t.Kind() == reflect.Pointer && !custom(t) {
		if v.kind == Null {
			return nil
		}
		t = t.Elem()
	}
	if custom(t) {
		if v.kind == Null && !nilable(t) && !reads(t, reflect.TypeFor[json.Unmarshaler]()) {
			return mismatch(String, v) // encoding/json would skip it
		}
		// The type reads itself: try it now, while the place is known.
		if err := json.Unmarshal([]byte(v.raw), reflect.New(t).Interface()); err != nil {
			return &Error{Msg: "not acceptable here", Cause: err}
		}
		return nil
	}
	switch t.Kind() { //nolint:exhaustive // every other kind is a scalar, or encoding/json refuses it
	case reflect.Interface:
		return nil // any: encoding/json makes maps, slices and scalars of it
	case reflect.Struct:
		return c.object(v, t)
	case reflect.Map:
		return c.mapping(v, t)
	case reflect.Slice:
		if v.kind == Null {
			return nil
		}
		if t.Elem().Kind() == reflect.Uint8 && v.kind == String {
			return try(v.raw, t, "not base64")
		}
		return c.array(v, t)
	case reflect.Array:
		if v.kind == Array && len(v.items) != t.Len() {
			return &Error{Msg: strconv.Itoa(t.Len()) + " elements are expected"}
		}
		return c.array(v, t)
	default:
		return scalar(v, t)
	}
}

func (c checker) object(v Value, t reflect.Type) *Error {
	if v.kind != Object {
		return mismatch(Object, v)
	}
	known := fields(t)
	for _, m := range v.items {
		f, ok := known[m.Name]
		if !ok {
			if err := c.unknown(m.Name, known); err != nil {
				return err
			}
			continue
		}
		var err *Error
		if f.quoted && m.Value.kind != Null {
			err = quoted(m.Value, f.typ)
		} else {
			err = c.value(m.Value, f.typ)
		}
		if err != nil {
			return err.under(m.Name)
		}
	}
	return nil
}

// unknown refuses a name that known does not have. One that differs in case
// alone is refused even where unknown members are allowed, for encoding/json
// would read it.
func (c checker) unknown(name string, known map[string]field) *Error {
	for k := range known {
		if strings.EqualFold(k, name) {
			return (&Error{Msg: "unknown member; names are case-sensitive, " + strconv.Quote(k) + " is known"}).under(name)
		}
	}
	if c.allowUnknown {
		return nil
	}
	return (&Error{Msg: "unknown member"}).under(name)
}

func (c checker) mapping(v Value, t reflect.Type) *Error {
	if v.kind == Null {
		return nil
	}
	if v.kind != Object {
		return mismatch(Object, v)
	}
	for _, m := range v.items {
		if t.Key().Kind() != reflect.String || custom(t.Key()) {
			key := `{` + string(AppendString(nil, m.Name)) + `:null}`
			if err := try(key, reflect.MapOf(t.Key(), reflect.TypeFor[any]()), "not acceptable as a name here"); err != nil {
				return err.under(m.Name)
			}
		}
		if err := c.value(m.Value, t.Elem()); err != nil {
			return err.under(m.Name)
		}
	}
	return nil
}

func (c checker) array(v Value, t reflect.Type) *Error {
	if v.kind != Array {
		return mismatch(Array, v)
	}
	for i := range v.items {
		if err := c.value(v.items[i].Value, t.Elem()); err != nil {
			return err.underIndex(i)
		}
	}
	return nil
}

// scalar checks a boolean, a string or a number, and the number's range.
func scalar(v Value, t reflect.Type) *Error {
	want := Number
	switch t.Kind() { //nolint:exhaustive // every other kind is read from a number, or refused by encoding/json
	case reflect.Bool:
		want = Bool
	case reflect.String:
		if t == reflect.TypeFor[json.Number]() {
			break
		}
		want = String
	default:
	}
	if v.kind != want {
		return mismatch(want, v)
	}
	if want != Number {
		return nil
	}
	return try(v.raw, t, "number out of range, or not an integer")
}

// quoted checks a value whose field is tagged `,string`.
func quoted(v Value, t reflect.Type) *Error {
	if v.kind != String {
		return mismatch(String, v)
	}
	inner, err := ParseString(v.text, Options{})
	if err != nil {
		return &Error{Msg: "the string does not hold a value"}
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return scalar(inner, t)
}

func try(raw string, t reflect.Type, msg string) *Error {
	if err := json.Unmarshal([]byte(raw), reflect.New(t).Interface()); err != nil {
		return &Error{Msg: msg, Cause: err}
	}
	return nil
}

func mismatch(want Kind, v Value) *Error {
	return &Error{Msg: want.String() + " is expected, not " + v.kind.String()}
}

// custom reports whether t, or a pointer to it, reads itself.
func custom(t reflect.Type) bool {
	return reads(t, reflect.TypeFor[json.Unmarshaler]()) || reads(t, reflect.TypeFor[encoding.TextUnmarshaler]())
}

func reads(t, decoder reflect.Type) bool {
	return t.Kind() != reflect.Interface && (t.Implements(decoder) || reflect.PointerTo(t).Implements(decoder))
}

func nilable(t reflect.Type) bool {
	return slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Map, reflect.Slice}, t.Kind())
}
