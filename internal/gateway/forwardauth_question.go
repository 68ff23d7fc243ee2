package gateway

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage/enforce"
)

// original is where a front says one thing about the request: the names that
// are in use for it. Those that are there have to agree.
type original struct{ names []string }

var (
	originalMethod = original{[]string{"X-Forwarded-Method", "X-Original-Method"}}
	originalProto  = original{[]string{"X-Forwarded-Proto", "X-Original-Proto"}}
	originalHost   = original{[]string{"X-Forwarded-Host", "X-Original-Host"}}
	originalURI    = original{[]string{"X-Forwarded-Uri", "X-Original-Uri"}}
	originalURL    = original{[]string{"X-Original-Url"}} // scheme, host and URI in one
)

// read returns the value that all headers of the original agree on; empty:
// there is none.
func (o *original) read(in http.Header) (string, error) {
	value := ""
	for _, name := range o.names {
		values, ok := in[name]
		switch {
		case !ok:
			continue
		case len(values) != 1 || values[0] == "" || value != "" && value != values[0]:
			return "", errQuestion
		}
		value = values[0]
	}
	return value, nil
}

// fromHeaders reads the question of nginx, Traefik and Caddy: headers say the
// method, scheme, host and URI. A caller can send such headers too, so a front
// has to set those of one family, and what else is there must say the same.
func (q *question) fromHeaders(f *front, r *http.Request) (err error) {
	if err := checkSpelling(r.Header); err != nil {
		return err
	}
	var said [5]string
	for i, o := range [...]*original{&originalMethod, &originalProto, &originalHost, &originalURI, &originalURL} {
		if said[i], err = o.read(r.Header); err != nil {
			break
		}
	}
	q.Method, q.Scheme, q.Host = said[0], said[1], said[2] // for the log, whatever is wrong
	if err != nil {
		return err
	}
	uri, all := said[3], said[4]
	q.mapped = all != ""
	for _, name := range []string{"X-Original-Method", "X-Original-Uri"} {
		q.mapped = q.mapped || r.Header[name] != nil
	}
	if all != "" {
		if uri, err = q.fromURL(all, uri); err != nil {
			return err
		}
	}
	switch q.Scheme {
	case "ws":
		q.Scheme = "http"
	case "wss":
		q.Scheme = "https"
	}
	if q.Method == "" || q.Host == "" || uri == "" || q.Scheme != "http" && q.Scheme != "https" {
		return errIncomplete
	}
	return q.complete(f, r, uri)
}

var (
	errIncomplete  = errors.New("the front does not say the method, scheme, host and URI of the request, each once")
	errCertificate = errors.New("the front passes on a certificate that cannot be read")
)

// fromURL takes an absolute URL apart, which has to agree with what is there,
// and returns its path and query.
func (q *question) fromURL(all, uri string) (string, error) {
	scheme, rest, ok := strings.Cut(all, "://")
	slash := strings.IndexByte(rest, '/')
	if !ok || slash <= 0 {
		return "", errQuestion
	}
	host, path := rest[:slash], rest[slash:]
	if q.Scheme != "" && q.Scheme != scheme || q.Host != "" && q.Host != host || uri != "" && uri != path {
		return "", errQuestion
	}
	q.Scheme, q.Host = scheme, host
	return path, nil
}

// checkSpelling refuses other spellings of the headers that say what was asked
// for: the front did not set them.
func checkSpelling(in http.Header) error {
	for name := range in {
		if strings.IndexByte(name, '_') < 0 && strings.IndexByte(name, '.') < 0 {
			continue
		}
		folded := fold(name)
		for _, o := range []original{originalMethod, originalProto, originalHost, originalURI, originalURL} {
			if slices.ContainsFunc(o.names, func(n string) bool { return fold(n) == folded }) {
				return errQuestion
			}
		}
	}
	return nil
}

// fromEnvoy reads the question of Envoy's ext_authz over HTTP: the request is
// the original one, but for its body and a prefix of the path.
func (q *question) fromEnvoy(f *front, r *http.Request, uri string) error {
	q.Method, q.Host, q.Scheme = r.Method, r.Host, "https"
	switch proto := r.Header["X-Forwarded-Proto"]; {
	case len(proto) == 1 && (proto[0] == "http" || proto[0] == "https"):
		q.Scheme = proto[0]
	case len(proto) > 0:
		return errQuestion
	}
	return q.complete(f, r, uri)
}

// complete fills in what all fronts say alike.
func (q *question) complete(f *front, r *http.Request, uri string) (err error) {
	q.Path, q.RawQuery, _ = strings.Cut(uri, "?")
	q.Header = r.Header
	q.RemoteAddr = f.callerAddress(r.Header, peerAddress(r.RemoteAddr))
	q.Certificate, err = f.certificateIn(r.Header)
	return err
}

// callerAddress returns the last address of X-Forwarded-For that is no listed
// proxy's: further to the left a caller may have written what it likes.
func (f *front) callerAddress(in http.Header, peer netip.Addr) netip.Addr {
	at := peer
	for _, line := range slices.Backward(in["X-Forwarded-For"]) {
		for more := true; more; {
			last := strings.LastIndexByte(line, ',')
			a, err := netip.ParseAddr(strings.TrimSpace(line[last+1:]))
			if err != nil {
				return at
			}
			if at = a.Unmap(); !f.lists(at) {
				return at
			}
			if more = last >= 0; more {
				line = line[:last]
			}
		}
	}
	return at
}

// samePath reports whether a path is spelled as its canonical form is, but for
// the case of hexadecimal digits: the front passes it on as it was sent.
func samePath(raw, canonical string) bool {
	if raw == canonical {
		return true
	}
	if len(raw) != len(canonical) {
		return false
	}
	for i := range len(raw) {
		if raw[i] == canonical[i] {
			continue
		}
		digit := i >= 1 && canonical[i-1] == '%' || i >= 2 && canonical[i-2] == '%'
		if !digit || raw[i]-'a'+'A' != canonical[i] {
			return false
		}
	}
	return true
}

// ParseCertificate reads a certificate as fronts pass it on: a byte sequence
// (RFC 9440 §2.2), the same without colons (Traefik), or PEM that is encoded as
// in a URL (nginx, Envoy).
func ParseCertificate(text string) (*x509.Certificate, error) {
	if len(text) > maxCertificate {
		return nil, errCertificate
	}
	if strings.HasPrefix(text, ":") {
		c, err := enforce.ParseClientCert([]string{text})
		if err != nil || c == nil {
			return nil, errCertificate
		}
		return c, nil
	}
	der, err := base64.StdEncoding.Strict().DecodeString(text)
	if strings.HasPrefix(text, "-----BEGIN") {
		der, err = fromPEM(text)
	}
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, errCertificate
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, errCertificate
	}
	return c, nil
}

// fromPEM reads one block and nothing beside it.
func fromPEM(encoded string) ([]byte, error) {
	text, err := url.PathUnescape(encoded)
	if err != nil {
		return nil, errCertificate
	}
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" || strings.TrimSpace(string(rest)) != "" {
		return nil, errCertificate
	}
	return block.Bytes, nil
}

// maxCertificate bounds a certificate in a header, in bytes.
const maxCertificate = 32 << 10
