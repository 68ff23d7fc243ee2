package server_test

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/manage"
)

// proving is who proves to have a key.
type proving struct {
	t      *testing.T
	signer *jose.Signer
	issuer string
}

func newProving(t *testing.T, issuer string) *proving {
	t.Helper()
	key, err := jose.GenerateKey(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(key, jose.ES256, "", jose.HeaderForm{{Name: "typ", Value: "dpop+jwt"}, {Name: "alg"}, {Name: "jwk"}})
	if err != nil {
		t.Fatal(err)
	}
	return &proving{t: t, signer: signer, issuer: issuer}
}

// proof is a new one for the token endpoint of the issuer.
func (p *proving) proof(nonce string) string {
	p.t.Helper()
	claims := map[string]any{"jti": rand.Text(), "htm": "POST", "htu": p.issuer + "/oauth2/token", "iat": time.Now().Unix()}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	jwt, err := p.signer.AppendSign(nil, payload)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(jwt)
}

// ask sends a proof to a node that serves the issuer.
func (p *proving) ask(node *running, proof string) (status int, nonce string) {
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, node.public+"/oauth2/token", strings.NewReader(grant.Encode()))
	if err != nil {
		p.t.Error(err)
		return 0, ""
	}
	req.Host = strings.TrimPrefix(p.issuer, "http://")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("DPoP", proof)
	req.SetBasicAuth(node.demo.ClientID, node.demo.Secret)
	res, err := node.client.Do(req)
	if err != nil {
		p.t.Error(err)
		return 0, ""
	}
	_ = res.Body.Close()
	return res.StatusCode, res.Header.Get("DPoP-Nonce")
}

// TestDPoPNodes is DP-17 and DP-10 in a cluster: of a hundred copies of one proof
// at two nodes one gets a token, a proof that one node took the other refuses,
// and the nonce that one gives the other takes.
func TestDPoPNodes(t *testing.T) {
	t.Parallel()
	all := nodes(t, 2)
	a, b := all[0], all[1]
	p := newProving(t, a.public)
	copied := p.proof("")
	var wg sync.WaitGroup
	var tokens, refused atomic.Int64
	for i := range 100 {
		wg.Go(func() {
			switch status, _ := p.ask(all[i%2], copied); status {
			case http.StatusOK:
				tokens.Add(1)
			case http.StatusBadRequest:
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	if tokens.Load() != 1 || refused.Load() != 99 {
		t.Errorf("a hundred copies of one proof got %d tokens and %d refusals", tokens.Load(), refused.Load())
	}
	once := p.proof("")
	for i, want := range []int{http.StatusOK, http.StatusBadRequest, http.StatusBadRequest} {
		if status, _ := p.ask(all[i%2], once); status != want {
			t.Errorf("copy %d is answered %d, want %d", i, status, want)
		}
	}

	_, err := a.srv.Manager().UpdateTenant(t.Context(), manage.Server(), "demo", 0, func(t *mintage.Tenant) error {
		t.DPoPNonces = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	nonce := ""
	until(t, "the nodes want nonces", func() bool {
		status, first := p.ask(a, p.proof(""))
		other, second := p.ask(b, p.proof(""))
		nonce = second
		return status == http.StatusBadRequest && other == http.StatusBadRequest && first == second && first != ""
	})
	for i, node := range all {
		if status, _ := p.ask(node, p.proof(nonce)); status != http.StatusOK {
			t.Errorf("node %d answers %d to a nonce of the other", i, status)
		}
	}
}
