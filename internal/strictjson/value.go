package strictjson

import (
	"iter"
	"strconv"
)

// Kind is what a Value is.
type Kind uint8

// The kinds. The zero Value has kind Absent, so that a member that is not there
// can be asked like one that is.
const (
	Absent Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// String returns the kind's name as messages use it.
func (k Kind) String() string {
	switch k {
	case Absent:
		return "nothing"
	case Null:
		return "null"
	case Bool:
		return "a boolean"
	case Number:
		return "a number"
	case String:
		return "a string"
	case Array:
		return "an array"
	case Object:
		return "an object"
	}
	return "kind " + strconv.Itoa(int(k))
}

// Value is a part of a document. It is never changed and safe for concurrent
// use. It keeps the whole document's text alive.
type Value struct {
	kind  Kind
	raw   string   // as written, without surrounding white space
	text  string   // a string's content
	items []Member // an object's members or, with empty names, an array's elements
}

// Member is a name and its value in an object.
type Member struct {
	Name  string
	Value Value
}

// Kind returns what v is.
func (v Value) Kind() Kind { return v.kind }

// Raw returns v's text as it was written.
func (v Value) Raw() string { return v.raw }

// Str returns the content of a string; ok is false for any other kind.
func (v Value) Str() (s string, ok bool) { return v.text, v.kind == String }

// IsTrue reports whether v is the literal true.
func (v Value) IsTrue() bool { return v.kind == Bool && v.raw == "true" }

// Number returns a number's literal, spelled as it was; ok is false for any
// other kind.
func (v Value) Number() (literal string, ok bool) {
	if v.kind != Number {
		return "", false
	}
	return v.raw, true
}

// Int64 returns a number that is written as an integer (no fraction, no
// exponent) and fits; ok is false for anything else.
func (v Value) Int64() (n int64, ok bool) {
	if v.kind != Number {
		return 0, false
	}
	n, err := strconv.ParseInt(v.raw, 10, 64)
	return n, err == nil
}

// Float64 returns a number as the nearest float64; ok is false for other kinds
// and for numbers too large to be finite.
func (v Value) Float64() (f float64, ok bool) {
	if v.kind != Number {
		return 0, false
	}
	f, err := strconv.ParseFloat(v.raw, 64)
	return f, err == nil
}

// Len returns how many members or elements v has, 0 for scalars.
func (v Value) Len() int { return len(v.items) }

// Members returns an object's members in the order of the document, nil for
// other kinds. The caller must not change them.
func (v Value) Members() []Member {
	if v.kind != Object {
		return nil
	}
	return v.items
}

// Lookup returns the member with exactly that name; ok is false when v has none
// or is no object.
func (v Value) Lookup(name string) (m Value, ok bool) {
	if v.kind != Object {
		return Value{}, false
	}
	for i := range v.items {
		if v.items[i].Name == name {
			return v.items[i].Value, true
		}
	}
	return Value{}, false
}

// Elems returns an array's elements with their indexes; none for other kinds.
func (v Value) Elems() iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		if v.kind != Array {
			return
		}
		for i := range v.items {
			if !yield(i, v.items[i].Value) {
				return
			}
		}
	}
}

// Strings returns the elements of an array of strings; ok is false when v is no
// array or has an element that is no string.
func (v Value) Strings() (ss []string, ok bool) {
	if v.kind != Array {
		return nil, false
	}
	ss = make([]string, len(v.items))
	for i := range v.items {
		if ss[i], ok = v.items[i].Value.Str(); !ok {
			return nil, false
		}
	}
	return ss, true
}
