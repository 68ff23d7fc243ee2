package issue_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/clientauth"
	"github.com/mintage-auth/mintage/internal/issue"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/limit"
	"github.com/mintage-auth/mintage/internal/revoke"
	"github.com/mintage-auth/mintage/internal/secret"
)

var update = flag.Bool("update", false, "rewrite the responses in testdata")

// TestTranscripts sends the requests of each testdata/*/*.txtar, byte for byte,
// and compares the whole responses. A file is one documented behaviour; its name
// starts with the dialect. Lines of its comment in the form "key: value" change
// the circumstances:
//
//	peer: 192.0.2.7 [https]   who asks; the default is 127.0.0.1, in the clear
//	fault: store              what is broken; see faults
//	debug: yes                a developer's own server
//
// A section named token, after a response, holds header and claims of the JWT
// in it. In requests, {{repeat a 9}} is nine a's and {{token acme orders rfc -1h}}
// a token that a client got some time ago, bound to the key of a fifth word, {{dpop a htm=PUT}} a DPoP proof with
// the key a, changed, and {{assertion ed aud=x}} an assertion; see assertion. What differs from run to run is
// replaced by a word.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	f := newFixture(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".txtar"), func(t *testing.T) {
			t.Parallel()
			runTranscript(t, f, file)
		})
	}
}

func runTranscript(t *testing.T, f *fixture, file string) {
	t.Helper()
	ar, err := txtar.ParseFile(file)
	must(t, err)
	g := f.in(t, string(ar.Comment))
	got := &txtar.Archive{Comment: ar.Comment}
	tokens := map[string]string{}
	for _, section := range ar.Files {
		if section.Name != "request" {
			continue
		}
		res, token := g.roundTrip(t, section.Data, tokens)
		got.Files = append(got.Files, section, txtar.File{Name: "response", Data: res})
		if token != nil {
			got.Files = append(got.Files, txtar.File{Name: "token", Data: token})
		}
	}
	if *update {
		must(t, os.WriteFile(file, txtar.Format(got), 0o600))
		return
	}
	if g, w := txtar.Format(got), txtar.Format(ar); !bytes.Equal(g, w) {
		t.Errorf("%s\ngot:\n%s\nwant:\n%s", file, g, w)
	}
}

// in returns the fixture in the circumstances that a comment describes.
func (f *fixture) in(t *testing.T, comment string) *fixture {
	t.Helper()
	return f.with(t, func(h *issue.Handler) {
		peer := issue.Peer{Addr: netip.MustParseAddr("127.0.0.1")}
		for line := range strings.Lines(comment) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			switch key {
			case "peer":
				addr, rest, _ := strings.Cut(value, " ")
				peer = issue.Peer{Addr: netip.MustParseAddr(addr), Secure: rest == "https"}
			case "fault":
				must(t, faults(h, value))
			case "debug":
				h.Debug = true
			}
		}
		h.Peer = func(*http.Request) issue.Peer { return peer }
	})
}

var errAway = errors.New("the disk is gone")

// faults breaks something.
func faults(h *issue.Handler, what string) error {
	auth, _ := h.Auth.(*clientauth.Authenticator)
	switch what {
	case "store":
		h.Auth = &clientauth.Authenticator{Clients: away{}, Secrets: auth.Secrets, Now: now}
	case "directory":
		h.Directory = away{}
	case "replays":
		h.Auth = &clientauth.Authenticator{Clients: auth.Clients, Secrets: auth.Secrets, Keys: auth.Keys, Replays: away{}, Now: now}
		h.Replays = away{}
	case "tokens":
		h.Minter = away{}
	case "revoker":
		h.Revoker = away{}
	case "busy":
		h.Auth = &clientauth.Authenticator{Clients: auth.Clients, Secrets: busy{}, Now: now}
	case "address": // that has used up what it may ask
		h.Limits = limit.NewRequests()
		h.Limits.BoundAddresses(1)
		h.Limits.Address(netip.MustParseAddr("192.0.2.66"), epoch)
	case "limits": // of which the client bounded has used up its own
		h.Limits = limit.NewRequests()
		for _, endpoint := range []string{"token", "introspect"} {
			h.Limits.Client("acme", "bounded", endpoint, 1, epoch)
		}
	case "guesses": // many at the client other
		guesses := limit.NewGuesses()
		for i := range 20 {
			a := limit.Attempt{Tenant: "acme", Client: "other", From: netip.MustParseAddr("127.0.0.1"), Candidate: strconv.Itoa(i), Now: epoch}
			guesses.Failed(&a, limit.Verdict{})
		}
		h.Auth = &clientauth.Authenticator{Clients: auth.Clients, Secrets: auth.Secrets, Guesses: guesses, Now: now}
	case "mint":
		h.Minter = brokenMinter{}
	case "panic":
		h.Minter = panicking{}
	default:
		return errors.New("no such fault: " + what)
	}
	return nil
}

// away is a database that does not answer.
type away struct{}

func (away) Client(context.Context, string, string) (*mintage.Client, error) { return nil, errAway }

func (away) ResourceServers(context.Context, string) (map[string]*mintage.ResourceServer, error) {
	return nil, errAway
}
func (away) Ring(context.Context, string) (*keys.Ring, error)         { return nil, errAway }
func (away) Revocations(context.Context, string) (*revoke.Set, error) { return nil, errAway }

