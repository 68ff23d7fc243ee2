package chaos_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/secret"
)

// What the load is about.
const (
	tenant     = "chaos"
	resource   = "https://api.chaos.example"
	scope      = "orders/read"
	checker    = "checker" // introspects for the resource server
	pathJWT    = "/oauth2/token"
	pathStored = "/oauth/token"
)

// checkerSecret is the checker's.
var checkerSecret = secret.Generate(false)

// prepare makes the tenant, its resource server and the checker.
func prepare(ctx context.Context, c *callers) error {
	type object map[string]any
	return c.apply(ctx, object{
		"apiVersion": "mintage/v1",
		"tenants": []object{{
			"id": tenant, "issuer": c.public,
			"token_paths": map[string]string{pathJWT: "rfc", pathStored: "doorkeeper"},
		}},
		"resource_servers": []object{{
			"identifier": resource, "tenants": []string{tenant},
			"scopes": map[string]string{scope: ""}, "introspectors": []string{checker},
		}},
		"clients": []object{{
			"id": checker, "name": "Checker", "tenants": []string{tenant},
			"grants":  []object{{"resource_server": resource, "scopes": []string{scope}}},
			"secrets": []object{{"name": "main", "generate": true, "made": map[string]string{tenant: checkerSecret}}},
		}},
	})
}

// token asks for a token.
func (c *callers) token(ctx context.Context, path, id, value string) (answer, error) {
	return c.post(ctx, c.public+path, id, value, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}})
}

// credential is a secret of a client, and the entry that says so.
type credential struct {
	id, value string
	*entry
}

// held is a token, and the entry that says that it is active.
type held struct {
	value string
	*entry
}

// party is a client of the load. One worker has it, so that what it does has
// an order.
type party struct {
	id      string
	secrets []credential // the first is never revoked
	tokens  []held
}

// worker does one thing after the other until the server is gone. Its parties
// outlive the server.
type worker struct {
	name    string
	random  *rand.Rand
	ledger  *ledger
	parties []*party
	made    int
	rotates bool // whether it also rotates keys
}

// step is something that a worker does. Weight is how often, relative to the
// others.
type step struct {
	weight int
	do     func(w *worker, ctx context.Context, c *callers, p *party) error
}

// steps are the mixed load.
func steps() []step {
	return []step{
		{30, (*worker).stored},
		{20, (*worker).jwt},
		{14, (*worker).revokeToken},
		{12, (*worker).addSecret},
		{10, (*worker).revokeSecret},
		{8, (*worker).createClient},
		{3, (*worker).revokeAll},
		{3, (*worker).rotate},
	}
}

// run works until the server is gone or ctx ends, and returns answers that
// should not have come.
func (w *worker) run(ctx context.Context, c *callers) error {
	for ctx.Err() == nil {
		if err := w.turn(ctx, c); err != nil {
			return unlessCut(err)
		}
	}
	return nil
}

// turn does one thing.
func (w *worker) turn(ctx context.Context, c *callers) error {
	if len(w.parties) == 0 {
		return w.createClient(ctx, c, nil)
	}
	all, total := steps(), 0
	for _, s := range all {
		total += s.weight
	}
	n := w.random.IntN(total)
	p := w.parties[w.random.IntN(len(w.parties))]
	for _, s := range all {
		if n -= s.weight; n < 0 {
			return s.do(w, ctx, c, p)
		}
	}
	return nil
}

// unlessCut drops what a kill makes of a request.
func unlessCut(err error) error {
	if _, ok := err.(*unexpected); ok || !cut(err) { //nolint:errorlint // it is never wrapped
		return err
	}
	return nil
}

// unexpected is a whole answer that should not have come.
type unexpected struct {
	what   string
	status int
}

func (u *unexpected) Error() string { return u.what }

// good turns an answer that is no success into an error.
func good(what string, a answer, err error) error {
	if err == nil && a.Status != http.StatusOK {
		return &unexpected{fmt.Sprintf("%s: %d %s", what, a.Status, a.Error), a.Status}
	}
	return err
}

func (w *worker) createClient(ctx context.Context, c *callers, _ *party) error {
	w.made++
	made, err := c.api.CreateClient(ctx, tenant, adminclient.NewClient{ClientSettings: adminclient.ClientSettings{
		Name:   w.name + "-" + strconv.Itoa(w.made),
		Grants: []adminclient.Grant{{ResourceServer: resource, Scopes: []string{scope}}},
	}})
	if err != nil {
		return err
	}
	p := &party{id: made.ClientID}
	w.ledger.add(kindClient, clientIs(p.id))
	p.secrets = append(p.secrets, credential{value: made.ClientSecret, entry: w.ledger.add(kindSecret, secretWorks(p.id, made.ClientSecret, http.StatusOK))})
	w.parties = append(w.parties, p)
	if len(w.parties) > 5 {
		w.parties = w.parties[1:]
	}
	return nil
}

func (w *worker) addSecret(ctx context.Context, c *callers, p *party) error {
	if len(p.secrets) > 8 {
		return w.revokeSecret(ctx, c, p)
	}
	w.made++
	s, err := c.api.AddSecret(ctx, tenant, p.id, adminclient.NewSecret{Name: w.name + "-" + strconv.Itoa(w.made)})
	if err != nil {
		return err
	}
	p.secrets = append(p.secrets, credential{
		id: s.ID, value: s.ClientSecret, entry: w.ledger.add(kindSecret, secretWorks(p.id, s.ClientSecret, http.StatusOK)),
	})
	return nil
}

