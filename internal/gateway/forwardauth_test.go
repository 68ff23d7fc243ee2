package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/mintage-auth/mintage/internal/gateway"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// frontRoutes are what the fronts of the tests ask about.
func frontRoutes() []*gateway.Route {
	return []*gateway.Route{
		{Name: "read", Host: "api.example", Paths: []string{"/orders/{id}"}, Methods: []string{"GET"}, Scopes: []string{"read"}},
		{Name: "write", Host: "api.example", Paths: []string{"/orders/{id}"}, Methods: []string{"POST"}, Scopes: []string{"write"}},
		{Name: "status", Paths: []string{"/status"}, Public: true},
	}
}

// certificates are one that a token is bound to, and another.
func certificates(t *testing.T) (bound, other []byte) {
	t.Helper()
	var all [][]byte
	for range 2 {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "caller"}, NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, der)
	}
	return all[0], all[1]
}

// TestForwardAuthTranscripts asks what each front asks, byte for byte, and
// compares the whole answer: testdata/forwardauth.
func TestForwardAuthTranscripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/forwardauth/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	is := newIssuer(t)
	is.serve = func(w http.ResponseWriter, r *http.Request) { // the feed
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "id: 1\nevent: revocations\n"+`data: {"complete":true,"cursor":"1","items":[{"jti":"revoked"}]}`+"\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	bound, other := certificates(t)
	sum := sha256.Sum256(bound)
	cnf := map[string]any{"x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])}
	good, prover := is.token("read", nil), newProver(t, is, "read")
	words := strings.NewReplacer(
		"{{token read}}", good,
		"{{token read expired}}", is.token("read", map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}),
		"{{token read audience}}", is.token("read", map[string]any{"aud": "https://other.example"}),
		"{{token read forged}}", good[:len(good)-6]+"AAAAAA",
		"{{token read stranger}}", strangers(is),
		"{{token read revoked}}", is.token("read", map[string]any{"jti": "revoked"}),
		"{{token read dpop}}", prover.token,
		"{{token read bound}}", is.token("read", map[string]any{"cnf": cnf}),
		"{{certificate}}", ":"+base64.StdEncoding.EncodeToString(bound)+":",
		"{{certificate bare}}", base64.StdEncoding.EncodeToString(bound),
		"{{certificate other}}", ":"+base64.StdEncoding.EncodeToString(other)+":",
		"{{certificate pem}}", url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: bound}))),
	)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			config, peer := is.config(frontRoutes()...), "127.0.0.1:1234"
			for line := range strings.Lines(string(ar.Comment)) {
				switch key, value, _ := strings.Cut(strings.TrimSpace(line), ": "); key {
				case "peer":
					peer = value + ":1234"
				case "certificate_header":
					config.ForwardAuth.CertificateHeader = value
				case "feed":
					config.Issuers[0].Revocations = &gateway.Revocations{URL: is.URL + value, TokenURL: is.URL, ClientID: "g", SecretFile: "unused"}
				case "mode":
					for _, r := range config.Routes {
						if !r.Public {
							r.Mode = value
						}
					}
				}
			}
			var log bytes.Buffer
			config.AccessLog = gateway.LogAll
			g := newGateway(t, config, gateway.Deps{
				Log: slog.New(slog.NewJSONHandler(&log, nil)),
				FeedToken: func(gateway.Revocations) (gateway.FeedToken, error) {
					return gateway.FeedToken{Token: func(context.Context) (string, error) { return "t", nil }}, nil
				},
			})
			handler := g.ForwardAuth()
			if config.Issuers[0].Revocations != nil {
				await(t, "the feed is heard", func() bool { return strings.Contains(status(t, g), `"revocations":1`) })
			}
			got := &txtar.Archive{Comment: ar.Comment}
			for _, section := range ar.Files {
				if section.Name == "request" {
					answer := ask(t, handler, peer, words.Replace(prover.fill(string(section.Data))))
					answer = strings.ReplaceAll(answer, is.URL, "https://auth.example")
					line := strings.ReplaceAll(logged(t, &log), is.URL, "https://auth.example")
					got.Files = append(got.Files, section, txtar.File{Name: "response", Data: []byte(answer)}, txtar.File{Name: "log", Data: []byte(line)})
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if g, w := txtar.Format(got), txtar.Format(ar); !bytes.Equal(g, w) {
				t.Errorf("%s\ngot:\n%s\nwant:\n%s", file, g, w)
			}
		})
	}
}

// logged takes the one line that the request wrote, without what changes. It
// holds no token.
func logged(t *testing.T, log *bytes.Buffer) string {
	t.Helper()
	line := log.String()
	log.Reset()
	if strings.Count(line, "\n") != 1 || strings.Contains(line, "eyJ") {
		t.Errorf("want one line, without a token:\n%s", line)
	}
	line = regexp.MustCompile(`^.*"msg":"request",`).ReplaceAllString(line, "")
	line = regexp.MustCompile(`"duration_ms":[0-9.e-]+`).ReplaceAllString(line, `"duration_ms":0`)
	return regexp.MustCompile(`req_[0-9a-z]+`).ReplaceAllString(line, "req_ID")
}

// ask sends a request as it is written and returns the answer, headers sorted.
func ask(t *testing.T, h http.Handler, peer, text string) string {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n"))))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	r.RemoteAddr = peer
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(t.Context()))
	return shown(t, w)
}

// shown returns an answer, headers sorted.
func shown(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	res := w.Result()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s\n", res.StatusCode, http.StatusText(res.StatusCode))
	var lines []string
	for name, values := range res.Header {
		for _, value := range values {
			lines = append(lines, strings.TrimSpace(name+": "+value))
		}
	}
	slices.Sort(lines)
	trace := regexp.MustCompile(`req_[0-9a-z]+`)
	return trace.ReplaceAllString(b.String()+strings.Join(lines, "\n")+"\n\n"+string(body)+"\n", "req_ID")
}

// TestForwardAuthCaller checks which address counts as the caller's.
func TestForwardAuthCaller(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	c := is.config(frontRoutes()...)
	c.ForwardAuth.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8")}
	h := newGateway(t, c, gateway.Deps{}).ForwardAuth()
	for peer, want := range map[string]int{"127.0.0.1:1": 200, "10.1.2.3:1": 200, "[::ffff:10.1.2.3]:1": 200, "127.0.0.2:1": 403, "[::1]:1": 403, "": 403, "@": 403} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/ext-authz/status", http.NoBody)
		r.RemoteAddr = peer
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("peer %q: %d, want %d", peer, w.Code, want)
		}
	}
}

// FuzzParseCertificate holds that what is read is the certificate that was
// sent, whatever form it has.
func FuzzParseCertificate(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		f.Fatal(err)
	}
	text := base64.StdEncoding.EncodeToString(der)
	f.Add(":" + text + ":")
	f.Add(text)
	f.Add(url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))))
	f.Add("-----BEGIN CERTIFICATE-----")
	f.Add("::")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := gateway.ParseCertificate(text)
		if err != nil {
			if got != nil {
				t.Fatal("a certificate beside an error")
			}
			return
		}
		again, err := gateway.ParseCertificate(":" + base64.StdEncoding.EncodeToString(got.Raw) + ":")
		if err != nil || !again.Equal(got) {
			t.Fatalf("%q reads as another certificate", text)
		}
	})
}
