package strictjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/strictjson"
)

func TestParseErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in, pointer string
		offset            int64
		msg               string
	}{
		{"empty", "", "", 0, "unexpected end of text"},
		{"trailing value", `{} {}`, "", 3, "unexpected text after the value"},
		{"trailing NUL", "1\x00", "", 1, "unexpected text after the value"},
		{"NUL", "\x00", "", 0, "a value was expected"},
		{"JW-17 duplicate", `{"alg":1,"alg":2}`, "/alg", 9, "member name given twice"},
		{"JW-17 duplicate once unescaped", `{"alg":1,"\u0061lg":2}`, "/alg", 9, "member name given twice"},
		{"duplicate deep down", `{"a":[{"b":0},{"c/d~":1,"c/d~":1}]}`, "/a/1/c~1d~0", 24, "member name given twice"},
		{"duplicate empty name", `{"":1,"":1}`, "/", 6, "member name given twice"},
		{"lone surrogate", `{"a":"\ud800"}`, "/a", 12, "half of a surrogate pair"},
		{"two high surrogates", `["\ud800\ud800"]`, "/0", 14, "half of a surrogate pair"},
		{"JW-08 UTF-16", "{\x00}\x00", "", 1, "a member name was expected"},
		{"JW-08 overlong", "{\"a\":\"\xc0\xaf\"}", "", 6, "not UTF-8"},
		{"JW-08 encoded surrogate", "[\"\xed\xa0\x80\"]", "", 2, "not UTF-8"},
		{"BOM", "\ufeff{}", "", 0, "a value was expected"},
		{"NaN", `[NaN]`, "/0", 1, "a value was expected"},
		{"Infinity", `[-Infinity]`, "/0", 2, "a digit was expected"},
		{"hexadecimal", `[0x1]`, "", 2, "a comma or the end of the container was expected"},
		{"leading zero", `[01]`, "/0", 2, "a number has a leading zero"},
		{"form feed", "[\f1]", "/0", 1, "a value was expected"},
		{"single quotes", `{'a':1}`, "", 1, "a member name was expected"},
		{"comment", `{"a":1/**/}`, "", 6, "a comma or the end of the container was expected"},
		{"trailing comma", `{"a":1,}`, "", 7, "a member name was expected"},
		{"open string", `"abc`, "", 4, "unexpected end of text"},
		{"open escape", `"a\`, "", 3, "unknown escape sequence"},
		{"open container", `{"a":[1`, "/a", 7, "unexpected end of text"},
		{"too deep", strings.Repeat("[", 9) + strings.Repeat("]", 9), "/0/0/0/0/0/0/0/0", 8, "nested too deeply"},
		{"control character", "\"a\tb\"", "", 2, "control character in a string"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v, err := strictjson.Parse([]byte(tt.in), strictjson.Options{})
			e, ok := errors.AsType[*strictjson.Error](err)
			if !ok {
				t.Fatalf("%q: got %v, want an *Error", tt.in, err)
			}
			if e.Pointer != tt.pointer || e.Offset != tt.offset || e.Msg != tt.msg {
				t.Errorf("%q: got {%q %d %q}, want {%q %d %q}", tt.in, e.Pointer, e.Offset, e.Msg, tt.pointer, tt.offset, tt.msg)
			}
			if v.Kind() != strictjson.Absent {
				t.Errorf("%q: got %v beside the error", tt.in, v.Kind())
			}
		})
	}
}

func TestParseValues(t *testing.T) {
	t.Parallel()
	const in = ` {"s":"a\u00e9\ud83d\ude00\n\"\\\/","n":-12.50e+1,"i":9007199254740993,"t":true,"f":false,"z":null,` +
		`"l":["x","y"],"o":{"s":1},"S":2,"e":[],"big":1e400} `
	v, err := strictjson.Parse([]byte(in), strictjson.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range v.Members() {
		names = append(names, m.Name)
	}
	if want := []string{"s", "n", "i", "t", "f", "z", "l", "o", "S", "e", "big"}; !slices.Equal(names, want) {
		t.Errorf("members: got %q, want %q in the order of the document", names, want)
	}
	at := func(name string) strictjson.Value {
		m, ok := v.Lookup(name)
		if !ok {
			t.Errorf("no member %q", name)
		}
		return m
	}
	if s, ok := at("s").Str(); !ok || s != "aé😀\n\"\\/" {
		t.Errorf("s: got %q, %v", s, ok)
	}
	if n, ok := at("n").Number(); !ok || n != "-12.50e+1" {
		t.Errorf("n: got %q, %v, want the literal", n, ok)
	}
	if i, ok := at("i").Int64(); !ok || i != 9007199254740993 {
		t.Errorf("i: got %d, %v, want every digit", i, ok)
	}
	if _, ok := at("n").Int64(); ok {
		t.Error("n: a number with a fraction was taken as an integer")
	}
	if _, ok := at("big").Float64(); ok { // JW-19
		t.Error("big: 1e400 was taken as finite")
	}
	if f, ok := at("n").Float64(); !ok || f != -125 {
		t.Errorf("n: got %v, %v", f, ok)
	}
	if !at("t").IsTrue() || at("f").IsTrue() || at("s").IsTrue() {
		t.Error("IsTrue is wrong")
	}
	if ss, ok := at("l").Strings(); !ok || !slices.Equal(ss, []string{"x", "y"}) {
		t.Errorf("l: got %q, %v", ss, ok)
	}
	if o := at("o"); o.Raw() != `{"s":1}` || o.Kind() != strictjson.Object {
		t.Errorf("o: got %q, %v", o.Raw(), o.Kind())
	}
	for i, e := range at("l").Elems() {
		if s, _ := e.Str(); s != []string{"x", "y"}[i] {
			t.Errorf("element %d: got %q", i, s)
		}
	}
	// A member that is not there, and a scalar asked like a container.
	none, ok := v.Lookup("nope")
	if _, isStr := none.Str(); ok || isStr || none.Kind() != strictjson.Absent {
		t.Error("Lookup found a member that is not there")
	}
	if _, ok := at("n").Lookup("x"); ok || at("n").Members() != nil || at("n").Len() != 0 {
		t.Error("a number has members")
	}
}

func TestParseManyMembers(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 15, 16, 17, 18, 1000} {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"m%d":{"x":%d}`, i, i)
		}
		plain := "{" + b.String()[1:] + "}"
		v, err := strictjson.ParseString(plain, strictjson.Options{})
		if err != nil || v.Len() != n {
			t.Errorf("%d members: got %d, %v", n, v.Len(), err)
		}
		// The same with the first and with the last name once more.
		for _, dup := range []int{0, n - 1} {
			again := fmt.Sprintf(`%s,"m%d":0}`, plain[:len(plain)-1], dup)
			if _, err := strictjson.ParseString(again, strictjson.Options{}); err == nil {
				t.Errorf("%d members and m%d again: accepted", n, dup)
			}
		}
	}
}

