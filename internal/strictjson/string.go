package strictjson

import (
	"unicode/utf16"
	"unicode/utf8"
)

// str reads a string, whose opening quote is next. Without escapes it costs
// nothing: the result is a part of the document.
func (p *parser) str() (string, *Error) {
	p.pos++
	start := p.pos
	for ; p.pos < len(p.s); p.pos++ {
		switch c := p.s[p.pos]; {
		case c == '"':
			p.pos++
			return p.s[start : p.pos-1], nil
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			return "", p.fail("control character in a string")
		}
	}
	return "", p.fail("unexpected end of text")
}

// escaped is str from the first backslash on; the text since start is plain.
func (p *parser) escaped(start int) (string, *Error) {
	buf := append(make([]byte, 0, p.pos-start+32), p.s[start:p.pos]...)
	for p.pos < len(p.s) {
		c := p.s[p.pos]
		switch {
		case c == '"':
			p.pos++
			return string(buf), nil
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			buf = utf8.AppendRune(buf, r)
		case c < ' ':
			return "", p.fail("control character in a string")
		default:
			buf = append(buf, c)
			p.pos++
		}
	}
	return "", p.fail("unexpected end of text")
}

// escape reads one escape sequence, or the two of a surrogate pair.
func (p *parser) escape() (rune, *Error) {
	p.pos++
	c := p.peek()
	if c == 'u' {
		return p.unicode()
	}
	const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	for i := range len(from) {
		if from[i] == c {
			p.pos++
			return rune(to[i]), nil
		}
	}
	return 0, p.fail("unknown escape sequence")
}

// unicode reads uXXXX. Half of a surrogate pair is no character (RFC 8259 §8.2
// leaves it open; a reader that replaces it makes two names one).
func (p *parser) unicode() (rune, *Error) {
	r, err := p.hex4()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if p.pos+1 < len(p.s) && p.s[p.pos] == '\\' && p.s[p.pos+1] == 'u' {
		p.pos++
		low, err := p.hex4()
		if err != nil {
			return 0, err
		}
		if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
			return r, nil
		}
	}
	return 0, p.fail("half of a surrogate pair")
}

// hex4 reads the u and its four digits.
func (p *parser) hex4() (rune, *Error) {
	p.pos++
	var r rune
	for range 4 {
		c := p.peek()
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, p.fail("four hexadecimal digits were expected")
		}
		r = r<<4 | rune(c)
		p.pos++
	}
	return r, nil
}
