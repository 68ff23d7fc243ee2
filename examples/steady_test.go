package examples_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/enforce"
)

const (
	// steadyLife is the life of a token, as testdata/agent says.
	steadyLife = 15 * time.Second
	// steadyRound is how long it takes until everything has happened once.
	steadyRound = 2 * time.Minute
	// steadyRate is the requests a second of each of the two programs.
	steadyRate = 100
)

// event is something that happens to the issuer at a time of each round.
type event struct {
	at  time.Duration
	run func()
}

// steadyEvents are those of a round. Keys wait longer for their first signature
// than a verifier waits between two looks for keys that it does not know.
func steadyEvents(ex *example, secret string) []event {
	rotateKey := func() { ex.run("mintage", "key", "rotate", "--tenant", "steady", "--wait", "35s", "--yes") }
	rotateSecret := func() { ex.rotateSecret(secret) }
	restart := func() { ex.restart(3 * time.Second) }
	return []event{
		{5 * time.Second, rotateKey},
		{25 * time.Second, rotateSecret},
		{50 * time.Second, restart},
		{65 * time.Second, rotateKey},
		{80 * time.Second, restart},
		{95 * time.Second, rotateSecret},
	}
}

// rotateSecret gives the client another secret, whose predecessor ends at once,
// and then writes it where the agent reads it.
func (ex *example) rotateSecret(file string) {
	ex.t.Helper()
	if err := os.Remove(filepath.Join(ex.dir, "client.env")); err != nil {
		ex.t.Fatal(err)
	}
	ex.run("mintage", "client", "rotate", "steady-client", "--tenant", "steady", "--overlap", "0s", "--write-env", "client.env", "--yes")
	ex.writeSecret(file)
}

// writeSecret writes the client's secret, whole or not at all.
func (ex *example) writeSecret(file string) {
	ex.t.Helper()
	secret := ex.credentials()["MINTAGE_CLIENT_SECRET"]
	if secret == "" {
		ex.t.Fatal("client.env has no secret")
	}
	if err := os.WriteFile(file+".new", []byte(secret+"\n"), 0o600); err != nil {
		ex.t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		ex.t.Fatal(err)
	}
}

// steadyAPI is an API that verifies tokens and says what it was sent.
type steadyAPI struct {
	*httptest.Server

	mu       sync.Mutex
	requests int
	refused  int
	tokens   map[string]bool
}

func newSteadyAPI(t *testing.T, issuer string) *steadyAPI {
	t.Helper()
	keys := &enforce.RemoteKeySet{URL: issuer + "/.well-known/jwks.json", Client: &http.Client{Timeout: 10 * time.Second}}
	t.Cleanup(keys.Close)
	v := &enforce.Verifier{Issuers: &enforce.Issuer{Name: issuer, Keys: keys}, Audience: "https://api.steady.example"}
	a := &steadyAPI{tokens: map[string]bool{}}
	protected := v.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		a.mu.Lock()
		a.tokens[r.Header.Get("Authorization")] = true
		a.mu.Unlock()
		_ = json.NewEncoder(w).Encode(map[string]string{"body": string(body)})
	}), "orders/read")
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &status{ResponseWriter: w, code: http.StatusOK}
		protected.ServeHTTP(seen, r)
		a.mu.Lock()
		defer a.mu.Unlock()
		a.requests++
		if seen.code != http.StatusOK {
			a.refused++
		}
	}))
	t.Cleanup(a.Close)
	return a
}

// status is the status of an answer.
type status struct {
	http.ResponseWriter

	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// TestAgentSteady has a Python and a Node program send 200 requests a second
// through mintage agent while their token ends again and again and the issuer,
// mintage serve, rotates keys and the client's secret and is restarted: not one
// request fails. It takes two minutes, and ten with MINTAGE_CHAOS=long.
func TestAgentSteady(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes minutes")
	}
	rounds := 1
	if os.Getenv("MINTAGE_CHAOS") == "long" {
		rounds = 5
	}
	length := time.Duration(rounds) * steadyRound
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	ex := start(t, "testdata/agent")
	api := newSteadyAPI(t, ex.base)
	dir, addr := t.TempDir(), freeAddress(t)
	secret := filepath.Join(dir, "secret")
	ex.writeSecret(secret)
	config := fmt.Sprintf("listen: %s\nupstreams:\n  orders:\n    url: %s\n    token:\n      token_url: %s/oauth2/token\n"+
		"      client_id: steady-client\n      client_secret: { file: secret }\n", addr, api.URL, ex.base)
	if err := os.WriteFile(filepath.Join(dir, "agent.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	runAgent(t, bin, dir, addr)

	began := time.Now()
	var all sync.WaitGroup
	defer all.Wait()
	for name, command := range agentPrograms() {
		all.Go(func() {
			got := runProgram(t, command, "http://"+addr+"/orders", steadyRate, length)
			t.Logf("%s: %d requests, %d failed", name, got.Calls, got.Failed)
			if got.Failed != 0 || got.Calls < int(length.Seconds())*steadyRate*9/10 {
				t.Errorf("%s: %+v, want %d calls and none failed", name, got, int(length.Seconds())*steadyRate)
			}
		})
	}
	for round := range rounds {
		for _, e := range steadyEvents(ex, secret) {
			<-time.NewTimer(time.Until(began.Add(time.Duration(round)*steadyRound + e.at))).C
			e.run()
		}
	}
	all.Wait()
	api.check(t, "http://"+addr, length, rounds)
}

// check holds that everything happened that was to happen, and that the issuer
// was asked no more often than that needs.
func (a *steadyAPI) check(t *testing.T, agent string, length time.Duration, rounds int) {
	t.Helper()
	res, err := a.Client().Get(agent + "/status")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var doc struct {
		Upstreams []struct {
			Fetches int `json:"fetches"`
		} `json:"upstreams"`
	}
	if err := json.NewDecoder(res.Body).Decode(&doc); err != nil || len(doc.Upstreams) != 1 {
		t.Fatalf("%v %+v", err, doc)
	}
	fetches := doc.Upstreams[0].Fetches
	a.mu.Lock()
	defer a.mu.Unlock()
	kids := map[string]bool{}
	for tok := range a.tokens {
		header, _ := decode(t, strings.TrimPrefix(tok, "Bearer "))
		kids[fmt.Sprint(header.values["kid"])] = true
	}
	t.Logf("the API had %d requests in %v, refused %d of them, and saw %d tokens of %v by %d keys; token requests: %d",
		a.requests, length, a.refused, len(a.tokens), steadyLife, len(kids), fetches)
	if want := 2*rounds + 1; len(kids) != want {
		t.Errorf("the tokens are of %d keys, want %d", len(kids), want)
	}
	// A token is renewed after three quarters of its life at the earliest. Each
	// restart and each secret may cost some tries that fail.
	least, most := int(length/steadyLife), int(length/(steadyLife*3/4))+1+4*rounds*6
	if len(a.tokens) < least || fetches < len(a.tokens) || fetches > most {
		t.Errorf("%d tokens by %d token requests, want at least %d and at most %d", len(a.tokens), fetches, least, most)
	}
}
