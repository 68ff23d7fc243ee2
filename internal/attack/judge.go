package attack

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Verdict is what came of a case.
type Verdict string

// The verdicts.
const (
	Held    Verdict = "held"    // refused, or harmless
	Through Verdict = "through" // the gateway was fooled
	Unknown Verdict = "unknown" // the status does not say it, and the API says nothing
	LeftOut Verdict = "left-out"
)

// outcome is what is known after a case was sent.
type outcome struct {
	answer
	seen  []Seen
	known bool   // seen is all that reached the API
	next  string // what is wrong with the next caller's request; empty: nothing
}

// baseline is what a plain request with the good token looks like.
type baseline struct {
	status int
	// identity is the headers that the gateway set, by name in lower case; nil:
	// the API does not say.
	identity map[string][]string
	echo     bool // the API's answers say what reached it
}

// judge says what came of an attempt, and why.
func (t *Target) judge(a attempt, o outcome, base baseline) (Verdict, string) {
	if o.Took >= t.timeout() && o.Status == 0 && a.List == 8 {
		return Through, "there was no answer in " + t.timeout().String()
	}
	switch a.Rule {
	case Refused:
		return t.judgeRefused(o)
	case Neutral:
		return t.judgeNeutral(a, o, base)
	case CleanPath:
		return t.judgePath(a, o)
	case OneRequest:
		return t.judgeOne(a, o)
	}
	return Unknown, "there is no such rule"
}

// opened reports whether an answer is the protected resource, as far as can be
// told from outside.
func (t *Target) opened(o outcome) bool {
	return o.Status/100 == 2 && bytes.Contains(o.Body, []byte(t.Canary)) || o.Status == 101
}

func (t *Target) judgeRefused(o outcome) (Verdict, string) {
	switch {
	case len(o.seen) > 0:
		return Through, "the API got " + o.seen[0].Method + " " + cut(o.seen[0].Target)
	case o.known:
		return Held, refusal(o)
	case t.opened(o):
		return Through, fmt.Sprintf("it was answered %d", o.Status)
	}
	return Held, refusal(o)
}

func refusal(o outcome) string {
	if o.Status == 0 {
		return "the connection was closed"
	}
	return fmt.Sprintf("it was answered %d", o.Status)
}

// judgeNeutral compares the identity that the API saw with that of the
// baseline.
func (t *Target) judgeNeutral(a attempt, o outcome, base baseline) (Verdict, string) {
	if len(o.seen) == 0 {
		if !o.known && o.Status/100 == 2 {
			return Unknown, "only the API could say what it got"
		}
		return Held, refusal(o)
	}
	for _, s := range o.seen {
		if line := marked(s, a.spoof); line != "" {
			return Through, "the API got " + line
		}
		if base.identity == nil {
			continue
		}
		for name, want := range base.identity {
			if got := s.Header(name); !slices.Equal(got, want) {
				return Through, fmt.Sprintf("the API got %d of %s, which the gateway sets", len(got), name)
			}
		}
	}
	return Held, "the API got it without the trick"
}

// marked returns the name of the line that carries the mark.
func marked(s Seen, mark string) string {
	for _, line := range slices.Concat(s.Headers, s.Trailers) {
		// What was folded onto a header of no importance has become a part of it.
		if name, _, _ := strings.Cut(line, ":"); strings.Contains(line, mark) && (!strings.EqualFold(name, "X-Other") || strings.Contains(line, "\r")) {
			return strings.TrimSpace(name)
		}
	}
	return ""
}

// judgePath looks at the path under which it reached the API.
func (t *Target) judgePath(a attempt, o outcome) (Verdict, string) {
	own := t.public()
	if slices.Contains(a.Headers, good) {
		own = t.path()
	}
	for _, s := range o.seen {
		path, _, _ := strings.Cut(s.Target, "?")
		if !cleanPath(path) || path != own && !strings.HasPrefix(path, strings.TrimSuffix(own, "/")+"/") {
			return Through, "the API got " + cut(s.Target)
		}
	}
	switch {
	case len(o.seen) > 0:
		return Held, "the API got " + cut(o.seen[0].Target)
	case o.known || o.Status/100 != 2:
		return Held, refusal(o)
	case t.Canary == "" && slices.Contains(a.Headers, good):
		return Unknown, "only the API could say which path it got"
	case t.opened(o):
		return Through, fmt.Sprintf("it was answered %d", o.Status)
	}
	return Held, refusal(o)
}

// judgeOne looks at how many requests reached the API, and in what shape.
func (t *Target) judgeOne(a attempt, o outcome) (Verdict, string) {
	switch {
	case o.next != "":
		return Through, o.next
	case len(o.seen) > 1:
		return Through, fmt.Sprintf("the API got %d requests", len(o.seen))
	case len(o.seen) == 1 && strings.Contains(o.seen[0].Target, "smuggled"):
		return Through, "the API got the inner request"
	case len(o.seen) == 1 && len(o.seen[0].Ambiguous) > 0:
		return Through, "what the API got: " + strings.Join(o.seen[0].Ambiguous, ", ")
	case len(o.seen) == 1 && !slices.Equal(o.seen[0].Header("X-Attack-Id"), []string{a.id}):
		return Through, "the API got another request than was sent"
	case o.Second/100 == 2:
		return Through, fmt.Sprintf("the inner request was answered %d", o.Second)
	case len(o.seen) == 1:
		return Held, "the API got one plain request"
	case o.known || o.Status/100 != 2:
		return Held, refusal(o)
	}
	return Unknown, "only the API could say what it got"
}

// cleanPath reports whether everybody reads a path alike: nothing in it has to
// be decoded, resolved or cut off.
func cleanPath(path string) bool {
	if path == "/" {
		return true
	}
	if !strings.HasPrefix(path, "/") {
		return false
	}
	for segment := range strings.SplitSeq(strings.TrimSuffix(path[1:], "/"), "/") {
		if segment == "" || segment == "." || segment == ".." || strings.Trim(segment, plainLetters) != "" {
			return false
		}
	}
	return true
}

// plainLetters are those of a path that nobody treats specially.
const plainLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

// cut shortens what is shown of a target, and makes it printable.
func cut(target string) string {
	if len(target) > 60 {
		target = target[:60] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, target)
}
