package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
)

// tool returns where a command is. Without it the test is skipped, but in CI,
// where scripts/setup has brought it, that is a failure.
func tool(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if at, err := exec.LookPath(name); err == nil {
			return at
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing: make setup installs it", names)
	}
	t.Skipf("%s is missing: make setup installs it", names)
	return ""
}

// A token as each dialect makes it.
var tokenForms = map[string]*regexp.Regexp{
	mintage.DialectRFC: regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`), mintage.DialectCognito: regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`),
	mintage.DialectMyParcel: regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`), mintage.DialectDoorkeeper: regexp.MustCompile(`[0-9a-f]{40,}`),
}

// TestConsolePrograms runs what the console shows a developer: for a client of
// each dialect the .env block, and the program in four languages, as they are.
func TestConsolePrograms(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it runs programs by the dozen")
	}
	node, err := filepath.Abs("../../.tools/node/bin/node")
	if err != nil {
		t.Fatal(err)
	}
	node, python := tool(t, node, "node"), tool(t, "/usr/bin/python3")
	w := openConsole(t)
	module := t.TempDir()
	write(t, module, "go.mod", "module programs\n\ngo 1.26\n")
	shown := map[string]map[string]string{}
	for dialect := range tokenForms {
		page := w.page(t, "/t/hotel/clients", url.Values{"name": {"It's " + dialect}, "grant": {consoleAPI + " orders/read"}, "dialect": {dialect}})
		shown[dialect] = snippets(page)
		if !strings.Contains(shown[dialect]["env"], "TOKEN_URL=") {
			t.Fatalf("%s: there is no .env block: %s", dialect, page)
		}
		write(t, filepath.Join(module, dialect), "main.go", shown[dialect]["snippet-3"])
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", module+"/bin/", "./...")
	build.Dir = module
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for dialect, form := range tokenForms {
		dir := t.TempDir()
		write(t, dir, ".env", shown[dialect]["env"])
		write(t, dir, "a.py", shown[dialect]["snippet-1"])
		write(t, dir, "a.mjs", shown[dialect]["snippet-2"])
		for name, command := range map[string]string{
			"curl": strings.Replace(shown[dialect]["snippet-0"], "curl ", "curl -sS --fail-with-body ", 1),
			".env": "set -a; . " + dir + "/.env; curl -sS --fail-with-body -d grant_type=client_credentials -d client_id=$CLIENT_ID -d client_secret=$CLIENT_SECRET $TOKEN_URL",
			"Go":   module + "/bin/" + dialect, "Python": python + " " + dir + "/a.py", "Node": node + " " + dir + "/a.mjs",
		} {
			if out := shell(t, command); !form.Match(out) {
				t.Errorf("%s in %s: no token: %s", dialect, name, out)
			}
		}
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestConsoleReplay holds that the command that the console shows for a refused
// request sends the like: it is refused in the same way.
func TestConsoleReplay(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it waits for the log")
	}
	w := openConsole(t)
	for path, dialect := range map[string]string{
		mintage.DefaultTokenPath: mintage.DialectRFC, "/cognito": mintage.DialectCognito, "/access-token": mintage.DialectMyParcel, "/oauth/token": mintage.DialectDoorkeeper,
	} {
		made := w.client(t)
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {made.Client.ID}, "client_secret": {made.Secret}, "scope": {"orders/delete"}}
		if dialect == mintage.DialectCognito {
			form.Set("client_secret", "wrong") // it knows no wrong scope
		}
		res, err := http.PostForm(w.issuer+path, form)
		if err != nil {
			t.Fatal(err)
		}
		var said struct {
			Error string `json:"error"`
		}
		err = json.NewDecoder(res.Body).Decode(&said)
		_ = res.Body.Close()
		trace := res.Header.Get("X-Request-Id")
		if err != nil || said.Error == "" || res.StatusCode < 400 {
			t.Fatalf("%s: got %d %+v, %v", dialect, res.StatusCode, said, err)
		}
		w.logged(t, trace)
		shown := snippets(w.page(t, "/t/hotel/requests/"+trace, nil))
		replay := shown["replay"]
		if dialect != mintage.DialectCognito {
			replay = strings.ReplaceAll(replay, "YOUR_CLIENT_SECRET", made.Secret)
		}
		out := string(shell(t, replay))
		if !strings.Contains(out, fmt.Sprint(" ", res.StatusCode, " ")) || !strings.Contains(out, `"error":"`+said.Error+`"`) {
			t.Errorf("%s: was refused with %d %s, and again with %s", dialect, res.StatusCode, said.Error, out)
		}
		w.runCLI(t, shown["explain"])
	}
}

// logged waits until the log has a request, which is written once a second.
func (w *consoleWorld) logged(t *testing.T, trace string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		if _, err := w.manager.Request(t.Context(), "hotel", trace); err == nil {
			return
		}
		<-tick.C
	}
	t.Fatalf("the log has no %s", trace)
}

// TestConsoleEnforces holds that an API is protected by what the console shows
// for it: the middleware in Go, and the gateway's file.
func TestConsoleEnforces(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds a program")
	}
	w := openConsole(t)
	shown := snippets(w.page(t, "/t/hotel/apis/"+url.PathEscape(consoleAPI), nil))
	may, maynot := w.bearer(t, "orders/read"), w.bearer(t, "orders/write")
	for name, base := range map[string]string{"the middleware": w.runMiddleware(t, shown["enforce"]), "the gateway": w.runGateway(t, shown["route"])} {
		for token, want := range map[string]int{"": http.StatusUnauthorized, may: http.StatusOK, maynot: http.StatusForbidden} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/orders", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			if token != "" {
				req.Header.Set("Authorization", "Bearer "+token)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			_ = res.Body.Close()
			if res.StatusCode != want {
				t.Errorf("%s: got %d, want %d", name, res.StatusCode, want)
			}
		}
	}
}

// bearer gets a token of one scope.
func (w *consoleWorld) bearer(t *testing.T, scope string) string {
	t.Helper()
	made := w.client(t)
	w.change(t, made.Client.ID, func(c *mintage.Client) { c.Grants[0].Scopes = []string{scope} })
	res, err := http.PostForm(w.issuer+mintage.DefaultTokenPath, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {made.Client.ID}, "client_secret": {made.Secret},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	var doc struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&doc); err != nil || doc.Token == "" {
		t.Fatalf("no token: %d, %v", res.StatusCode, err)
	}
	return doc.Token
}

// runMiddleware builds a program around a snippet and returns where it listens.
// The build sees a package that is not there.
func (w *consoleWorld) runMiddleware(t *testing.T, snippet string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "main.go", `package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/mintage-auth/mintage/enforce"
)

