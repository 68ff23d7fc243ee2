package attack_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/attack"
	"github.com/mintage-auth/mintage/internal/jose"
)

// goodToken is a JWT of a key that is made for it, and the key set.
func goodToken(t *testing.T) (token string, keys attack.Keys) {
	t.Helper()
	private, err := jose.GenerateKey(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(private, jose.ES256, "k1", jose.HeaderForm{{Name: "alg"}, {Name: "kid"}, {Name: "typ", Value: "at+jwt"}})
	if err != nil {
		t.Fatal(err)
	}
	for !strings.ContainsAny(token[strings.LastIndexByte(token, '.')+1:], "-_") { // so that it can be misspelt
		signed, err := signer.AppendSign(nil, []byte(`{"iss":"https://auth.example","aud":"https://api.example","exp":4102444800,"scope":"a","client_id":"c"}`))
		if err != nil {
			t.Fatal(err)
		}
		token = string(signed)
	}
	if keys, err = attack.ReadKeys(jose.AppendKeySet(nil, []*jose.Key{signer.Key()})); err != nil {
		t.Fatal(err)
	}
	return token, keys
}

// serve runs an Echo until the test ends.
func serve(t *testing.T, e *attack.Echo) (address string) {
	t.Helper()
	return listen(t, func(ctx context.Context, l net.Listener) { _ = e.Serve(ctx, l) })
}

func listen(t *testing.T, run func(context.Context, net.Listener)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); run(ctx, l) }()
	t.Cleanup(func() { cancel(); _ = l.Close(); <-done })
	return l.Addr().String()
}

// gullible is the worst gateway there is: it passes on every byte, unless the
// request is the plainest one without a token. It sets identity headers, but
// lets Connection take them out.
func gullible(ctx context.Context, l net.Listener, backend string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = conn.Close() }()
			r := bufio.NewReader(conn)
			var head []byte
			for !bytes.HasSuffix(head, []byte("\n\r\n")) && !bytes.HasSuffix(head, []byte("\n\n")) {
				line, err := r.ReadBytes('\n')
				head = append(head, line...)
				if err != nil {
					return
				}
			}
			if bytes.HasPrefix(head, []byte("GET /orders HTTP/1.1\r\n")) && bytes.Count(head, []byte("\n")) == 4 && bytes.Contains(head, []byte("\r\nHost: "+l.Addr().String()+"\r\n")) {
				_, _ = io.WriteString(conn, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
				return
			}
			up, err := (&net.Dialer{}).DialContext(ctx, "tcp", backend)
			if err != nil {
				return
			}
			defer func() { _ = up.Close() }()
			first, rest, _ := bytes.Cut(head, []byte("\n"))
			lower := strings.ToLower(string(rest))
			_, _ = up.Write(append(first, '\n'))
			if !strings.Contains(lower, "onnection:") && !strings.Contains(lower, "\nte:") && !strings.Contains(lower, "keep-alive:") {
				for _, name := range attack.DefaultIdentity() {
					_, _ = io.WriteString(up, name+": somebody\r\n")
				}
			}
			_, _ = up.Write(rest)
			go func() { _, _ = io.Copy(up, r) }()
			_, _ = io.Copy(conn, up)
		}()
	}
}

// TestEachCaseCanFail runs the corpus against a gateway that is fooled by
// everything: a case that is not reported there would never be.
func TestEachCaseCanFail(t *testing.T) {
	t.Parallel()
	token, keys := goodToken(t)
	echo := &attack.Echo{}
	backend := serve(t, echo)
	gateway := listen(t, func(ctx context.Context, l net.Listener) { gullible(ctx, l, backend) })
	r := attack.Runner{Target: attack.Target{
		URL: &url.URL{Scheme: "http", Host: gateway, Path: "/orders"}, Token: token, Public: "/public", Forbidden: "/admin", Keys: keys, Backend: echo,
		BadTokens: []string{"expired"},
	}}
	results, err := r.Run(t.Context(), attack.Corpus())
	if err != nil {
		t.Fatal(err)
	}
	// What even this gateway cannot be fooled with.
	harmless := map[string]string{
		"desync/header-22k":   "the API reads it as it is",
		"desync/body-shorter": "no two requests share a connection to the API",
	}
	for _, got := range results {
		if harmless[got.Name] == "" && got.Verdict != attack.Through {
			t.Errorf("%s: %s (%d: %s), want through", got.Name, got.Verdict, got.Status, got.Why)
		}
	}
	t.Logf("%d results", len(results))
}