func TestDepth(t *testing.T) {
	t.Parallel()
	nest := func(n int) string { return strings.Repeat(`{"a":[`, n) + strings.Repeat(`]}`, n) }
	for _, tt := range []struct {
		in   string
		max  int
		want bool
	}{
		{nest(4), 0, true},
		{nest(4) + "x", 0, false},
		{"[" + nest(4) + "]", 0, false},
		{"[" + nest(4) + "]", 9, true},
		{"[]", 1, true},
		{"[[]]", 1, false},
		{"[[],[],[[]]]", 3, true}, // closed containers do not count
	} {
		err := strictjson.Check([]byte(tt.in), strictjson.Options{MaxDepth: tt.max})
		if (err == nil) != tt.want {
			t.Errorf("%s with depth %d: got %v, want accepted %v", tt.in, tt.max, err, tt.want)
		}
	}
}

func TestMaxValues(t *testing.T) {
	t.Parallel()
	list := func(n int) []byte { return []byte("[0" + strings.Repeat(",0", n-2) + "]") } // n values with the array
	for _, tt := range []struct {
		in   []byte
		max  int
		want bool
	}{
		{list(strictjson.DefaultValues), 0, true},
		{list(strictjson.DefaultValues + 1), 0, false},
		{list(strictjson.DefaultValues + 1), 1 << 20, true},
		{list(3), 3, true},
		{list(3), 2, false},
		{[]byte(`{"a":{"b":1}}`), 2, false},
	} {
		err := strictjson.Check(tt.in, strictjson.Options{MaxValues: tt.max})
		if (err == nil) != tt.want {
			t.Errorf("%.20s (%d bytes) with %d values: got %v, want accepted %v", tt.in, len(tt.in), tt.max, err, tt.want)
		}
	}
}

