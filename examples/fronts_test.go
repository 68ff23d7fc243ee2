package examples_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/attack"
	"github.com/mintage-auth/mintage/mintagetest"
)

// front is a proxy of somebody else's in front of an API, with the
// configuration of a folder.
type front struct {
	t      *testing.T
	dir    string // a copy of the folder
	issuer *mintagetest.Server
	echo   *attack.Echo // the API
	url    string
	tokens map[string]string
}

// frontAudience is the API of the fronts' configuration.
const frontAudience = "https://api.example.com"

// newFront copies a folder with addresses that are free, and starts an issuer
// and an API.
func newFront(t *testing.T, folder string) *front {
	t.Helper()
	f := &front{t: t, dir: t.TempDir(), echo: &attack.Echo{}}
	f.issuer = mintagetest.New(t, mintagetest.Options{Audience: frontAudience, Scopes: []string{"orders/read", "orders/admin"}})
	if err := os.CopyFS(f.dir, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = f.echo.Serve(ctx, l) }()
	t.Cleanup(func() { cancel(); <-done })
	address, asked := freeAddress(t), freeAddress(t)
	_, port, _ := strings.Cut(address, ":")
	f.url = "http://" + address
	f.rewrite("127.0.0.1:8080", address, "://:8080", "://:"+port, "127.0.0.1:9412", asked, "127.0.0.1:9000", l.Addr().String(),
		"http://127.0.0.1:9400", f.issuer.Issuer, "client_id: gateway", "client_id: "+f.issuer.APIID)
	if err := os.WriteFile(filepath.Join(f.dir, "gateway.secret"), []byte(f.issuer.APISecret), 0o600); err != nil {
		t.Fatal(err)
	}
	f.makeTokens()
	return f
}

// rewrite replaces texts in all files of the copy.
func (f *front) rewrite(pairs ...string) {
	f.t.Helper()
	files, err := filepath.Glob(filepath.Join(f.dir, "*"))
	if err != nil {
		f.t.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(strings.NewReplacer(pairs...).Replace(string(text))), 0o600); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *front) makeTokens() {
	f.t.Helper()
	scope := map[string]any{"scope": "orders/read"}
	with := func(name string, value any) map[string]any {
		return map[string]any{"scope": "orders/read", name: value}
	}
	good := f.issuer.Token(mintagetest.TokenOptions{Claims: scope})
	stranger := mintagetest.New(f.t, mintagetest.Options{Audience: frontAudience, Scopes: []string{"orders/read"}})
	f.tokens = map[string]string{
		"good":           good,
		"expired":        f.issuer.Token(mintagetest.TokenOptions{Claims: scope, Life: -time.Minute}),
		"forged":         good[:len(good)-8] + strings.Repeat("A", 8),
		"stranger":       stranger.Token(mintagetest.TokenOptions{Claims: with("iss", f.issuer.Issuer)}),
		"wrong issuer":   stranger.Token(mintagetest.TokenOptions{Claims: scope}),
		"wrong audience": f.issuer.Token(mintagetest.TokenOptions{Claims: with("aud", "https://other.example.com")}),
		"no audience":    f.issuer.Token(mintagetest.TokenOptions{Claims: with("aud", nil)}),
		"other kind":     f.issuer.Token(mintagetest.TokenOptions{Claims: scope, Type: "JWT"}),
		"bound":          f.issuer.Token(mintagetest.TokenOptions{Claims: with("cnf", map[string]any{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"})}),
		"missing scope":  f.issuer.Token(mintagetest.TokenOptions{Claims: map[string]any{"scope": "orders/reading read orders/admin"}}),
		"revoked":        f.issuer.Token(mintagetest.TokenOptions{Claims: scope}),
	}
}

// run starts a program in the copy until the test ends.
func (f *front) run(env []string, name string, args ...string) *exec.Cmd {
	f.t.Helper()
	cmd := exec.CommandContext(context.Background(), frontProgram(f.t, name), args...)
	cmd.Dir, cmd.Env = f.dir, append(os.Environ(), env...)
	if libraries, _ := filepath.Glob("../.tools/fronts/usr/lib/*-linux-gnu"); len(libraries) > 0 {
		path, err := filepath.Abs(libraries[0])
		if err != nil {
			f.t.Fatal(err)
		}
		cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+path)
	}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	f.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-done
		}
		if f.t.Failed() {
			f.t.Logf("%s said:\n%.4000s", name, log.String())
		}
	})
	return cmd
}

// frontProgram finds a program that scripts/setup installs.
func frontProgram(t *testing.T, name string) string {
	t.Helper()
	if filepath.IsAbs(name) {
		return name
	}
	unpacked, err := filepath.Abs("../.tools/fronts/usr")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", unpacked+"/sbin", unpacked+"/bin") {
		if path := filepath.Join(dir, name); exec.Command("test", "-x", path).Run() == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing: scripts/setup installs it", name)
	}
	t.Skipf("%s is missing: scripts/setup installs it", name)
	return ""
}