func (w *worker) revokeSecret(ctx context.Context, c *callers, p *party) error {
	if len(p.secrets) < 2 {
		return nil
	}
	s := p.secrets[len(p.secrets)-1]
	p.secrets = p.secrets[:len(p.secrets)-1]
	s.void.Store(true)
	if err := c.api.RevokeSecret(ctx, tenant, p.id, s.id, false); err != nil {
		return err
	}
	w.ledger.add(kindNoSecret, secretWorks(p.id, s.value, http.StatusUnauthorized))
	return nil
}

func (w *worker) stored(ctx context.Context, c *callers, p *party) error {
	return w.obtain(ctx, c, p, pathStored, kindStored)
}

func (w *worker) jwt(ctx context.Context, c *callers, p *party) error {
	return w.obtain(ctx, c, p, pathJWT, kindJWT)
}

func (w *worker) obtain(ctx context.Context, c *callers, p *party, path, kind string) error {
	s := p.secrets[w.random.IntN(len(p.secrets))]
	a, err := c.token(ctx, path, p.id, s.value)
	if err := good("a "+kind, a, err); err != nil {
		return err
	}
	p.tokens = append(p.tokens, held{value: a.AccessToken, entry: w.ledger.add(kind, tokenIs(a.AccessToken, true))})
	return nil
}

// revokeToken ends one token at the public endpoint (RFC 7009).
func (w *worker) revokeToken(ctx context.Context, c *callers, p *party) error {
	if len(p.tokens) == 0 {
		return nil
	}
	i := w.random.IntN(len(p.tokens))
	tok := p.tokens[i]
	p.tokens = append(p.tokens[:i], p.tokens[i+1:]...)
	tok.void.Store(true)
	a, err := c.post(ctx, c.public+"/oauth2/revoke", p.id, p.secrets[0].value, url.Values{"token": {tok.value}})
	if err := good("a token revocation", a, err); err != nil {
		return err
	}
	w.ledger.add(kindNoToken, tokenIs(tok.value, false))
	return nil
}

// revokeAll ends all tokens of a client.
func (w *worker) revokeAll(ctx context.Context, c *callers, p *party) error {
	tokens := make([]string, 0, len(p.tokens))
	for _, tok := range p.tokens {
		tok.void.Store(true)
		tokens = append(tokens, tok.value)
	}
	p.tokens = nil
	if err := c.api.RevokeToken(ctx, tenant, adminclient.TokenRevocation{ClientID: p.id}); err != nil {
		return err
	}
	w.ledger.add(kindNoTokens, tokensEnded(tokens))
	return nil
}

func (w *worker) rotate(ctx context.Context, c *callers, _ *party) error {
	if !w.rotates {
		return nil
	}
	k, err := c.api.RotateKey(ctx, tenant, adminclient.KeyRotation{Wait: new(int64)})
	if err != nil {
		return err
	}
	w.ledger.add(kindRotation, keyIs(k.KID))
	return nil
}

// newWorkers returns workers with random sequences of their own.
func newWorkers(l *ledger, seed uint64) []*worker {
	var all []*worker
	for i := range uint64(6) {
		all = append(all, &worker{
			name: "w" + strconv.FormatUint(i, 10), random: rand.New(rand.NewPCG(seed, i)), ledger: l, rotates: i == 0,
		})
	}
	return all
}

// runAll runs all workers until the server is gone or ctx ends.
func runAll(ctx context.Context, c *callers, all []*worker, report func(error)) *sync.WaitGroup {
	var wg sync.WaitGroup
	for _, w := range all {
		wg.Go(func() {
			if err := w.run(ctx, c); err != nil {
				report(fmt.Errorf("%s: %w", w.name, err))
			}
		})
	}
	return &wg
}

// tokenLoad asks for tokens without end, of both kinds.
type tokenLoad struct {
	answers atomic.Int64
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	mu      sync.Mutex
	failed  map[string]int
}

// startLoad starts eight callers, each of which waits so long between its
// requests.
func startLoad(t *testing.T, c *callers, pause time.Duration) *tokenLoad {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &tokenLoad{cancel: cancel, failed: map[string]int{}}
	for i := range 8 {
		path := []string{pathJWT, pathStored}[i%2]
		l.wg.Go(func() {
			for ctx.Err() == nil {
				a, err := c.token(ctx, path, checker, checkerSecret)
				switch {
				case ctx.Err() != nil:
				case err != nil || a.Status != http.StatusOK:
					l.mu.Lock()
					l.failed[fmt.Sprintf("%s: %d %s %v", path, a.Status, a.Error, err)]++
					l.mu.Unlock()
				default:
					l.answers.Add(1)
				}
				time.Sleep(pause)
			}
		})
	}
	t.Cleanup(func() { l.stop() })
	return l
}

// goesOn waits for fifty more tokens.
func (l *tokenLoad) goesOn(t *testing.T) {
	t.Helper()
	before := l.answers.Load()
	for end := time.Now().Add(readyIn); l.answers.Load() < before+50; time.Sleep(5 * time.Millisecond) { // other processes
		if time.Now().After(end) {
			t.Fatal("the load stands still")
		}
	}
}

// stop ends the load and returns what failed.
func (l *tokenLoad) stop() map[string]int {
	l.cancel()
	l.wg.Wait()
	return l.failed
}

func (l *tokenLoad) failures() (n int) {
	for _, count := range l.failed {
		n += count
	}
	return n
}
