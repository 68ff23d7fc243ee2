package relay_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/relay"
)

// lender lends one token, and a second one where the first is refused.
type lender struct{ renewed *atomic.Int64 }

func (lender) First(context.Context) (string, error) { return "Bearer one", nil }

func (l lender) Again(_ context.Context, _ []string, whole bool) (string, bool) {
	l.renewed.Add(1)
	return "Bearer two", whole
}

// front is a server that passes all on to an upstream with a credential.
type front struct {
	*httptest.Server
	up      *relay.Upstream
	renewed atomic.Int64
	failed  atomic.Value // the last error of Forward, as a string
}

func newFront(t *testing.T, c relay.Config, upstream string) *front {
	t.Helper()
	var err error
	if c.URL, err = url.Parse(upstream); err != nil {
		t.Fatal(err)
	}
	f := &front{}
	if f.up, err = relay.New(c); err != nil {
		t.Fatal(err)
	}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := f.up.Forward(w, r, r.RequestURI, lender{&f.renewed}); err != nil {
			f.failed.Store(err.Error())
			status := http.StatusInternalServerError
			if e, ok := errors.AsType[*relay.Error](err); ok {
				status = e.Status
			}
			w.WriteHeader(status)
		}
	}))
	t.Cleanup(func() { f.Close(); f.up.Close() })
	return f
}

// client is one that follows nothing and decompresses nothing.
func client(t *testing.T) *http.Client {
	t.Helper()
	tr := &http.Transport{DisableCompression: true, ExpectContinueTimeout: 5 * time.Second}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 30 * time.Second}
}

// reply is an answer that was read.
type reply struct {
	StatusCode      int
	Header, Trailer http.Header
}

func do(t *testing.T, method, target string, body io.Reader, header http.Header) (reply, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(req.Header, header)
	res, err := client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, res.Trailer}, string(b)
}

// servers are upstreams of each protocol that is spoken.
func servers(t *testing.T, h http.Handler) map[string]func() (relay.Config, string) {
	t.Helper()
	return map[string]func() (relay.Config, string){
		"http": func() (relay.Config, string) { //nolint:unparam // one of a table
			s := httptest.NewServer(h)
			t.Cleanup(s.Close)
			return relay.Config{}, s.URL
		},
		"https with HTTP/2": func() (relay.Config, string) {
			s := httptest.NewUnstartedServer(h)
			s.EnableHTTP2 = true
			s.StartTLS()
			t.Cleanup(s.Close)
			return relay.Config{TLS: s.Client().Transport.(*http.Transport).TLSClientConfig}, s.URL
		},
		"https with HTTP/1.1": func() (relay.Config, string) {
			s := httptest.NewTLSServer(h)
			t.Cleanup(s.Close)
			return relay.Config{TLS: s.Client().Transport.(*http.Transport).TLSClientConfig, Protocol: relay.HTTP1}, s.URL
		},
		"h2c": func() (relay.Config, string) {
			s := httptest.NewUnstartedServer(h)
			s.Config.Protocols = new(http.Protocols)
			s.Config.Protocols.SetUnencryptedHTTP2(true)
			s.Start()
			t.Cleanup(s.Close)
			return relay.Config{Protocol: relay.H2C}, s.URL
		},
	}
}