// answerFronts runs mintage gateway with a file until the test ends.
func answerFronts(t *testing.T, file string) {
	t.Helper()
	runGateway(t, file, "--listen", "127.0.0.1:0")
}

func runGateway(t *testing.T, file string, args ...string) {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	f := &front{t: t, dir: filepath.Dir(file)}
	f.run(nil, bin, append([]string{"gateway", "--config", file, "--admin-listen", "127.0.0.1:0"}, args...)...)
}

// get asks for a path and returns the status and the challenge. A front that
// does not listen yet is waited for.
func (f *front) get(path, token string) (status int, challenge string) {
	f.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		req, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, f.url+path, nil)
		if err != nil {
			f.t.Fatal(err)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		client := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		res, err := client.Do(req)
		if errors.Is(err, syscall.ECONNREFUSED) && time.Now().Before(deadline) {
			<-time.After(20 * time.Millisecond)
			continue
		}
		if err != nil {
			f.t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		client.CloseIdleConnections()
		return res.StatusCode, res.Header.Get("WWW-Authenticate")
	}
}

// wait asks until the answer has a status.
func (f *front) wait(path, token string, want int) time.Duration {
	f.t.Helper()
	began := time.Now()
	for {
		got, _ := f.get(path, token)
		if got == want {
			return time.Since(began)
		}
		if time.Since(began) > 20*time.Second {
			f.t.Fatalf("%s is answered %d after 20 s, want %d", path, got, want)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// checkTokens checks the answer to each kind of token.
func (f *front) checkTokens() {
	f.t.Helper()
	f.wait("/orders", f.tokens["good"], http.StatusOK)
	for _, tt := range []struct {
		token     string
		status    int
		challenge string
	}{
		{"", 401, "Bearer realm="},
		{"good", 200, ""},
		{"expired", 401, `error="invalid_token"`},
		{"forged", 401, `error="invalid_token"`},
		{"stranger", 401, `error="invalid_token"`},
		{"wrong issuer", 401, `error="invalid_token"`},
		{"wrong audience", 401, `error="invalid_token"`},
		{"no audience", 401, `error="invalid_token"`},
		{"other kind", 401, `error="invalid_token"`},
		{"bound", 401, `error="invalid_token"`},
		{"missing scope", 403, `error="insufficient_scope"`},
		{"good", 200, ""},
	} {
		status, challenge := f.get("/orders?x=1", f.tokens[tt.token])
		if status != tt.status || !strings.Contains(challenge, tt.challenge) || tt.status/100 == 4 && challenge == "" {
			f.t.Errorf("%q: %d %q, want %d and %q", tt.token, status, challenge, tt.status, tt.challenge)
		}
	}
	if status, challenge := f.get("/admin", f.tokens["good"]); status != 403 || !strings.Contains(challenge, `scope="orders/admin"`) {
		f.t.Errorf("/admin: %d %q, want 403 and the scope", status, challenge)
	}
	if status, _ := f.get("/nothing", f.tokens["good"]); status != 404 {
		f.t.Errorf("/nothing: %d, want 404", status)
	}
	if status, _ := f.get("/status", ""); status != 200 {
		f.t.Errorf("/status: %d, want 200", status)
	}
}

// checkIdentity checks what the API gets: who calls, and not the token.
func (f *front) checkIdentity() {
	f.t.Helper()
	if _, err := f.echo.Take(); err != nil {
		f.t.Fatal(err)
	}
	f.get("/orders/7?uri=https%3A%2F%2Fa.example%2Fb%3Fc&d", f.tokens["good"])
	f.get("/status", "")
	seen, err := f.echo.Take()
	if err != nil || len(seen) != 2 {
		f.t.Fatalf("the API got %d requests, %v", len(seen), err)
	}
	if want := "/orders/7?uri=https%3A%2F%2Fa.example%2Fb%3Fc&d"; seen[0].Target != want {
		f.t.Errorf("the API got %s, want %s", seen[0].Target, want)
	}
	for name, want := range map[string][]string{
		"X-Client-Id": {f.issuer.ClientID}, "X-Token-Subject": {f.issuer.ClientID}, "X-Token-Scope": {"orders/read"}, "X-Token-Issuer": {f.issuer.Issuer},
		"Authorization": nil,
	} {
		if got := seen[0].Header(name); !slices.Equal(got, want) {
			f.t.Errorf("the API got %s: %q, want %q", name, got, want)
		}
		if got := strings.Join(seen[1].Header(name), ""); got != "" {
			f.t.Errorf("without a token the API got %s: %q", name, got)
		}
	}
}

// checkAttacks sends the whole corpus. Nothing may get through.
func (f *front) checkAttacks() {
	f.t.Helper()
	u, err := url.Parse(f.url + "/orders")
	if err != nil {
		f.t.Fatal(err)
	}
	keys, err := attack.ReadKeys(f.fetch("/.well-known/jwks.json"))
	if err != nil {
		f.t.Fatal(err)
	}
	t := attack.Target{
		URL: u, Token: f.tokens["good"], Public: "/status", Forbidden: "/admin", Keys: keys, Backend: f.echo, Timeout: 700 * time.Millisecond,
	}
	for _, name := range []string{"expired", "forged", "stranger", "wrong issuer", "wrong audience", "no audience", "other kind", "bound", "missing scope"} {
		t.BadTokens = append(t.BadTokens, f.tokens[name])
	}
	results, err := (&attack.Runner{Target: t}).Run(f.t.Context(), attack.Corpus())
	if err != nil {
		f.t.Fatal(err)
	}
	counts := map[attack.Verdict]int{}
	for _, r := range results {
		counts[r.Verdict]++
		if r.Verdict == attack.Through || r.Verdict == attack.Unknown {
			f.t.Errorf("%s: %s (%d: %s): %s", r.Name, r.Verdict, r.Status, r.Why, r.About)
		}
	}
	f.t.Logf("%d attacks: %v", len(results), counts)
}

// fetch gets a document of the issuer.
func (f *front) fetch(path string) []byte {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, f.issuer.Issuer+path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	res, err := f.issuer.Client().Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return text
}

// checkRevoked revokes a token that is good until then.
func (f *front) checkRevoked() {
	f.t.Helper()
	f.wait("/orders", f.tokens["revoked"], http.StatusOK)
	f.issuer.Revoke(f.tokens["revoked"])
	took := f.wait("/orders", f.tokens["revoked"], http.StatusUnauthorized)
	f.t.Logf("a revoked token was refused after %s", took.Round(time.Millisecond))
	if status, _ := f.get("/orders", f.tokens["good"]); status != http.StatusOK {
		f.t.Errorf("another token: %d, want 200", status)
	}
}

// TestGateway runs mintage gateway itself, with the same tokens and attacks.
func TestGateway(t *testing.T) {
	t.Parallel()
	f := newFront(t, "testdata/gateway")
	runGateway(t, filepath.Join(f.dir, "gateway.yaml"))
	f.checkTokens()
	f.checkIdentity()
	f.checkAttacks()
	f.checkRevoked()
}

// TestFrontNginx runs nginx with examples/front-nginx (RS-09, RS-19, RS-20, RS-23).
func TestFrontNginx(t *testing.T) {
	t.Parallel()
	f := newFront(t, "front-nginx")
	var temp strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temp, "%s_temp_path %s;\n", kind, filepath.Join(f.dir, kind))
	}
	f.rewrite("\nhttp {\n", "\nhttp {\naccess_log off;\n"+temp.String(), "worker_processes auto", "worker_processes 1")
	answerFronts(t, filepath.Join(f.dir, "gateway.yaml"))
	f.run(nil, "nginx", "-p", f.dir, "-e", "stderr", "-c", filepath.Join(f.dir, "nginx.conf"), "-g", "daemon off; master_process off; pid "+filepath.Join(f.dir, "pid")+";")
	f.checkTokens()
	f.checkIdentity()
	f.checkDPoP()
	f.checkAttacks()
	f.checkRevoked()
}

// TestFrontCaddy runs Caddy with examples/front-caddy.
func TestFrontCaddy(t *testing.T) {
	t.Parallel()
	f := newFront(t, "front-caddy")
	answerFronts(t, filepath.Join(f.dir, "gateway.yaml"))
	f.run([]string{"HOME=" + f.dir, "XDG_CONFIG_HOME=" + f.dir, "XDG_DATA_HOME=" + f.dir}, "caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile")
	f.checkTokens()
	f.checkIdentity()
	f.checkDPoP()
	f.checkAttacks()
	f.checkRevoked()
}

// TestFrontHAProxy runs HAProxy with examples/front-haproxy, which checks
// tokens itself with the PEM of the issuer's keys.
func TestFrontHAProxy(t *testing.T) {
	t.Parallel()
	f := newFront(t, "front-haproxy")
	haproxy := frontProgram(t, "haproxy")
	env := []string{"CLIENT_ID=" + f.issuer.APIID, "CLIENT_SECRET_FILE=gateway.secret", "NO_PROXY=127.0.0.1"}
	once := exec.CommandContext(t.Context(), "/usr/bin/python3", "follow.py", f.issuer.Issuer, "keys", "--once")
	once.Dir, once.Env = f.dir, append(os.Environ(), env...)
	if out, err := once.CombinedOutput(); err != nil {
		t.Fatalf("follow.py: %v\n%s", err, out)
	}
	cmd := f.run(nil, haproxy, "-W", "-f", "haproxy.cfg")
	f.checkTokens()
	f.checkIdentity()
	f.checkAttacks()
	f.run(env, "/usr/bin/python3", "follow.py", f.issuer.Issuer, "keys", "--every", "0.3", "--reload", fmt.Sprintf("kill -USR2 %d", cmd.Process.Pid))
	f.checkRevoked()
}
