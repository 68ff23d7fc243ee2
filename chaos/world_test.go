package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/jose"
)

// world is what the workers and the nemesis of TestHistory share.
type world struct {
	t        *testing.T
	seed     uint64
	database *database
	cluster  *cluster
	nodes    []*callers
	signer   *jose.Signer // of DPoP proofs
	links    []*link
	history  *history
	faults   string

	mu      sync.Mutex
	first   map[string]string // the registers, and how they begin
	made    int               // tokens
	tokens  []heldToken
	secrets map[string][]string // of each client, those that are known, the newest last
	proofs  map[string]string   // of each register of what may be used once
}

// heldToken is a token, and what it is called in the history.
type heldToken struct{ register, value string }

// pick returns one of a list.
func pick[T any](random *rand.Rand, list []T) T { return list[random.IntN(len(list))] }

func (w *world) run() {
	w.seed = rand.Uint64()
	w.secrets, w.proofs = map[string][]string{}, map[string]string{}
	for i := range 4 {
		w.addClient(i)
	}
	length := map[form]time.Duration{formShort: 2 * time.Second, formCI: 6 * time.Second, formLong: 5 * time.Minute}[theForm()]
	ctx, cancel := context.WithTimeout(w.t.Context(), length)
	defer cancel()
	var wg sync.WaitGroup
	for i := range uint64(6) {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(w.seed, i))
			for ctx.Err() == nil {
				w.turn(random) //nolint:contextcheck // what is under way at the end is answered
			}
		})
	}
	w.nemesis(ctx, rand.New(rand.NewPCG(w.seed, 99)))
	wg.Wait()
}