// TestForward sends requests of all shapes over all protocols.
func TestForward(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("0123456789abcdef", 200_000) // 3.2 MB
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("X-Seen", strings.Join([]string{
			r.Method, r.RequestURI, r.Header.Get("Authorization"), r.Header.Get("X-Kept"), r.Header.Get("X-Named"),
			r.Header.Get("Proxy-Authorization"), strconv.FormatInt(r.ContentLength, 10), r.Trailer.Get("X-Sum"),
		}, "|"))
		w.Header().Add("X-Many", "a")
		w.Header().Add("X-Many", "b")
		switch r.URL.Path {
		case "/base/empty":
			w.WriteHeader(http.StatusNoContent)
		case "/base/chunks":
			w.Header().Set("Trailer", "X-Checksum")
			for part := range slices.Chunk(body, 10_000) {
				_, _ = w.Write(part)
				_ = http.NewResponseController(w).Flush()
			}
			w.Header().Set("X-Checksum", "42")
			w.Header().Set(http.TrailerPrefix+"X-Late", "43")
		default:
			_, _ = w.Write(body)
		}
	})
	for name, start := range servers(t, h) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, at := start()
			f := newFront(t, c, at+"/base/")
			header := http.Header{
				"Authorization": {"Basic mine"}, "X-Kept": {"k"}, "X-Named": {"n"}, "Connection": {"X-Named"}, "Proxy-Authorization": {"p"},
			}
			for _, test := range []struct {
				name, method, path string
				body               io.Reader
				want, seen         string
			}{
				{"get", "GET", "/a%20b//c?q=%2F&x", nil, "", "GET|/base/a%20b//c?q=%2F&x|Bearer one|k|||0|"},
				{"small body", "POST", "/p", strings.NewReader("hello"), "hello", "POST|/base/p|Bearer one|k|||5|"},
				{"empty body", "POST", "/p", nil, "", "POST|/base/p|Bearer one|k|||0|"},
				{"large body", "PUT", "/p", strings.NewReader(large), large, "PUT|/base/p|Bearer one|k|||3200000|"},
				{"body of unknown length", "POST", "/p", struct{ io.Reader }{strings.NewReader(large)}, large, "POST|/base/p|Bearer one|k|||-1|"},
				{"answer in chunks", "POST", "/chunks", strings.NewReader(large[:50_000]), large[:50_000], "POST|/base/chunks|Bearer one|k|||50000|"},
				{"no content", "DELETE", "/empty", nil, "", "DELETE|/base/empty|Bearer one|k|||0|"},
				{"head", "HEAD", "/p", nil, "", "HEAD|/base/p|Bearer one|k|||0|"},
			} {
				res, body := do(t, test.method, f.URL+test.path, test.body, header)
				if got := res.Header.Get("X-Seen"); got != test.seen {
					t.Errorf("%s: the upstream saw %s\nwant %s (status %d, %v)", test.name, got, test.seen, res.StatusCode, f.failed.Load())
				}
				if body != test.want {
					t.Errorf("%s: %d bytes came back, want %d", test.name, len(body), len(test.want))
				}
				if got := res.Header["X-Many"]; !slices.Equal(got, []string{"a", "b"}) {
					t.Errorf("%s: X-Many is %q", test.name, got)
				}
				if test.path == "/chunks" && (res.Trailer.Get("X-Checksum") != "42" || res.Trailer.Get("X-Late") != "43") {
					t.Errorf("%s: trailers %v", test.name, res.Trailer)
				}
			}
			// Trailers of the request.
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL+"/t", struct{ io.Reader }{strings.NewReader("x")})
			if err != nil {
				t.Fatal(err)
			}
			req.Trailer = http.Header{"X-Sum": {"7"}}
			res, err := client(t).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			if got := res.Header.Get("X-Seen"); !strings.HasSuffix(got, "|-1|7") {
				t.Errorf("request trailers: the upstream saw %s", got)
			}
		})
	}
}

// TestReplay answers 401 to the first token.
func TestReplay(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 300_000)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/early" && r.Header.Get("Authorization") != "Bearer two" {
			w.WriteHeader(http.StatusUnauthorized) // before the body is read
			return
		}
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Authorization") != "Bearer two" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, strings.Repeat("no", 1000))
			return
		}
		_, _ = w.Write(body)
	})
	for name, start := range servers(t, h) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, at := start()
			c.MaxReplay = 400_000
			f := newFront(t, c, at)
			for _, test := range []struct {
				name, path string
				body       func() io.Reader
				want       int
			}{
				{"no body", "/", func() io.Reader { return nil }, 0},
				{"small", "/", func() io.Reader { return strings.NewReader("small") }, 5},
				{"within the bound", "/", func() io.Reader { return strings.NewReader(large) }, len(large)},
				{"of unknown length", "/", func() io.Reader { return struct{ io.Reader }{strings.NewReader(large)} }, len(large)},
				{"refused early", "/early", func() io.Reader { return strings.NewReader(large) }, len(large)},
				{"refused early, unknown length", "/early", func() io.Reader { return struct{ io.Reader }{strings.NewReader(large)} }, len(large)},
				{"beyond the bound", "/", func() io.Reader { return strings.NewReader(large + large) }, -1},
				{"beyond the bound, unknown length", "/", func() io.Reader { return struct{ io.Reader }{strings.NewReader(large + large)} }, -1},
			} {
				for range 2 {
					before := f.renewed.Load()
					res, body := do(t, http.MethodPost, f.URL+test.path, test.body(), nil)
					wantStatus := http.StatusOK
					if test.want < 0 {
						wantStatus, test.want = http.StatusUnauthorized, 2000
					}
					if res.StatusCode != wantStatus || len(body) != test.want {
						t.Errorf("%s: %d with %d bytes, want %d with %d (%v)", test.name, res.StatusCode, len(body), wantStatus, test.want, f.failed.Load())
					}
					if wantStatus == http.StatusUnauthorized {
						test.want = -1
					}
					if n := f.renewed.Load() - before; n != 1 {
						t.Errorf("%s: renewed %d times", test.name, n)
					}
				}
			}
		})
	}
}

