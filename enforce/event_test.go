package enforce_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/enforce"
)

func TestEvents(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"one", "id: 4\nevent: revocations\ndata: {}\n\n", "revocations|4|{}\n"},
		{"CR and LF", "id: 4\r\nevent: x\r\ndata: a\r\n\r\n", "x|4|a\n"},
		{"CR", "id: 4\rdata: a\r\r", "|4|a\n"},
		{"no space", "id:4\ndata:a\n\n", "|4|a\n"},
		{"two lines of data", "data: a\ndata: b\n\n", "||a\nb\n"},
		{"a comment between", ": hi\ndata: a\n\n", "||\n||a\n"},
		{"a comment within", "data: a\n: hi\ndata: b\n\n", "||a\nb\n"},
		{"unknown fields", "retry: 1\nfoo: bar\ndata\n\n", "||\n"},
		{"cut off", "data: a\n\ndata: b\n", "||a\n"},
		{"NUL in an id", "id: a\x00\ndata: b\n\n", "||b\n"},
		{"empty lines", "\n\n\ndata: a\n\n", "||a\n"},
	} {
		got, err := enforce.Events(strings.NewReader(tt.text), 1000)
		if got != tt.want || !errors.Is(err, io.EOF) {
			t.Errorf("%s: got %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
	for _, text := range []string{"data: " + strings.Repeat("a", 2000) + "\n\n", strings.Repeat("data: a\n", 1000), strings.Repeat("a", 2000)} {
		if got, err := enforce.Events(strings.NewReader(text), 1000); errors.Is(err, io.EOF) || got != "" {
			t.Errorf("too long: got %q, %v", got, err)
		}
	}
}

// FuzzEvents: no event is longer than allowed, however the text is cut.
func FuzzEvents(f *testing.F) {
	f.Add([]byte("id: 4\nevent: revocations\ndata: {\"complete\":true}\n\n: hi\n\n"))
	f.Add([]byte("\r\n\rdata\r\n\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		whole, err := enforce.Events(bytes.NewReader(text), 100)
		if err == nil {
			t.Error("it ends without an error")
		}
		bytewise, err2 := enforce.Events(&slow{text}, 100)
		if whole != bytewise || (err.Error() != err2.Error()) {
			t.Errorf("%q: %q, %v at once and %q, %v byte by byte", text, whole, err, bytewise, err2)
		}
	})
}

// slow gives a byte at a time.
type slow struct{ rest []byte }

func (s *slow) Read(b []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	b[0] = s.rest[0]
	s.rest = s.rest[1:]
	return 1, nil
}

// FuzzProof: whatever comes in the DPoP header is refused with a reason, and
// nothing panics; the same of Client-Cert and of an introspection answer.
func FuzzProof(f *testing.F) {
	f.Add("eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7fX0.e30.AA")
	f.Add(":AAAA:")
	f.Add(`{"active":true,"exp":1,"cnf":{"jkt":"x"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if err := enforce.CheckProof(text); err == nil {
			t.Errorf("%q is a proof of nobody's", text)
		}
		if cert, err := enforce.ParseClientCert([]string{text}); err == nil && cert == nil {
			t.Errorf("%q is neither a certificate nor an error", text)
		}
		tok, err := enforce.ReadAnswer([]byte(text), &enforce.Issuer{Name: issuerName}, "raw")
		if err == nil && tok != nil && (tok.Issuer != issuerName || tok.Value() != "raw") {
			t.Errorf("%q: got %+v", text, *tok)
		}
	})
}
