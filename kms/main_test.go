package main

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// vault speaks the part of HashiCorp Vault's HTTP API that its transit engine
// has: POST or PUT /v1/transit/{encrypt,decrypt}/KEY with a token.
type vault struct {
	*httptest.Server

	token string
	mu    sync.Mutex
	keys  map[string]cipher.AEAD
	away  bool // it answers nothing in time
}

func newVault(t *testing.T, keys ...string) *vault {
	t.Helper()
	v := &vault{token: rand.Text(), keys: map[string]cipher.AEAD{}}
	for _, name := range keys {
		secret := make([]byte, 32)
		rand.Read(secret)
		block, err := aes.NewCipher(secret)
		if err != nil {
			t.Fatal(err)
		}
		if v.keys[name], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			t.Fatal(err)
		}
	}
	v.Server = httptest.NewServer(http.HandlerFunc(v.serve))
	t.Cleanup(v.Close)
	return v
}

func (v *vault) serve(w http.ResponseWriter, r *http.Request) {
	answer := func(status int, body any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	refuse := func(status int, why string) { answer(status, map[string][]string{"errors": {why}}) }
	v.mu.Lock()
	defer v.mu.Unlock()
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/transit/"), "/")
	if v.away || len(parts) != 2 || r.Method != http.MethodPut && r.Method != http.MethodPost {
		refuse(http.StatusBadRequest, "unsupported path")
		return
	}
	if r.Header.Get("X-Vault-Token") != v.token {
		refuse(http.StatusForbidden, "permission denied")
		return
	}
	key, ok := v.keys[parts[1]]
	if !ok {
		refuse(http.StatusBadRequest, "encryption key not found")
		return
	}
	var in struct{ Plaintext, Ciphertext string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(http.StatusBadRequest, "malformed body")
		return
	}
	const prefix = "vault:v1:"
	switch parts[0] {
	case "encrypt":
		plain, err := base64.StdEncoding.DecodeString(in.Plaintext)
		if err != nil {
			refuse(http.StatusBadRequest, "plaintext is not base64")
			return
		}
		answer(http.StatusOK, map[string]any{"data": map[string]any{"ciphertext": prefix + base64.StdEncoding.EncodeToString(key.Seal(nil, nil, plain, nil))}})
	case "decrypt":
		sealed, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(in.Ciphertext, prefix))
		if err == nil {
			sealed, err = key.Open(nil, nil, sealed, nil)
		}
		if err != nil {
			refuse(http.StatusBadRequest, "cipher: message authentication failed")
			return
		}
		answer(http.StatusOK, map[string]any{"data": map[string]string{"plaintext": base64.StdEncoding.EncodeToString(sealed)}})
	default:
		refuse(http.StatusNotFound, "unsupported operation")
	}
}

// asProgram has the test binary be the program, since the library of Vault reads
// the environment once in a process.
const asProgram = "KMS_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// kms runs the program, which finds the vault and has its token, and returns what
// it printed. An error ends with what it said.
func (v *vault) kms(t *testing.T, in []byte, args ...string) (out string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "VAULT_ADDR="+v.URL, "VAULT_TOKEN="+v.token, "VAULT_MAX_RETRIES=0")
	cmd.Stdin = bytes.NewReader(in)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	if err := cmd.Run(); err != nil {
		return o.String(), fmt.Errorf("%w: %s", err, e.String())
	}
	return o.String(), nil
}

