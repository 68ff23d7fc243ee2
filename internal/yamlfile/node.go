package yamlfile

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Node is one value in a File. The zero Node is none.
type Node struct {
	file  *File
	n     *yaml.Node
	key   *yaml.Node // its key, in a mapping
	depth int
	// secretive says that what has no place below could be a secret, which no
	// error shows.
	secretive bool
}

// Fields says which function reads which key of an object.
type Fields map[string]func(Node)

// IsZero reports whether there is no such node.
func (n Node) IsZero() bool { return n.n == nil }

// IsObject reports whether n is an object.
func (n Node) IsObject() bool {
	v := n.value()
	return v != nil && v.Kind == yaml.MappingNode
}

// Secretive returns n for reading an object about a secret: errors show no
// value that is out of place there, in case it is the secret itself.
func (n Node) Secretive() Node {
	n.secretive = true
	return n
}

// hide masks the source from the value on, where n is secretive.
func (n Node) hide() {
	if !n.secretive || n.n == nil {
		return
	}
	for _, at := range []*yaml.Node{n.n, n.value()} {
		if at == nil {
			continue
		}
		if from, ok := n.file.masked[at.Line]; !ok || at.Column < from {
			n.file.masked[at.Line] = at.Column
		}
	}
}

// Scalar reports whether n is a single value, no list and no object.
func (n Node) Scalar() bool {
	v := n.value()
	return v != nil && v.Kind == yaml.ScalarNode && v.ShortTag() != "!!null"
}

// Errorf reports an error at the value.
func (n Node) Errorf(format string, args ...any) { n.file.report(n.Error(format, args...)) }

// Refuse reports an error at the value; what a secretive node holds is not
// shown.
func (n Node) Refuse(format string, args ...any) {
	n.hide()
	n.Errorf(format, args...)
}

// KeyErrorf reports an error at the key that the value belongs to, or at the
// value when it has none.
func (n Node) KeyErrorf(format string, args ...any) {
	if n.key == nil {
		n.Errorf(format, args...)
		return
	}
	n.file.report(n.file.at(n.key.Line, n.column(n.key), fmt.Sprintf(format, args...)))
}

// Error returns an error at the value without reporting it.
func (n Node) Error(format string, args ...any) *Error {
	return n.file.at(n.n.Line, n.column(n.n), fmt.Sprintf(format, args...))
}

// Key returns the key that the value belongs to, or nothing.
func (n Node) Key() string {
	if n.key == nil {
		return ""
	}
	return n.key.Value
}

// Place returns file:line.
func (n Node) Place() string { return n.file.Name + ":" + strconv.Itoa(n.n.Line) }

// column counts characters, where the library counts bytes on some lines.
func (n Node) column(at *yaml.Node) int {
	if at.Line < 1 || at.Line > len(n.file.lines) {
		return max(at.Column, 1)
	}
	return min(max(at.Column, 1), utf8.RuneCountInString(n.file.lines[at.Line-1])+1)
}

// value follows aliases; nil when the walk has gone too far.
func (n Node) value() *yaml.Node {
	v := n.n
	for hops := 0; v != nil && v.Kind == yaml.AliasNode; hops++ {
		if hops > maxDepth {
			return nil
		}
		v = v.Alias
	}
	return v
}

// enter counts a step of the walk and reports whether it may go on.
func (n Node) enter() bool {
	n.file.visits--
	if n.file.visits < 0 || n.depth > maxDepth {
		n.file.report(&Error{File: n.file.Name, Message: "the file is nested too deep, or its aliases make it too large"})
		return false
	}
	return true
}

// Object calls the function of each key that is there, in the order of the
// file. A key that is not in fields is an error with the nearest one that is.
// It reports whether n is an object at all.
func (n Node) Object(fields Fields) bool {
	return n.Entries(func(name string, child Node) {
		if read, ok := fields[name]; ok {
			read(child)
			return
		}
		child.hide()
		child.KeyErrorf("unknown key %s%s", show(name), Suggest(name, slices.Sorted(maps.Keys(fields))))
	})
}

// Entries calls read for each key of an object, in the order of the file, and
// reports whether n is an object. Merge keys (<<) are followed; what the object
// says itself wins.
func (n Node) Entries(read func(name string, child Node)) bool {
	v := n.value()
	if v == nil || v.Kind != yaml.MappingNode {
		n.hide()
		n.Errorf("an object is expected here, not %s", n.kind())
		return false
	}
	seen := map[string]int{}
	n.entries(v, seen, read, func(name string, child Node) {
		child.KeyErrorf("the key %s is there twice; the first is in line %d", show(name), seen[name])
	})
	return true
}

// entries calls read for each key that is not in seen, and twice for the rest.
func (n Node) entries(v *yaml.Node, seen map[string]int, read, twice func(string, Node)) {
	if !n.enter() {
		return
	}
	var merges []Node
	for i := 0; i+1 < len(v.Content); i += 2 {
		k := v.Content[i]
		child := Node{file: n.file, n: v.Content[i+1], key: k, depth: n.depth + 1, secretive: n.secretive}
		if k.ShortTag() == "!!merge" {
			merges = append(merges, child)
			continue
		}
		name, ok := keyName(k)
		if !ok {
			child.KeyErrorf("a key is plain text")
			continue
		}
		if _, known := seen[name]; known {
			twice(name, child)
			continue
		}
		seen[name] = k.Line
		read(name, child)
	}
	for _, m := range merges {
		n.merge(m, seen, read)
	}
}