func main() {
	log, mux := slog.Default(), http.NewServeMux()
	listOrders := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
`+snippet+`
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("http://" + ln.Addr().String())
	panic(http.Serve(ln, mux))
}
`)
	here, err := filepath.Abs("shown_by_the_console/main.go")
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{here: filepath.Join(dir, "main.go")}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "overlay.json", string(overlay))
	bin := filepath.Join(dir, "api")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", dir+"/overlay.json", "-o", bin, "./shown_by_the_console").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, snippet)
	}
	cmd := exec.CommandContext(t.Context(), bin)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // it was killed by then
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// runGateway runs mintage gateway with a file and returns where it listens.
func (w *consoleWorld) runGateway(t *testing.T, file string) string {
	t.Helper()
	api := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(api.Close)
	dir := t.TempDir()
	const upstream = "http://127.0.0.1:8080"
	if !strings.Contains(file, upstream) {
		t.Fatalf("the file names no upstream: %s", file)
	}
	write(t, dir, "gateway.yaml", strings.ReplaceAll(strings.ReplaceAll(file, upstream, api.URL), "/orders/{rest...}", "/{rest...}"))
	listen, admin := freeAddr(t), freeAddr(t)
	p := newProcess("", nil)
	var done sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	done.Go(func() {
		if code := p.execute(ctx, []string{"gateway", "--config", filepath.Join(dir, "gateway.yaml"), "--listen", listen, "--admin-listen", admin}); code != exitOK {
			t.Errorf("the gateway ended with %d: %s", code, p.err.String())
		}
	})
	t.Cleanup(func() { stop(); done.Wait() })
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		if res, err := http.Get("http://" + admin + "/readyz"); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return "http://" + listen
			}
		}
		<-tick.C
	}
	t.Fatalf("the gateway is not ready: %s", file)
	return ""
}

func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() //nolint:errcheck // it is for another to take
	return ln.Addr().String()
}
