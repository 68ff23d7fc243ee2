package strictjson_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mintage-auth/mintage/internal/strictjson"
)

type embedded struct {
	Shadowed string `json:"name"`
	Inner    int    `json:"inner"`
}

type target struct {
	embedded
	Name     string            `json:"name"`
	Count    uint8             `json:"count,omitempty"`
	Quoted   int               `json:"quoted,string"`
	List     []item            `json:"list"`
	Pointer  *item             `json:"pointer"`
	Map      map[string]item   `json:"map"`
	Numbers  map[int]string    `json:"numbers"`
	Pair     [2]string         `json:"pair"`
	NoQuotes []string          `json:"no_quotes,string"` //nolint:staticcheck // encoding/json ignores the option here, and so must we
	At       time.Time         `json:"at"`
	Addr     netip.Addr        `json:"addr"`
	Raw      json.RawMessage   `json:"raw"`
	Any      any               `json:"any"`
	Bytes    []byte            `json:"bytes"`
	Float    float64           `json:"float"`
	Flag     bool              `json:"flag"`
	Digits   json.Number       `json:"digits"`
	Strings  map[string]string `json:"strings"`
	Untagged string
	Hidden   string `json:"-"`
	private  string //nolint:unused // shows that unexported fields have no name
}

type item struct {
	ID string `json:"id"`
}

func TestUnmarshal(t *testing.T) {
	t.Parallel()
	const in = `{"inner":1,"name":"n","count":255,"quoted":"-7","list":[{"id":"a"},{"id":"b"}],"pointer":{"id":"p"},
		"map":{"x":{"id":"m"}},"numbers":{"5":"five"},"pair":["1","2"],"no_quotes":["x"],"at":"2026-11-21T00:00:00Z","addr":"::1",
		"raw":{"id":[1]},"any":{"ID":[1,null]},"bytes":"AQI=","float":1.5,"flag":true,"digits":12,"strings":null,"Untagged":"u"}`
	var got, want target
	if err := strictjson.Unmarshal([]byte(in), &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(in), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(target{}, embedded{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("differs from encoding/json:\n%s", diff)
	}
	var into any = new(item)
	if err := strictjson.Unmarshal([]byte(`{"ID":"x"}`), &into); err == nil {
		t.Error("a pointer in an interface: a case variant was accepted")
	}
	var v any
	if err := strictjson.Unmarshal([]byte(`{"a":[1,"b"]}`), &v); err != nil || !reflect.DeepEqual(v, map[string]any{"a": []any{1.0, "b"}}) {
		t.Errorf("into any: got %v, %v", v, err)
	}
}

func TestUnmarshalErrors(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, pointer, msg string }{
		{"unknown", `{"label":"x"}`, "/label", "unknown member"},
		{"AD: case variant", `{"NAME":"x"}`, "/NAME", `unknown member; names are case-sensitive, "name" is known`},
		{"fold variant", `{"li\u017ft":[]}`, "/liſt", `unknown member; names are case-sensitive, "list" is known`},
		{"hidden field", `{"Hidden":"x"}`, "/Hidden", "unknown member"},
		{"unexported field", `{"private":"x"}`, "/private", "unknown member"},
		{"deep unknown", `{"list":[{"id":"a"},{"idd":"b"}]}`, "/list/1/idd", "unknown member"},
		{"unknown in map", `{"map":{"x":{"y":1}}}`, "/map/x/y", "unknown member"},
		{"duplicate", `{"pointer":{"id":"a","id":"b"}}`, "/pointer/id", "member name given twice"},
		{"number for string", `{"name":1}`, "/name", "a string is expected, not a number"},
		{"string for number", `{"count":"1"}`, "/count", "a number is expected, not a string"},
		{"null for string", `{"name":null}`, "/name", "a string is expected, not null"},
		{"null for text type", `{"addr":null}`, "/addr", "a string is expected, not null"},
		{"overflow", `{"count":256}`, "/count", "number out of range, or not an integer"},
		{"fraction", `{"inner":1.5}`, "/inner", "number out of range, or not an integer"},
		{"infinite", `{"float":1e400}`, "/float", "number out of range, or not an integer"},
		{"quoted", `{"quoted":7}`, "/quoted", "a string is expected, not a number"},
		{"quoted text", `{"quoted":"x"}`, "/quoted", "the string does not hold a value"},
		{"short array", `{"pair":["1"]}`, "/pair", "2 elements are expected"},
		{"long array", `{"pair":["1","2","3"]}`, "/pair", "2 elements are expected"},
		{"custom", `{"at":"yesterday"}`, "/at", "not acceptable here"},
		{"custom text", `{"addr":"1.2.3"}`, "/addr", "not acceptable here"},
		{"key", `{"numbers":{"x":"y"}}`, "/numbers/x", "not acceptable as a name here"},
		{"base64", `{"bytes":"*"}`, "/bytes", "not base64"},
		{"object for list", `{"list":{}}`, "/list", "an array is expected, not an object"},
		{"top level", `[]`, "", "an object is expected, not an array"},
		{"trailing", `{} 1`, "", "unexpected text after the value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := target{Name: "before"}
			err := strictjson.Unmarshal([]byte(tt.in), &got)
			e, ok := errors.AsType[*strictjson.Error](err)
			if !ok {
				t.Fatalf("%s: got %v, want an *Error", tt.in, err)
			}
			if e.Pointer != tt.pointer || e.Msg != tt.msg {
				t.Errorf("%s: got %q %q, want %q %q", tt.in, e.Pointer, e.Msg, tt.pointer, tt.msg)
			}
			if !reflect.DeepEqual(got, target{Name: "before"}) {
				t.Errorf("%s: the target was changed", tt.in)
			}
		})
	}
}

func TestAllowUnknown(t *testing.T) {
	t.Parallel()
	allow := strictjson.Options{AllowUnknown: true}
	var got item
	if err := strictjson.Decode([]byte(`{"scaope":[{}],"id":"a"}`), &got, allow); err != nil || got.ID != "a" {
		t.Errorf("got %+v, %v", got, err)
	}
	// encoding/json would take the second for id.
	got = item{}
	if err := strictjson.Decode([]byte(`{"id":"a","ID":"b"}`), &got, allow); err == nil {
		t.Errorf("a case variant was accepted: %+v", got)
	}
	if err := strictjson.Decode([]byte(`{"id":"a","x":1,"x":2}`), &got, allow); err == nil {
		t.Error("a duplicate among unknown members was accepted")
	}
}

func TestDecodePanics(t *testing.T) {
	t.Parallel()
	for _, v := range []any{nil, item{}, (*item)(nil)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Decode into %T did not panic", v)
				}
			}()
			_ = strictjson.Unmarshal([]byte(`{}`), v)
		}()
	}
}

// FuzzUnmarshal holds that what we decode encoding/json decodes to the same, and
// refuses no less when told to refuse unknown members.
func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"name":"n","list":[{"id":"a"}],"count":3,"quoted":"1","pair":["a","b"]}`))
	f.Add([]byte(`{"NAME":"n","at":null,"numbers":{"1":"x"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var got, want target
		if err := strictjson.Unmarshal(data, &got); err != nil {
			if e, ok := errors.AsType[*strictjson.Error](err); !ok || e.Msg == "does not fit the target" {
				t.Fatalf("%q: %v: the checks let it through", data, err)
			}
			return
		}
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("%q: accepted, and encoding/json says %v", data, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: got %+v, want %+v", data, got, want)
		}
	})
}