// TestExpectContinue: the body of a request that waits stays with the caller
// until the upstream wants it.
func TestExpectContinue(t *testing.T) {
	t.Parallel()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refuse" {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	})
	for name, start := range servers(t, h) {
		if strings.Contains(name, "2") {
			continue // net/http's HTTP/2 client does not wait when it knows the length
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, at := start()
			f := newFront(t, c, at)
			sent := &countingReader{Reader: strings.NewReader(strings.Repeat("x", 2<<20))}
			res, _ := do(t, http.MethodPost, f.URL+"/refuse", sent, http.Header{"Expect": {"100-continue"}})
			if res.StatusCode != http.StatusRequestEntityTooLarge || sent.n.Load() > 0 {
				t.Errorf("refused with %d after %d bytes", res.StatusCode, sent.n.Load())
			}
			if _, body := do(t, http.MethodPost, f.URL, strings.NewReader(strings.Repeat("x", 2<<20)), http.Header{"Expect": {"100-continue"}}); body != "2097152" {
				t.Errorf("the upstream read %q bytes", body)
			}
		})
	}
}

type countingReader struct {
	io.Reader
	n atomic.Int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// TestInformational passes 103 on before the answer.
func TestInformational(t *testing.T) {
	t.Parallel()
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		w.Header().Set("X-Final", "yes")
	})
	for name, start := range servers(t, h) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, at := start()
			f := newFront(t, c, at)
			hint := ""
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
					hint = strconv.Itoa(code) + header.Get("Link")
					return nil
				},
			})
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := client(t).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			if hint != "103</style.css>; rel=preload" || res.Header.Get("X-Final") != "yes" || res.Header.Get("Link") != "" {
				t.Errorf("hint %q, then %v", hint, res.Header)
			}
		})
	}
}

// TestEvents: what the upstream says arrives before it says more, in both
// directions.
func TestEvents(t *testing.T) {
	t.Parallel()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex()
		w.Header().Set("Content-Type", "text/event-stream")
		_ = rc.Flush()
		for lines := bufio.NewScanner(r.Body); lines.Scan(); {
			fmt.Fprintf(w, "data: %s\n\n", lines.Text())
			_ = rc.Flush()
		}
	})
	for name, start := range servers(t, h) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, at := start()
			f := newFront(t, c, at)
			r, w := io.Pipe()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL, r)
			if err != nil {
				t.Fatal(err)
			}
			res, err := client(t).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			lines := bufio.NewReader(res.Body)
			for i := range 5 {
				fmt.Fprintf(w, "ping %d\n", i)
				line, err := lines.ReadString('\n')
				if want := fmt.Sprintf("data: ping %d\n", i); line != want || err != nil {
					t.Fatalf("got %q, %v, want %q", line, err, want)
				}
				_, _ = lines.ReadString('\n')
			}
			_ = w.Close()
			if rest, err := io.ReadAll(lines); len(rest) > 0 || err != nil {
				t.Errorf("then %q, %v", rest, err)
			}
		})
	}
}

