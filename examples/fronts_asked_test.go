package examples_test

import (
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// TestFrontsAsked asks as Envoy and Traefik do, which Debian does not have, with
// the gateway.yaml of their folders: it is valid, and each kind of token gets
// the answer that it gets behind the other fronts.
func TestFrontsAsked(t *testing.T) {
	t.Parallel()
	for folder, question := range map[string]func(at string, r *http.Request) *http.Request{
		"front-envoy": func(at string, r *http.Request) *http.Request { // envoy-http.yaml
			q := httptest.NewRequestWithContext(r.Context(), r.Method, "http://"+at+"/ext-authz"+r.RequestURI, nil)
			q.Host = r.Host
			q.Header.Set("X-Forwarded-Proto", "http")
			return q
		},
		"front-traefik": func(at string, r *http.Request) *http.Request {
			q := httptest.NewRequestWithContext(r.Context(), http.MethodGet, "http://"+at+"/forward-auth", nil)
			maps.Copy(q.Header, http.Header{
				"X-Forwarded-Method": {r.Method}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {r.Host}, "X-Forwarded-Uri": {r.RequestURI},
				"X-Forwarded-For": {"127.0.0.1"}, "X-Real-Ip": {"127.0.0.1"},
			})
			return q
		},
	} {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			f := newFront(t, folder)
			file := filepath.Join(f.dir, "gateway.yaml")
			bin, err := binary()
			if err != nil {
				t.Fatal(err)
			}
			if said, err := exec.CommandContext(t.Context(), bin, "gateway", "--check", "--config", file).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, said)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			at := regexp.MustCompile(`listen: (127\.0\.0\.1:\d+)`).FindSubmatch(text)
			if at == nil {
				t.Fatalf("no listener in\n%s", text)
			}
			answerFronts(t, file)
			asks := &http.Transport{DialContext: (&net.Dialer{Timeout: time.Second}).DialContext}
			t.Cleanup(asks.CloseIdleConnections)
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				q := question(string(at[1]), r)
				q.RequestURI = ""
				if tokens := r.Header["Authorization"]; tokens != nil {
					q.Header["Authorization"] = tokens
				}
				res, err := asks.RoundTrip(q)
				if err != nil { // it does not listen yet
					w.WriteHeader(http.StatusBadGateway)
					return
				}
				_ = res.Body.Close()
				maps.Copy(w.Header(), http.Header{"Www-Authenticate": res.Header["Www-Authenticate"]})
				w.WriteHeader(res.StatusCode)
			}))
			t.Cleanup(srv.Close)
			f.url = srv.URL
			f.checkTokens()
			f.checkRevoked()
		})
	}
}
