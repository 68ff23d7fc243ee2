package agent_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mintage-auth/mintage/mintagetest"
)

// TestUnmodifiedClients: programs that were written for a token endpoint get
// their tokens from the agent, 200 and more a second of them, and the server
// issues one for each program.
func TestUnmodifiedClients(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("installs a package")
	}
	s := mintagetest.New(t, mintagetest.Options{})
	a := start(t, fmt.Sprintf("token_endpoints:\n  /oauth2/token: { url: \"%s\" }\n", s.TokenURL), nil)
	env := append(os.Environ(), "TOKEN_URL="+a.url+"/oauth2/token", "CLIENT_ID="+s.ClientID, "CLIENT_SECRET="+s.ClientSecret, "NO_PROXY=127.0.0.1")
	if node, err := filepath.Abs("../../.tools/node/bin"); err == nil {
		env = append(env, "PATH="+node+":"+os.Getenv("PATH"))
	}
	dir := npm(t, env)
	dirs := map[string]string{"simple-oauth2": dir}
	commands := map[string][]string{
		// The fragment is not sent: 400 equal requests.
		"curl": {"sh", "-c", `curl -sS --fail --parallel --parallel-max 20 -u "$CLIENT_ID:$CLIENT_SECRET" -d grant_type=client_credentials ` +
			`-o /dev/null -w '%{http_code}\n' "$TOKEN_URL#[1-400]" | grep -c '^200$' | grep -qx 400`},
		"requests": {"/usr/bin/python3", "-c", `
import os, requests
from concurrent.futures import ThreadPoolExecutor
s = requests.Session()
e = os.environ
def one(_):
    r = s.post(e["TOKEN_URL"], data={"grant_type": "client_credentials"}, auth=(e["CLIENT_ID"], e["CLIENT_SECRET"]), timeout=30)
    r.raise_for_status()
    return r.json()["access_token"]
with ThreadPoolExecutor(10) as p:
    assert len(set(p.map(one, range(400)))) == 1
wrong = s.post(e["TOKEN_URL"], data={"grant_type": "client_credentials"}, auth=(e["CLIENT_ID"], "wrong"), timeout=30)
assert wrong.status_code == 401 and wrong.json()["error"] == "invalid_client", wrong.text
`},
		"simple-oauth2": {"node", "-e", `
const { ClientCredentials } = require('simple-oauth2'), e = process.env, u = new URL(e.TOKEN_URL)
const c = new ClientCredentials({ client: { id: e.CLIENT_ID, secret: e.CLIENT_SECRET }, auth: { tokenHost: u.origin, tokenPath: u.pathname } })
;(async () => {
  const seen = new Set()
  for (let i = 0; i < 20; i++)
    for (const t of await Promise.all(Array.from({ length: 20 }, () => c.getToken({})))) {
      if (t.expired()) throw new Error('expired at once')
      seen.add(t.token.access_token)
    }
  if (seen.size !== 1) throw new Error(seen.size + ' tokens')
})().catch(x => { console.log(x); process.exit(1) })
`},
	}
	var all sync.WaitGroup
	for name, command := range commands {
		all.Go(func() {
			cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
			cmd.Env, cmd.Dir = env, dirs[name]
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", name, err, strings.ReplaceAll(string(out), s.ClientSecret, "(secret)"))
			}
		})
	}
	all.Wait()
	// Each program writes its request in its own way; the wrong secret is the
	// fourth.
	if n := s.Requests(); n > len(commands)+1 {
		t.Errorf("the server was asked %d times by %d programs and a wrong secret", n, len(commands))
	}
	if st := a.Status().TokenEndpoints[0]; st.Requests < 1200 || st.Saved < st.Requests-4 {
		t.Errorf("%+v", st)
	}
}

// npm installs simple-oauth2 into the user's cache and returns where.
func npm(t *testing.T, env []string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "mintage-agent-clients")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "simple-oauth2", "package.json")); err == nil {
		return dir
	}
	cmd := exec.CommandContext(t.Context(), "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir, "simple-oauth2@5.1.0")
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil && os.Getenv("CI") == "true":
		t.Fatalf("npm: %v\n%s", err, out)
	case err != nil:
		t.Skipf("npm: %v", err)
	}
	return dir
}
