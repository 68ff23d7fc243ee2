package enforce

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/oauth"
)

// Events returns the events of a stream, one a line, and how it ended.
func Events(r io.Reader, limit int) (string, error) {
	var b strings.Builder
	events := newEventReader(r, limit)
	for {
		ev, err := events.next()
		if err != nil {
			return b.String(), err
		}
		fmt.Fprintf(&b, "%s|%s|%s\n", ev.name, ev.id, ev.data)
	}
}

// CheckProof checks a proof for a token that is bound to a key of nobody's.
func CheckProof(text string) error {
	v := &Verifier{Now: func() time.Time { return time.Unix(1, 0) }}
	c := Call{Method: http.MethodGet, Scheme: "https", Host: "a", Path: "/", Header: http.Header{"Dpop": {text}}}
	return (&DPoP{}).check(v, c, &Token{Claims: oauth.Claims{}, Confirmation: Confirmation{Key: "x"}})
}

// ReadAnswer reads an introspection answer.
func ReadAnswer(body []byte, issuer *Issuer, raw string) (*Token, error) {
	return readAnswer(body, issuer, raw)
}
