package clientauth

import (
	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/oauth"
)

// queryMethod is client_id and client_secret in the URL, which RFC 6749 §2.3.1
// forbids and some families of clients do. It needs a dialect that reads the
// query and a client whose ladder lets it through.
var queryMethod = method{
	name: MethodQuery, needs: oauth.AuthPost, find: findQuery, refuse: refuseParameter, rung: mintage.RungQueryCredentials,
}

func findQuery(r *Request) (*claim, *oauth.Error) {
	if r.QuerySecret == "" {
		return nil, nil
	}
	if !r.QueryAllowed {
		return nil, refuseQuery()
	}
	id := r.QueryClientID
	if id == "" {
		id = r.ClientID
	}
	if err := bounded(id, r.QuerySecret); err != nil {
		return nil, err
	}
	return &claim{readings: []reading{{id: id, secret: r.QuerySecret}}}, nil
}