func (away) Mint(context.Context, *mintage.Authorization) (*mintage.AccessToken, error) {
	return nil, errAway
}

func (away) Lookup(context.Context, string, string) (*mintage.TokenRecord, error) {
	return nil, errAway
}
func (away) RevokeToken(context.Context, issue.RevokedToken) error { return errAway }
func (away) Once(context.Context, [32]byte, time.Time) error       { return errAway }

// busy has no slot for a slow hash.
type busy struct{}

func (busy) VerifyFrom(context.Context, netip.Addr, string, string, []mintage.Secret, string, time.Time) (*mintage.Secret, error) {
	return nil, secret.ErrBusy
}

func (busy) VerifyLast(context.Context, netip.Addr, string, string, []mintage.Secret, string, time.Time) (*mintage.Secret, error) {
	return nil, secret.ErrBusy
}

func (busy) Unguessable(string, string, []mintage.Secret, string, time.Time) *mintage.Secret {
	return nil
}
func (busy) VerifyNobody(context.Context, string) error { return secret.ErrBusy }

// brokenMinter cannot sign, through a fault of ours.
type brokenMinter struct{ away }

func (brokenMinter) Mint(context.Context, *mintage.Authorization) (*mintage.AccessToken, error) {
	return nil, errors.New("the signature came out wrong")
}

// panicking has a bug, and what it panics with holds a secret.
type panicking struct{ away }

func (panicking) Mint(context.Context, *mintage.Authorization) (*mintage.AccessToken, error) {
	panic("canary in a panic")
}

var (
	placeholder = regexp.MustCompile(`\{\{(\w+) ([^}]*)\}\}`)
	varying     = []struct {
		form *regexp.Regexp
		word string
	}{
		{regexp.MustCompile(`req_[0-9a-z]{16}`), "req_0123456789abcdef"},
		{regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`), "JWT"},
		{regexp.MustCompile(`"[0-9a-f]{66}"`), `"HEX"`},
		{regexp.MustCompile(`mt_\w+`), "OPAQUE"},
		{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`), "JTI"},
		{regexp.MustCompile(`"kid":"[a-z2-7]{16}"`), `"kid":"KID"`},
	}
)

// expand replaces placeholders. The same one is the same token in a whole file.
func (f *fixture) expand(t *testing.T, raw []byte, tokens map[string]string) []byte {
	t.Helper()
	return placeholder.ReplaceAllFunc(raw, func(match []byte) []byte {
		m := placeholder.FindSubmatch(match)
		args := strings.Fields(string(m[2]))
		switch string(m[1]) {
		case "repeat":
			n, err := strconv.Atoi(args[1])
			must(t, err)
			return bytes.Repeat([]byte(args[0]), n)
		case "token":
			if tokens[string(match)] == "" {
				ago, err := time.ParseDuration(args[3])
				must(t, err)
				key := ""
				if len(args) > 4 {
					key = thumbprint(t, args[4])
				}
				tokens[string(match)] = f.mintAt(t, args[0], args[1], args[2], epoch.Add(ago), key)
			}
			return []byte(tokens[string(match)])
		case "dpop":
			if tokens[string(match)] == "" {
				tokens[string(match)] = proof(t, args[0], args[1:]...)
			}
			return []byte(tokens[string(match)])
		case "assertion":
			if tokens[string(match)] == "" {
				tokens[string(match)] = assertion(t, args...)
				f.note(&f.tokens, tokens[string(match)])
			}
			return []byte(tokens[string(match)])
		}
		t.Fatalf("no such placeholder: %s", match)
		return nil
	})
}

// roundTrip sends a request and returns the response and, where it has a JWT,
// that token's header and claims.
func (f *fixture) roundTrip(t *testing.T, raw []byte, tokens map[string]string) (response, token []byte) {
	t.Helper()
	w := f.send(t, f.expand(t, raw, tokens))
	var b bytes.Buffer
	res := w.Result()
	b.WriteString(res.Status + "\n")
	must(t, res.Header.Write(&b))
	response = []byte(strings.ReplaceAll(b.String(), "\r\n", "\n") + "\n")
	if w.Body.Len() > 0 {
		response = append(response, w.Body.String()+"\n"...)
	}
	if jwt := varying[1].form.Find(response); jwt != nil {
		for _, part := range strings.Split(string(jwt), ".")[:2] {
			text, err := base64.RawURLEncoding.DecodeString(part)
			must(t, err)
			token = append(append(token, text...), '\n')
		}
	}
	for _, v := range varying {
		response = v.form.ReplaceAll(response, []byte(v.word))
		token = v.form.ReplaceAll(token, []byte(v.word))
	}
	return response, token
}

// send sends a request as it is in a transcript: lines end with LF, and the
// last one is not part of the body.
func (f *fixture) send(tb testing.TB, raw []byte) *httptest.ResponseRecorder {
	tb.Helper()
	head, body, _ := bytes.Cut(raw, []byte("\n\n"))
	body = bytes.TrimSuffix(body, []byte("\n"))
	head = append(bytes.TrimSuffix(head, []byte("\n")), "\n\n"...)
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	must(tb, err)
	req := httptest.NewRequestWithContext(tb.Context(), r.Method, r.URL.String(), bytes.NewReader(body))
	req.Header, req.Host = r.Header, r.Host
	w := httptest.NewRecorder()
	f.ServeHTTP(w, req)
	return w
}