// merge reads the objects that a merge key names.
func (n Node) merge(m Node, seen map[string]int, read func(string, Node)) {
	v := m.value()
	switch {
	case v != nil && v.Kind == yaml.MappingNode:
		m.entries(v, seen, read, func(string, Node) {})
	case v != nil && v.Kind == yaml.SequenceNode:
		if !m.enter() {
			return
		}
		for _, c := range v.Content {
			n.merge(Node{file: n.file, n: c, key: m.key, depth: m.depth + 1, secretive: n.secretive}, seen, read)
		}
	default:
		m.Errorf("a merge key names an object or a list of objects")
	}
}

// keyName returns the text of a key.
func keyName(k *yaml.Node) (string, bool) {
	for hops := 0; k != nil && k.Kind == yaml.AliasNode && hops < maxDepth; hops++ {
		k = k.Alias
	}
	if k == nil || k.Kind != yaml.ScalarNode || k.ShortTag() == "!!null" {
		return "", false
	}
	return k.Value, true
}

// Each calls read for each element of a list and reports whether n is a list.
func (n Node) Each(read func(i int, child Node)) bool {
	v := n.value()
	if v == nil || v.Kind != yaml.SequenceNode {
		n.Errorf("a list is expected here, not %s", n.kind())
		return false
	}
	if !n.enter() {
		return false
	}
	for i, c := range v.Content {
		read(i, Node{file: n.file, n: c, depth: n.depth + 1, secretive: n.secretive})
	}
	return true
}

// Text returns a scalar that is text, or a number or a date taken by its
// spelling.
func (n Node) Text() (string, bool) {
	v := n.value()
	if v != nil && v.Kind == yaml.ScalarNode {
		switch v.ShortTag() {
		case "!!str", "!!int", "!!float", "!!timestamp":
			return v.Value, true
		case "!!bool":
			n.Errorf("text is expected here; put quotes around %s", v.Value)
			return "", false
		default:
		}
	}
	n.Errorf("text is expected here, not %s", n.kind())
	return "", false
}

// TextOrNothing is Text, and the empty text where there is no value.
func (n Node) TextOrNothing() (string, bool) {
	if v := n.value(); v != nil && v.Kind == yaml.ScalarNode && v.ShortTag() == "!!null" {
		return "", true
	}
	return n.Text()
}

// Bool returns a scalar that is true or false.
func (n Node) Bool() (value, ok bool) {
	v := n.value()
	if v != nil && v.Kind == yaml.ScalarNode && v.ShortTag() == "!!bool" && (v.Value == "true" || v.Value == "false") {
		return v.Value == "true", true
	}
	n.Errorf("true or false is expected here")
	return false, false
}

// Texts returns a list of texts; never nil when it is one.
func (n Node) Texts() ([]string, bool) {
	all, ok := []string{}, true
	isList := n.Each(func(_ int, child Node) {
		text, isText := child.Text()
		ok = ok && isText
		all = append(all, text)
	})
	return all, isList && ok
}

// TextMap returns an object whose values are texts or nothing; never nil when
// it is one.
func (n Node) TextMap() (map[string]string, bool) {
	all, ok := map[string]string{}, true
	isObject := n.Entries(func(name string, child Node) {
		text, isText := child.TextOrNothing()
		ok = ok && isText
		all[name] = text
	})
	return all, isObject && ok
}

// At returns the node that the reference tokens of a JSON pointer lead to from
// n, or the last one on the way that exists; whole says which of the two.
func (n Node) At(tokens ...string) (found Node, whole bool) {
	for _, token := range tokens {
		next := n.step(token)
		if next.IsZero() {
			return n, false
		}
		n = next
	}
	return n, true
}

func (n Node) step(token string) Node {
	v := n.value()
	n.file.visits--
	if v == nil || n.depth > maxDepth || n.file.visits < 0 {
		return Node{}
	}
	if v.Kind == yaml.MappingNode {
		return n.member(v, token)
	}
	i, err := strconv.Atoi(token)
	if v.Kind != yaml.SequenceNode || err != nil || i < 0 || i >= len(v.Content) {
		return Node{}
	}
	return Node{file: n.file, n: v.Content[i], depth: n.depth + 1, secretive: n.secretive}
}

// member returns the value of a key of the mapping v, which may come from a
// merge key.
func (n Node) member(v *yaml.Node, name string) Node {
	var merged []Node
	for i := 0; i+1 < len(v.Content); i += 2 {
		child := Node{file: n.file, n: v.Content[i+1], key: v.Content[i], depth: n.depth + 1, secretive: n.secretive}
		if child.key.ShortTag() == "!!merge" {
			merged = append(merged, child)
		} else if text, ok := keyName(child.key); ok && text == name {
			return child
		}
	}
	for _, m := range merged {
		if found := m.merged(name); !found.IsZero() {
			return found
		}
	}
	return Node{}
}

// merged looks for a member in the object or objects that a merge key names.
func (n Node) merged(name string) Node {
	v := n.value()
	if v == nil || v.Kind != yaml.SequenceNode {
		return n.step(name)
	}
	for i := range v.Content {
		if found := n.step(strconv.Itoa(i)).step(name); !found.IsZero() {
			return found
		}
	}
	return Node{}
}

func (n Node) kind() string {
	v := n.value()
	switch {
	case v == nil:
		return "this"
	case v.Kind == yaml.MappingNode:
		return "an object"
	case v.Kind == yaml.SequenceNode:
		return "a list"
	case v.ShortTag() == "!!null":
		return "nothing"
	case v.ShortTag() == "!!binary":
		return "binary data"
	}
	return "a single value"
}

// show returns a name for a message: quoted when it is not plain.
func show(name string) string {
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./") != "" {
		return strconv.Quote(name)
	}
	return name
}
