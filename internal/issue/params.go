package issue

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mintage-auth/mintage/internal/clientauth"
	"github.com/mintage-auth/mintage/internal/strictjson"
	"github.com/mintage-auth/mintage/oauth"
)

// param is a parameter that an endpoint may know.
type param uint8

// The parameters. All others are ignored (RFC 6749 §3.2).
const (
	paramGrantType param = iota
	paramScope
	paramClientID
	paramClientSecret
	paramAssertion
	paramAssertionType
	paramResource
	paramAudience
	paramToken
	paramTokenTypeHint
	paramCount
)

var paramNames = [paramCount]string{
	"grant_type", "scope", "client_id", "client_secret", "client_assertion", "client_assertion_type",
	"resource", "audience", "token", "token_type_hint",
}

// paramBounds are the most bytes that a value may have; zero leaves it to the
// bound of the body.
var paramBounds = [paramCount]int{
	paramScope: 4096, paramClientID: clientauth.MaxClientID, paramClientSecret: clientauth.MaxSecret,
	paramAssertion: 16384, paramAssertionType: 256,
}

// maxParams bounds how many parameters a request has.
const maxParams = 64

// params says which parameters an endpoint knows.
type params uint16

const authParams = params(1)<<paramClientID | 1<<paramClientSecret | 1<<paramAssertion | 1<<paramAssertionType

// Parameters of the endpoints.
const (
	tokenParams      = authParams | 1<<paramGrantType | 1<<paramScope | 1<<paramResource | 1<<paramAudience
	tokenishParams   = authParams | 1<<paramToken | 1<<paramTokenTypeHint
	repeatableParams = params(1)<<paramResource | 1<<paramAudience // RFC 8707 §2
)

func (ps params) has(p param) bool { return ps&(1<<p) != 0 }

// lookup returns the parameter that ps has by that name.
func (ps params) lookup(name string) (param, bool) {
	for p, known := range paramNames {
		if known == name && ps.has(param(p)) {
			return param(p), true
		}
	}
	return 0, false
}

// values are the parameters of a request. The empty value is one left out.
type values struct {
	known     params
	seen      params
	value     [paramCount]string
	resources []string
	audiences []string
	count     int
	ignored   []string // names that nothing reads and that may be shown
}

// add takes one parameter.
func (v *values) add(name, value string) *oauth.Error {
	if v.count++; v.count > maxParams {
		return oauth.InvalidRequest("request.too_large", "more than 64 parameters")
	}
	p, ok := v.known.lookup(name)
	if !ok {
		v.ignore(name)
		return nil
	}
	if v.seen.has(p) && !repeatableParams.has(p) { // RFC 6749 §3.2
		return repeated(p)
	}
	v.seen |= 1 << p
	if limit := paramBounds[p]; limit > 0 && len(value) > limit {
		return tooLong(p)
	}
	switch {
	case value == "": // RFC 6749 §3.2: as if it were left out
	case p == paramResource:
		v.resources = append(v.resources, value)
	case p == paramAudience:
		v.audiences = append(v.audiences, value)
	default:
		v.value[p] = value
	}
	return nil
}

func repeated(p param) *oauth.Error {
	return oauth.InvalidRequest("param.repeated", "the parameter "+paramNames[p]+" is repeated")
}

func tooLong(p param) *oauth.Error {
	return oauth.InvalidRequest("request.too_large", "the parameter "+paramNames[p]+" is too long")
}

// readForm takes the parameters of a form (WHATWG URL, application/x-www-form-
// urlencoded). Names that no endpoint knows may have any value.
func (v *values) readForm(s string) *oauth.Error {
	for len(s) > 0 {
		var pair string
		pair, s, _ = strings.Cut(s, "&")
		if pair == "" {
			continue
		}
		name, value, ok := splitPair(pair)
		if !ok {
			return oauth.InvalidRequest("body.malformed", "a parameter is not form-encoded UTF-8")
		}
		if err := v.add(name, value); err != nil {
			return err
		}
	}
	return nil
}

