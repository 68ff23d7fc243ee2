package issue_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/clientauth"
	"github.com/mintage-auth/mintage/internal/clientkeys"
	"github.com/mintage-auth/mintage/internal/directory"
	"github.com/mintage-auth/mintage/internal/issue"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/mint"
	"github.com/mintage-auth/mintage/internal/replay"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/store/sqlstore"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
	"github.com/mintage-auth/mintage/oauth"
)

// epoch is when all requests of the fixture happen, but for those that a test
// moves.
var epoch = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// wrong is the one secret that opens nothing, and vector the identifier and the
// secret of the percent-encoding example.
const (
	wrong        = "wr0ng-canary-wr0ng"
	vectorID     = "1PpG/Q 1"
	brought      = "correct horse battery staple"
	broughtHash  = "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG" // bcrypt of it
	vectorSecret = "z/tZ9VwFZqApmIQ+ZH1I5pLk/uB4ud:X2/8bL+wfFTt1rFw="
)

// secretOf returns the secret of a client of the fixture. Each is a canary: the
// log is searched for it.
func secretOf(client string) string {
	switch client {
	case vectorID:
		return vectorSecret
	case "percent": // brought along, and sent as it is
		return "canary%2Fpercent+percent"
	case "imported":
		return brought
	}
	return "s3cret-canary-" + client
}

// fixture is the real thing below the handler: engine, vault, caches, minter.
type fixture struct {
	*issue.Handler
	dir    *directory.Directory
	store  *sqlstore.Store
	minter *mint.Minter
	hasher *secret.Hasher
	keys   *clientkeys.Source
	log    *lockedBuffer
	*notes
}

// notes are what the handler told others.
type notes struct {
	mu      sync.Mutex
	wanted  []string // tenant and algorithm of keys that were asked for
	exposed []string // tenant, client and secret that were seen in a URL
	tokens  []string // that were made: none may be in the log
}