// TestUpgrade talks another protocol through the relay, after a 401 too.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer two" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Connection") != "Upgrade" || r.Header.Get("Sec-Websocket-Key") != "k" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: a\r\n\r\nwelcome\n")
		for {
			line, err := rw.ReadString('\n')
			if err != nil {
				_, _ = io.WriteString(c, "bye\n") // after the caller has closed its half
				return
			}
			_, _ = io.WriteString(c, strings.ToUpper(line))
		}
	})
	for name, start := range servers(t, h) {
		if name == "h2c" || name == "https with HTTP/2" {
			continue // an upgrade is HTTP/1.1; over https it is asked for as such, below
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, at := start()
			if c.Protocol == relay.HTTP1 {
				c.Protocol = relay.Auto // upgrades go over HTTP/1.1 whatever the rest does
			}
			f := newFront(t, c, at)
			conn, err := net.Dial("tcp", f.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			fmt.Fprintf(conn, "GET /chat HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n")
			r := bufio.NewReader(conn)
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			if res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("Sec-Websocket-Accept") != "a" {
				t.Fatalf("%d %v (%v)", res.StatusCode, res.Header, f.failed.Load())
			}
			for _, step := range [][2]string{{"", "welcome\n"}, {"hello\n", "HELLO\n"}, {"again\n", "AGAIN\n"}} {
				_, _ = io.WriteString(conn, step[0])
				if line, err := r.ReadString('\n'); line != step[1] || err != nil {
					t.Fatalf("got %q, %v, want %q", line, err, step[1])
				}
			}
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if rest, err := io.ReadAll(r); string(rest) != "bye\n" || err != nil {
				t.Errorf("at the end %q, %v", rest, err)
			}
		})
	}
}

// rawUpstream answers each request on a connection with the next of the texts,
// and closes it after the last.
func rawUpstream(t *testing.T, texts ...string) (at string, connections *atomic.Int64) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	connections = new(atomic.Int64)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			all.Go(func() {
				defer func() { _ = c.Close() }()
				r := bufio.NewReader(c)
				for _, text := range texts {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, req.Body)
					_, _ = io.WriteString(c, text)
				}
			})
		}
	})
	t.Cleanup(func() { _ = ln.Close(); all.Wait() })
	return "http://" + ln.Addr().String(), connections
}

// TestHostileAnswers: what could be read in two ways is not passed on.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, test := range []struct {
		name, answer string
		status       int
		body         string
	}{
		{"plain", ok + "Content-Length: 2\r\n\r\nok", 200, "ok"},
		{"bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, "ok"},
		{"no reason", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, "ok"},
		{"to the end of the connection", ok + "\r\nall of it", 200, "all of it"},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nold", 200, "old"},
		{"the same length twice", ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok", 200, "ok"},
		{"chunks", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, "ok"},
		{"informational answers", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + ok + "Content-Length: 2\r\n\r\nok", 200, "ok"},
		{"two lengths", ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nok", 502, ""},
		{"length and chunks", ok + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 502, ""},
		{"a list of lengths", ok + "Content-Length: 2, 2\r\n\r\nok", 502, ""},
		{"a length with a sign", ok + "Content-Length: +2\r\n\r\nok", 502, ""},
		{"another coding", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 502, ""},
		{"chunks twice", ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 502, ""},
		{"chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 502, ""},
		{"a folded line", ok + "X-A: b\r\n c: d\r\nContent-Length: 0\r\n\r\n", 502, ""},
		{"a space before the colon", ok + "Content-Length : 2\r\n\r\nok", 502, ""},
		{"a carriage return in a value", ok + "X-A: b\rX-C: d\r\nContent-Length: 0\r\n\r\n", 502, ""},
		{"a line without a colon", ok + "hello\r\n\r\n", 502, ""},
		{"no HTTP", "220 mail.example ESMTP\r\n", 502, ""},
		{"HTTP/2", "HTTP/2 200 OK\r\n\r\n", 502, ""},
		{"a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", 502, ""},
		{"a status below 100", "HTTP/1.1 099 OK\r\n\r\n", 502, ""},
		{"101 unasked", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", 502, ""},
		{"half a head", ok + "Content-Le", 502, ""},
		{"nothing", "", 502, ""},
		{"an endless head", ok + strings.Repeat("X-A: "+strings.Repeat("b", 1000)+"\r\n", 300), 502, ""},
		{"too many fields", ok + strings.Repeat("X-A: b\r\n", 501) + "\r\n", 502, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			at, _ := rawUpstream(t, test.answer)
			f := newFront(t, relay.Config{AnswerTimeout: 5 * time.Second}, at)
			res, body := do(t, http.MethodGet, f.URL, nil, nil)
			if res.StatusCode != test.status || body != test.body {
				t.Errorf("got %d %q, want %d %q (%v)", res.StatusCode, body, test.status, test.body, f.failed.Load())
			}
		})
	}
}

// TestCutShort: the caller notices that an answer is not whole.
func TestCutShort(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"length":  "HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + strings.Repeat("x", 10_000),
		"chunks":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"trailer": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-A: b\r\n",
		"chunk":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, _ := rawUpstream(t, answer)
			f := newFront(t, relay.Config{}, at)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := client(t).Do(req)
			if err != nil {
				return // before the head was out: noticed
			}
			defer func() { _ = res.Body.Close() }()
			if b, err := io.ReadAll(res.Body); err == nil {
				t.Errorf("%d bytes passed for a whole answer", len(b))
			}
		})
	}
}

