package agent_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// anotherUser is a user id that is neither root's nor anybody's here.
const anotherUser = 54321

// TestAnotherUser: a Unix socket that other users can open lends to those alone
// that allow_uids names, whatever the request says.
func TestAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	i := newIssuer(t, "s3cret")
	api := newAPI(t, nil)
	for allowed, want := range map[int]string{anotherUser + 1: "403 caller.user", anotherUser: "200"} {
		a := start(t, fmt.Sprintf("allow_uids: [%d]\n%s", allowed, text(api.URL, i.URL)), nil)
		if err := os.Chmod(filepath.Dir(a.sock), 0o755); err != nil { // others must reach the socket
			t.Fatal(err)
		}
		for _, path := range []string{"/orders/x", "/token/orders", "/oauth2/token", "/status"} {
			got := asAnotherUser(t, a.sock, path)
			if path == "/oauth2/token" && want == "200" { // a GET is no token request
				continue
			}
			if !strings.HasPrefix(got, want) || want != "200" && strings.Contains(got, "token-") {
				t.Errorf("with %d allowed, %s: %q, want %s", allowed, path, got, want)
			}
		}
		if got := a.overSocket(t, "/orders/x"); got.status != http.StatusOK {
			t.Errorf("the agent's own user: %d %s", got.status, got.body)
		}
	}
	closed := start(t, text(api.URL, i.URL), nil)
	if err := os.Chmod(filepath.Dir(closed.sock), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := asAnotherUser(t, closed.sock, "/orders/x"); got != "permission denied" {
		t.Errorf("a socket for nobody else: %q", got)
	}
}

// asAnotherUser sends a request over a socket from a process of another user. It
// returns the status and the agent's own code with the body, or why the socket
// could not be opened.
func asAnotherUser(t *testing.T, sock, path string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", `
import socket, sys
s = socket.socket(socket.AF_UNIX)
try:
    s.connect(sys.argv[1])
except PermissionError:
    print("permission denied", end="")
    sys.exit()
s.sendall(("GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % sys.argv[2]).encode())
while True:
    got = s.recv(4096)
    if not got:
        break
    sys.stdout.buffer.write(got)
`, sock, path)
	cmd.Dir, cmd.Env = "/", []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: anotherUser, Gid: anotherUser}}
	cmd.WaitDelay = 10 * time.Second
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	head, body, found := strings.Cut(string(out), "\r\n\r\n")
	if !found {
		return string(out)
	}
	code := ""
	for line := range strings.SplitSeq(head, "\r\n") {
		if value, ok := strings.CutPrefix(line, "Mintage-Agent-Error: "); ok {
			code = value + " "
		}
	}
	return strings.Fields(head)[1] + " " + code + body
}
