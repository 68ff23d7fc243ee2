package gateway

import (
	"errors"
	"fmt"
	"strings"
)

// segment is one part of a pattern between two slashes.
type segment struct {
	text string // the literal, or the name of a wildcard
	kind segmentKind
}

type segmentKind uint8

const (
	literal segmentKind = iota
	wildcard
	rest // all segments that follow, one at least, which may be empty
)

// pattern is a path with wildcards: {name} for one segment that is not empty,
// and {name...} at the end for all that follow.
type pattern []segment

// parsePattern reads a pattern. Its literals are canonical paths.
func parsePattern(s string) (pattern, error) {
	if s == "" || s[0] != '/' {
		return nil, errors.New("a path begins with a slash")
	}
	var p pattern
	seen := map[string]bool{}
	parts := strings.Split(s[1:], "/")
	for i, part := range parts {
		seg := segment{text: part}
		if strings.ContainsAny(part, "{}") {
			name, ok := strings.CutPrefix(part, "{")
			name, closed := strings.CutSuffix(name, "}")
			if cut, many := strings.CutSuffix(name, "..."); many {
				name, seg.kind = cut, rest
			} else {
				seg.kind = wildcard
			}
			switch {
			case !ok || !closed || !isName(name):
				return nil, fmt.Errorf("%q is no wildcard: {name} stands for one whole segment, {name...} for the rest", part)
			case seg.kind == rest && i < len(parts)-1:
				return nil, fmt.Errorf("%s stands at the end of a path only", part)
			case seen[name]:
				return nil, fmt.Errorf("the wildcard %s is there twice", name)
			}
			seen[name] = true
			seg.text = name
		}
		p = append(p, seg)
	}
	if text := p.literalText(); text != "" {
		canonical, err := CanonicalPath(text)
		if err != nil {
			return nil, err
		}
		if canonical != text {
			return nil, fmt.Errorf("write the path in its canonical form, %s", canonical)
		}
	}
	return p, nil
}

// literalText is the pattern with x for its wildcards.
func (p pattern) literalText() string {
	var b strings.Builder
	for _, s := range p {
		b.WriteByte('/')
		if s.kind == literal {
			b.WriteString(s.text)
		} else {
			b.WriteByte('x')
		}
	}
	return b.String()
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !isUnreserved(c) || c == '-' || c == '~' {
			return false
		}
	}
	return s != ""
}

// String returns the pattern as it was written.
func (p pattern) String() string {
	var b strings.Builder
	for _, s := range p {
		b.WriteByte('/')
		switch s.kind {
		case literal:
			b.WriteString(s.text)
		case wildcard:
			b.WriteString("{" + s.text + "}")
		case rest:
			b.WriteString("{" + s.text + "...}")
		}
	}
	return b.String()
}

// relation says how the sets of what two rules match lie to each other.
type relation uint8

const (
	equal    relation = iota
	narrower          // the first is inside the second
	wider             // the second is inside the first
	disjoint
	overlapping
)

// and combines the relations of two properties of one rule.
func (r relation) and(o relation) relation {
	switch {
	case r == disjoint || o == disjoint:
		return disjoint
	case r == overlapping || o == overlapping:
		return overlapping
	case r == o || o == equal:
		return r
	case r == equal:
		return o
	}
	return overlapping
}

// compare says how p and q lie to each other.
func (p pattern) compare(q pattern) relation {
	rel := equal
	for i := 0; ; i++ {
		switch {
		case i == len(p) && i == len(q):
			return rel
		case i == len(p) || i == len(q):
			return disjoint // of different length, and neither had a rest
		}
		a, b := p[i], q[i]
		switch {
		case a.kind == rest && b.kind == rest:
			return rel
		case a.kind == rest:
			return rel.and(wider)
		case b.kind == rest:
			return rel.and(narrower)
		}
		rel = rel.and(a.compare(b))
		if rel == disjoint {
			return disjoint
		}
	}
}

// compare says how two segments lie to each other, neither a rest.
func (s segment) compare(o segment) relation {
	switch {
	case s.kind == literal && o.kind == literal:
		if s.text == o.text {
			return equal
		}
		return disjoint
	case s.kind == o.kind:
		return equal
	case s.kind == literal && s.text == "", o.kind == literal && o.text == "":
		return disjoint // a wildcard is never empty
	case s.kind == literal:
		return narrower
	}
	return wider
}

// compareMethods says how two sets of methods lie to each other; an empty one
// is all methods.
func compareMethods(a, b []string) relation {
	switch {
	case len(a) == 0 && len(b) == 0:
		return equal
	case len(a) == 0:
		return wider
	case len(b) == 0:
		return narrower
	}
	both := 0
	for _, m := range a {
		for _, n := range b {
			if m == n {
				both++
			}
		}
	}
	switch {
	case both == 0:
		return disjoint
	case both == len(a) && both == len(b):
		return equal
	case both == len(a):
		return narrower
	case both == len(b):
		return wider
	}
	return overlapping
}
