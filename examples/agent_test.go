package examples_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/mintagetest"
)

// agentPrograms are programs without a word of OAuth, for the agent to stand in
// front of.
func agentPrograms() map[string][]string {
	return map[string][]string{
		"agent-node":   {"node", "agent-node/app.mjs"},
		"agent-python": {"/usr/bin/python3", "agent-python/app.py"},
	}
}

// TestAgentPrograms holds that the programs say what became of their calls:
// through a proxy that puts the token on and replaces a refused one none fails,
// and without one all do.
func TestAgentPrograms(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts interpreters")
	}
	for name, command := range agentPrograms() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := mintagetest.New(t, mintagetest.Options{Hostility: mintagetest.Hostility{RefusePercent: 5}})
			api, err := url.Parse(s.APIURL)
			if err != nil {
				t.Fatal(err)
			}
			src := &consume.Source{Fetcher: &consume.ClientCredentials{
				TokenURL: s.TokenURL, ClientID: s.ClientID, Secret: consume.SecretValue(s.ClientSecret), HTTPClient: s.Client(),
			}}
			t.Cleanup(src.Close)
			proxy := httptest.NewServer(&httputil.ReverseProxy{
				Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(api) },
				Transport: &consume.Transport{Source: src, Origins: []string{s.APIURL}, Base: s.Client().Transport},
			})
			t.Cleanup(proxy.Close)
			if got := runProgram(t, command, proxy.URL); got.Failed != 0 || got.Calls < 20 {
				t.Errorf("behind the proxy: %+v", got)
			}
			if n := s.Requests(); n != 2 {
				t.Errorf("%d requests for a token, want 2", n)
			}
			if got := runProgram(t, command, s.APIURL); got.Failed != got.Calls || got.Calls < 20 || !strings.Contains(strings.Join(got.Errors, " "), "401") {
				t.Errorf("without a token: %+v", got)
			}
			wrong := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }))
			t.Cleanup(wrong.Close)
			if got := runProgram(t, command, wrong.URL); got.Failed < got.Calls/2-1 || got.Failed > got.Calls/2+1 {
				t.Errorf("where bodies get lost: %+v", got)
			}
		})
	}
}

// outcome is what a program prints.
type outcome struct {
	Calls  int      `json:"calls"`
	Failed int      `json:"failed"`
	Errors []string `json:"errors"`
}

// runProgram runs a program against an API for a second.
func runProgram(t *testing.T, command []string, api string) (o outcome) {
	t.Helper()
	file, err := filepath.Abs(command[1])
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "env", command[0], file)
	cmd.Env = append(os.Environ(), "API="+api, "RATE=50", "SECONDS=1", "NO_PROXY=127.0.0.1", "PATH="+nodeFolder(t)+os.Getenv("PATH"))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, stderr.String())
	}
	if err := json.Unmarshal(out, &o); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	return o
}
