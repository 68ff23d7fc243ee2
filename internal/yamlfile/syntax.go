package yamlfile

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Messages of the library that come without a place, or with another than where
// the mistake is.
const (
	controlCharacter = "control characters are not allowed"
	unexpectedEnd    = "found unexpected end of stream"
)

var (
	// syntaxError is how the library words its errors.
	syntaxError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)
	// parserError matches the errors of the library's parser, which counts lines
	// from zero where its scanner counts from one.
	parserError = regexp.MustCompile(`^did not find expected (<|node content|'-'|key|',')|^found (undefined tag|duplicate %|incompatible)`)
	// unknownAnchor has no line at all.
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.+)' referenced$`)
	// plainSecret finds where a secret begins that somebody wrote into a file that
	// is no YAML, up to its first character, and openSecret a line below which one
	// follows.
	plainSecret = regexp.MustCompile(`(?i)(value|hash|text|secret|password)["']?\s*[:=]\s*[^\s{]`)
	openSecret  = regexp.MustCompile(`(?i)(value|hash|text|secret|password)["']?\s*[:=]\s*[|>]?[-+0-9]*\s*$`)
)

// syntax puts an error of the library at its place in the file.
func (f *File) syntax(err error) error {
	m := syntaxError.FindStringSubmatch(strings.ReplaceAll(err.Error(), "\n", " "))
	if m == nil {
		return &Error{File: f.Name, Message: err.Error()}
	}
	line, column, message := f.place(m[1], m[2])
	if line < 1 || line > len(f.lines) {
		return &Error{File: f.Name, Message: message}
	}
	if loc := plainSecret.FindStringIndex(f.lines[line-1]); f.belowSecret(line) {
		f.masked[line] = 1
	} else if loc != nil {
		f.masked[line] = utf8.RuneCountInString(f.lines[line-1][:loc[1]])
	}
	return f.mask(f.at(line, column, message))
}

// belowSecret reports whether a line belongs to a key of a secret above it, by
// its indentation.
func (f *File) belowSecret(line int) bool {
	indent := func(text string) int { return len(text) - len(strings.TrimLeft(text, " \t")) }
	for at, deep := line-2, indent(f.lines[line-1]); at >= 0 && deep > 0; at-- {
		if text := f.lines[at]; strings.TrimSpace(text) != "" && indent(text) < deep {
			if deep = indent(text); openSecret.MatchString(text) {
				return true
			}
		}
	}
	return false
}

// place finds where an error is that the library puts at a line, or at none.
func (f *File) place(number, told string) (line, column int, message string) {
	if told == controlCharacter {
		return f.control()
	}
	if m := unknownAnchor.FindStringSubmatch(told); m != nil {
		for i, text := range f.lines {
			if at := strings.Index(text, "*"+m[1]); at >= 0 {
				return i + 1, utf8.RuneCountInString(text[:at]) + 1, told
			}
		}
		return 0, 0, told
	}
	line, err := strconv.Atoi(number)
	if err != nil {
		line = 1 // the only one that the library does not name
	} else if parserError.MatchString(told) {
		line++
	}
	if blank := line > len(f.lines) || line > 0 && strings.TrimSpace(f.lines[line-1]) == ""; blank && told == unexpectedEnd {
		line = 1 // of the text that does not end, the library only forgets the first
	} else if blank {
		return f.before(line, told)
	}
	if line < 1 {
		return 0, 0, told
	}
	text := f.lines[line-1]
	return line, utf8.RuneCountInString(text) - utf8.RuneCountInString(strings.TrimLeft(text, " \t")) + 1, told
}

// before is the end of what is written before a line that is empty, for an
// error that something is missing.
func (f *File) before(line int, told string) (at, column int, message string) {
	for at = min(line, len(f.lines)); at > 0; at-- {
		text := strings.TrimRight(f.lines[at-1], " \t")
		if text == "" {
			continue
		}
		return at, utf8.RuneCountInString(text) + 1, told
	}
	return 0, 0, told
}

// control finds the first character that YAML does not allow in a file (YAML
// 1.2 §5.1).
func (f *File) control() (line, column int, message string) {
	for i, text := range f.lines {
		column := 0
		for _, r := range text {
			column++
			allowed := r == '\t' || r == '\r' || r == 0x85 || r >= ' ' && r <= '~' || r >= 0xa0 && r <= 0xfffd || r >= 0x10000
			if !allowed {
				return i + 1, column, fmt.Sprintf("the control character %U is not allowed", r)
			}
		}
	}
	return 0, 0, controlCharacter
}