// open makes the fixture below all others, once: an RSA key takes its time.
var open = sync.OnceValues(func() (*fixture, error) {
	ctx := context.Background()
	st, err := sqltest.OpenShared(ctx)
	if err != nil {
		return nil, err
	}
	master, err := os.MkdirTemp("", "mintage-issue-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(master) }() // the key is read once
	vault, err := keys.OpenVault(ctx, keys.VaultConfig{Store: st, Path: filepath.Join(master, "master.key"), Now: now, Create: true})
	if err != nil {
		return nil, err
	}
	f := &fixture{store: st, hasher: secret.New(bytes.Repeat([]byte("pepper"), 8))}
	f.keys = &clientkeys.Source{HTTP: clientkeys.NewHTTPClient(nil, nil), Now: now, Log: slog.New(slog.DiscardHandler)}
	f.dir = directory.New(directory.Config{Store: st, Vault: vault, Now: now})
	f.minter = &mint.Minter{Now: now, Rings: f.dir, Tokens: st}
	if err := st.Update(ctx, func(tx store.Tx) error { return populate(ctx, tx, vault, f.hasher) }); err != nil {
		return nil, err
	}
	return f, f.dir.Sync(ctx)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if f, err := open(); err == nil {
		_ = f.store.Close()
	}
	os.Exit(code)
}

// newFixture returns a fixture with a handler, a log and notes of its own.
func newFixture(tb testing.TB) *fixture {
	tb.Helper()
	base, err := open()
	must(tb, err)
	f := *base
	f.log, f.notes = &lockedBuffer{}, &notes{}
	tb.Cleanup(func() { f.checkLog(tb) })
	return f.with(tb, func(*issue.Handler) {})
}

// now is the clock of the whole fixture.
func now() time.Time { return epoch }

// with returns the fixture with a handler of its own, which change may change.
func (f *fixture) with(tb testing.TB, change func(*issue.Handler)) *fixture {
	tb.Helper()
	g := *f
	g.Handler = &issue.Handler{
		Directory: f.dir,
		Auth: &clientauth.Authenticator{
			Clients: f.dir, Secrets: f.hasher, Now: now, Keys: f.keys, Replays: &replay.Guard{Store: f.store},
		},
		Minter:    f,
		Revoker:   f,
		Replays:   &replay.Guard{Store: f.store},
		NonceKey:  [32]byte{1, 2, 3},
		Now:       now,
		Log:       slog.New(slog.NewJSONHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		DocsURL:   func() string { return "https://docs.example/docs" },
		KeyWanted: func(tenant, alg string) { f.note(&f.wanted, tenant+" "+alg) },
		Exposed: func(_ context.Context, tenant, client, secret string) error {
			f.note(&f.exposed, tenant+" "+client+" "+secret)
			return nil
		},
	}
	change(g.Handler)
	tb.Cleanup(g.Wait)
	return &g
}

func (n *notes) note(list *[]string, what string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	*list = append(*list, what)
}

// Mint is the real minter's, and remembers the token.
func (f *fixture) Mint(ctx context.Context, az *mintage.Authorization) (*mintage.AccessToken, error) {
	tok, err := f.minter.Mint(ctx, az)
	if err == nil {
		f.note(&f.tokens, tok.Value)
	}
	return tok, err
}

// Lookup is the real minter's.
func (f *fixture) Lookup(ctx context.Context, tenant, token string) (*mintage.TokenRecord, error) {
	return f.minter.Lookup(ctx, tenant, token)
}

// RevokeToken is manage's in a process: a revocation on disk, and caches that
// know of it.
func (f *fixture) RevokeToken(ctx context.Context, tok issue.RevokedToken) error {
	err := f.store.Update(ctx, func(tx store.Tx) error {
		return tx.CreateRevocation(ctx, &mintage.Revocation{
			Tenant: tok.Tenant, ID: "jti:" + tok.JTI, JTI: tok.JTI, Created: epoch, Expires: tok.Expires,
		})
	})
	return errors.Join(err, f.dir.Sync(ctx))
}

// checkLog is AD-14 for this package: no secret and no token in any line, in
// any of six spellings.
func (f *fixture) checkLog(tb testing.TB) {
	tb.Helper()
	log := f.log.String()
	canaries := []string{wrong, "canary"}
	for _, c := range clients() {
		s := secretOf(c.ID)
		canaries = append(canaries, s, url.QueryEscape(s), hex.EncodeToString([]byte(s)),
			base64.StdEncoding.EncodeToString([]byte(s)), strings.TrimPrefix(oauth.BasicHeader(c.ID, s), "Basic "), strconv.Quote(s))
	}
	for _, canary := range append(canaries, f.tokens...) {
		if strings.Contains(log, canary) {
			tb.Errorf("the log has %q in it:\n%s", canary, linesWith(log, canary))
		}
	}
}

func linesWith(log, s string) string {
	var b strings.Builder
	for line := range strings.Lines(log) {
		if strings.Contains(line, s) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// ServeHTTP finds tenant and endpoint as the server does.
func (f *fixture) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t, rest, err := f.dir.Resolve(r.Context(), r.Host, r.URL.EscapedPath())
	if err != nil {
		f.NoTenant(w, r, err)
		return
	}
	if d, ok := t.DialectFor(rest); ok {
		f.Token(w, r, t, d)
		return
	}
	kid, isPEM := strings.CutPrefix(strings.TrimSuffix(rest, ".pem"), "/.well-known/keys/")
	switch {
	case rest == issue.IntrospectPath:
		f.Introspect(w, r, t)
	case rest == issue.RevokePath:
		f.Revoke(w, r, t)
	case rest == issue.AuthorizePath:
		f.AuthorizationEndpoint(w, r, t)
	case rest == issue.JWKSPath:
		f.JWKS(w, r, t)
	case isPEM:
		f.PEM(w, r, t, kid)
	case strings.HasPrefix(rest, "/.well-known/o"):
		f.Metadata(w, r, t)
	default:
		f.NotFound(w, r, t)
	}
}

// mintAt returns a token that a client got in a dialect at some time, without a
// request; key is the thumbprint of the one that it is bound to.
func (f *fixture) mintAt(tb testing.TB, tenant, client, dialect string, at time.Time, key ...string) string {
	tb.Helper()
	ctx := tb.Context()
	tn, err := f.dir.Tenant(ctx, tenant)
	must(tb, err)
	c, err := f.dir.Client(ctx, tenant, client)
	must(tb, err)
	servers, err := f.dir.ResourceServers(ctx, tenant)
	must(tb, err)
	d, _ := mintage.DialectByName(dialect)
	az, err := mintage.Authorize(tn, c, servers, d, mintage.Request{GrantType: oauth.ClientCredentials})
	must(tb, err)
	az.KeyThumbprint = strings.Join(key, "")
	m := &mint.Minter{Now: func() time.Time { return at }, Rings: f.dir, Tokens: f.store}
	tok, err := m.Mint(ctx, az)
	must(tb, err)
	f.note(&f.tokens, tok.Value)
	return tok.Value
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// lockedBuffer is written to by requests and by what runs after them.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
