package hostile

import (
	"bytes"
	"net"
	"net/http"
	"sync"
)

// Stats are what a Front has done since it was made.
type Stats struct {
	TokenRequests int `json:"token_requests"`
	Tokens        int `json:"tokens"`
	TooMany       int `json:"too_many"`
	Unavailable   int `json:"unavailable"`
	Resets        int `json:"resets"`
	RefusedTokens int `json:"refused_tokens"`
	Refusals      int `json:"refusals"`
	Early         int `json:"early"`
}

type counts struct {
	mu sync.Mutex
	s  Stats
}

func (c *counts) add(n *int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n++
}

// Stats returns what was done so far.
func (f *Front) Stats() Stats {
	f.counts.mu.Lock()
	s := f.counts.s
	f.counts.mu.Unlock()
	s.RefusedTokens = f.fates.refusedTokens()
	return s
}

// reset breaks the connection before an answer, as a process does that dies. Of
// an HTTP/2 connection, the stream is reset alone.
func (f *Front) reset(w http.ResponseWriter) {
	f.counts.add(&f.counts.s.Resets)
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	inner := conn
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		inner = wrapped.NetConn()
	}
	if tcp, ok := inner.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // RST instead of FIN
	}
	_ = inner.Close() // it is being broken
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}
