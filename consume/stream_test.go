package consume_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/consume"
)

// patience is how long a test waits for what must not be waited for.
const patience = 20 * time.Second

// conversation is a request whose body is written while its answer is read.
type conversation struct {
	to     *io.PipeWriter
	ended  chan struct{} // closed when res and err are set
	res    *http.Response
	err    error
	cancel context.CancelFunc
}

// converse starts a request to a server of one of the protocols, which may
// answer before it has read the body. Body, if there is one, wraps the pipe.
func converse(t *testing.T, protocol string, serve http.HandlerFunc, body func(io.ReadCloser) io.ReadCloser) *conversation {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if protocol != http2 {
			if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
				t.Error(err)
			}
		}
		serve(w, r)
	}))
	srv.EnableHTTP2 = protocol == http2
	srv.StartTLS()
	src := &consume.Source{Fetcher: &issuer{t: t, life: time.Hour}}
	from, to := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	c := &conversation{to: to, ended: make(chan struct{}), cancel: cancel}
	t.Cleanup(func() {
		_ = to.Close()
		cancel()
		if srv.CloseClientConnections(); c.over(t) && c.err == nil {
			_ = c.res.Body.Close()
		}
		srv.Close()
		src.Close()
	})
	var sent io.ReadCloser = from
	if body != nil {
		sent = body(from)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, srv.URL, sent)
	if err != nil {
		t.Fatal(err)
	}
	tr := &consume.Transport{Source: src, Base: srv.Client().Transport, Origins: []string{srv.URL}}
	go func() {
		defer close(c.ended)
		c.res, c.err = tr.RoundTrip(r) //nolint:bodyclose // the cleanup does
	}()
	return c
}

// over waits for the end of RoundTrip.
func (c *conversation) over(t *testing.T) bool {
	t.Helper()
	select {
	case <-c.ended:
		return true
	case <-time.After(patience):
		t.Error("RoundTrip does not end")
		return false
	}
}

// closed waits until the body is closed: a read that was under way may still get
// what is written first.
func (c *conversation) closed(t *testing.T) {
	t.Helper()
	ended := make(chan error, 1)
	go func() {
		_, _ = io.WriteString(c.to, "late")
		_, err := io.WriteString(c.to, "later")
		ended <- err
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the body is read still: %v", err)
		}
	case <-time.After(patience):
		t.Error("the body is not closed")
	}
}

// goOn sends two pieces, each of which the server answers, and ends the body.
func (c *conversation) goOn(t *testing.T) {
	t.Helper()
	for _, piece := range []string{"ping", "pong"} {
		if _, err := io.WriteString(c.to, piece); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(piece))
		if _, err := io.ReadFull(c.res.Body, got); err != nil || string(got) != piece {
			t.Fatalf("got %q, %v, want %q", got, err, piece)
		}
	}
	_ = c.to.Close()
	if rest, err := io.ReadAll(c.res.Body); err != nil || len(rest) > 0 {
		t.Errorf("got %q, %v after the end", rest, err)
	}
}

// echo answers at once and sends back what it gets, piece by piece.
func echo(t *testing.T, w http.ResponseWriter, r *http.Request) {
	t.Helper()
	flush := func() {
		if err := http.NewResponseController(w).Flush(); err != nil && r.Context().Err() == nil {
			t.Error(err)
		}
	}
	w.WriteHeader(http.StatusOK)
	flush()
	p := make([]byte, 100)
	for {
		n, err := r.Body.Read(p)
		_, _ = w.Write(p[:n])
		flush()
		if err != nil {
			return
		}
	}
}

const http1, http2 = "HTTP/1.1", "HTTP/2"

// An answer is passed on while the body has not begun, and both go on.
func TestEarlyAnswer(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{http1, http2} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			c := converse(t, protocol, func(w http.ResponseWriter, r *http.Request) { echo(t, w, r) }, nil)
			if !c.over(t) {
				return
			}
			if c.err != nil {
				t.Fatal(c.err)
			}
			c.goOn(t)
		})
	}
}

// A refusal in the middle of a conversation has it begin again with another
// token: the server gets what was said already, and then the rest.
func TestRefusedConversation(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{http1, http2} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			c := converse(t, protocol, func(w http.ResponseWriter, r *http.Request) {
				hello := make([]byte, len("hello"))
				if _, err := io.ReadFull(r.Body, hello); err != nil || string(hello) != "hello" {
					t.Errorf("got %q, %v", hello, err)
				}
				if !refused(w, r) {
					echo(t, w, r)
				}
			}, nil)
			if _, err := io.WriteString(c.to, "hello"); err != nil {
				t.Fatal(err)
			}
			if !c.over(t) {
				return
			}
			if c.err != nil || c.res.StatusCode != http.StatusOK {
				t.Fatalf("got %v, %v", c.res, c.err)
			}
			c.goOn(t)
		})
	}
}

// stubborn is a body that is closed no sooner than its read has ended, as those
// of net/http's server are.
type stubborn struct {
	io.ReadCloser
	mu sync.Mutex
}

func (s *stubborn) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ReadCloser.Read(p)
}

func (s *stubborn) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ReadCloser.Close()
}

// The end of the request's context ends it, whatever its body waits for, and
// closes the body.
func TestStalledBody(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{http1, http2} {
		for kind, body := range map[string]func(io.ReadCloser) io.ReadCloser{
			"a pipe":         nil,
			"a stubborn one": func(r io.ReadCloser) io.ReadCloser { return &stubborn{ReadCloser: r} },
		} {
			t.Run(protocol+", "+kind, func(t *testing.T) {
				t.Parallel()
				arrived, end := make(chan struct{}), make(chan struct{})
				c := converse(t, protocol, func(http.ResponseWriter, *http.Request) {
					close(arrived)
					<-end
				}, body)
				t.Cleanup(func() { close(end) })
				select {
				case <-arrived:
				case <-time.After(patience):
					t.Fatal("no request")
				}
				c.cancel()
				if c.over(t) && !errors.Is(c.err, context.Canceled) {
					t.Errorf("got %v, want the context's", c.err)
				}
				if body == nil {
					c.closed(t)
				}
			})
		}
	}
}
