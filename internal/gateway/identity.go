package gateway

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"hash/maphash"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/strictjson"
)

// identity is what is said of the bearer of a token.
type identity struct {
	token *enforce.Token
	set   []Field // in order; what there is to say
	// answer is the lines for a front: all headers that the gateway sets, empty
	// where there is nothing to say.
	answer []headerLine
}

// headerLine is a header as net/http takes it, which must not be changed.
type headerLine struct {
	name   string
	values []string
}

// keptIdentities is how many are kept.
const keptIdentities = 4096

// identities keeps what was made of the tokens that came lately, each at the
// place that its address says. It is safe for concurrent use.
type identities struct {
	seed maphash.Seed
	kept [keptIdentities]atomic.Pointer[identity]
}

func newIdentities() *identities { return &identities{seed: maphash.MakeSeed()} }

// identity returns what is said of the bearer of a token.
func (l *live) identity(t *enforce.Token) *identity {
	at := &l.identities.kept[maphash.Comparable(l.identities.seed, t)%keptIdentities]
	if i := at.Load(); i != nil && i.token == t {
		return i
	}
	i := &identity{token: t}
	h := &l.config.Identity.Headers
	for _, f := range [...]Field{
		{h.ClientID, t.ClientID}, {h.Subject, t.Subject}, {h.Scope, t.Scope.String()}, {h.Issuer, t.Issuer}, {h.TokenID, t.ID},
	} {
		if f.Name != "" && isFieldValue(f.Value) {
			i.set = append(i.set, f)
		}
	}
	for _, name := range l.front.identity {
		line := headerLine{name, emptyValue}
		for _, f := range i.set {
			if http.CanonicalHeaderKey(f.Name) == name {
				line.values = []string{f.Value}
			}
		}
		i.answer = append(i.answer, line)
	}
	at.Store(i)
	return i
}

// identify notes what the backend is told of the caller.
func (l *live) identify(d *Decision, now func() time.Time) error {
	t := d.Token
	if t == nil {
		return nil
	}
	d.identity = l.identity(t)
	d.Set = d.identity.set
	if l.internal == nil {
		return nil
	}
	value, err := l.internal.token(t, d.Route, now())
	if err != nil {
		return err
	}
	if l.internal.config.Header == "Authorization" {
		value = "Bearer " + value
	}
	d.Set = append(slices.Clip(d.Set), Field{l.internal.config.Header, value})
	return nil
}

// isFieldValue says whether s can be the value of a header as it is. A claim
// that cannot is not passed on: nobody could say what the backend makes of it.
func isFieldValue(s string) bool {
	if s == "" || s[0] == ' ' || s[len(s)-1] == ' ' {
		return false
	}
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// maxInternal bounds how many internal tokens are kept.
const maxInternal = 4096

// internalType is the typ of internal tokens: no verifier of access tokens
// takes them for one.
const internalType = "mintage-internal+jwt"

// internalTokens makes the gateway's own tokens for backends, one for each
// token of a caller and audience, and keeps it for half of its life.
type internalTokens struct {
	config InternalJWT
	signer *jose.Signer

	mu   sync.Mutex
	kept map[internalKey]internalToken
}

type internalKey struct {
	token    *enforce.Token
	audience string
}

type internalToken struct {
	value string
	until time.Time
}

// newInternalTokens returns nil where none are wanted. A key that was made and
// not read from a file goes on.
func newInternalTokens(c *InternalJWT, before *internalTokens) (*internalTokens, error) {
	if c == nil {
		return nil, nil //nolint:nilnil // nil is none
	}
	t := &internalTokens{config: *c, kept: map[internalKey]internalToken{}}
	if before != nil && c.KeyFile == "" && before.config.KeyFile == "" {
		t.signer = before.signer
		return t, nil
	}
	key, err := internalSigningKey(c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("the key of the internal token: %w", err)
	}
	alg, err := algorithmOf(key)
	if err != nil {
		return nil, err
	}
	public, err := jose.NewKey(key.Public(), "", alg)
	if err != nil {
		return nil, err
	}
	t.signer, err = jose.NewSigner(key, alg, public.Thumbprint(), jose.HeaderForm{{Name: "alg"}, {Name: "kid"}, {Name: "typ", Value: internalType}})
	return t, err
}

// internalSigningKey reads a private key, or makes one without a file.
func internalSigningKey(name string) (crypto.Signer, error) {
	if name == "" {
		return jose.GenerateKey(jose.ES256)
	}
	text, err := readSecret(name)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, fmt.Errorf("%s is no PEM file", name)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s has no private key in PKCS #8: %w", name, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("the key in %s does not sign", name)
	}
	return signer, nil
}

// token returns an internal token for the bearer of t.
func (i *internalTokens) token(t *enforce.Token, r *Route, now time.Time) (string, error) {
	key := internalKey{t, i.config.Audience}
	if key.audience == "" {
		key.audience = r.Upstream
	}
	i.mu.Lock()
	have := i.kept[key]
	i.mu.Unlock()
	if now.Before(have.until) {
		return have.value, nil
	}
	value, err := i.sign(t, key.audience, now)
	if err != nil {
		return "", fmt.Errorf("internal token: %w", err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.kept) >= maxInternal {
		clear(i.kept)
	}
	i.kept[key] = internalToken{value, now.Add(i.config.Life / 2)}
	return value, nil
}

func (i *internalTokens) sign(t *enforce.Token, audience string, now time.Time) (string, error) {
	end := min(now.Add(i.config.Life).Unix(), t.Expires)
	var b []byte
	text := func(name, value string) {
		b = append(b, ',')
		b = strictjson.AppendString(b, name)
		b = append(b, ':')
		b = strictjson.AppendString(b, value)
	}
	b = append(b, `{"iss":`...)
	b = strictjson.AppendString(b, i.config.Issuer)
	text("aud", audience)
	text("sub", t.Subject)
	text("client_id", t.ClientID)
	text("scope", t.Scope.String())
	text("original_iss", t.Issuer)
	text("original_jti", t.ID)
	b = fmt.Appendf(b, `,"iat":%d,"exp":%d}`, now.Unix(), end)
	value, err := i.signer.AppendSign(nil, b)
	return string(value), err
}

// keySet returns the JWK Set that backends verify with.
func (i *internalTokens) keySet() []byte {
	return jose.AppendKeySet(nil, []*jose.Key{i.signer.Key()})
}

// algorithmOf returns how a key signs.
func algorithmOf(key crypto.Signer) (jose.Alg, error) {
	switch k := key.Public().(type) {
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return jose.ES256, nil
		}
	case ed25519.PublicKey:
		return jose.EdDSA, nil
	case *rsa.PublicKey:
		return jose.RS256, nil
	}
	return "", errors.New("the key of the internal token is neither P-256, Ed25519 nor RSA")
}
