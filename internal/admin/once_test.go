package admin_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/admin"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/store"
)

// withStore is the manager of a node that reaches the database of w by st.
func (w *world) withStore(st store.Store) *manage.Manager {
	return &manage.Manager{
		Store: st, Vault: w.manager.Vault, Secrets: w.manager.Secrets, Sync: w.directory.Sync,
		Now: func() time.Time { return w.now }, Log: slog.New(slog.DiscardHandler),
	}
}

// prepared returns a request for an operation that is as it should be, with the
// objects that it is about.
func (w *world) prepared(t *testing.T, op admin.Operation, token string) ask {
	t.Helper()
	c := w.client(t, "hotel", api, "orders/read")
	op.Path = strings.Replace(op.Path, "{kid}", "KID", 1)
	a := ask{method: op.Method, path: fill(op.Path, "hotel", c.ID), token: token, body: body(op, c.ID)}
	if strings.Contains(op.Path, "{organization}") {
		w.organization(t, "hotel", fill("{organization}", "hotel", c.ID))
	}
	if strings.Contains(op.Path, "{operator}") {
		w.person(t, c.ID)
	}
	if path := w.spareAPI(t, op, c.ID); path != "" {
		a.path = path
	}
	if strings.Contains(op.Path, "KID") {
		a.path = strings.Replace(a.path, "KID", w.spareKey(t, "hotel"), 1)
	}
	if strings.Contains(op.Path, "{invitation}") {
		a.path = strings.Replace(a.path, "{invitation}", w.invitation(t), 1)
	}
	switch op.ID {
	case "complete-rotation", "cancel-rotation":
		if _, err := w.manager.RotateSecret(t.Context(), manage.Server(), "hotel", c.ID, manage.Rotation{}); err != nil {
			t.Fatal(err)
		}
	case "revoke-secret":
		a.path += "?allow_last=true"
	case "revoke-token":
		a.body = `{"client_id":"` + c.ID + `"}`
	case "apply-state":
		a.body = `{"source":"f","state":{"apiVersion":"mintage/v1","clients":[{"id":"once-` + strings.ToLower(c.ID[3:]) + `","name":"Once","tenants":["hotel"]}]}}`
	}
	return a
}

// under is a under an idempotency key.
func under(key string, a ask) ask {
	a.header = map[string]string{adminclient.HeaderIdempotencyKey: key}
	return a
}

