package examples_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/enforce"
)

// TestClients runs other people's clients and verifiers against the server:
// all of ../shared/clients, through the rotation of the signing key.
func TestClients(t *testing.T) {
	t.Parallel()
	runAll, err := filepath.Abs("../../shared/clients/run-all")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(runAll); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("../shared/clients is not there")
	}
	if testing.Short() {
		t.Skip("installs packages and takes minutes")
	}
	ex := start(t, "testdata/clients")
	env := map[string]string{
		"CLIENT_ID": "m2m-client", "CLIENT_SECRET": ex.credentials()["MINTAGE_CLIENT_SECRET"],
		"SCOPE": "orders/read", "AUDIENCE": "https://api.clients.example", "SESSIONM_STRICT": "1",
		"ROTATE_CMD":  "mintage key rotate --tenant clients --alg RS256 --wait 0s --yes",
		"API_URL":     protectedAPI(t, ex.base),
		"CLIENTS_OUT": t.TempDir(),
		// nginx asks at this path about whatever is called.
		"FORWARD_AUTH_URL": "http://" + ex.forwardAuth() + "/forward-auth",
	}
	cmd := exec.CommandContext(t.Context(), runAll)
	cmd.Env = ex.env
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if node, err := filepath.Abs("../.tools/node/bin"); err == nil {
		cmd.Env = append(cmd.Env, "PATH="+node+":"+valueOf(ex.env, "PATH"))
	}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("run-all: %v%s", err, failures(t, env["CLIENTS_OUT"]))
	}
	for _, m := range regexp.MustCompile(`(?m)^SKIP\s+(\S+)\s+\d+ ms\s+(.*)$`).FindAllStringSubmatch(string(out), -1) {
		t.Errorf("%s skipped itself: %s", m[1], m[2])
	}
}

// failures returns the ends of the logs of the scripts that failed.
func failures(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	for _, l := range logs {
		text, err := os.ReadFile(l)
		if err != nil {
			t.Fatal(err)
		}
		if last := strings.TrimSpace(string(text)); strings.Contains(last, "FAIL ") {
			b.WriteString("\n--- " + filepath.Base(l) + "\n" + last)
		}
	}
	return b.String()
}

// protectedAPI is an API that takes the tokens of one issuer, and returns its
// URL. Each call reads the keys anew: the scripts rotate them faster than a
// verifier asks for a kid that it does not know.
func protectedAPI(t *testing.T, issuer string) string {
	t.Helper()
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys := &enforce.RemoteKeySet{
			URL: issuer + "/.well-known/jwks.json", Client: &http.Client{Timeout: 10 * time.Second}, InsecureHTTP: true,
		}
		defer keys.Close()
		v := &enforce.Verifier{Issuers: &enforce.Issuer{Name: issuer, Keys: keys}, Audience: "https://api.clients.example"}
		v.Require(ok, "orders/read").ServeHTTP(w, r)
	}))
	t.Cleanup(api.Close)
	return api.URL
}

// forwardAuth answers fronts with the folder's gateway.yaml, and returns where.
func (ex *example) forwardAuth() (address string) {
	ex.t.Helper()
	address = freeAddress(ex.t)
	file := filepath.Join(ex.dir, "gateway.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		ex.t.Fatal(err)
	}
	text = []byte(strings.NewReplacer("http://127.0.0.1:9400", ex.base, "127.0.0.1:9412", address).Replace(string(text)))
	if err := os.WriteFile(file, text, 0o600); err != nil {
		ex.t.Fatal(err)
	}
	answerFronts(ex.t, file)
	for range 1000 { // until it listens
		conn, err := (&net.Dialer{}).DialContext(ex.t.Context(), "tcp", address)
		if err == nil {
			_ = conn.Close()
			return address
		}
		<-time.After(20 * time.Millisecond)
	}
	ex.t.Fatal("mintage gateway did not start")
	return ""
}

// credentials reads the client.env that apply wrote.
func (ex *example) credentials() map[string]string {
	ex.t.Helper()
	file, err := os.ReadFile(filepath.Join(ex.dir, "client.env"))
	if err != nil {
		ex.t.Fatal(err)
	}
	values := map[string]string{}
	for line := range strings.Lines(string(file)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		values[name] = value
	}
	return values
}

// valueOf returns the last value of a variable in env.
func valueOf(env []string, name string) string {
	value := ""
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			value = v
		}
	}
	return value
}
