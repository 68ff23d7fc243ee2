package issue_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/mintage-auth/mintage/internal/clientauth"
	"github.com/mintage-auth/mintage/internal/issue"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/oauth"
)

// clientKey is a key pair of a client of the fixture.
type clientKey struct {
	alg  string
	priv crypto.Signer
	key  *jose.Key
}

// clientKeys are the key pairs, by kid: ed, es and next are registered for the
// clients that sign, hers for the client hers, and stray for nobody.
var clientKeys = sync.OnceValue(func() map[string]*clientKey {
	out := map[string]*clientKey{}
	for kid, alg := range map[string]jose.Alg{
		"ed": jose.EdDSA, "es": jose.ES256, "next": jose.EdDSA, "hers": jose.EdDSA, "stray": jose.EdDSA,
	} {
		priv, err := jose.GenerateKey(alg)
		if err != nil {
			panic(err)
		}
		key, err := jose.NewKey(priv.Public(), kid, alg)
		if err != nil {
			panic(err)
		}
		out[kid] = &clientKey{alg: string(alg), priv: priv, key: key}
	}
	return out
})

// jwksOf returns the JWK Set of some of clientKeys.
func jwksOf(kids ...string) string {
	var keys []*jose.Key
	for _, kid := range kids {
		keys = append(keys, clientKeys()[kid].key)
	}
	return string(jose.AppendKeySet(nil, keys))
}

// assertion makes an assertion that is right but for what args say: the first is
// the key, the rest are members, h.NAME those of the header. A value that begins
// with a colon is JSON, - takes the member away, times are seconds from the
// epoch of the fixture, and n only tells two assertions of one file apart.
func assertion(tb testing.TB, args ...string) string {
	tb.Helper()
	header := map[string]any{"alg": "", "kid": args[0], "typ": "JWT"}
	claims := map[string]any{
		"iss": "signer", "sub": "signer", "aud": "https://auth.example", "jti": rand.Text(),
		"iat": epoch.Unix(), "exp": epoch.Unix() + 60,
	}
	by := args[0]
	if k := clientKeys()[by]; k != nil {
		header["alg"] = k.alg
	}
	for _, arg := range args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		into := claims
		if after, ok := strings.CutPrefix(name, "h."); ok {
			name, into = after, header
		}
		raw, isJSON := strings.CutPrefix(value, ":")
		switch seconds, err := strconv.ParseInt(value, 10, 64); {
		case name == "n":
		case name == "by":
			by = value
		case value == "-":
			delete(into, name)
		case isJSON:
			into[name] = json.RawMessage(raw)
		case err == nil:
			into[name] = epoch.Unix() + seconds
		default:
			into[name] = value
		}
	}
	return sign(tb, by, header, claims)
}