// events counts the rows of the audit log.
func (w *world) events(t *testing.T) int64 {
	t.Helper()
	n, err := w.manager.Store.LastEvent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// sameAnswer holds that a request was answered as it was before.
func sameAnswer(t *testing.T, first, second *reply) {
	t.Helper()
	if second.StatusCode != first.StatusCode || second.Body != first.Body {
		t.Errorf("sent again: %s %s\nwant %s %s", second.Status(), second.Body, first.Status(), first.Body)
	}
	for _, name := range []string{"Content-Type", "ETag", "Location"} {
		if a, b := first.Header.Get(name), second.Header.Get(name); a != b {
			t.Errorf("sent again: %s %q, want %q", name, b, a)
		}
	}
	if second.Header.Get(adminclient.HeaderReplayed) != "true" {
		t.Error("the second answer does not say that it is the first one again")
	}
}

// Every operation that takes a key answers a request that is sent again as
// before, and does nothing; also when the node died with its change committed
// and nobody answered.
func TestOnce(t *testing.T) { //nolint:tparallel // they count the same audit log
	t.Parallel()
	w := newWorld(t)
	token := w.token(t, mintage.BuiltInTenant, "*")
	for _, op := range admin.Operations() {
		if !op.Once {
			continue
		}
		t.Run(op.ID, func(t *testing.T) {
			for _, crash := range []bool{false, true} {
				key := op.ID
				a := w.prepared(t, op, token)
				before := w.events(t)
				if crash {
					key += "-crash"
					m := &mortal{Store: w.manager.Store, die: true}
					a = w.prepared(t, op, token)
					before = w.events(t)
					(&world{handler: w.node(t, w.withStore(m), io.Discard)}).do(t, under(key, a))
					if !m.dead {
						t.Fatal("it changed nothing")
					}
				} else if resp := w.do(t, under(key, a)); resp.StatusCode/100 != 2 || resp.Header.Get(adminclient.HeaderReplayed) != "" {
					t.Fatalf("%s %s", resp.Status(), resp.Body)
				}
				did := w.events(t)
				if did == before {
					t.Errorf("it wrote no audit row, so that the test shows nothing")
				}
				first := w.do(t, under(key, a))
				sameAnswer(t, first, w.do(t, under(`"`+key+`"`, a)))
				if first.StatusCode/100 != 2 || first.Header.Get(adminclient.HeaderReplayed) != "true" {
					t.Errorf("after it was carried out (crash: %v): %s %s", crash, first.Status(), first.Body)
				}
				if now := w.events(t); now != did {
					t.Errorf("sent again it wrote %d audit rows", now-did)
				}
				other := w.prepared(t, op, token)
				other.body += " "
				if !strings.Contains(op.Path, "{") && strings.TrimSpace(other.body) == "" {
					t.Errorf("there is no other request than %s", a.path)
				}
				problem(t, w.do(t, under(key, other)), 422, "idempotency.reused")
			}
		})
	}
}

// mortal dies with the first change that it commits.
type mortal struct {
	store.Store
	die, dead bool
}

func (m *mortal) Update(ctx context.Context, fn func(store.Tx) error) error {
	if m.dead {
		return mintage.ErrUnavailable
	}
	err := m.Store.Update(ctx, fn)
	m.dead = m.die && err == nil
	return err
}

// The first answer is given again with its secret, and what is kept of it shows
// none; a refusal is not kept, and changes nothing.
func TestOnceKeepsSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(t, "hotel", "*")
	seen := &watchedStore{Store: w.manager.Store}
	node := &world{handler: w.node(t, w.withStore(seen), io.Discard)}
	bad := ask{method: "POST", path: "/tenants/hotel/clients", token: token, body: `{"name":""}`}
	problem(t, node.do(t, under("k", bad)), 400, "object.invalid")
	good := ask{method: "POST", path: "/tenants/hotel/clients", token: token, body: `{"name":"Front desk"}`}
	first := node.do(t, under("k", good))
	made := decode[adminclient.CreatedClient](t, first)
	if made.ClientSecret == "" || len(seen.kept) != 1 {
		t.Fatalf("made %+v and kept %d answers", made.RegisteredClient, len(seen.kept))
	}
	for _, text := range []string{made.ClientSecret, made.ClientID, "Front desk"} {
		if bytes.Contains(seen.kept[0].Sealed, []byte(text)) {
			t.Errorf("what is kept shows %q", text)
		}
	}
	sameAnswer(t, first, node.do(t, under("k", good)))
	// Another caller's key is another key, of the same client name or not.
	theirs := good
	theirs.token = w.token(t, "hotel", "*")
	if again := decode[adminclient.CreatedClient](t, node.do(t, under("k", theirs))); again.ClientID == made.ClientID {
		t.Error("another caller with the same key is shown somebody's client")
	}
	// The master key is replaced, and the server starts anew.
	w.master.Create = false
	if err := keys.RotateMaster(t.Context(), w.master); err != nil {
		t.Fatal(err)
	}
	vault, err := keys.OpenVault(t.Context(), w.master)
	if err != nil {
		t.Fatal(err)
	}
	later := w.withStore(w.manager.Store)
	later.Vault = vault
	sameAnswer(t, first, (&world{handler: w.node(t, later, io.Discard)}).do(t, under("k", good)))
	if _, err := w.manager.Store.SweepAnswers(t.Context(), w.now.Add(time.Second), 100); err != nil {
		t.Fatal(err)
	}
	if again := decode[adminclient.CreatedClient](t, node.do(t, under("k", good))); again.ClientID == made.ClientID {
		t.Error("a key that was swept still has its answer")
	}
}

// watchedStore remembers the answers that are kept, and lets others in before a
// transaction begins.
type watchedStore struct {
	store.Store
	kept    []*store.KeptAnswer
	before  func()
	shorten func(id [32]byte, sealed []byte) []byte // nil: as it is
}

type watchedTx struct {
	store.Tx
	s *watchedStore
}

func (s *watchedStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	if s.before != nil {
		s.before()
	}
	return s.Store.Update(ctx, func(tx store.Tx) error { return fn(watchedTx{tx, s}) })
}

func (t watchedTx) CreateAnswer(ctx context.Context, a *store.KeptAnswer) error {
	t.s.kept = append(t.s.kept, a)
	if t.s.shorten != nil {
		a.Sealed = t.s.shorten(a.ID, a.Sealed)
	}
	return t.Tx.CreateAnswer(ctx, a)
}

