package strictjson

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// DefaultDepth is how deep containers may be nested when Options does not say:
// what we read is flat, and 8 leaves room for what claims hold.
const DefaultDepth = 8

// DefaultValues is how many values a document may have when Options does not
// say. A value of two bytes costs some 200 while it is read, so that a bound on
// bytes alone would be none on memory.
const DefaultValues = 1 << 14

// Options bounds what is read. The zero value is the default.
type Options struct {
	// MaxDepth is how many containers may be open at once; 0 means DefaultDepth.
	MaxDepth int

	// MaxValues is how many scalars and containers there may be; 0 means
	// DefaultValues.
	MaxValues int

	// AllowUnknown makes Decode skip members that the target does not have.
	// Names that differ from a known one in case alone are refused all the same.
	// Parse and Check do not read it.
	AllowUnknown bool
}

// Check returns an *Error when data is not exactly one acceptable value.
func Check(data []byte, opts Options) error {
	_, err := Parse(data, opts)
	return err
}

// Parse returns the one value that data holds, or an *Error. The caller bounds
// the size.
func Parse(data []byte, opts Options) (Value, error) {
	return ParseString(string(data), opts)
}

// ParseString is Parse without a copy of the text.
func ParseString(s string, opts Options) (Value, error) {
	// RFC 8259 §8.1
	if !utf8.ValidString(s) {
		return Value{}, &Error{Offset: invalidUTF8(s), Msg: "not UTF-8"}
	}
	p, _ := parsers.Get().(*parser)
	defer p.release()
	p.s, p.pos = s, 0
	p.depth = cmp.Or(opts.MaxDepth, DefaultDepth)
	p.values = cmp.Or(opts.MaxValues, DefaultValues)
	p.space()
	v, err := p.value()
	if err != nil {
		return Value{}, err
	}
	p.space()
	if p.pos != len(s) {
		return Value{}, p.fail("unexpected text after the value")
	}
	return v, nil
}

// parsers keeps the stacks on which members are collected, so that a container
// costs one allocation, of its exact size.
var parsers = sync.Pool{New: func() any { return &parser{stack: make([]Member, 0, 16)} }}

// release forgets the document, and the stack of an unusually wide one.
func (p *parser) release() {
	const wide = 256
	if cap(p.stack) > wide {
		p.stack = nil
	}
	p.s = ""
	clear(p.stack[:cap(p.stack)])
	p.stack = p.stack[:0]
	parsers.Put(p)
}

func invalidUTF8(s string) int64 {
	for i, r := range s {
		if r != utf8.RuneError {
			continue
		}
		if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
			return int64(i)
		}
	}
	return 0
}

type parser struct {
	s      string
	pos    int
	depth  int      // containers that may still be opened
	values int      // values that may still begin
	stack  []Member // members and elements of the open containers
}

func (p *parser) fail(msg string) *Error { return &Error{Offset: int64(p.pos), Msg: msg} }

