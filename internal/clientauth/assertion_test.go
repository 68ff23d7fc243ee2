package clientauth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/clientauth"
	"github.com/mintage-auth/mintage/internal/clientkeys"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/replay"
	"github.com/mintage-auth/mintage/oauth"
)

// keySet is the keys of every client, or why there are none.
type keySet struct {
	keys []*jose.Key
	err  error
}

func (s keySet) Keys(context.Context, *mintage.Client, string) ([]*jose.Key, error) {
	return s.keys, s.err
}

// once remembers what passed.
type once struct {
	mu   sync.Mutex
	seen map[[32]byte]time.Time
	err  error
}

func (o *once) Once(_ context.Context, id [32]byte, expires time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	if _, used := o.seen[id]; used {
		return replay.ErrUsed
	}
	if o.seen == nil {
		o.seen = map[[32]byte]time.Time{}
	}
	o.seen[id] = expires
	return nil
}

// signers are one for each algorithm that clients may use, by a key of its own.
var signers = sync.OnceValue(func() []*jose.Signer {
	var all []*jose.Signer
	for _, alg := range mintage.AssertionAlgs() {
		priv, err := jose.GenerateKey(jose.Alg(alg))
		if err != nil {
			panic(err)
		}
		s, err := jose.NewSigner(priv, jose.Alg(alg), "key-"+alg, nil)
		if err != nil {
			panic(err)
		}
		all = append(all, s)
	}
	return all
})

func publicKeys() (keys []*jose.Key) {
	for _, s := range signers() {
		keys = append(keys, s.Key())
	}
	return keys
}

// newSigning returns an authenticator of clients that may only sign.
func newSigning(t *testing.T) (*clientauth.Authenticator, *once) {
	t.Helper()
	a, _ := newAuthenticator(t, func(c *mintage.Client) { c.AuthMethods = []string{oauth.AuthPrivateKeyJWT} })
	o := &once{}
	a.Keys, a.Replays = keySet{keys: publicKeys()}, o
	return a, o
}

// claimsOf are the claims of an assertion that is right.
func claimsOf(id, jti string) map[string]any {
	return map[string]any{
		"iss": id, "sub": id, "aud": acme.Issuer, "jti": jti, "exp": epoch.Unix() + 60, "iat": epoch.Unix(),
	}
}

func signed(t *testing.T, s *jose.Signer, claims map[string]any) *clientauth.Request {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jwt, err := s.AppendSign(nil, payload)
	if err != nil {
		t.Fatal(err)
	}
	return &clientauth.Request{Assertion: string(jwt), AssertionType: clientauth.AssertionType}
}

// TestAssertionAlgs is CJ-10: each algorithm that metadata lists is taken, with
// the key that is for it and with none that is not.
func TestAssertionAlgs(t *testing.T) {
	t.Parallel()
	for i, s := range signers() {
		a, o := newSigning(t)
		req := signed(t, s, claimsOf("one", "a"))
		res, err := a.Authenticate(t.Context(), acme, req)
		if err != nil || res.Client.ID != "one" || res.Method != oauth.AuthPrivateKeyJWT || res.Secret != nil {
			t.Errorf("%s: got %+v, %v", s.Key().Alg(), res, err)
		}
		for _, expires := range o.seen { // for as long as the assertion would be good, and no shorter
			if want := epoch.Add(70 * time.Second); expires.Before(want) || expires.After(want.Add(2*time.Second)) {
				t.Errorf("its jti is kept until %v", expires)
			}
		}
		a.Keys = keySet{keys: append(publicKeys()[:i:i], publicKeys()[i+1:]...)}
		req = signed(t, s, claimsOf("one", "b"))
		if _, err := a.Authenticate(t.Context(), acme, req); err == nil {
			t.Errorf("%s: without its key it is taken", s.Key().Alg())
		}
	}
}

// An RSA key without an algorithm is for both that it can be for, whatever size
// the salt has; jose has the vectors.
func TestAssertionRSAWithoutAlg(t *testing.T) {
	t.Parallel()
	for _, s := range signers() {
		if alg := s.Key().Alg(); alg != jose.RS256 && alg != jose.PS256 {
			continue
		}
		doc := strings.Replace(string(s.Key().AppendJWK(nil)), `,"alg":"`+string(s.Key().Alg())+`"`, "", 1)
		k, err := jose.ParseKey([]byte(doc))
		if err != nil || k.Alg() != "" {
			t.Fatal(doc, err)
		}
		a, _ := newSigning(t)
		a.Keys = keySet{keys: []*jose.Key{k}}
		if _, err := a.Authenticate(t.Context(), acme, signed(t, s, claimsOf("one", "a"))); err != nil {
			t.Errorf("%s: %v", s.Key().Alg(), err)
		}
	}
}