func writeFile(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func masterKey() (key []byte, line string) {
	key = make([]byte, keySize)
	rand.Read(key)
	return key, base64.StdEncoding.EncodeToString(key) + "\n"
}

func TestWrap(t *testing.T) {
	t.Parallel()
	v := newVault(t, "mintage")
	key, _ := masterKey()
	local := writeFile(t, filepath.Join(t.TempDir(), "url"), "base64key://"+base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))+"\n")
	for _, at := range [][]string{{"--key", "hashivault://mintage"}, {"--key-file", local}} {
		wrapped, err := v.kms(t, key, append(at, "wrap")...)
		if err != nil {
			t.Fatalf("%v: %v", at, err)
		}
		if strings.Count(wrapped, "\n") != 1 || strings.Contains(wrapped, base64.StdEncoding.EncodeToString(key)) {
			t.Errorf("%v: wrapped as %q", at, wrapped)
		}
		plain, err := v.kms(t, []byte(wrapped), append(at, "unwrap")...)
		if err != nil || plain != string(key) {
			t.Errorf("%v: %d other bytes came back (%v)", at, len(plain), err)
		}
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	v := newVault(t, "mintage", "other")
	key, _ := masterKey()
	wrapped, err := v.kms(t, key, "--key", "hashivault://mintage", "wrap")
	if err != nil {
		t.Fatal(err)
	}
	secretURL := "base64key://" + base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	open := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(open, []byte(secretURL), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		in   string
		args []string
		want string
	}{
		"no key":            {wrapped, []string{"unwrap"}, "name the key"},
		"no verb":           {wrapped, []string{"--key", "hashivault://mintage"}, "say wrap, unwrap or rewrap"},
		"key in argv":       {wrapped, []string{"--key", secretURL, "unwrap"}, "--key-file"},
		"open file":         {wrapped, []string{"--key-file", open, "unwrap"}, "chmod 600"},
		"another key":       {wrapped, []string{"--key", "hashivault://other", "unwrap"}, "does not unwrap"},
		"missing key":       {wrapped, []string{"--key", "hashivault://none", "unwrap"}, "encryption key not found"},
		"unknown scheme":    {wrapped, []string{"--key", "rot13://mintage", "unwrap"}, "rot13"},
		"no URL":            {wrapped, []string{"--key", "mintage", "unwrap"}, "not named by a URL"},
		"nothing":           {"", []string{"--key", "hashivault://mintage", "unwrap"}, "empty"},
		"something else":    {"???", []string{"--key", "hashivault://mintage", "unwrap"}, "not what mintage-kms wrap wrote"},
		"too much":          {strings.Repeat("A", maxInput+1), []string{"--key", "hashivault://mintage", "unwrap"}, "more than"},
		"a missing file":    {"", []string{"--key", "hashivault://mintage", "--from", "plain", "rewrap", "/nowhere/master.key"}, "no such file"},
		"nowhere to rewrap": {"", []string{"--key", "hashivault://mintage", "rewrap", open}, "--from"},
	} {
		out, err := v.kms(t, []byte(c.in), c.args...)
		if err == nil || !strings.Contains(err.Error(), c.want) || out != "" {
			t.Errorf("%s: %v, want %q; printed %d bytes", name, err, c.want, len(out))
		}
		if err != nil && strings.Contains(err.Error(), strings.TrimPrefix(secretURL, "base64key://")) {
			t.Errorf("%s: the error shows the key", name)
		}
	}
	wrong := &vault{Server: v.Server, token: "wrong"}
	if _, err := wrong.kms(t, []byte(wrapped), "--key", "hashivault://mintage", "unwrap"); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("with a wrong token: %v", err)
	}
}

