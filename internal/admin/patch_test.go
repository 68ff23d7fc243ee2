package admin_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mintage-auth/mintage/internal/admin"
)

// The examples of RFC 7396 Appendix A whose original is an object.
func TestMergePatch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ original, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	} {
		var doc, want map[string]any
		mustUnmarshal(t, tt.original, &doc)
		mustUnmarshal(t, tt.want, &want)
		got, err := admin.ApplyPatch(&doc, []byte(tt.patch))
		if err != nil || !cmp.Equal(*got, want) {
			t.Errorf("%s with %s: got %v, %v; want %s", tt.original, tt.patch, got, err, tt.want)
		}
	}
}

func mustUnmarshal(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatal(err)
	}
}

// A patch of anything gives what RFC 7396 §2 says, word for word, or an error.
func FuzzMergePatch(f *testing.F) {
	f.Add(`{"a":{"b":1}}`, `{"a":{"b":null,"c":[null]}}`)
	f.Add(`{}`, `{"a":{"bb":{"ccc":null}}}`)
	f.Add(`{"a":1}`, `{"a":{}}`)
	f.Fuzz(func(t *testing.T, original, patch string) {
		var doc, change map[string]any
		if json.Unmarshal([]byte(original), &doc) != nil || doc == nil {
			return
		}
		got, err := admin.ApplyPatch(&doc, []byte(patch))
		if err != nil {
			if got != nil {
				t.Errorf("an error and a document: %v", got)
			}
			return
		}
		if err := json.Unmarshal([]byte(patch), &change); err != nil {
			t.Fatalf("the patch %q was taken and is none: %v", patch, err)
		}
		var fresh map[string]any
		mustUnmarshal(t, original, &fresh)
		if want := mergePatch(fresh, change); !cmp.Equal(any(*got), want) {
			t.Errorf("%s with %s: got %v, want %v", original, patch, *got, want)
		}
	})
}

// mergePatch is the pseudocode of RFC 7396 §2.
func mergePatch(target, patch any) any {
	members, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for name, value := range members {
		if value == nil {
			delete(object, name)
		} else {
			object[name] = mergePatch(object[name], value)
		}
	}
	return object
}

// AD-19: a cursor opens only in the list that it was sealed for, and no other
// string opens at all.
func FuzzCursor(f *testing.F) {
	key := make([]byte, 32)
	f.Add("clients hotel", "mc_1", "")
	f.Add("clients", "", admin.SealCursor(key, "keys", "a"))
	f.Fuzz(func(t *testing.T, list, after, other string) {
		sealed := admin.SealCursor(key, list, after)
		if got, ok := admin.OpenCursor(key, list, sealed); !ok || got != after {
			t.Errorf("sealed %q, opened %q, %t", after, got, ok)
		}
		if _, ok := admin.OpenCursor(key, list+"x", sealed); ok {
			t.Errorf("%q opens in another list", sealed)
		}
		if got, ok := admin.OpenCursor(key, list, other); ok && admin.SealCursor(key, list, got) != other {
			t.Errorf("%q opens and was never sealed", other)
		}
	})
}