// addClient makes a client while all is well.
func (w *world) addClient(i int) {
	w.t.Helper()
	made, err := w.nodes[0].api.CreateClient(w.t.Context(), tenant, adminclient.NewClient{ClientSettings: adminclient.ClientSettings{
		Name: "history-" + strconv.Itoa(i), Grants: []adminclient.Grant{{ResourceServer: resource, Scopes: []string{scope}}},
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.secrets[made.ClientID] = []string{made.ClientSecret}
	w.first["secret/"+made.ClientID] = "0"
}

// turn does one thing at one node.
func (w *world) turn(random *rand.Rand) {
	node := random.IntN(len(w.nodes))
	w.mu.Lock()
	var client string
	for client = range maps.Keys(w.secrets) { // in no order
		break
	}
	known := w.secrets[client]
	newest := len(known) - 1
	which := max(0, newest-random.IntN(2))
	var tok heldToken
	if len(w.tokens) > 0 {
		tok = pick(random, w.tokens)
	}
	w.mu.Unlock()
	switch n := random.IntN(100); {
	case n < 10 || tok.value == "":
		w.obtain(node, client, known[newest])
	case n < 40:
		_ = w.history.did(event{register: tok.register, node: node, value: "active"}, func() (bool, error) {
			a, err := w.nodes[node].post(w.t.Context(), w.nodes[node].public+"/oauth2/introspect", checker, checkerSecret, url.Values{"token": {tok.value}})
			return a.Active, answered(a, err, http.StatusOK)
		})
	case n < 48:
		_ = w.history.did(event{register: tok.register, node: node, write: true, value: "revoked"}, func() (bool, error) {
			return true, w.nodes[node].api.RevokeToken(w.t.Context(), tenant, adminclient.TokenRevocation{Token: tok.value})
		})
	case n < 70:
		_ = w.history.did(event{register: "secret/" + client, node: node, value: strconv.Itoa(which)}, func() (bool, error) {
			a, err := w.nodes[node].token(w.t.Context(), pathJWT, client, known[which])
			return a.Status == http.StatusOK, answered(a, err, http.StatusOK, http.StatusUnauthorized)
		})
	case n < 75:
		w.rotate(node, client)
	default:
		w.spend(node, random.IntN(200))
	}
}

// answered is an error where an answer says nothing of what was asked.
func answered(a answer, err error, says ...int) error {
	for _, status := range says {
		if err == nil && a.Status == status {
			return nil
		}
	}
	return errors.Join(err, fmt.Errorf("%d %s", a.Status, a.Error))
}

func (w *world) obtain(node int, client, secret string) {
	a, err := w.nodes[node].token(w.t.Context(), pathStored, client, secret)
	if answered(a, err, http.StatusOK) != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.made++
	register := "token/" + strconv.Itoa(w.made)
	w.first[register] = "active"
	w.tokens = append(w.tokens, heldToken{register, a.AccessToken})
	w.tokens = w.tokens[max(0, len(w.tokens)-12):]
}

// rotate takes a client's secret away at once. Its secrets are numbered in the
// order in which their rotations were noted.
func (w *world) rotate(node int, client string) {
	e := event{register: "secret/" + client, node: node, write: true, value: "unknown"}
	e.call = int64(time.Since(w.history.began))
	s, err := w.nodes[node].api.RotateSecret(w.t.Context(), tenant, client, adminclient.SecretRotation{Overlap: new(int64)})
	if err == nil {
		e.over = int64(time.Since(w.history.began))
		w.mu.Lock()
		e.value = strconv.Itoa(len(w.secrets[client]))
		w.secrets[client] = append(w.secrets[client], s.ClientSecret)
		w.mu.Unlock()
	}
	w.history.mu.Lock()
	defer w.history.mu.Unlock()
	w.history.events = append(w.history.events, e)
}

// spend asks a node for a token with a DPoP proof that others may use too
// (RFC 9449 §11.1). Its jti is the register.
func (w *world) spend(node, n int) {
	// A proof counts for a minute: after some seconds there are others.
	register := fmt.Sprintf("once/%d-%d", time.Since(w.history.began)/(20*time.Second), n)
	_ = w.history.did(event{register: register, node: node, write: true, value: "spent"}, func() (bool, error) {
		o := *w.nodes[node]
		o.http = &http.Client{Timeout: o.http.Timeout, Transport: withProof{w.proof(register), o.http.Transport}}
		a, err := o.token(w.t.Context(), pathJWT, checker, checkerSecret)
		if err == nil && a.Status == http.StatusBadRequest && a.Error == "invalid_dpop_proof" {
			return false, nil
		}
		return true, answered(a, err, http.StatusOK)
	})
}

// proof returns the one proof of a register, signed when it is first asked for.
func (w *world) proof(register string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.proofs[register] == "" {
		claims := fmt.Sprintf(`{"jti":%q,"htm":"POST","htu":%q,"iat":%d}`, register, "http://"+w.cluster.front+pathJWT, time.Now().Unix())
		jwt, err := w.signer.AppendSign(nil, []byte(claims))
		if err != nil {
			w.t.Error(err)
		}
		w.first[register], w.proofs[register] = "fresh", string(jwt)
	}
	return w.proofs[register]
}

// withProof sends each request with a DPoP proof.
type withProof struct {
	proof string
	next  http.RoundTripper
}

func (p withProof) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("DPoP", p.proof)
	return p.next.RoundTrip(r)
}

// nemesis breaks one thing after the other until ctx ends, and leaves all well.
func (w *world) nemesis(ctx context.Context, random *rand.Rand) {
	count := map[string]int{}
	pause := func(most int) {
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(50+random.IntN(most)) * time.Millisecond):
		}
	}
	for ctx.Err() == nil {
		pause(300)
		l := pick(random, w.links)
		switch n := random.IntN(10); {
		case n < 3:
			count["cuts"]++
			l.set(linkState{cut: true})
			pause(300)
		case n < 7:
			count["held up one way"]++
			up := random.IntN(2) == 0
			l.set(linkState{up: up, down: !up})
			pause(600)
		case n < 9:
			count["kills of a node"]++
			node := pick(random, w.cluster.nodes)
			node.kill()
			pause(200)
			if _, err := node.start(); err != nil {
				w.t.Error(err)
				return
			}
		default:
			count["kills of the database"]++
			w.database.kill()
			pause(200)
			w.database.start()
		}
		l.set(linkState{})
	}
	w.faults = fmt.Sprint(count)
}
