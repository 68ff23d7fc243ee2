package chaos_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/oauth"
)

// program builds mintage once for all tests of this package.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "mintage-chaos-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "mintage")
	out, err := exec.Command("go", "build", "-o", path, "../cmd/mintage").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// server is mintage serve on one data directory and two addresses, which it
// keeps over any number of lives.
type server struct {
	bin    string
	data   string
	public string   // host:port
	admin  string   // host:port
	env    []string // beside that of the test

	cmd    *exec.Cmd
	done   chan struct{} // closed when the process is gone
	stderr lockedBuffer  // of the life that runs or ran last
}

// readyIn bounds one start on a machine that has other work.
const readyIn = 30 * time.Second

func newServer(t *testing.T) *server {
	t.Helper()
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{bin: bin, data: t.TempDir(), public: address(t), admin: address(t)}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("the server said last:\n%s", s.stderr.tail(4000))
		}
	})
	return s
}

// ready starts the server and prepares it for its callers.
func (s *server) ready(t *testing.T) *callers {
	t.Helper()
	if _, err := s.start(); err != nil {
		t.Fatal(err)
	}
	c, err := s.call()
	if err != nil {
		t.Fatal(err)
	}
	if err := prepare(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return c
}

// address returns a free address below the ports that the system gives to
// outgoing connections, which could take it while the server is down.
func address(t *testing.T) string {
	t.Helper()
	for range 100 {
		ln, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(20000+rand.IntN(12000)))
		if err != nil {
			continue
		}
		defer func() { _ = ln.Close() }()
		return ln.Addr().String()
	}
	t.Fatal("no free port in a hundred tries")
	return ""
}

// launch starts the process and does not wait until it is ready. ready is
// closed when it is.
func (s *server) launch() (ready chan struct{}, err error) {
	s.cmd = exec.Command(s.bin, "serve", "--data", s.data, "--listen", s.public, "--admin-listen", s.admin)
	s.cmd.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "MINTAGE_") }) // the test's own
	s.cmd.Env = append(s.cmd.Env, s.env...)
	out, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	ready, s.done = make(chan struct{}), make(chan struct{})
	s.stderr.reset()
	go func() {
		defer close(s.done)
		said := false
		r := bufio.NewReader(out)
		for {
			line, err := r.ReadString('\n')
			_, _ = s.stderr.Write([]byte(line))
			if !said && strings.Contains(line, `"msg":"ready"`) {
				said = true
				close(ready)
			}
			if err != nil {
				break
			}
		}
		_ = s.cmd.Wait()
	}()
	return ready, nil
}

// start starts the process and returns how long it took until it was ready.
func (s *server) start() (time.Duration, error) {
	began := time.Now()
	ready, err := s.launch()
	if err != nil {
		return 0, err
	}
	select {
	case <-ready:
		return time.Since(began), nil
	case <-s.done:
		return 0, fmt.Errorf("the server ended before it was ready:\n%s", s.stderr.tail(2000))
	case <-time.After(readyIn):
		return 0, fmt.Errorf("the server was not ready in %v:\n%s", readyIn, s.stderr.tail(2000))
	}
}

// kill ends the process as a power cut ends it, and waits until it is gone.
func (s *server) kill() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.done
}

// lockedBuffer is a buffer for several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.b.Len() > 4<<20 { // a life logs a line for each request
		b.b.Reset()
	}
	return b.b.Write(p)
}

func (b *lockedBuffer) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.b.Reset()
}

// tail returns the last n bytes.
func (b *lockedBuffer) tail(n int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.b.Bytes()
	return string(all[max(0, len(all)-n):])
}

// callers are the clients of one life of a server.
type callers struct {
	http   *http.Client
	public string // base URL
	api    *adminclient.Client
}

// call makes the clients. The access token for the admin API is asked for
// once.
func (s *server) call() (*callers, error) { return s.callAt("") }

// callAt is call by way of an admin listener that the credentials do not name;
// empty: the one that they name.
func (s *server) callAt(admin string) (*callers, error) {
	raw, err := os.ReadFile(filepath.Join(s.data, "admin.json"))
	if err != nil {
		return nil, err
	}
	var cred struct {
		URL    string `json:"url"`
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal(raw, &cred); err != nil {
		return nil, err
	}
	cred.URL = cmp.Or(admin, cred.URL)
	c := &callers{
		http:   &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
		public: "http://" + s.public,
	}
	token := sync.OnceValues(func() (string, error) {
		a, err := c.post(context.Background(), cred.URL+"/oauth2/token", cred.ID, cred.Secret, url.Values{"grant_type": {"client_credentials"}})
		if err == nil && a.Status != http.StatusOK {
			err = fmt.Errorf("the administrator's token: %d %s", a.Status, a.Error)
		}
		return a.AccessToken, err
	})
	c.api = &adminclient.Client{
		BaseURL: cred.URL, HTTP: c.http, Via: "chaos", Token: func(context.Context) (string, error) { return token() },
	}
	return c, nil
}

// answer is what is read of an answer of the public listener.
type answer struct {
	Status      int    `json:"-"`
	Error       string `json:"error"`
	AccessToken string `json:"access_token"`
	Active      bool   `json:"active"`
}

// post sends a form with Basic credentials. An error means that no whole
// answer came.
func (c *callers) post(ctx context.Context, target, id, secret string, form url.Values) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", oauth.BasicHeader(id, secret))
	resp, err := c.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{Status: resp.StatusCode}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &a); err != nil {
			return a, fmt.Errorf("%d %q: %w", resp.StatusCode, body, err)
		}
	}
	return a, nil
}

// apply makes declared state so.
func (c *callers) apply(ctx context.Context, state any) error {
	raw, err := json.Marshal(state)
	if err != nil {
		return err
	}
	_, err = c.api.ApplyState(ctx, adminclient.StateRequest{State: raw, Source: "chaos"})
	return err
}

// cut reports whether err means that the server was gone before it answered:
// nothing is known then of what it did.
func cut(err error) bool {
	_, problem := errors.AsType[*adminclient.Problem](err)
	return err != nil && !problem
}
