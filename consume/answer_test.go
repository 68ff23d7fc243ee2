package consume_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/oauth"
)

// CL-01, CL-02, CL-07: what a successful answer may look like.
func TestAnswer(t *testing.T) {
	t.Parallel()
	const head = `{"access_token":"abc","token_type":"Bearer"`
	years := noon.Add(10 * 365 * 24 * time.Hour)
	never := time.Time{}
	for _, tt := range []struct {
		name, body string
		ok         bool
		expires    time.Time
	}{
		{"plain", good, true, noon.Add(time.Hour)},
		{"unknown members", head + `,"expires_in":60,"x":{"y":[1]},"refresh_token":"r"}`, true, noon.Add(time.Minute)},
		{"type in another case", `{"access_token":"abc","token_type":"bEARER"}`, true, never},
		{"type missing", `{"access_token":"abc"}`, false, never},
		{"another type", `{"access_token":"abc","token_type":"N_A"}`, false, never},
		{"type DPoP", `{"access_token":"abc","token_type":"DPoP"}`, false, never},
		{"token missing", `{"token_type":"Bearer"}`, false, never},
		{"token empty", `{"access_token":"","token_type":"Bearer"}`, false, never},
		{"token number", `{"access_token":1,"token_type":"Bearer"}`, false, never},
		{"token with a line break", `{"access_token":"a\r\nX-Admin: 1","token_type":"Bearer"}`, false, never},
		{"token with a space", `{"access_token":"a b","token_type":"Bearer"}`, false, never},
		{"token in another case", `{"ACCESS_TOKEN":"abc","token_type":"Bearer"}`, false, never},
		{"no JSON", `<html>`, false, never},
		{"empty", ``, false, never},
		{"null", `null`, false, never},
		{"array", `[]`, false, never},
		{"two documents", good + good, false, never},

		{"expires_in missing", head + `}`, true, never},
		{"expires_in null", head + `,"expires_in":null}`, true, never},
		{"expires_in empty", head + `,"expires_in":""}`, true, never},
		{"expires_in 0", head + `,"expires_in":0}`, true, noon},
		{"expires_in negative", head + `,"expires_in":-1}`, true, noon},
		{"expires_in very negative", head + `,"expires_in":-1e300}`, true, noon},
		{"expires_in string", head + `,"expires_in":"3600"}`, true, noon.Add(time.Hour)},
		{"expires_in fraction", head + `,"expires_in":3599.9}`, true, noon.Add(3599 * time.Second)},
		{"expires_in float", head + `,"expires_in":3600.0}`, true, noon.Add(time.Hour)},
		{"expires_in 1e30", head + `,"expires_in":1e30}`, true, years},
		{"expires_in 1e400", head + `,"expires_in":1e400}`, true, years},
		{"expires_in no number", head + `,"expires_in":"soon"}`, true, never},
		{"expires_in NaN", head + `,"expires_in":"NaN"}`, true, never},
		{"expires_in object", head + `,"expires_in":{}}`, true, never},
		{"expires_in true", head + `,"expires_in":true}`, true, never},
		{"expires_at", head + `,"expires_at":` + fmt.Sprint(noon.Unix()+60) + `}`, true, noon.Add(time.Minute)},
		{"expires_at string", head + `,"expires_at":"` + fmt.Sprint(noon.Unix()+60) + `"}`, true, noon.Add(time.Minute)},
		{"expires_at 1e300", head + `,"expires_at":1e300}`, true, years},
		{"expires_at negative", head + `,"expires_at":-5}`, true, time.Unix(0, 0)},
		{"doorkeeper", head + `,"expires_in":60,"created_at":1}`, true, noon.Add(time.Minute)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tok, err := source(answer(http.StatusOK, tt.body)).Token(t.Context())
			if (err == nil) != tt.ok {
				t.Fatalf("%s: got %v, want ok %v", tt.body, err, tt.ok)
			}
			if err != nil {
				if e, ok := errors.AsType[*consume.Error](err); !ok || e.Status != http.StatusOK || !e.Temporary() {
					t.Errorf("%s: got %#v", tt.body, err)
				}
				return
			}
			if !tok.Expires.Equal(tt.expires) || tok.Header() != "Bearer abc" {
				t.Errorf("%s: expires %v, header %q, want %v", tt.body, tok.Expires, tok.Header(), tt.expires)
			}
			if want := !tt.expires.IsZero() && !noon.Before(tt.expires); tok.Expired(noon) != want {
				t.Errorf("%s: expired %v, want %v", tt.body, tok.Expired(noon), want)
			}
		})
	}
}

func TestScopeOfAnswer(t *testing.T) {
	t.Parallel()
	for member, want := range map[string]oauth.Scope{
		``:                     {"a", "b"}, // RFC 6749 §5.1: as asked for
		`,"scope":"b"`:         {"b"},
		`,"scope":"c b c"`:     {"b", "c"},
		`,"scope":null`:        {"a", "b"},
		`,"scope":["b"]`:       {"a", "b"},
		`,"scope":"b\u0001"`:   {"a", "b"},
		`,"scope":""`:          {"a", "b"},
		`,"Scope":"different"`: {"a", "b"},
	} {
		c := source(answer(http.StatusOK, `{"access_token":"abc","token_type":"Bearer"`+member+`}`))
		c.Scope = []string{"b", "a"}
		if tok, err := c.Token(t.Context()); err != nil || !tok.Scope.Equal(want) {
			t.Errorf("%s: got %v, %v, want %v", member, tok, err, want)
		}
	}
}

// No answer makes a token that does not fit in a header, or an error that does
// not fit in a line.
func FuzzAnswer(f *testing.F) {
	f.Add(200, good)
	f.Add(400, `{"error":"invalid_client","error_description":"x"}`)
	f.Add(200, `{"access_token":"a","token_type":"bearer","expires_in":"1e30","scope":"a b"}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		tok, err := source(answer(status, body)).Token(t.Context())
		switch {
		case (tok == nil) == (err == nil):
			t.Errorf("got %v, %v", tok, err)
		case err != nil && strings.ContainsAny(err.Error(), "\r\n\x1b"):
			t.Errorf("%q has control characters", err)
		case tok != nil && (tok.Value == "" || strings.ContainsAny(tok.Header()[len("Bearer "):], " \r\n") || tok.Expires.Year() > 2037):
			t.Errorf("%q %v", tok.Header(), tok.Expires)
		}
	})
}
