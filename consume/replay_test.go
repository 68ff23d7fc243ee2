package consume_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/consume"
)

// realAPI refuses the first token, over a real connection.
func realAPI(t *testing.T, serve http.HandlerFunc) (client *http.Client, url string) {
	t.Helper()
	srv := httptest.NewServer(serve)
	t.Cleanup(srv.Close)
	src := &consume.Source{Fetcher: &issuer{t: t, life: time.Hour}}
	t.Cleanup(src.Close)
	base := srv.Client().Transport
	return &http.Client{Transport: &consume.Transport{Source: src, Base: base, Origins: []string{srv.URL}}}, srv.URL
}

func refused(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Authorization") == "Bearer token-1" {
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	return false
}

// A server that refuses before it has read the body gets the whole of it at the
// second try: what was sent before, and the rest.
func TestEarlyRefusal(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789abcdef"), 40_000) // more than the buffers on the way
	for range 20 {
		var got []byte
		client, url := realAPI(t, func(w http.ResponseWriter, r *http.Request) {
			if refused(w, r) {
				return // without a look at the body
			}
			got, _ = io.ReadAll(r.Body)
		})
		closed := atomic.Int64{}
		body := &slow{Reader: bytes.NewReader(content), closed: &closed}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, body)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK || !bytes.Equal(got, content) {
			t.Fatalf("got %d and %d bytes of %d", res.StatusCode, len(got), len(content))
		}
		if closed.Load() != 1 {
			t.Errorf("the body was closed %d times", closed.Load())
		}
	}
}

// slow is a body in small pieces.
type slow struct {
	io.Reader
	closed *atomic.Int64
}

func (s *slow) Read(p []byte) (int, error) {
	if s.closed.Load() > 0 {
		return 0, errors.New("read after Close")
	}
	return s.Reader.Read(p[:min(len(p), 4096)])
}

func (s *slow) Close() error {
	s.closed.Add(1)
	return nil
}

// A body that is a conversation is not waited for: its first piece arrives
// before the second is there.
func TestStreamedBody(t *testing.T) {
	t.Parallel()
	arrived := make(chan string)
	client, url := realAPI(t, func(_ http.ResponseWriter, r *http.Request) {
		p := make([]byte, 100)
		for {
			n, err := r.Body.Read(p)
			if n > 0 {
				arrived <- string(p[:n])
			}
			if err != nil {
				close(arrived)
				return
			}
		}
	})
	body, to := io.Pipe()
	go func() {
		for _, piece := range []string{"one", "two"} {
			_, _ = io.WriteString(to, piece)
			if got := <-arrived; got != piece {
				t.Errorf("got %q, want %q", got, piece)
			}
		}
		_ = to.Close()
	}()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(r)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("got %v, %v", res, err)
	}
	_ = res.Body.Close()
}

// With MaxBody nothing is kept, and with a higher one more.
func TestMaxBody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		most int64
		size int
		want int
	}{{-1, 1, 401}, {10, 10, 200}, {10, 11, 401}, {4 << 20, 4 << 20, 200}} {
		client, url := realAPI(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			refused(w, r)
		})
		client.Transport.(*consume.Transport).MaxBody = tt.most
		res, err := client.Post(url, "text/plain", io.NopCloser(strings.NewReader(strings.Repeat("x", tt.size))))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != tt.want {
			t.Errorf("at most %d, size %d: got %d, want %d", tt.most, tt.size, res.StatusCode, tt.want)
		}
	}
}

// No header makes a request loop, or the reader of challenges fail.
func FuzzChallenge(f *testing.F) {
	for _, s := range []string{`Bearer error="invalid_token"`, `Basic, DPoP algs="ES256 \"x", error=use_dpop_nonce`, `Negotiate a==, Bearer x=y z`, `,,=`, `"`, `Bearer error="\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		from := &issuer{t: t, life: time.Hour}
		src := &consume.Source{Fetcher: from}
		defer src.Close()
		to := &api{takes: func(string) bool { return false }, challenge: []string{header}}
		res, err := (&consume.Transport{Source: src, Base: to, DPoP: &consume.DPoP{}, Origins: []string{"https://api.example"}}).RoundTrip(
			httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/", nil))
		if err != nil || res.StatusCode != http.StatusUnauthorized || to.asked.Load() > 2 || from.asked.Load() > 2 {
			t.Errorf("%q: got %v, %v in %d tries with %d tokens", header, res, err, to.asked.Load(), from.asked.Load())
		}
		if err == nil {
			_ = res.Body.Close()
		}
	})
}
