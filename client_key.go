package mintage

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/strictjson"
	"github.com/mintage-auth/mintage/oauth"
)

// Bounds of a client's public keys.
const (
	// MaxClientKeys is how many keys a client may have: enough for a rollover of
	// every instance, few enough to try them all.
	MaxClientKeys = 16
	maxJWKSURI    = 2048
)

// AssertionAlgs are the algorithms by which clients may sign assertions, as
// metadata lists them (RFC 8414 §2). EdDSA is Ed25519.
func AssertionAlgs() []string {
	return []string{
		string(jose.ES256), string(jose.ES384), string(jose.ES512), string(jose.EdDSA), string(jose.PS256), string(jose.RS256),
	}
}

// NormalJWKS reads a JWK Set of a client's public keys (RFC 7517 §5) and returns
// what is kept of it: of each key the members that verify, kid and alg. A key
// without a kid gets its thumbprint for one (RFC 7638). A key that is private,
// symmetric, weak, for something else than signatures or signed by no algorithm
// of AssertionAlgs is refused, as are two of one kid and more than MaxClientKeys.
// Errors are FieldErrors with a pointer into the document; none shows what was
// in it.
func NormalJWKS(doc string) (string, error) {
	v, err := strictjson.ParseString(doc, strictjson.Options{})
	if err != nil {
		return "", invalid("the JWK Set is not JSON with each name once")
	}
	list, _ := v.Lookup("keys")
	if list.Kind() != strictjson.Array {
		if _, single := v.Lookup("kty"); single {
			return "", invalid(`this is one JWK: write it into a set, {"keys": [ ... ]}`)
		}
		return "", invalid(`a JWK Set is an object with the array keys`)
	}
	switch {
	case list.Len() == 0:
		return "", &FieldError{Pointer: "/keys", Message: "the set has no key"}
	case list.Len() > MaxClientKeys:
		return "", Under("/keys", invalid("a client has at most %d keys", MaxClientKeys))
	}
	var p problems
	var keys []*jose.Key
	for i, elem := range list.Elems() {
		k, err := readClientKey(elem)
		if err != nil {
			p.check(Pointer("keys", i), err)
			continue
		}
		if slices.ContainsFunc(keys, func(other *jose.Key) bool { return other.ID() == k.ID() }) {
			p.add(Pointer("keys", i, "kid"), "another key of the set has this kid")
			continue
		}
		keys = append(keys, k)
	}
	if err := p.err(); err != nil {
		return "", err
	}
	return string(jose.AppendKeySet(nil, keys)), nil
}

// ReadClientKeys reads what people have of public keys: a JWK Set, one JWK, or
// PEM. It returns a set in the form of NormalJWKS; errors are as there.
func ReadClientKeys(data []byte) (string, error) {
	text := strings.TrimSpace(string(data))
	if strings.Contains(text, "-----BEGIN ") {
		keys, err := jose.ParsePEM(data)
		if err != nil {
			return "", invalid("%s", err)
		}
		return NormalJWKS(string(jose.AppendKeySet(nil, keys)))
	}
	v, err := strictjson.ParseString(text, strictjson.Options{})
	if err == nil && v.Kind() == strictjson.Object {
		_, single := v.Lookup("kty")
		if _, set := v.Lookup("keys"); single && !set {
			text = `{"keys":[` + text + `]}`
		}
	}
	return NormalJWKS(text)
}

// PrivateKeyMember refuses a member that only a private or symmetric JWK has: its
// value must not be shown.
func PrivateKeyMember(name string) error {
	if !jose.PrivateMember(name) {
		return nil
	}
	return invalid("this is the private half, which nobody but the client may have: make a new key pair, and register its public half")
}

// readClientKey reads one JWK.
func readClientKey(v strictjson.Value) (*jose.Key, error) {
	if v.Kind() != strictjson.Object {
		return nil, invalid("a JWK is an object")
	}
	kty, _ := v.Lookup("kty")
	if name, _ := kty.Str(); name == "oct" {
		return nil, &FieldError{Pointer: "/kty", Message: "a symmetric key is no public key: register the public half of a key pair"}
	}
	for _, m := range v.Members() {
		if err := PrivateKeyMember(m.Name); err != nil {
			return nil, Under(Pointer(m.Name), err)
		}
	}
	k, err := jose.ParseKeyValue(v)
	if err != nil {
		return nil, keyError(v, err)
	}
	if k.Alg() != "" && !slices.Contains(AssertionAlgs(), string(k.Alg())) {
		return nil, &FieldError{Pointer: "/alg", Message: "assertions are signed by " + strings.Join(AssertionAlgs(), ", ")}
	}
	if k.ID() == "" {
		return k.Named(k.Thumbprint())
	}
	return k, nil
}

// keyError says what is wrong with a JWK in a user's words.
func keyError(v strictjson.Value, err error) error {
	if use, ok := v.Lookup("use"); ok {
		if s, _ := use.Str(); s != "sig" {
			return &FieldError{Pointer: "/use", Message: "the key is not for signatures: write sig, or leave it out"}
		}
	}
	if !errors.Is(err, jose.ErrInvalidKey) && !errors.Is(err, jose.ErrUnsupportedKey) {
		return invalid("the key cannot be read")
	}
	return invalid("%s", err)
}

// ValidateJWKSURI checks where a client publishes its keys.
func ValidateJWKSURI(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "https" || u.Host == "" || u.Hostname() == "":
		return invalid("write an https URL, such as https://billing.example.com/jwks.json")
	case u.User != nil:
		return invalid("the URL has credentials in it: keys that are public need none")
	case strings.ContainsRune(s, '#'):
		return invalid("the URL has no fragment")
	case !printable(s) || strings.ContainsAny(s, ` "<>\^{}|`+"`"):
		return invalid("the URL has a character that is to be percent-encoded")
	case len(s) > maxJWKSURI:
		return invalid("the URL has at most %d characters", maxJWKSURI)
	}
	return nil
}

// validateAuth checks how c authenticates.
func (c *Client) validateAuth(p *problems) {
	for i, name := range c.AuthMethods {
		switch name {
		case oauth.AuthBasic, oauth.AuthPost, oauth.AuthPrivateKeyJWT:
		case "client_secret_jwt":
			p.add(Pointer("auth_methods", i), "client_secret_jwt is not offered: only its client may know what it signs with; use private_key_jwt")
		default:
			p.add(Pointer("auth_methods", i), "write client_secret_basic, client_secret_post or private_key_jwt")
		}
		if slices.Contains(c.AuthMethods[:i], name) {
			p.add(Pointer("auth_methods", i), "the method is listed twice")
		}
	}
	if c.JWKS != "" {
		normal, err := NormalJWKS(c.JWKS)
		if p.check("/jwks", err); err == nil && normal != c.JWKS {
			p.add("/jwks", "the JWK Set is not in the form in which it is kept")
		}
	}
	if c.JWKSURI != "" {
		p.check("/jwks_uri", ValidateJWKSURI(c.JWKSURI))
	}
	keyed := c.JWKS != "" || c.JWKSURI != ""
	switch {
	case c.JWKS != "" && c.JWKSURI != "": // RFC 7591 §2
		p.add("/jwks_uri", "write jwks or jwks_uri, not both")
	case c.AuthenticatesBy(oauth.AuthPrivateKeyJWT) && !keyed:
		p.add("/auth_methods", "private_key_jwt needs the client's public keys: write jwks or jwks_uri")
	case keyed && !c.AuthenticatesBy(oauth.AuthPrivateKeyJWT):
		p.add("/auth_methods", "the client has keys and may not authenticate by them: add private_key_jwt, or take the keys away")
	}
}
