package enforce

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage/oauth"
)

// checkBinding demands the proof of everything that the token is bound to. A
// token that is bound to nothing comes as Bearer.
func (v *Verifier) checkBinding(c Call, t *Token, how scheme) error {
	if !t.Confirmation.Bound() {
		if how == byDPoP {
			return oauth.InvalidToken("dpop.invalid", "the access token is not bound to a DPoP key", nil)
		}
		return nil
	}
	if err := checkCertificate(c.Certificate, t); err != nil {
		return err
	}
	if t.Confirmation.Key == "" {
		if how == byDPoP {
			return oauth.InvalidToken("dpop.invalid", "the access token is not bound to a DPoP key", nil)
		}
		return nil
	}
	switch {
	case v.DPoP == nil:
		return oauth.InvalidToken("dpop.missing", "the access token is bound to a DPoP key, and this resource takes no proofs", nil)
	case how != byDPoP: // RFC 9449 §7.2
		return oauth.InvalidToken("dpop.missing", "the access token is bound to a DPoP key and cannot be used as a bearer token", nil)
	}
	return v.DPoP.check(v, c, t)
}

// unproven refuses a bound token that comes alone.
func unproven(t *Token) error {
	if t.Confirmation.Key != "" {
		return oauth.InvalidToken("dpop.missing", "the access token is bound to a DPoP key and cannot be used as a bearer token", nil)
	}
	return checkCertificate(nil, t)
}

// checkCertificate compares the certificate that the client presented with the
// one that the token is bound to (RFC 8705 §3).
func checkCertificate(cert *x509.Certificate, t *Token) error {
	want := t.Confirmation.Certificate
	switch {
	case want == "":
		return nil
	case cert == nil:
		return oauth.InvalidToken("cert.missing", "the access token is bound to a certificate that the client did not present", nil)
	case subtle.ConstantTimeCompare([]byte(CertificateThumbprint(cert)), []byte(want)) != 1:
		return oauth.InvalidToken("cert.mismatch", "the access token is bound to another certificate", nil)
	}
	return nil
}

// CertificateThumbprint returns what binds a token to a certificate: the
// SHA-256 of its DER form, in base64url (RFC 8705 §3.1).
func CertificateThumbprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ForwardedCertificate returns a Verifier.Certificate that takes the client's
// certificate from the header Client-Cert (RFC 9440 §2.2), for connections from
// these proxies alone. Each of them has to overwrite the header, whatever the
// client sent. What others send in it is not looked at.
func ForwardedCertificate(proxies ...netip.Prefix) func(*http.Request) (*x509.Certificate, error) {
	proxies = slices.Clone(proxies)
	return func(r *http.Request) (*x509.Certificate, error) {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil {
			return peerCertificate(r.TLS), nil //nolint:nilerr // not from a proxy that we know
		}
		addr := from.Addr().Unmap()
		if !slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(addr) }) {
			return peerCertificate(r.TLS), nil
		}
		return ParseClientCert(r.Header.Values("Client-Cert"))
	}
}

// maxCertificate bounds the Client-Cert header, in bytes.
const maxCertificate = 16 << 10

// ParseClientCert returns the certificate in the values of a Client-Cert header
// (RFC 9440 §2.2), nil where there is none. The caller has to know that a
// proxy, and not the client, set it.
func ParseClientCert(values []string) (*x509.Certificate, error) {
	switch {
	case len(values) == 0:
		return nil, nil //nolint:nilnil // there is none
	case len(values) > 1:
		return nil, errors.New("client certificate: the header is repeated")
	}
	text := strings.Trim(values[0], " \t")
	inner, ok := strings.CutPrefix(text, ":")
	inner, ok2 := strings.CutSuffix(inner, ":")
	if !ok || !ok2 || len(text) > maxCertificate {
		return nil, errors.New("client certificate: the header is no byte sequence")
	}
	der, err := base64.StdEncoding.DecodeString(inner)
	if err != nil {
		return nil, errors.New("client certificate: the header is no byte sequence")
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("client certificate: %w", err)
	}
	if !bytes.Equal(cert.Raw, der) {
		return nil, errors.New("client certificate: something stands after it")
	}
	return cert, nil
}
