package clientauth

import "github.com/mintage-auth/mintage/oauth"

// postMethod is client_id and client_secret in the body (RFC 6749 §2.3.1).
var postMethod = method{name: oauth.AuthPost, needs: oauth.AuthPost, find: findPost, refuse: refuseParameter}

func findPost(r *Request) (*claim, *oauth.Error) {
	if r.Secret == "" {
		return nil, nil // a client_id alone proves nothing and claims nothing
	}
	if err := bounded(r.ClientID, r.Secret); err != nil {
		return nil, err
	}
	return &claim{readings: []reading{{id: r.ClientID, secret: r.Secret}}}, nil
}
