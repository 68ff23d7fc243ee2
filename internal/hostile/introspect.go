package hostile

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/mintage-auth/mintage/oauth"
)

const introspectPath = "/oauth2/introspect"

// Introspector asks issuers what they think of a token, without a network in
// between, so that the answer is always theirs and never their hostility's. The
// fields must not change once it is used.
type Introspector struct {
	Handler http.Handler // of the issuers, without a Front
	Issuers []string     // which are asked one after the other
	// Credentials of a client of each that introspects for the API.
	ClientID, Secret string
}

// Introspect returns the answer of the first issuer to which the token means
// something, else an inactive one. The error is the issuer's trouble.
func (i *Introspector) Introspect(ctx context.Context, token string) (oauth.Introspection, error) {
	for _, issuer := range i.Issuers {
		info, err := i.ask(ctx, issuer, token)
		if err != nil || info.Active {
			return info, err
		}
	}
	return oauth.Introspection{}, nil
}

func (i *Introspector) ask(ctx context.Context, issuer, token string) (info oauth.Introspection, err error) {
	body := url.Values{"token": {token}}.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, issuer+introspectPath, strings.NewReader(body))
	if err != nil {
		return info, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", oauth.BasicHeader(i.ClientID, i.Secret))
	r.RemoteAddr = "127.0.0.1:0"
	r.RequestURI = r.URL.RequestURI()
	rec := &recorder{header: http.Header{}}
	i.Handler.ServeHTTP(rec, r)
	if rec.status != http.StatusOK {
		return info, fmt.Errorf("introspection at %s: %d", issuer, rec.status)
	}
	err = json.Unmarshal(rec.body.Bytes(), &info)
	return info, err
}
