package consume

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/mintage-auth/mintage/internal/jose"
)

// maxNonces bounds the servers whose nonces are kept.
const maxNonces = 64

// DPoP proves with each request that whoever sends it has the key that its token
// is bound to (RFC 9449). The same value belongs in the ClientCredentials that
// gets the token and in the Transport that uses it. The zero value has an ES256
// key that is made at first use and kept in memory alone. It must not be copied
// once it is in use and is safe for concurrent use.
type DPoP struct {
	// Key is the key; nil means a new one.
	Key *SigningKey

	clock clock
	made  sync.Once
	sign  *jose.Signer
	err   error

	mu     sync.Mutex
	nonces map[string]string // by origin
}

// proof is the claims of RFC 9449 §4.2.
type proof struct {
	ID        string `json:"jti"`
	Method    string `json:"htm"`
	URL       string `json:"htu"`
	IssuedAt  int64  `json:"iat"`
	TokenHash string `json:"ath,omitempty"`
	Nonce     string `json:"nonce,omitempty"`
}

// signer returns what signs the proofs.
func (d *DPoP) signer() (*jose.Signer, error) {
	d.made.Do(func() {
		k := d.Key
		if k == nil {
			priv, err := jose.GenerateKey(jose.ES256)
			if err != nil {
				d.err = err
				return
			}
			k = &SigningKey{Signer: priv}
		}
		alg, err := k.alg()
		if err != nil {
			d.err = err
			return
		}
		d.sign, d.err = jose.NewSigner(k.Signer, alg, "", jose.HeaderForm{{Name: "typ", Value: "dpop+jwt"}, {Name: "alg"}, {Name: "jwk"}})
	})
	return d.sign, d.err
}

// Thumbprint returns the jkt by which tokens are bound to the key (RFC 7638).
func (d *DPoP) Thumbprint() (string, error) {
	s, err := d.signer()
	if err != nil {
		return "", fmt.Errorf("the DPoP key: %w", err)
	}
	return s.Key().Thumbprint(), nil
}

// prove puts a new proof on r, which is sent at a time with token, or with none.
func (d *DPoP) prove(r *http.Request, token string, at time.Time) error {
	signer, err := d.signer()
	if err != nil {
		return fmt.Errorf("the DPoP key: %w", err)
	}
	p := proof{
		ID: rand.Text(), Method: r.Method, IssuedAt: at.Unix(), Nonce: d.nonce(r.URL),
		// RFC 9449 §4.2: without query and fragment.
		URL: (&url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host, Path: r.URL.Path, RawPath: r.URL.RawPath}).String(),
	}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		p.TokenHash = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	payload, err := json.Marshal(p)
	if err != nil {
		return err
	}
	jwt, err := signer.AppendSign(nil, payload)
	if err != nil {
		return fmt.Errorf("the DPoP proof: %w", err)
	}
	r.Header.Set("DPoP", string(jwt))
	return nil
}

// nonce returns the last nonce of u's server.
func (d *DPoP) nonce(u *url.URL) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.nonces[origin(u)]
}

// keep takes the nonce for the next request to u's server (RFC 9449 §8.2).
func (d *DPoP) keep(u *url.URL, h http.Header) {
	nonce := h.Get("DPoP-Nonce")
	if nonce == "" || len(nonce) > maxText {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.nonces == nil || len(d.nonces) >= maxNonces {
		d.nonces = map[string]string{} // they are all asked for again
	}
	d.nonces[origin(u)] = nonce
}