// While a request is carried out, this node refuses it; of two nodes one carries
// it out, and both give its answer.
func TestOnceAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(t, "hotel", "*")
	a := under("k", ask{method: "POST", path: "/tenants/hotel/clients", token: token, body: `{"name":"Twice"}`})
	inside, release := make(chan struct{}), make(chan struct{})
	var entered sync.Once
	st := &watchedStore{Store: w.manager.Store, before: func() {
		entered.Do(func() { close(inside); <-release })
	}}
	slow := &world{handler: w.node(t, w.withStore(st), io.Discard)}
	var late *reply
	var wg sync.WaitGroup
	wg.Go(func() { late = slow.do(t, a) })
	<-inside
	busy := slow.do(t, a)
	problem(t, busy, http.StatusConflict, "idempotency.running")
	if busy.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", busy.Header.Get("Retry-After"))
	}
	first := w.do(t, a) // of the other node
	close(release)
	wg.Wait()
	sameAnswer(t, first, late)
	if cs, err := w.manager.FindClients(t.Context(), manage.ClientQuery{Tenant: "hotel", Name: "Twice"}); err != nil || len(cs) != 1 {
		t.Errorf("%d clients were made (%v), want 1", len(cs), err)
	}
}

// An answer that is too large to be kept is no reason to do it twice.
func TestOnceTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	st := &watchedStore{Store: w.manager.Store, shorten: func(id [32]byte, sealed []byte) []byte {
		purpose := "answer/" + hex.EncodeToString(id[:])
		plain, err := w.manager.Vault.Open(purpose, sealed)
		if err == nil {
			sealed, err = w.manager.Vault.Seal(purpose, plain[:32]) // as internal/manage keeps one of more than a mebibyte
		}
		if err != nil {
			t.Error(err)
		}
		return sealed
	}}
	node := &world{handler: w.node(t, w.withStore(st), io.Discard)}
	a := under("large", ask{method: "POST", path: "/tenants/hotel/clients", token: w.token(t, "hotel", "*"), body: `{"name":"Large"}`})
	decode[adminclient.CreatedClient](t, node.do(t, a))
	problem(t, node.do(t, a), http.StatusConflict, "idempotency.done")
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"a": "a", `"a"`: "a", " a\t": "a", "8e03978e-40d5-43e8-bc93-6894a57f9324": "8e03978e-40d5-43e8-bc93-6894a57f9324",
		strings.Repeat("k", 128): strings.Repeat("k", 128), "A-z_0.9:~+/=": "A-z_0.9:~+/=",
		"": "", `""`: "", `"a`: "", `a"`: "", "a b": "", "a,b": "", `"a\"b"`: "", "ä": "", "a\x00": "", "a;b": "", strings.Repeat("k", 129): "",
	} {
		got, ok := admin.ParseKey(value)
		if got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v; want %q", value, got, ok, want)
		}
	}
	w := newWorld(t)
	a := ask{method: "POST", path: "/tenants/hotel/clients", token: w.token(t, "hotel", "*"), body: `{"name":"x"}`}
	problem(t, w.do(t, under("a b", a)), 400, "param.malformed")
	if cs, err := w.manager.FindClients(t.Context(), manage.ClientQuery{Tenant: "hotel", Name: "x"}); err != nil || len(cs) != 0 {
		t.Errorf("a refused key made %d clients (%v)", len(cs), err)
	}
	// What changes nothing needs no key, and ignores one.
	for _, key := range []string{"k", "not a key"} {
		for range 2 {
			q := under(key, ask{method: "POST", path: "/tenants/hotel/tokens/introspect", token: a.token, body: `{"token":"x"}`})
			if resp := w.do(t, q); resp.StatusCode != 200 || resp.Header.Get(adminclient.HeaderReplayed) != "" {
				t.Errorf("introspection under the key %q: %s", key, resp.Status())
			}
		}
	}
}

func FuzzIdempotencyKey(f *testing.F) {
	for _, seed := range []string{"a", `"a"`, `"`, `""`, `"""`, " a ", `"a;b=c"`, "8e03978e-40d5-43e8-bc93-6894a57f9324", strings.Repeat("k", 129), "\x7f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		key, ok := admin.ParseKey(value)
		if !ok {
			if key != "" {
				t.Errorf("%q is refused and gives %q", value, key)
			}
			return
		}
		if key == "" || len(key) > 128 || !strings.Contains(value, key) {
			t.Errorf("%q gives %q", value, key)
		}
		for _, again := range []string{key, `"` + key + `"`} { // what parses prints back the same
			if got, ok := admin.ParseKey(again); !ok || got != key {
				t.Errorf("%q gives %q, %v; want %q", again, got, ok, key)
			}
		}
	})
}
