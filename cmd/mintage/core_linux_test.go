package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/mintage-auth/mintage/internal/server"
)

// KY-09: a server that is aborted while it makes tokens leaves no core, although
// its parent allows one, and what it prints on its way out has no key and no
// secret in it.
func TestNoCore(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "mintage") // by this name the test binary is the command
	if err := os.Symlink(self, name); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -S -c $(ulimit -H -c); exec "$0" serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 --data data`, name)
	cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GOTRACEBACK=crash"}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	printed, admin := readUntilReady(t, bufio.NewReader(stderr))
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", cmd.Process.Pid))
	if err != nil || !regexp.MustCompile(`Max core file size +0 +0 `).Match(limits) {
		t.Errorf("the limits of the process: %v\n%s", err, limits)
	}
	var cred server.Credentials
	doc, err := os.ReadFile(server.CredentialsPath(filepath.Join(dir, "data")))
	if err == nil {
		err = json.Unmarshal(doc, &cred)
	}
	if err != nil {
		t.Fatal(err)
	}
	token := "http://" + admin + "/oauth2/token"
	for range 20 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, token, strings.NewReader(url.Values{"grant_type": {"client_credentials"}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.SetBasicAuth(cred.ClientID, cred.Secret)
		res, err := http.DefaultClient.Do(req)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%v, %v", res, err)
		}
		_ = res.Body.Close()
	}
	if err := cmd.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(stderr)
	if err != nil {
		t.Fatal(err)
	}
	printed = append(printed, rest...)
	if err := cmd.Wait(); err == nil || !bytes.Contains(printed, []byte("goroutine ")) {
		t.Errorf("it did not end as an aborted program does: %v", err)
	}
	searchForKeys(t, dir, printed, cred.Secret)
}

// readUntilReady returns what a server printed until it was ready, and its admin
// address.
func readUntilReady(t *testing.T, r *bufio.Reader) (printed []byte, admin string) {
	t.Helper()
	at := regexp.MustCompile(`"msg":"ready".*"admin":"([0-9.:]+)"`)
	for {
		line, err := r.ReadBytes('\n')
		printed = append(printed, line...)
		if err != nil {
			t.Fatalf("%v\n%s", err, printed)
		}
		if m := at.FindSubmatch(line); m != nil {
			return printed, string(m[1])
		}
	}
}

// searchForKeys looks for a core, and for the master key and a secret in what
// was printed.
func searchForKeys(t *testing.T, dir string, printed []byte, secret string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "data", "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for what, needle := range map[string][]byte{
		"the master key": key, "the master key in hex": []byte(hex.EncodeToString(key)), "the master key in base64": bytes.TrimSpace(text),
		"half of the master key in hex": []byte(hex.EncodeToString(key[:16])), "a secret": []byte(secret),
	} {
		if bytes.Contains(printed, needle) {
			t.Errorf("%s is in what the server printed", what)
		}
	}
	cores, err := filepath.Glob(filepath.Join(dir, "*core*"))
	if err != nil || len(cores) > 0 {
		t.Errorf("cores: %q, %v", cores, err)
	}
}