// TestAssertionScope says whose a jti is: each client's own, in its tenant.
func TestAssertionScope(t *testing.T) {
	t.Parallel()
	a, o := newSigning(t)
	for _, id := range []string{"one", "two"} {
		if _, err := a.Authenticate(t.Context(), acme, signed(t, signers()[0], claimsOf(id, "same"))); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	_, err := a.Authenticate(t.Context(), acme, signed(t, signers()[0], claimsOf("one", "same")))
	if oe, ok := errors.AsType[*oauth.Error](err); !ok || oe.Reason != "assertion.replayed" || len(o.seen) != 2 {
		t.Errorf("got %v, %d kept", err, len(o.seen))
	}
}

// TestAssertionTrouble is TE-30 for assertions: our own trouble is never the
// client's, and nothing is taken that could not be checked; the client's
// endpoint is no trouble of ours.
func TestAssertionTrouble(t *testing.T) {
	t.Parallel()
	away := fmt.Errorf("%w: gone", clientkeys.ErrUnavailable)
	for _, tt := range []struct {
		name   string
		change func(*clientauth.Authenticator)
		status int
		reason string
	}{
		{"clients", func(a *clientauth.Authenticator) { a.Clients = trouble{errors.New("gone")} }, 503, "store.unavailable"},
		{"replays", func(a *clientauth.Authenticator) { a.Replays = &once{err: errors.New("gone")} }, 503, "store.unavailable"},
		{"keys that we cannot read", func(a *clientauth.Authenticator) { a.Keys = keySet{err: errors.New("broken")} }, 500, "internal"},
		{"keys that are away", func(a *clientauth.Authenticator) { a.Keys = keySet{err: away} }, 400, "assertion.keys_unavailable"},
		{"no keys", func(a *clientauth.Authenticator) { a.Keys = keySet{} }, 400, "assertion.key_unknown"},
		{"not offered", func(a *clientauth.Authenticator) { a.Keys = nil }, 400, "auth.method_not_allowed"},
	} {
		a, _ := newSigning(t)
		tt.change(a)
		res, err := a.Authenticate(t.Context(), acme, signed(t, signers()[0], claimsOf("one", "a")))
		oe, ok := errors.AsType[*oauth.Error](err)
		if !ok || oe.Status != tt.status || oe.Reason != tt.reason || res.Client != nil {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.reason)
		}
	}
}

// TestNobodysKeys says that an assertion of nobody costs a signature, whatever
// its algorithm: there is a key for each.
func TestNobodysKeys(t *testing.T) {
	t.Parallel()
	keys := clientauth.NobodysKeys()
	for _, alg := range mintage.AssertionAlgs() {
		found := false
		for _, k := range keys {
			_, err := k.WithAlg(jose.Alg(alg))
			found = found || err == nil
		}
		if !found {
			t.Errorf("none is for %s", alg)
		}
	}
}

// FuzzAssertion holds that nobody is authenticated but by an assertion that a
// key of the client signed: a change of any byte of one is refused, and what is
// refused shows nothing of it.
func FuzzAssertion(f *testing.F) {
	good := func(header, payload string) string {
		enc := base64.RawURLEncoding.EncodeToString
		return enc([]byte(header)) + "." + enc([]byte(payload)) + ".AAAA"
	}
	claims := `{"iss":"one","sub":"one","aud":"https://auth.example","jti":"canary","exp":1795262460}`
	for _, seed := range []string{
		good(`{"alg":"ES256"}`, claims), good(`{"alg":"EdDSA","kid":"key-EdDSA","typ":"JWT"}`, claims), good(`{"alg":"none"}`, claims),
		good(`{"alg":"HS256"}`, claims), good(`{"alg":"RS256","typ":"at+jwt"}`, claims), good(`{"alg":"ES256"}`, `{"exp":1e400}`),
		good(`{"alg":"ES256"}`, `{"iss":"one","sub":"one","aud":["a"],"jti":"x","exp":-1}`), "..", "e30.e30.AA", "", "a.b.c.d.e",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, jwt string) {
		a, o := newSigning(t)
		req := &clientauth.Request{Assertion: jwt, AssertionType: clientauth.AssertionType}
		res, err := a.Authenticate(t.Context(), acme, req)
		oe, ok := errors.AsType[*oauth.Error](err)
		if !ok || res.Client != nil || len(o.seen) > 0 || oe.Status != 400 {
			t.Errorf("%q: got %+v, %v", jwt, res, err)
		}
		if strings.Contains(oe.Error(), "canary") {
			t.Errorf("%q is quoted: %v", jwt, err)
		}
	})
}