// TestStatusAlone runs the corpus against a gateway whose API says nothing.
func TestStatusAlone(t *testing.T) {
	t.Parallel()
	token, keys := goodToken(t)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "canary") }))
	t.Cleanup(api.Close)
	to, err := url.Parse(api.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Two holes: a header decides which path is checked, and the scheme is
		// not looked at.
		path := r.URL.Path
		if uri := r.Header.Get("X-Forwarded-Uri"); uri != "" {
			path = uri
		}
		if path != "/public" && !strings.HasSuffix(r.Header.Get("Authorization"), token) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(gateway.Close)
	u, err := url.Parse(gateway.URL + "/orders")
	if err != nil {
		t.Fatal(err)
	}
	r := attack.Runner{Target: attack.Target{URL: u, Token: token, Keys: keys, Public: "/public", Canary: "canary"}}
	results, err := r.Run(t.Context(), attack.Corpus())
	if err != nil {
		t.Fatal(err)
	}
	verdicts := map[string]attack.Verdict{}
	for _, got := range results {
		verdicts[got.Name] = got.Verdict
	}
	for name, want := range map[string]attack.Verdict{
		"forwarded/x-forwarded-uri": attack.Through, "bearer/token-scheme": attack.Through, "token/alg-none": attack.Held,
		"forwarded/x-original-uri": attack.Held, "forwarded/x-forwarded-uri+token": attack.LeftOut, "alias/underscore:X-Client-Id": attack.Unknown,
		"cache/signature": attack.Held, "desync/trace": attack.Unknown,
	} {
		if verdicts[name] != want {
			t.Errorf("%s: %q, want %q", name, verdicts[name], want)
		}
	}
}

// TestNoGateway checks that nothing is claimed of what is no gateway.
func TestNoGateway(t *testing.T) {
	t.Parallel()
	token, _ := goodToken(t)
	for name, handler := range map[string]http.HandlerFunc{
		"open":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) },
		"closed": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(handler)
			t.Cleanup(s.Close)
			u, err := url.Parse(s.URL + "/orders")
			if err != nil {
				t.Fatal(err)
			}
			r := attack.Runner{Target: attack.Target{URL: u, Token: token}}
			if results, err := r.Run(t.Context(), attack.Corpus()); err == nil || len(results) > 0 {
				t.Errorf("got %d results and error %v, want none and an error", len(results), err)
			}
		})
	}
}

// TestCorpus checks that the names are unique and the framing set is whole.
func TestCorpus(t *testing.T) {
	t.Parallel()
	if n := len(attack.DesyncSet()); n != 29 {
		t.Errorf("the framing set has %d requests, want 29", n)
	}
	lists := map[int]int{}
	var names []string
	for _, c := range attack.Corpus() {
		lists[c.List]++
		names = append(names, c.Name)
		if c.About == "" {
			t.Errorf("%s does not say what it is about", c.Name)
		}
	}
	for list := range 10 {
		if lists[list] == 0 {
			t.Errorf("nothing is there for number %d", list)
		}
	}
	slices.Sort(names)
	if n := len(slices.Compact(slices.Clone(names))); n != len(names) {
		t.Errorf("%d names are there twice", len(names)-n)
	}
	t.Logf("%d cases, by list: %v", len(names), lists)
}
