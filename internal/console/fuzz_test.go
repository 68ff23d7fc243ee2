package console_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mintage-auth/mintage/internal/console"
)

// FuzzMessage: a message cookie that somebody made up shows text that is short
// and valid, or nothing; one of ours shows its message.
func FuzzMessage(f *testing.F) {
	for _, seed := range []string{"", "RG9uZS4", "RG9uZS4=", "%%%", "/+8", "w_8", strings.Repeat("QUFB", 300), console.MessageCookie("<b>Done</b>").Value} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r := httptest.NewRequest(http.MethodGet, "/console/", http.NoBody)
		r.Header.Set("Cookie", "__Host-mintage-message="+value)
		if text := console.Message(r); len(text) > 400 || !utf8.ValidString(text) {
			t.Errorf("%q shows %q", value, text)
		}
		c := console.MessageCookie(value)
		if c.MaxAge != int(console.MessageLife) || len(c.Value) > 540 {
			t.Errorf("the cookie of %q lives %d s and has %d bytes", value, c.MaxAge, len(c.Value))
		}
		again := httptest.NewRequest(http.MethodGet, "/console/", http.NoBody)
		again.AddCookie(c)
		if got := console.Message(again); len(value) <= 400 && utf8.ValidString(value) && got != value {
			t.Errorf("the message %q arrives as %q", value, got)
		}
	})
}

// FuzzForm: what is read of a form is what it says, and what is refused gives
// nothing.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{
		"", "name=Front+desk&version=3", "name=a&name=b", "version=-1", "version=9223372036854775808", "%zz=1", "a;b=c", "name=%00%ff", "&&=&", "a=%3Cscript%3E",
	} {
		f.Add("application/x-www-form-urlencoded", seed)
	}
	f.Add("application/x-www-form-urlencoded; charset=utf-8", "a=b")
	f.Add("text/plain", "a=b")
	f.Add("multipart/form-data; boundary=x", "--x--")
	f.Fuzz(func(t *testing.T, media, body string) {
		r := httptest.NewRequest(http.MethodPost, "/console/theme", strings.NewReader(body))
		r.Header.Set("Content-Type", media)
		form, err := console.ReadForm(httptest.NewRecorder(), r)
		if err != nil {
			if len(form) > 0 {
				t.Errorf("%q of %s is refused, and gives %v", body, media, form)
			}
			return
		}
		if !strings.HasPrefix(strings.ToLower(strings.TrimSpace(media)), "application/x-www-form-urlencoded") {
			t.Errorf("%s is read as a form", media)
		}
		again, err := url.ParseQuery(form.Encode()) // what parses prints back the same
		if err != nil || again.Encode() != form.Encode() {
			t.Errorf("%q is %v and then %v (%v)", body, form, again, err)
		}
		if v := console.Version(form); v < 0 {
			t.Errorf("%q has the version %d", body, v)
		}
	})
}

// FuzzLocalPath: an address that came from outside leads to the console, whoever
// reads it.
func FuzzLocalPath(f *testing.F) {
	for _, seed := range []string{
		"/console/t/a/clients?q=x#y", "", "//evil.example/console/", "https://evil.example/console/", "/console/../admin", "/\\evil.example/console/",
		"/console/\r\nSet-Cookie: a=b", "javascript:alert(1)", "/consolex/", "\t/console/", "///console/",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, p string) {
		got := console.LocalPath(p)
		base := &url.URL{Scheme: "https", Host: "console.example", Path: "/console/sign-in"}
		u, err := base.Parse(got)
		if err != nil || u.Scheme != "https" || u.Host != "console.example" || !strings.HasPrefix(got, "/console/") || strings.ContainsAny(got, "\\\r\n\t") {
			t.Errorf("%q leads to %q (%v)", p, got, err)
		}
	})
}

// FuzzDecodeJWT: what is shown of a token is what it holds, and of anything else
// nothing is shown.
func FuzzDecodeJWT(f *testing.F) {
	for _, seed := range []string{
		"", "a.b.c", "e30.e30.", "eyJhbGciOiJFUzI1NiJ9.eyJqdGkiOiJhIiwiZXhwIjoxODAwMDAwMDAwfQ.c2ln", "e30.eyJqdGkiOjF9.x", "e30.W10.x", "bnVsbA.bnVsbA.",
		"e30.eyJleHAiOjFlOTl9.x", "e30.eyJhIjp7ImIiOls8XX19.x", "....", "eyJhIjoxLCJhIjoyfQ.e30.x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		header, claims, jti := console.DecodeJWT(text)
		if header == "" {
			if claims != nil || jti != "" {
				t.Errorf("%q has no header, and shows %v and %q", text, claims, jti)
			}
			return
		}
		if strings.Count(text, ".") != 2 || !json.Valid([]byte(header)) {
			t.Errorf("%q is shown with the header %q", text, header)
		}
		last := ""
		for i, c := range claims {
			if i > 0 && c[0] <= last {
				t.Errorf("%q: the claims are not in order: %v", text, claims)
			}
			if last = c[0]; c[0] == "jti" && jti != "" && c[1] != jti {
				t.Errorf("%q: the jti is %q and shown as %q", text, jti, c[1])
			}
		}
	})
}
