package yamlfile_test

import (
	"testing"

	"github.com/mintage-auth/mintage/internal/yamlfile"
)

func TestFromJSON(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, in, want string }{
		{"order is kept", `{"b":1,"a":"x"}`, "b: 1\na: x\n"},
		{
			"texts that look like something else", `{"a":"true","b":"12","c":"null","d":"2026-11-21T10:00:00Z","e":"","f":"0x1f","g":"~"}`,
			"a: \"true\"\nb: \"12\"\nc: \"null\"\nd: \"2026-11-21T10:00:00Z\"\ne: \"\"\nf: \"0x1f\"\ng: \"~\"\n",
		},
		{"empty list", `[]`, "[]\n"},
		{"empty object", `{"a":{}}`, "a: {}\n"},
		{"nested", `{"a":[{"b":["c"]}],"d":null,"e":true}`, "a:\n  - b:\n      - c\nd: null\ne: true\n"},
		{"escapes", `{"a":"\u00e9\n\u2028x\ud83d\ude00/\/"}`, `a: "é\n\Lx\U0001F600//"` + "\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := yamlfile.FromJSON([]byte(test.in))
			if err != nil || string(got) != test.want {
				t.Errorf("%s\n got %q, %v\nwant %q", test.in, got, err, test.want)
			}
		})
	}
	if got, err := yamlfile.FromJSON([]byte(`{a: 1}`)); err == nil {
		t.Errorf("YAML passed for JSON: %q", got)
	}
}

func TestSet(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, in, value string
		path            []string
		want            string
	}{
		{"nothing", "", "x", []string{"a", "b"}, "a:\n  b: x\n"},
		{"nothing but null", "a:\n", "x", []string{"a", "b"}, "a:\n  b: x\n"},
		{"another", "# mine\na: 1 # one\nb:\n  c: old # see\n", "new", []string{"b", "c"}, "# mine\na: 1 # one\nb:\n  c: new # see\n"},
		{"one more", "b:\n  c: 1\n", "2", []string{"b", "d"}, "b:\n  c: 1\n  d: \"2\"\n"},
		{"inline", "b: {c: x}\n", "y", []string{"b", "d"}, "b:\n  c: x\n  d: y\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := yamlfile.Set([]byte(test.in), test.value, test.path...)
			if err != nil || string(got) != test.want {
				t.Errorf("%q\n got %q, %v\nwant %q", test.in, got, err, test.want)
			}
		})
	}
	for _, bad := range []string{"- a\n", "a: text\n", "a: [\n"} {
		if got, err := yamlfile.Set([]byte(bad), "x", "a", "b"); err == nil {
			t.Errorf("%q became %q", bad, got)
		}
	}
}
