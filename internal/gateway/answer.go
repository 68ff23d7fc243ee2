package gateway

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/mintage-auth/mintage/oauth"
)

// answerWriter is the way of an answer to the caller: it counts, bounds how
// long the caller may take to read, and ends a stream where that can be done
// without cutting a message in two.
type answerWriter struct {
	http.ResponseWriter

	request *http.Request
	control *http.ResponseController
	cancel  context.CancelFunc // ends the exchange with the backend
	status  int
	bytes   int64
	cause   error // of an answer of our own

	patience patience // with a caller who does not read

	// began is called with the header of an answer, before it is written.
	began func(h http.Header)

	mu      sync.Mutex
	kind    string   // of stream: websocket, sse or grpc; empty: none
	marks   boundary // nil: no stream
	ended   *oauth.Error
	hijack  *frameConn
	grpc    bool // the request is one of gRPC
	stopped bool // nothing more is written
}

// errEnded says that a stream has ended with its token.
var errEnded = errors.New("the token of the stream has ended")

func newAnswerWriter(w http.ResponseWriter, r *http.Request, bound time.Duration) *answerWriter {
	a := &answerWriter{ResponseWriter: w, request: r, control: http.NewResponseController(w), grpc: isGRPC(r.Header)}
	a.patience.begin(a.control, bound, r.ProtoMajor > 1)
	return a
}

// Unwrap lets http.ResponseController reach what this wraps.
func (a *answerWriter) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (a *answerWriter) WriteHeader(status int) {
	if status >= 200 && a.status == 0 {
		a.status = status
		if a.began != nil {
			a.began(a.Header())
		}
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answerWriter) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	a.patience.write()
	defer a.patience.wrote()
	if a.kind == "" {
		n, err := a.ResponseWriter.Write(p)
		a.bytes += int64(n)
		return n, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped {
		return 0, errEnded
	}
	if a.ended != nil {
		p = p[:a.marks.next(p)]
	}
	a.marks.pass(p)
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	if a.ended != nil && a.marks.at() {
		a.stopped = true
		err = errEnded
	}
	return n, err
}

// FlushError implements what http.ResponseController looks for.
func (a *answerWriter) FlushError() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.patience.write()
	defer a.patience.wrote()
	return a.control.Flush()
}

// Hijack implements http.Hijacker: a WebSocket begins.
func (a *answerWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := a.control.Hijack()
	if err != nil {
		return nil, nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status = http.StatusSwitchingProtocols
	_ = conn.SetDeadline(time.Time{}) // it lives as long as both sides want, or the token
	a.hijack = &frameConn{Conn: conn, bound: a.patience.bound}
	if a.ended != nil {
		a.hijack.end(a.ended)
	}
	return a.hijack, rw, nil
}

// over returns why the stream has ended, or nil.
func (a *answerWriter) over() *oauth.Error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ended
}

// endGrace is how long a stream may go on to the end of the message that it is
// in when its token ends.
const endGrace = time.Second

// lingering is how much longer a caller has for reading how the stream ended.
const lingering = time.Second

// end ends the stream at the next boundary of its messages, or after endGrace.
// That does not wait for a caller who does not read.
func (a *answerWriter) end(why *oauth.Error) {
	a.patience.settle(endGrace + lingering)
	grace := time.AfterFunc(endGrace, a.cancel)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = why
	switch {
	case a.hijack != nil:
		grace.Stop()
		a.hijack.end(why)
	case a.kind == "" || a.marks.at():
		a.stopped = true
		a.cancel()
	}
}

// finish says why in the stream's own words, after the backend was let go.
func (a *answerWriter) finish() {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.hijack != nil:
	case a.grpc:
		a.finishGRPC()
	case a.kind == streamSSE && a.marks.at():
		_, _ = a.ResponseWriter.Write(endingEvent(a.ended)) // the caller may be gone
		_ = a.control.Flush()
	}
}

// finishGRPC ends a call with the status UNAUTHENTICATED.
func (a *answerWriter) finishGRPC() {
	const unauthenticated = "16"
	h := a.Header()
	if a.status == 0 {
		clear(h)
		h["Content-Type"] = []string{"application/grpc"}
		h["Grpc-Status"], h["Grpc-Message"] = []string{unauthenticated}, []string{a.ended.Description}
		a.status = http.StatusOK
		a.ResponseWriter.WriteHeader(http.StatusOK)
		return
	}
	for name, value := range map[string]string{"Grpc-Status": unauthenticated, "Grpc-Message": a.ended.Description} {
		if announced(h, name) {
			h[name] = []string{value}
		} else {
			h[http.TrailerPrefix+name] = []string{value}
		}
	}
}

func announced(h http.Header, name string) bool {
	for _, v := range h["Trailer"] {
		for listed := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(listed), name) {
				return true
			}
		}
	}
	return false
}
