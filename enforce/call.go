package enforce

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/mintage-auth/mintage/oauth"
)

// Call is a request to the resource server, for those who check it for somebody
// else and have no *http.Request of it: gateways, forward authentication, other
// protocols.
type Call struct {
	Method string // as sent, such as GET

	// Scheme, Host and Path are the URL by which the client called, the path as
	// it was sent. Only DPoP proofs are compared with them; Verifier.Origin
	// stands for the first two where it is set. They come from whoever is
	// trusted to say, and never from a header that the client may have sent.
	Scheme, Host, Path string

	RawQuery string      // without the question mark
	Header   http.Header // with names in their canonical form

	// Certificate is the one that the client proved to have: that of its TLS
	// connection, or what a trusted proxy says of it; nil: none.
	Certificate *x509.Certificate
}

// Authenticate returns the verified token of r when it has all of scopes. The
// token is read from the Authorization header alone; one in the query counts as
// none (RFC 9700 §4.3.2), and beside one in the header makes the request
// malformed (RFC 6750 §2). Where the token is bound to a certificate or to a
// DPoP key, the request has to prove its possession. The error is an
// *oauth.Error; Answer says how it is answered.
func (v *Verifier) Authenticate(r *http.Request, scopes ...string) (*Token, error) {
	c := Call{
		Method: r.Method, Scheme: "http", Host: r.Host, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery, Header: r.Header,
		Certificate: peerCertificate(r.TLS),
	}
	if r.TLS != nil {
		c.Scheme = "https"
	}
	if v.Certificate != nil {
		cert, err := v.Certificate(r)
		if err != nil {
			return nil, oauth.InvalidRequest("cert.missing", "the client's certificate cannot be read")
		}
		c.Certificate = cert
	}
	return v.AuthenticateCall(r.Context(), c, scopes...)
}

func peerCertificate(state *tls.ConnectionState) *x509.Certificate {
	if state == nil || len(state.PeerCertificates) == 0 {
		return nil
	}
	return state.PeerCertificates[0]
}

// AuthenticateCall is Authenticate for a Call.
func (v *Verifier) AuthenticateCall(ctx context.Context, c Call, scopes ...string) (*Token, error) {
	raw, scheme, err := v.credentials(c.Header)
	if err != nil {
		return nil, err
	}
	if c.RawQuery != "" && hasTokenParameter(c.RawQuery) {
		return nil, oauth.InvalidRequest("token.malformed", "the request carries an access token in the query too")
	}
	tok, err := v.Inspect(ctx, raw)
	if err != nil {
		return nil, err
	}
	if err := v.checkBinding(c, tok, scheme); err != nil {
		return nil, err
	}
	for _, s := range scopes {
		if !tok.Scope.Has(s) {
			return nil, oauth.InsufficientScope(oauth.NewScope(scopes...))
		}
	}
	return tok, nil
}

// scheme is how a token was sent.
type scheme uint8

const (
	byBearer scheme = iota
	byDPoP
)

// credentials returns the token of a request and how it was sent.
func (v *Verifier) credentials(h http.Header) (string, scheme, error) {
	how := byBearer
	raw, err := oauth.Bearer(h)
	if errors.Is(err, oauth.ErrNoBearer) && v.DPoP != nil {
		how = byDPoP
		raw, err = oauth.DPoP(h)
	}
	if errors.Is(err, oauth.ErrNoBearer) {
		return "", how, oauth.InvalidToken("token.missing", "the request carries no access token", err)
	}
	return raw, how, err
}

// hasTokenParameter says whether a query has the parameter access_token, in
// any spelling of its octets.
func hasTokenParameter(query string) bool {
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if strings.ContainsAny(name, "%+") {
			if plain, err := url.QueryUnescape(name); err == nil {
				name = plain
			}
		}
		if name == "access_token" {
			return true
		}
	}
	return false
}