// TestReuse: connections are used again, but not one that has bytes left over
// or was closed meanwhile.
func TestReuse(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	for _, test := range []struct {
		name, method string
		texts        []string
		connections  int64
	}{
		{"kept", "GET", []string{ok, ok, ok}, 1},
		{"kept for a body", "POST", []string{ok, ok, ok}, 1},
		{"closed by a field", "GET", []string{strings.Replace(ok, "\r\n", "\r\nConnection: close\r\n", 1)}, 3},
		{"closed without a word", "GET", []string{ok}, 3},
		{"closed without a word before a body", "POST", []string{ok}, 3},
		{"a second answer to one request", "GET", []string{ok + ok}, 3},
		{"a second answer to one request with a body", "POST", []string{ok + ok}, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			at, connections := rawUpstream(t, test.texts...)
			f := newFront(t, relay.Config{}, at)
			for range 3 {
				res, body := do(t, test.method, f.URL, strings.NewReader("body"), nil)
				if res.StatusCode != http.StatusOK || body != "ok" {
					t.Fatalf("got %d %q (%v)", res.StatusCode, body, f.failed.Load())
				}
				f.settle(t)
			}
			if got := connections.Load(); got != test.connections {
				t.Errorf("%d connections, want %d", got, test.connections)
			}
		})
	}
}

// settle lets what the upstream did to its connection arrive: another
// connection through the same kernel does not take less time.
func (f *front) settle(t *testing.T) {
	t.Helper()
	for range 20 {
		c, err := net.Dial("tcp", f.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
}

// TestCallerGone: when the caller goes, the upstream's request ends, be it
// before the answer or within its body.
func TestCallerGone(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{}, 8)
	var silent sync.Map // what ends the request with a path
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/" {
			_ = http.NewResponseController(w).Flush()
		} else if cancel, ok := silent.Load(r.URL.Path); ok {
			cancel.(context.CancelFunc)()
		}
		<-r.Context().Done()
		gone <- struct{}{}
	})
	for name, start := range servers(t, h) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, at := start()
			f := newFront(t, c, at)
			for _, path := range []string{"/", "/silent/" + name} {
				ctx, cancel := context.WithCancel(t.Context())
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				silent.Store(path, cancel)
				if res, err := client(t).Do(req); err == nil {
					defer func() { _ = res.Body.Close() }()
				} else if path == "/" {
					t.Fatal(err)
				}
				cancel()
				select {
				case <-gone:
				case <-time.After(20 * time.Second):
					t.Errorf("%s: the upstream's request goes on", path)
				}
			}
		})
	}
}

// TestCallerAlmostGone: a caller who goes in the moment in which the wait for an
// answer begins ends it too.
func TestCallerAlmostGone(t *testing.T) {
	t.Parallel()
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c, at := servers(t, h)["http"]()
	var err error
	if c.URL, err = url.Parse(at); err != nil {
		t.Fatal(err)
	}
	up, err := relay.New(c)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*time.Microsecond)
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
		began := time.Now()
		_, err := up.Forward(httptest.NewRecorder(), r, "/", nil)
		cancel()
		if took := time.Since(began); err == nil || took > 10*time.Second {
			t.Fatalf("after %d µs: %v, %s", i, err, took)
		}
	}
}

