package agent_test

import (
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/agent"
)

// TestReloadRefused: a file that cannot be put in force changes nothing, be it
// that an endpoint which is there has become wrong.
func TestReloadRefused(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "s3cret")
	a := start(t, endpoints(i.URL), nil)
	wrong := strings.ReplaceAll(endpoints(i.URL), "/oauth2/token }", "/oauth2/token, ca_file: none.pem }")
	if _, err := a.Reload(t.Context(), parse(t, t.TempDir(), wrong)); err == nil || !strings.Contains(err.Error(), "/oauth2/token") {
		t.Errorf("a reload with a file that is not there: %v", err)
	}
	target, body, header := dialects["form"]("s3cret")
	if got := a.do(t, "POST", target, strings.NewReader(body), header...); got.status != http.StatusOK {
		t.Errorf("afterwards: %d %s", got.status, got.body)
	}
}

// TestReloadOpensTheSocket: users that are let in by a reload reach the socket.
func TestReloadOpensTheSocket(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "s3cret")
	a := start(t, endpoints(i.URL), nil)
	for _, step := range []struct {
		more string
		want os.FileMode
	}{{"allow_uids: [12345]", 0o666}, {"", 0o600}} {
		c := parse(t, t.TempDir(), fmt.Sprintf("listen: ['127.0.0.1:0', 'unix:%s']\n%s\n%s", a.sock, step.more, endpoints(i.URL)))
		if restart, err := a.Reload(t.Context(), c); err != nil || len(restart) > 0 {
			t.Fatalf("%v, %v", restart, err)
		}
		if info, err := os.Stat(a.sock); err != nil || info.Mode().Perm() != step.want {
			t.Errorf("%q: %v, %v", step.more, info.Mode(), err)
		}
	}
}

// TestReloadRereads: authorities that changed in their file count after a
// reload, for tokens and for caching endpoints, though no setting changed.
func TestReloadRereads(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"access_token":"token-1","token_type":"Bearer","expires_in":3600}`)
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0) // of handshakes that fail on purpose
	s.StartTLS()
	t.Cleanup(s.Close)
	dir := t.TempDir()
	_, other, _ := writePEM(t, dir)
	file := filepath.Join(dir, "authorities.pem")
	write := func(text []byte) {
		t.Helper()
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wrong, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	write(wrong)
	text := fmt.Sprintf(`
upstreams:
  orders: { token: { token_url: %[1]s, client_id: app, client_secret: { file: secret }, ca_file: %[2]s, wait: 1s } }
token_endpoints:
  /oauth2/token: { url: %[1]s/oauth2/token, ca_file: %[2]s }
`, s.URL, file)
	a := start(t, text, nil)
	target, body, header := dialects["form"]("s3cret")
	ask := func() (lent, cached int) {
		lent = a.do(t, "GET", "/token/orders", nil, "Mintage-Agent", "true").status
		return lent, a.do(t, "POST", target, strings.NewReader(body), header...).status
	}
	if lent, cached := ask(); lent != http.StatusServiceUnavailable || cached != http.StatusServiceUnavailable {
		t.Fatalf("with another authority: %d, %d", lent, cached)
	}
	write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Reload(t.Context(), parse(t, dir, text)); err != nil {
		t.Fatal(err)
	}
	if lent, cached := ask(); lent != http.StatusOK || cached != http.StatusOK {
		t.Errorf("with the right one: %d, %d", lent, cached)
	}
}

// TestReloadRenames: a token that is kept over a reload is counted under the
// name that its upstream has then, and the last request is still known.
func TestReloadRenames(t *testing.T) {
	t.Parallel()
	i, c := newIssuer(t, "s3cret"), newClock()
	api := newAPI(t, nil)
	one := text(api.URL, i.URL)
	a := start(t, one, &agent.Deps{Now: c.Now})
	_ = a.do(t, "GET", "/orders/x", nil)
	dir := t.TempDir()
	if _, err := a.Reload(t.Context(), parse(t, dir, one)); err != nil {
		t.Fatal(err)
	}
	if s := a.Status(); s.Upstreams[0].Last == nil || s.Upstreams[0].Last.Status != http.StatusOK {
		t.Errorf("after a reload that changes nothing: %+v", s.Upstreams[0].Last)
	}
	_ = os.WriteFile(filepath.Join(dir, "secret"), []byte("s3cret"), 0o600)
	if _, err := a.Reload(t.Context(), parse(t, dir, strings.Replace(one, "  orders:", "  renamed:", 1))); err != nil {
		t.Fatal(err)
	}
	c.advance(2 * time.Hour)
	_ = a.do(t, "GET", "/renamed/x", nil)
	if got := a.do(t, "GET", "/metrics", nil); !strings.Contains(got.body, `mintage_agent_token_refreshes_total{result="ok",trigger=`) ||
		!strings.Contains(got.body, `upstream="renamed"} 1`) {
		t.Errorf("no refresh is counted under the new name:\n%s", got.body)
	}
}
