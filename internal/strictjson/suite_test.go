package strictjson_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/strictjson"
)

// vectors lists a folder of third-party test data. In CI it must be there.
func vectors(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../../../shared/vectors", dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatalf("shared/vectors/%s is missing", dir)
		}
		t.Skipf("shared/vectors/%s is not here", dir)
	}
	return files
}

// stricter are the documents that the suite says a parser must accept and that
// we refuse on purpose: names given twice have no one meaning.
var stricter = []string{
	"y_object_duplicated_key.json",
	"y_object_duplicated_key_and_value.json",
}

// free is our answer where RFC 8259 leaves it to the parser. Numbers are read
// by grammar and keep their spelling; whoever needs a value asks for a range.
var free = map[string]bool{
	"i_number_double_huge_neg_exp.json":                   true,
	"i_number_huge_exp.json":                              true,
	"i_number_neg_int_huge_exp.json":                      true,
	"i_number_pos_double_huge_exp.json":                   true,
	"i_number_real_neg_overflow.json":                     true,
	"i_number_real_pos_overflow.json":                     true,
	"i_number_real_underflow.json":                        true,
	"i_number_too_big_neg_int.json":                       true,
	"i_number_too_big_pos_int.json":                       true,
	"i_number_very_big_negative_int.json":                 true,
	"i_object_key_lone_2nd_surrogate.json":                false,
	"i_string_1st_surrogate_but_2nd_missing.json":         false,
	"i_string_1st_valid_surrogate_2nd_invalid.json":       false,
	"i_string_UTF-16LE_with_BOM.json":                     false,
	"i_string_UTF-8_invalid_sequence.json":                false,
	"i_string_UTF8_surrogate_U+D800.json":                 false,
	"i_string_incomplete_surrogate_and_escape_valid.json": false,
	"i_string_incomplete_surrogate_pair.json":             false,
	"i_string_incomplete_surrogates_escape_valid.json":    false,
	"i_string_invalid_lonely_surrogate.json":              false,
	"i_string_invalid_surrogate.json":                     false,
	"i_string_invalid_utf-8.json":                         false,
	"i_string_inverted_surrogates_U+1D11E.json":           false,
	"i_string_iso_latin_1.json":                           false,
	"i_string_lone_second_surrogate.json":                 false,
	"i_string_lone_utf8_continuation_byte.json":           false,
	"i_string_not_in_unicode_range.json":                  false,
	"i_string_overlong_sequence_2_bytes.json":             false,
	"i_string_overlong_sequence_6_bytes.json":             false,
	"i_string_overlong_sequence_6_bytes_null.json":        false,
	"i_string_truncated-utf-8.json":                       false,
	"i_string_utf16BE_no_BOM.json":                        false,
	"i_string_utf16LE_no_BOM.json":                        false,
	"i_structure_500_nested_arrays.json":                  false,
	"i_structure_UTF-8_BOM_empty_object.json":             false,
}

// JW-08.
func TestJSONSuite(t *testing.T) {
	t.Parallel()
	files := vectors(t, "json-test-suite/test_parsing")
	const want = 318
	right := 0
	for _, file := range files {
		name := filepath.Base(file)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		accept := name[0] == 'y' && !slices.Contains(stricter, name)
		if name[0] == 'i' {
			var decided bool
			if accept, decided = free[name]; !decided {
				t.Errorf("%s: no decision in the table", name)
			}
		}
		err = strictjson.Check(data, strictjson.Options{})
		if (err == nil) != accept {
			t.Errorf("%s: %.60q: got error %v, want accepted %v", name, data, err, accept)
			continue
		}
		right++
	}
	t.Logf("JSON suite: %d of %d", right, len(files))
	if right != want {
		t.Errorf("JSON suite: %d right, want %d", right, want)
	}
}

// TestJSONTransform goes through the documents that parsers change silently: we
// keep the text or refuse.
func TestJSONTransform(t *testing.T) {
	t.Parallel()
	files := vectors(t, "json-test-suite/test_transform")
	right := 0
	for _, file := range files {
		name := filepath.Base(file)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v, err := strictjson.Parse(data, strictjson.Options{})
		refused := strings.Contains(name, "same_key") || strings.Contains(name, "invalid_codepoint")
		switch {
		case (err != nil) != refused:
			t.Errorf("%s: %q: got error %v, want refused %v", name, data, err, refused)
		case !refused && v.Raw() != strings.TrimSpace(string(data)):
			t.Errorf("%s: got %q, want %q", name, v.Raw(), data)
		case strings.HasPrefix(name, "object_key_nf") && v.Len() != 2:
			t.Errorf("%s: got %d members, want 2: names are compared as they are", name, v.Len())
		default:
			right++
		}
	}
	t.Logf("JSON transform cases: %d of %d", right, len(files))
}