// TestNoAnswer: what a caller is told where there is no upstream, or a slow one.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(func() { close(release); slow.Close() })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + ln.Addr().String()
	_ = ln.Close()
	for at, want := range map[string]int{slow.URL: http.StatusGatewayTimeout, closed: http.StatusBadGateway} {
		f := newFront(t, relay.Config{AnswerTimeout: 10 * time.Millisecond}, at)
		if res, _ := do(t, http.MethodGet, f.URL, nil, nil); res.StatusCode != want {
			t.Errorf("%s: %d, want %d", at, res.StatusCode, want)
		}
	}
}

// TestSlowUpload: the wait for an answer begins when the body is sent, and a
// slow answer to a fast one ends it.
func TestSlowUpload(t *testing.T) {
	t.Parallel()
	const patience = 300 * time.Millisecond
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/never" {
			<-r.Context().Done()
		}
		fmt.Fprint(w, n)
	})
	for name, start := range servers(t, h) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, at := start()
			c.AnswerTimeout = patience
			f := newFront(t, c, at)
			slow, w := io.Pipe()
			go func() {
				tick := time.NewTicker(patience / 3)
				defer tick.Stop()
				for range 9 { // three times as long as an answer may take
					_, _ = io.WriteString(w, strings.Repeat("x", 1000))
					<-tick.C
				}
				_ = w.Close()
			}()
			if res, body := do(t, http.MethodPost, f.URL, slow, nil); res.StatusCode != 200 || body != "9000" {
				t.Errorf("a slow upload: %d %q (%v)", res.StatusCode, body, f.failed.Load())
			}
			if res, _ := do(t, http.MethodPost, f.URL+"/never", struct{ io.Reader }{strings.NewReader("x")}, nil); res.StatusCode != http.StatusGatewayTimeout {
				t.Errorf("no answer: %d, want 504", res.StatusCode)
			}
		})
	}
}

func TestCheckTarget(t *testing.T) {
	t.Parallel()
	for target, ok := range map[string]bool{
		"/": true, "/a": true, "/a/b.json": true, "/a?x=../..": true, "/.well-known/x": true, "/a%20b": true, "/...": true, "/a/..b": true,
		"": false, "a": false, "/..": false, "/../a": false, "/a/../b": false, "/./a": false, "/%2e%2e/a": false, "/a/%2E.": false,
		"/a%2f..%2fb": false, `/a\..\b`: false, "/a/%5c..%5cb": false, "/a%2F%2e%2e": false, "*": false,
	} {
		if err := relay.CheckTarget(target); (err == nil) != ok {
			t.Errorf("%q: %v, want ok %v", target, err, ok)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []relay.Config{
		{URL: nil},
		{URL: &url.URL{Scheme: "ftp", Host: "a"}},
		{URL: &url.URL{Scheme: "http"}},
		{URL: &url.URL{Scheme: "http", Host: "a", RawQuery: "q"}},
		{URL: &url.URL{Scheme: "http", Host: "a", User: url.User("u")}},
		{URL: &url.URL{Scheme: "https", Host: "a"}, Protocol: relay.H2C},
		{URL: &url.URL{Scheme: "http", Host: "a", Path: "/a/../b"}},
	} {
		if _, err := relay.New(c); err == nil {
			t.Errorf("%v passed", c.URL)
		}
	}
}

// FuzzAnswer: an answer is passed on whole or not at all, and a relay never
// hangs on one that has ended.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.0 304 x\r\n\r\n", "HTTP/1.1 401 no\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		at, _ := rawUpstream(t, string(text))
		u, err := url.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		up, err := relay.New(relay.Config{URL: u, AnswerTimeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer up.Close()
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // it is a panic's value
				t.Errorf("%q: %v", text, p)
			}
		}()
		status, err := up.Forward(w, r, "/", nil)
		if err != nil {
			return
		}
		for name, values := range w.Result().Header {
			for _, v := range values {
				if strings.ContainsAny(name+v, "\r\n\x00") {
					t.Errorf("%q: %q: %q", text, name, v)
				}
			}
		}
		if status < 200 || !bytes.Contains(text, w.Body.Bytes()) && !bytes.Contains(bytes.ToLower(text), []byte("chunked")) {
			t.Errorf("%q: %d %q", text, status, w.Body)
		}
	})
}
