package issue

import (
	"strconv"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/strictjson"
	"github.com/mintage-auth/mintage/oauth"
)

// Dialect is how a family of servers spells the token endpoint. It is a value,
// not a type to implement: a new dialect is a new file with a variable, its
// rules in mintage.Dialects and its transcripts.
type Dialect struct {
	Name string
	// Rules are what the decision about a token needs to know.
	Rules mintage.Dialect
	// JSON says that a JSON body is read, beside a form.
	JSON bool
	// Query says that parameters are read from the query too. Credentials there
	// are on the client's ladder.
	Query bool
	// Write appends the answer with a token.
	Write func(dst []byte, tok *mintage.AccessToken) []byte
	// Fail appends the answer with an error.
	Fail func(dst []byte, f *Failure) []byte
	// Status returns the status of an error.
	Status func(*oauth.Error) int
}

// Failure is what an error answer may say.
type Failure struct {
	Code        string
	Description string
	URI         string // empty: none
	TraceID     string
	Debug       string // empty but for a developer's own server
	Status      int
}

// dialects are those that this build speaks.
var dialects = [...]*Dialect{&dialectRFC, &dialectCognito, &dialectMyParcel, &dialectDoorkeeper}

// neighbour is how the endpoints beside the token endpoint read and answer:
// forms alone, in every tenant (RFC 7662 §2.1, RFC 7009 §2.1).
var neighbour = &Dialect{Fail: failRFC, Status: statusRFC}

func dialectByName(name string) (*Dialect, bool) {
	for _, d := range dialects {
		if d.Name == name {
			return d, true
		}
	}
	return nil, false
}

// rules returns what mintage.Dialects says of a dialect that it surely has.
func rules(name string) mintage.Dialect {
	d, ok := mintage.DialectByName(name)
	if !ok {
		panic("issue: no rules for the dialect " + name)
	}
	return d
}

// appendMember appends "name": and a string, with what precedes it.
func appendMember(dst []byte, before, value string) []byte {
	return strictjson.AppendString(append(dst, before...), value)
}

// lifetime is expires_in: whole seconds from iat to exp, whatever the time is
// when the answer is read.
func lifetime(tok *mintage.AccessToken) int64 { return tok.Expires.Unix() - tok.IssuedAt.Unix() }

func appendExpiresIn(dst []byte, tok *mintage.AccessToken) []byte {
	return strconv.AppendInt(append(dst, `,"expires_in":`...), lifetime(tok), 10)
}