func (p *parser) space() {
	for p.pos < len(p.s) {
		switch p.s[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// peek returns the next byte, or 0 at the end: NUL begins nothing.
func (p *parser) peek() byte {
	if p.pos < len(p.s) {
		return p.s[p.pos]
	}
	return 0
}

func (p *parser) value() (Value, *Error) {
	if p.values == 0 {
		return Value{}, p.fail("too many values")
	}
	p.values--
	start := p.pos
	switch c := p.peek(); {
	case c == '{':
		return p.container(Object)
	case c == '[':
		return p.container(Array)
	case c == '"':
		text, err := p.str()
		return Value{kind: String, raw: p.s[start:p.pos], text: text}, err
	case c == '-' || '0' <= c && c <= '9':
		err := p.number()
		return Value{kind: Number, raw: p.s[start:p.pos]}, err
	case c == 't':
		return p.literal("true", Bool)
	case c == 'f':
		return p.literal("false", Bool)
	case c == 'n':
		return p.literal("null", Null)
	case p.pos == len(p.s):
		return Value{}, p.fail("unexpected end of text")
	}
	return Value{}, p.fail("a value was expected")
}

func (p *parser) literal(word string, kind Kind) (Value, *Error) {
	if !strings.HasPrefix(p.s[p.pos:], word) {
		return Value{}, p.fail("a value was expected")
	}
	p.pos += len(word)
	return Value{kind: kind, raw: word}, nil
}

// container reads an array or an object, whose first byte is next.
func (p *parser) container(kind Kind) (Value, *Error) {
	if p.depth == 0 {
		return Value{}, p.fail("nested too deeply")
	}
	p.depth--
	start, base := p.pos, len(p.stack)
	end := byte(']')
	if kind == Object {
		end = '}'
	}
	p.pos++
	p.space()
	if p.peek() != end {
		if err := p.items(kind, end, base); err != nil {
			return Value{}, err
		}
	}
	p.pos++
	p.depth++
	v := Value{kind: kind, raw: p.s[start:p.pos]}
	if len(p.stack) > base {
		v.items = slices.Clone(p.stack[base:])
		p.stack = p.stack[:base]
	}
	return v, nil
}

// items reads up to end, which it leaves, and puts what it reads on the stack.
func (p *parser) items(kind Kind, end byte, base int) *Error {
	var seen map[string]struct{}
	for {
		var m Member
		var err *Error
		if kind == Object {
			if m.Name, seen, err = p.name(base, seen); err != nil {
				return err
			}
		}
		index := len(p.stack) - base
		if m.Value, err = p.value(); err != nil {
			if kind == Object {
				return err.under(m.Name)
			}
			return err.underIndex(index)
		}
		p.stack = append(p.stack, m)
		p.space()
		switch p.peek() {
		case end:
			return nil
		case ',':
			p.pos++
			p.space()
		default:
			if p.pos == len(p.s) {
				return p.fail("unexpected end of text")
			}
			return p.fail("a comma or the end of the container was expected")
		}
	}
}

// linearNames is how many members are compared one by one before a map is worth
// its allocation; it bounds the work that a flood of names makes.
const linearNames = 16

// name reads a member's name and its colon, and refuses a name that the object
// whose members begin at base already has (RFC 8259 §4, RFC 7515 §4).
func (p *parser) name(base int, seen map[string]struct{}) (string, map[string]struct{}, *Error) {
	start := p.pos
	if p.peek() != '"' {
		return "", seen, p.fail("a member name was expected")
	}
	name, err := p.str()
	if err != nil {
		return "", seen, err
	}
	dup := false
	have := p.stack[base:]
	if len(have) < linearNames {
		for i := range have {
			dup = dup || have[i].Name == name
		}
	} else {
		if seen == nil {
			seen = make(map[string]struct{}, 4*linearNames)
			for i := range have {
				seen[have[i].Name] = struct{}{}
			}
		}
		_, dup = seen[name]
		seen[name] = struct{}{}
	}
	if dup {
		return "", seen, (&Error{Offset: int64(start), Msg: "member name given twice"}).under(name)
	}
	p.space()
	if p.peek() != ':' {
		return "", seen, p.fail("a colon was expected")
	}
	p.pos++
	p.space()
	return name, seen, nil
}

// number reads by the grammar of RFC 8259 §6.
func (p *parser) number() *Error {
	if p.peek() == '-' {
		p.pos++
	}
	if p.peek() == '0' {
		p.pos++
		if c := p.peek(); '0' <= c && c <= '9' {
			return p.fail("a number has a leading zero")
		}
	} else if !p.digits() {
		return p.fail("a digit was expected")
	}
	if p.peek() == '.' {
		p.pos++
		if !p.digits() {
			return p.fail("a digit was expected")
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		if !p.digits() {
			return p.fail("a digit was expected")
		}
	}
	return nil
}

// digits skips digits and reports whether there was one.
func (p *parser) digits() bool {
	start := p.pos
	for '0' <= p.peek() && p.peek() <= '9' {
		p.pos++
	}
	return p.pos > start
}
