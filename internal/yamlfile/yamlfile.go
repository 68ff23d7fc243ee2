// Package yamlfile reads YAML files that people write, and says in which line
// and under which character they are wrong.
//
// One thing is always true: nothing in a file is ignored. A key that nobody
// reads, a key that is there twice and a second document are errors, like a
// value of the wrong kind. All errors of a file are collected, so that one run
// tells of all.
//
// Parse gives the Root Node. The reader walks from there: Node.Object calls a
// function for each key, Node.Each one for each element of a list, Node.Text
// and its like read scalars. File.Err says what went wrong on the way.
package yamlfile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Bounds of one file.
const (
	// maxErrors is how many errors of one file are told; the first few are what
	// people read.
	maxErrors = 20
	// minVisits and visitsPerByte bound the walk by the size of the file, since
	// aliases make a small one as large as they like. A list or object without
	// aliases takes two bytes at least.
	minVisits     = 10_000
	visitsPerByte = 4
	maxDepth      = 64
)

// Error is one thing wrong with a file.
type Error struct {
	File    string
	Line    int // from 1; 0 when the whole file is meant
	Column  int // from 1, in characters
	Message string
	Source  string // the line, without its end
}

// Error returns file:line:column and the message, then the line and a caret
// under the column.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Message
	}
	head := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
	source := strings.Map(visible, e.Source)
	if source == "" {
		return head
	}
	var pad strings.Builder
	for i, r := range []rune(source) {
		if i >= e.Column-1 {
			break
		}
		if r != '\t' { // a tab stays one, so that the caret lines up
			r = ' '
		}
		pad.WriteRune(r)
	}
	return head + "\n  " + source + "\n  " + pad.String() + "^"
}

// visible replaces what would drive a terminal.
func visible(r rune) rune {
	if r != '\t' && unicode.IsControl(r) {
		return unicode.ReplacementChar
	}
	return r
}

// File is one parsed file. It is for one goroutine.
type File struct {
	Name   string
	root   *yaml.Node
	lines  []string
	errs   []*Error
	more   bool
	visits int         // how many more steps the walk may take
	masked map[int]int // line → column from which it is not shown
}

// Parse reads one YAML document. The error, if any, is about its syntax.
func Parse(name string, data []byte) (*File, error) {
	f := &File{Name: name, visits: minVisits + visitsPerByte*len(data), masked: map[int]int{}}
	if !utf8.Valid(data) {
		return nil, &Error{File: name, Message: "the file is not UTF-8 text"}
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		f.lines = append(f.lines, strings.TrimSuffix(line, "\r"))
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, &Error{File: name, Message: "the file is empty"}
	} else if err != nil {
		return nil, f.syntax(err)
	}
	if len(doc.Content) == 0 {
		return nil, &Error{File: name, Message: "the file is empty"}
	}
	f.root = doc.Content[0]
	if err := dec.Decode(&second); err == nil {
		return nil, f.at(max(second.Line, 1), max(second.Column, 1), "a second document begins here: a file holds one")
	} else if !errors.Is(err, io.EOF) {
		return nil, f.syntax(err)
	}
	return f, nil
}

// mask hides what must not be shown of the source of e.
func (f *File) mask(e *Error) *Error {
	if from, ok := f.masked[e.Line]; ok {
		line := []rune(e.Source)
		for i := max(from-1, 0); i < len(line); i++ {
			line[i] = '*'
		}
		e.Source = string(line)
	}
	return e
}

func (f *File) at(line, column int, message string) *Error {
	e := &Error{File: f.Name, Line: line, Column: column, Message: message}
	if line <= len(f.lines) {
		e.Source = f.lines[line-1]
	}
	return e
}

// report records an error, unless there are enough.
func (f *File) report(e *Error) {
	if len(f.errs) >= maxErrors {
		f.more = true
		return
	}
	if !slices.ContainsFunc(f.errs, func(o *Error) bool { return *o == *e }) {
		f.errs = append(f.errs, e)
	}
}

// Err returns the errors found so far, joined in the order of the file, or nil.
func (f *File) Err() error {
	for i, e := range f.errs {
		f.errs[i] = f.mask(e)
	}
	all := Join(f.errs...)
	if f.more {
		all = errors.Join(all, fmt.Errorf("%s: more errors follow; these are the first %d", f.Name, maxErrors))
	}
	return all
}

// Join joins errors in the order of their files, each once; nil when there are
// none.
func Join(errs ...*Error) error {
	errs = slices.Clone(errs)
	slices.SortStableFunc(errs, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var all []error
	for i, e := range errs {
		if i == 0 || *e != *errs[i-1] {
			all = append(all, e)
		}
	}
	return errors.Join(all...)
}

// Root returns the node that the document consists of.
func (f *File) Root() Node { return Node{file: f, n: f.root} }
