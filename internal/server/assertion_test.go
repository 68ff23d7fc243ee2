package server_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/internal/clientauth"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/server"
	"github.com/mintage-auth/mintage/oauth"
)

// pair is a key pair of a client.
type pair struct {
	kid  string
	priv crypto.Signer
	key  *jose.Key
}

func newPair(t *testing.T, kid string) *pair {
	t.Helper()
	priv, err := jose.GenerateKey(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	key, err := jose.NewKey(priv.Public(), kid, jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	return &pair{kid: kid, priv: priv, key: key}
}

func setOf(pairs ...*pair) string {
	var keys []*jose.Key
	for _, p := range pairs {
		keys = append(keys, p.key)
	}
	return string(jose.AppendKeySet(nil, keys))
}

// signing makes a client of the demo tenant that signs.
func (r *running) signing(change func(*mintage.Client)) *mintage.Client {
	r.t.Helper()
	c := &mintage.Client{
		Tenant: "demo", Name: "Signs", AuthMethods: []string{oauth.AuthPrivateKeyJWT},
		Grants: []mintage.Grant{{ResourceServer: mintage.AdminResource, Scopes: []string{"tenants:read"}}},
	}
	change(c)
	made, err := r.srv.Manager().CreateClient(r.t.Context(), manage.Server(), c, manage.NewSecret{})
	if err != nil {
		r.t.Fatal(err)
	}
	if made.Secret != "" || len(made.Client.Secrets) > 0 {
		r.t.Error("a client that signs has a secret")
	}
	return made.Client
}

// consumes asks for a token as our own client library does.
func (r *running) consumes(c *mintage.Client, by *pair, kid string) error {
	cc := &consume.ClientCredentials{
		TokenURL: r.public + "/oauth2/token", ClientID: c.ID, Issuer: r.demo.Issuer, Auth: consume.PrivateKeyJWT,
		Key: consume.KeyValue(&consume.SigningKey{Signer: by.priv, ID: kid}), HTTPClient: r.client,
	}
	_, err := cc.Token(r.t.Context())
	return err
}

// TestConsumeSigns is CJ-17: our own client library gets tokens of the server by
// a key, through a rollover of keys that are registered.
func TestConsumeSigns(t *testing.T) {
	t.Parallel()
	r := start(t, server.Config{})
	before, after := newPair(t, "2026"), newPair(t, "2027")
	c := r.signing(func(c *mintage.Client) { c.JWKS = setOf(before) })
	put := func(keys string) {
		t.Helper()
		_, err := r.srv.Manager().UpdateClient(t.Context(), manage.Server(), "demo", c.ID, 0, func(c *mintage.Client) error {
			c.JWKS = keys
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		keys        string
		old, recent bool
	}{{setOf(before), true, false}, {setOf(before, after), true, true}, {setOf(after), false, true}} {
		put(step.keys)
		for _, kid := range []bool{true, false} {
			for by, want := range map[*pair]bool{before: step.old, after: step.recent} {
				name := ""
				if kid {
					name = by.kid
				}
				if err := r.consumes(c, by, name); (err == nil) != want {
					t.Errorf("with the keys %s, signed by %s (%q): %v", step.keys, by.kid, name, err)
				}
			}
		}
	}
}

// TestConsumeSignsPublished is CJ-17: the client publishes its keys over TLS, and
// the server finds a new one by itself.
func TestConsumeSignsPublished(t *testing.T) {
	t.Parallel()
	before, after := newPair(t, "2026"), newPair(t, "2027")
	var doc atomic.Pointer[string]
	publish := func(keys string) { doc.Store(&keys) }
	publish(setOf(before))
	var asked atomic.Int64
	at := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write([]byte(*doc.Load()))
	}))
	t.Cleanup(at.Close)
	roots := x509.NewCertPool()
	roots.AddCert(at.Certificate())
	var ahead atomic.Int64 // of the server's clock, in seconds
	r := start(t, server.Config{
		JWKSNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, JWKSRoots: roots,
		Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load()) * time.Second) },
	})
	c := r.signing(func(c *mintage.Client) { c.JWKSURI = at.URL + "/jwks.json" })
	if err := r.consumes(c, before, "2026"); err != nil {
		t.Fatal(err)
	}
	publish(setOf(before, after))
	if err := r.consumes(c, after, "2027"); err == nil || asked.Load() != 1 {
		t.Errorf("a moment later the server asks again: %v, %d times", err, asked.Load())
	}
	ahead.Store(31)
	for _, by := range []*pair{after, before} {
		if err := r.consumes(c, by, by.kid); err != nil || asked.Load() != 2 {
			t.Errorf("signed by %s: %v, asked %d times", by.kid, err, asked.Load())
		}
	}
	closed := start(t, server.Config{JWKSRoots: roots})
	c = closed.signing(func(c *mintage.Client) { c.JWKSURI = at.URL + "/jwks.json" })
	if err := closed.consumes(c, before, "2026"); err == nil || asked.Load() != 2 {
		t.Errorf("a server that was not allowed to: %v, asked %d times", err, asked.Load())
	}
	if !strings.Contains(closed.log.String(), "is not a public address") {
		t.Error("its log does not say why")
	}
}