// splitPair decodes one name=value.
func splitPair(pair string) (name, value string, ok bool) {
	name, value, _ = strings.Cut(pair, "=")
	if name, ok = unescape(name); !ok {
		return "", "", false
	}
	value, ok = unescape(value)
	return name, value, ok
}

func unescape(s string) (string, bool) {
	if strings.IndexByte(s, '%') >= 0 || strings.IndexByte(s, '+') >= 0 {
		var err error
		if s, err = url.QueryUnescape(s); err != nil {
			return "", false
		}
	}
	return s, utf8.ValidString(s)
}

// readJSON takes the members of the one object that a JSON body is.
func (v *values) readJSON(body string) *oauth.Error {
	doc, err := strictjson.ParseString(body, strictjson.Options{})
	if se, ok := errors.AsType[*strictjson.Error](err); ok {
		return oauth.InvalidRequest("body.malformed", "the body is not acceptable JSON: "+se.Msg)
	}
	if doc.Kind() != strictjson.Object {
		return oauth.InvalidRequest("body.malformed", "the JSON body is not an object")
	}
	for _, m := range doc.Members() {
		value, isString := m.Value.Str()
		if p, ok := v.known.lookup(m.Name); ok && !isString {
			list, isList := m.Value.Strings()
			if p != paramScope || !isList {
				return oauth.InvalidRequest("param.malformed", "the member "+paramNames[p]+" is not a string")
			}
			value = strings.Join(list, " ")
		}
		if err := v.add(m.Name, value); err != nil {
			return err
		}
	}
	return nil
}

// merge takes the parameters of the query into those of the body. Credentials
// in both are two ways to authenticate, which is for clientauth to see; any
// other parameter in both is repeated. A client_id without a secret beside it
// is no credential: it counts as if it were in the body.
func (v *values) merge(q *values) *oauth.Error {
	both := v.seen & q.seen &^ repeatableParams
	if both.has(paramClientSecret) {
		both &^= 1<<paramClientSecret | 1<<paramClientID
	}
	for p := range paramCount {
		if both.has(p) {
			return repeated(p)
		}
		credential := p == paramClientSecret || p == paramClientID && q.value[paramClientSecret] != ""
		if !credential && q.value[p] != "" {
			v.value[p] = q.value[p]
		}
	}
	if v.count += q.count; v.count > maxParams {
		return oauth.InvalidRequest("request.too_large", "more than 64 parameters")
	}
	v.seen |= q.seen
	v.resources = append(v.resources, q.resources...)
	v.audiences = append(v.audiences, q.audiences...)
	v.ignored = append(v.ignored, q.ignored...)
	return nil
}

// ignore notes a name that nothing reads, if it may be shown. One that could be
// a secret in the wrong place may not.
func (v *values) ignore(name string) {
	const most = 4 // enough to see a misspelling, few enough for a header
	if len(v.ignored) < most && !slices.Contains(v.ignored, name) && showable(name) {
		v.ignored = append(v.ignored, name)
	}
}

// showable reports whether name is a word: lower-case letters and underscores,
// or a known name with other letter case and hyphens. Random strings of a
// secret's length are neither.
func showable(name string) bool {
	const longest = 32
	if name == "" || len(name) > longest {
		return false
	}
	odd := false
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', c == '_':
		case 'A' <= c && c <= 'Z', c == '-':
			odd = true
		default:
			return false
		}
	}
	return !odd || (tokenParams|tokenishParams).didYouMean(name) != ""
}

// didYouMean returns the known parameter that name is probably a misspelling
// of, or nothing.
func (ps params) didYouMean(name string) string {
	for p, known := range paramNames {
		if ps.has(param(p)) && resembles(name, known) {
			return known
		}
	}
	return ""
}

// resembles reports whether a is known but for letter case, hyphens and
// underscores, or but for one letter added, left out or changed.
func resembles(a, known string) bool {
	plain := strings.NewReplacer("-", "", "_", "")
	a, known = strings.ToLower(plain.Replace(a)), plain.Replace(known)
	if len(a) > len(known) {
		a, known = known, a
	}
	if len(known)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == known[i] {
		i++
	}
	if len(a) == len(known) {
		return i == len(a) || a[i+1:] == known[i+1:]
	}
	return a[i:] == known[i+1:]
}