// A file goes from plain to a KMS, to another key there, to another KMS and back,
// and holds the same master key all along; what fails changes nothing.
func TestRewrap(t *testing.T) {
	t.Parallel()
	v := newVault(t, "old", "new")
	dir := t.TempDir()
	_, line := masterKey()
	path := writeFile(t, filepath.Join(dir, "master.key"), line)
	local := writeFile(t, filepath.Join(dir, "url"), "base64key://"+base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)))
	steps := [][]string{
		{"--from", "plain", "--key", "hashivault://old"},
		{"--from", "hashivault://old", "--key", "hashivault://new"},
		{"--from", "hashivault://new", "--key-file", local},
		{"--from-file", local, "--key", "plain"},
	}
	for i, step := range steps {
		wrong := []string{"--from", "hashivault://old", "--key", "hashivault://new"}
		if i == 1 {
			wrong[1] = "hashivault://new"
		}
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.kms(t, nil, append(wrong, "rewrap", path)...); err == nil {
			t.Errorf("step %d: rewrapped by the wrong key", i)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
			t.Errorf("step %d: a refused rewrap changed the file (%v)", i, err)
		}
		if _, err := v.kms(t, nil, append(step, "rewrap", path)...); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		last := i == len(steps)-1
		if last != (string(text) == line) || !last && (!strings.HasPrefix(string(text), wrappedPrefix) || strings.Contains(string(text), strings.TrimSpace(line))) {
			t.Errorf("step %d: the file holds %d bytes", i, len(text))
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("step %d: the mode is not 0600 (%v)", i, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

// server is mintage serve with a key of the vault.
type server struct {
	t         *testing.T
	bin, data string
	config    string
	env       []string
}

// start starts it, waits until it is ready, and returns what stops it.
func (s *server) start() (stop func(), said string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	cmd := exec.CommandContext(ctx, s.bin, "serve", "--config", s.config)
	cmd.Env = s.env
	out, err := cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	var b strings.Builder
	buffer := make([]byte, 4096)
	for {
		n, err := out.Read(buffer)
		b.Write(buffer[:n])
		if strings.Contains(b.String(), `"msg":"ready"`) {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return func() {
				_ = cmd.Process.Signal(os.Interrupt)
				_ = cmd.Wait()
				cancel()
			}, b.String()
		}
		if err != nil {
			_ = cmd.Wait()
			cancel()
			return nil, b.String()
		}
	}
}

// TestServer is the whole way: a server makes its master key and keeps it wrapped
// by Vault, starts again with it, is given another wrapping key while it runs and
// starts with that, makes itself another master key, and does not start without
// Vault.
func TestServer(t *testing.T) {
	t.Parallel()
	v := newVault(t, "old", "new")
	dir := t.TempDir()
	mintage, tool := filepath.Join(dir, "mintage"), filepath.Join(dir, "mintage-kms")
	for _, build := range []*exec.Cmd{
		exec.CommandContext(t.Context(), "go", "build", "-tags", "withoutclouds", "-o", tool, "."),
		exec.CommandContext(t.Context(), "go", "-C", "..", "build", "-o", mintage, "./cmd/mintage"),
	} {
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	token := writeFile(t, filepath.Join(dir, "vault-token"), v.token+"\n")
	s := &server{t: t, bin: mintage, data: filepath.Join(dir, "data"), config: filepath.Join(dir, "server.yaml")}
	s.env = []string{"VAULT_ADDR=" + v.URL, "VAULT_MAX_RETRIES=0", "HOME=" + dir}
	configure := func(key string) {
		writeFile(t, s.config, "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\ndata: data\nmaster_key_command: ["+tool+", --vault-token-file, "+token+", --key, hashivault://"+key+"]\n")
	}
	path := filepath.Join(s.data, "master.key")
	mustStart := func(what string) func() {
		t.Helper()
		stop, said := s.start()
		if stop == nil {
			t.Fatalf("%s: %s", what, said)
		}
		text, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(text), wrappedPrefix) {
			t.Errorf("%s: the file does not hold a wrapped key (%v)", what, err)
		}
		return stop
	}
	configure("old")
	mustStart("the first start")()
	stop := mustStart("the second start")
	if _, err := v.kms(t, nil, "--from", "hashivault://old", "--key", "hashivault://new", "rewrap", path); err != nil {
		t.Fatal(err)
	}
	stop()
	if stop, said := s.start(); stop != nil || !strings.Contains(said, "does not unwrap") {
		t.Errorf("with the old key of Vault: started, or said %s", said)
	}
	configure("new")
	mustStart("with the new key of Vault")()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rotate := exec.CommandContext(t.Context(), mintage, "master-key", "rotate", "--config", s.config, "--yes")
	rotate.Env = s.env
	if out, err := rotate.CombinedOutput(); err != nil {
		t.Fatalf("rotate: %v\n%s", err, out)
	}
	if after, err := os.ReadFile(path); err != nil || bytes.Equal(before, after) {
		t.Errorf("the master key was not rotated (%v)", err)
	}
	mustStart("with another master key")()
	v.mu.Lock()
	v.away = true
	v.mu.Unlock()
	if stop, said := s.start(); stop != nil || !strings.Contains(said, "unsupported path") {
		t.Errorf("without Vault: started, or said %s", said)
	}
	v.mu.Lock()
	v.away = false
	v.mu.Unlock()
	mustStart("with Vault again")()
}