// assert sends one assertion to a node, for the tenant that issuer's address
// stands for.
func (r *running) assert(ctx context.Context, jwt, host string) int {
	r.t.Helper()
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_assertion_type": {clientauth.AssertionType}, "client_assertion": {jwt},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.public+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		r.t.Error(err)
		return 0
	}
	req.Host = host
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Error(err)
		return 0
	}
	defer func() { _ = res.Body.Close() }()
	return res.StatusCode
}

// signed is a right assertion.
func (p *pair) signed(t *testing.T, client, issuer string) string {
	t.Helper()
	s, err := jose.NewSigner(p.priv, jose.ES256, p.kid, nil)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(map[string]any{
		"iss": client, "sub": client, "aud": issuer, "jti": rand.Text(), "exp": time.Now().Add(4 * time.Minute).Unix(),
	})
	if err != nil {
		t.Fatal(err)
	}
	jwt, err := s.AppendSign(nil, payload)
	if err != nil {
		t.Fatal(err)
	}
	return string(jwt)
}

// TestAssertionAfterRestart is CJ-09 and R9: what was used before a restart is
// not used after it.
func TestAssertionAfterRestart(t *testing.T) {
	t.Parallel()
	first := start(t, server.Config{})
	key := newPair(t, "k")
	c := first.signing(func(c *mintage.Client) { c.JWKS = setOf(key) })
	issuer, host := first.demo.Issuer, strings.TrimPrefix(first.public, "http://")
	used, fresh := key.signed(t, c.ID, issuer), key.signed(t, c.ID, issuer)
	if got := first.assert(t.Context(), used, host); got != http.StatusOK {
		t.Fatalf("got %d", got)
	}
	addr, adminAddr := first.srv.PublicAddr().String(), first.srv.AdminAddr().String()
	first.stop()
	second := start(t, server.Config{Data: first.data, Listen: addr, AdminListen: adminAddr})
	if got := second.assert(t.Context(), used, host); got != http.StatusBadRequest {
		t.Errorf("CJ-09: used before the restart: got %d", got)
	}
	if got := second.assert(t.Context(), fresh, host); got != http.StatusOK {
		t.Errorf("another one: got %d", got)
	}
	if !strings.Contains(second.log.String(), "assertion.replayed") {
		t.Error("the log does not say why")
	}
	for _, log := range []string{first.log.String(), second.log.String()} {
		if strings.Contains(log, used[len(used)-40:]) || strings.Contains(log, fresh[:80]) {
			t.Error("the log has an assertion in it")
		}
	}
}

// TestAssertionOnAnotherNode is CJ-09 and R9: of 100 copies at two nodes on one
// PostgreSQL one is served.
func TestAssertionOnAnotherNode(t *testing.T) {
	t.Parallel()
	all := nodes(t, 2)
	key := newPair(t, "k")
	c := all[0].signing(func(c *mintage.Client) { c.JWKS = setOf(key) })
	issuer, host := all[0].demo.Issuer, strings.TrimPrefix(all[0].public, "http://")
	until(t, "the client is there on both", func() bool {
		return all[1].assert(t.Context(), key.signed(t, c.ID, issuer), host) == http.StatusOK
	})
	jwt := key.signed(t, c.ID, issuer)
	var served, refused atomic.Int64
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			switch got := all[i%2].assert(t.Context(), jwt, host); got {
			case http.StatusOK:
				served.Add(1)
			case http.StatusBadRequest:
				refused.Add(1)
			default:
				t.Errorf("CJ-09: got %d", got)
			}
		})
	}
	wg.Wait()
	if served.Load() != 1 || refused.Load() != 99 {
		t.Errorf("CJ-09: of 100 copies at two nodes %d were served and %d refused", served.Load(), refused.Load())
	}
}