// sign signs by a key of clientKeys, or as those do who have none.
func sign(tb testing.TB, by string, header, claims map[string]any) string {
	tb.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		must(tb, err)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	signed := part(header) + "." + part(claims)
	var sig []byte
	switch by {
	case "nobody":
		sig = []byte("x")
	case "public": // CVE-2015-9235: the public half as the secret of an HMAC
		mac := hmac.New(sha256.New, clientKeys()["ed"].key.AppendJWK(nil))
		mac.Write([]byte(signed))
		sig = mac.Sum(nil)
	default:
		switch priv := clientKeys()[by].priv.(type) {
		case ed25519.PrivateKey:
			sig = ed25519.Sign(priv, []byte(signed))
		case *ecdsa.PrivateKey:
			sum := sha256.Sum256([]byte(signed))
			r, s, err := ecdsa.Sign(rand.Reader, priv, sum[:])
			must(tb, err)
			sig = append(fixed(r, priv.Curve), fixed(s, priv.Curve)...)
		}
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func fixed(n *big.Int, c elliptic.Curve) []byte {
	return n.FillBytes(make([]byte, c.Params().BitSize/8))
}

// asserting is the form of a request with an assertion.
func asserting(jwt string, more url.Values) url.Values {
	v := url.Values{
		"grant_type": {"client_credentials"}, "client_assertion_type": {clientauth.AssertionType}, "client_assertion": {jwt},
	}
	maps.Copy(v, more)
	return v
}

// TestAssertionOnce is CJ-09: of 100 copies of an assertion that come at the same
// moment one is served, and none of those that come later, or at another node.
func TestAssertionOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.with(t, func(h *issue.Handler) { // another node on the same database
		a, _ := h.Auth.(*clientauth.Authenticator)
		h.Auth = &clientauth.Authenticator{Clients: a.Clients, Secrets: a.Secrets, Keys: a.Keys, Replays: a.Replays, Now: now}
	})
	const copies = 100
	jwt := assertion(t, "ed")
	status := make([]int, copies)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range copies {
		wg.Go(func() {
			<-start
			node := f
			if i%2 == 1 {
				node = other
			}
			status[i] = node.post(t, "/oauth2/token", "", asserting(jwt, nil)).Code
		})
	}
	close(start)
	wg.Wait()
	served := 0
	for _, code := range status {
		switch code {
		case http.StatusOK:
			served++
		case http.StatusBadRequest:
		default:
			t.Errorf("CJ-09: got %d", code)
		}
	}
	if served != 1 {
		t.Errorf("CJ-09: %d of %d copies were served", served, copies)
	}
	for _, node := range []*fixture{f, other} {
		if w := node.post(t, "/oauth2/token", "", asserting(jwt, nil)); w.Code != http.StatusBadRequest || errorOf(t, w) != "invalid_client" {
			t.Errorf("CJ-09: once more: got %d %s", w.Code, w.Body)
		}
	}
}

// TestAssertionNoOracle is TE-29 for assertions: whoever has no key of a client
// gets one answer, whether there is the client, and whatever is wrong.
func TestAssertionNoOracle(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	want := ""
	for _, args := range [][]string{
		{"stray", "iss=signer", "sub=signer"},
		{"stray", "iss=nobody", "sub=nobody"},
		{"stray", "iss=orders", "sub=orders"},
		{"stray", "iss=far", "sub=far"},
		{"stray", "h.kid=ed"},
		{"ed", "aud=x"},
		{"ed", "exp=-60"},
		{"ed", "h.typ=at+jwt"},
		{"stray", "iss=disabledsigner", "sub=disabledsigner"},
		{"ed", "iss=disabledsigner", "sub=disabledsigner"},
		{"ed", "iss=a:b", "sub=a:b"},
	} {
		w := f.post(t, "/oauth2/token", "", asserting(assertion(t, args...), nil))
		var b strings.Builder
		must(t, w.Header().Write(&b))
		got := varying[0].form.ReplaceAllString(strconv.Itoa(w.Code)+b.String()+w.Body.String(), "ID")
		if want == "" {
			want = got
		}
		if got != want || w.Code != http.StatusBadRequest || errorOf(t, w) != "invalid_client" {
			t.Errorf("%v:\ngot:\n%s\nwant:\n%s", args, got, want)
		}
	}
}

// TestAssertionEverywhere says that an assertion is as good as a secret at each
// endpoint and in each dialect, and that either alone is all that some clients
// may use.
func TestAssertionEverywhere(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, path := range append(tokenPaths(), issue.IntrospectPath, issue.RevokePath) {
		more := url.Values{"token": {"x"}}
		if w := f.post(t, path, "", asserting(assertion(t, "es", "iss=both", "sub=both"), more)); w.Code != http.StatusOK {
			t.Errorf("%s by key: got %d %s", path, w.Code, w.Body)
		}
		if w := f.post(t, path, "both", url.Values{"grant_type": {"client_credentials"}, "token": {"x"}}); w.Code != http.StatusOK {
			t.Errorf("%s by secret: got %d %s", path, w.Code, w.Body)
		}
		body := url.Values{"grant_type": {"client_credentials"}, "token": {"x"}, "client_id": {"signer"}, "client_secret": {secretOf("signer")}}
		if w := f.post(t, path, "", body); w.Code != http.StatusBadRequest || errorOf(t, w) != "invalid_client" {
			t.Errorf("%s by a secret that does not count: got %d %s", path, w.Code, w.Body)
		}
		if w := f.post(t, path, "", asserting(assertion(t, "ed", "iss=orders", "sub=orders"), more)); w.Code != http.StatusBadRequest {
			t.Errorf("%s by key, of a client that has none: got %d %s", path, w.Code, w.Body)
		}
	}
}

// TestAssertionKeyed says what the log and the metrics learn of it.
func TestAssertionKeyed(t *testing.T) {
	t.Parallel()
	var seen []issue.Outcome
	f := newFixture(t).with(t, func(h *issue.Handler) {
		h.Observe = func(_ context.Context, o *issue.Outcome) { seen = append(seen, *o) }
	})
	jwt := assertion(t, "ed")
	for range 2 {
		f.post(t, "/oauth2/token", "", asserting(jwt, nil))
	}
	f.note(&f.tokens, jwt) // for checkLog
	if len(seen) != 2 || seen[0].AuthMethod != oauth.AuthPrivateKeyJWT || seen[0].ClientID != "signer" || seen[0].SecretID != "" ||
		seen[1].Reason != "assertion.replayed" || seen[1].ClientID != "signer" || seen[1].AuthMethod != oauth.AuthPrivateKeyJWT {
		t.Errorf("got %+v", seen)
	}
}