func TestAppendString(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                   `""`,
		"plain <&> é \u2028": `"plain <&> é ` + "\u2028" + `"`,
		"\"\\\n\x00\x1f":     `"\"\\\u000a\u0000\u001f"`,
		"a\xffb":             `"a` + "\ufffd" + `b"`,
	} {
		if got := string(strictjson.AppendString(nil, in)); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

// The header and the claims of a token each cost two allocations: the text and
// the members.
func TestParseAllocs(t *testing.T) {
	in := []byte(`{"iss":"https://as.example","sub":"c","client_id":"c","scope":"a b","iat":1,"exp":2,"jti":"x","aud":"y"}`)
	got := testing.AllocsPerRun(100, func() {
		if _, err := strictjson.Parse(in, strictjson.Options{}); err != nil {
			t.Fatal(err)
		}
	})
	if got > 2 {
		t.Errorf("got %v allocations, want at most 2", got)
	}
}

// FuzzParse holds three properties: what we accept encoding/json accepts; names
// are unique; and strings and numbers come out as encoding/json reads them.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,-0.5e3,"x\u00e9\ud83d\ude00",true,null,{}]}`, `{"a":1,"a":2}`, `"\ud800"`, `[1e400]`, "\"\xff\"", ` [ ] `, `{"":{"":""}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := strictjson.Parse(data, strictjson.Options{})
		if err != nil {
			if _, ok := errors.AsType[*strictjson.Error](err); !ok || v.Kind() != strictjson.Absent {
				t.Fatalf("%q: got %v, %v", data, v.Kind(), err)
			}
			return
		}
		if !json.Valid(data) {
			t.Fatalf("%q: accepted, and encoding/json refuses it", data)
		}
		compare(t, v)
		printed := render(nil, v)
		again, err := strictjson.Parse(printed, strictjson.Options{})
		if err != nil || !bytes.Equal(render(nil, again), printed) {
			t.Fatalf("%q: printed as %q, which reads back as %v, %v", data, printed, again.Raw(), err)
		}
	})
}

func compare(t *testing.T, v strictjson.Value) {
	t.Helper()
	seen := map[string]bool{}
	for _, m := range v.Members() {
		if seen[m.Name] {
			t.Fatalf("%s: %q twice", v.Raw(), m.Name)
		}
		seen[m.Name] = true
		compare(t, m.Value)
	}
	for _, e := range v.Elems() {
		compare(t, e)
	}
	if got, ok := v.Str(); ok {
		var want string
		if err := json.Unmarshal([]byte(v.Raw()), &want); err != nil || got != want {
			t.Fatalf("%s: got %q, want %q, %v", v.Raw(), got, want, err)
		}
	}
	if f, ok := v.Float64(); ok {
		var want float64
		if err := json.Unmarshal([]byte(v.Raw()), &want); err != nil || f != want {
			t.Fatalf("%s: got %v, want %v, %v", v.Raw(), f, want, err)
		}
	}
}

// render writes v without white space and with canonical strings.
func render(dst []byte, v strictjson.Value) []byte {
	switch v.Kind() {
	case strictjson.Object:
		dst = append(dst, '{')
		for i, m := range v.Members() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = render(append(strictjson.AppendString(dst, m.Name), ':'), m.Value)
		}
		return append(dst, '}')
	case strictjson.Array:
		dst = append(dst, '[')
		for i, e := range v.Elems() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = render(dst, e)
		}
		return append(dst, ']')
	case strictjson.String:
		s, _ := v.Str()
		return strictjson.AppendString(dst, s)
	case strictjson.Absent, strictjson.Null, strictjson.Bool, strictjson.Number:
	}
	return append(dst, v.Raw()...)
}
