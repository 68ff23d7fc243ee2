package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/oauth"
)

// Kinds of streams.
const (
	streamWebSocket = "websocket"
	streamSSE       = "sse"
	streamGRPC      = "grpc"
)

// boundary finds where one message of a stream ends and the next begins.
type boundary interface {
	// pass takes in what is written.
	pass(p []byte)
	// next returns how much of p brings the stream to a boundary, len(p) where
	// all of it does not.
	next(p []byte) int
	// at says whether the stream is between two messages.
	at() bool
}

// watch ends the answer when the token of the request does, if the answer turns
// out to be a stream. The function that it returns must be called at the end.
func (p *passing) watch(ctx context.Context, upgrades bool) func() {
	stop := func() {}
	begin := func(kind string, marks boundary) {
		p.answer.mu.Lock()
		p.answer.kind, p.answer.marks = kind, marks
		p.answer.mu.Unlock()
		route := p.decided.Route.Name
		watched, cancel := p.g.watch(ctx, p.live, p.decided.Token)
		p.g.streams.Add(1)
		detach := context.AfterFunc(watched, func() {
			if why, ok := errors.AsType[*oauth.Error](context.Cause(watched)); ok {
				p.g.metrics.StreamEnded(route, kind, why.Reason)
				p.answer.end(why)
			}
		})
		stop = func() {
			detach()
			cancel()
			p.g.streams.Add(-1)
		}
	}
	switch {
	case upgrades:
		begin(streamWebSocket, noMarks{})
	case p.answer.grpc:
		begin(streamGRPC, &grpcMarks{})
	default:
		p.answer.began = func(h http.Header) {
			if mediaType(h) == "text/event-stream" {
				begin(streamSSE, &sseMarks{})
			}
		}
	}
	return func() {
		p.answer.patience.leave()
		stop()
	}
}

// watch is Verifier.Watch by the Config that is in force, which may not be l any
// more. Where its issuers have not that of the token any more, the token is
// watched as before, to its end.
func (g *Gateway) watch(ctx context.Context, l *live, tok *enforce.Token) (watched context.Context, cancel context.CancelFunc) {
	watched, cause := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		verifier, replaced := l.verifier, l.replaced
		for watched.Err() == nil {
			now, stop := verifier.Watch(watched, tok)
			select {
			case <-now.Done():
				cause(context.Cause(now))
			case <-replaced:
				next := g.live.Load()
				if replaced = next.replaced; next.issuers[tok.Issuer] != nil {
					verifier = next.verifier
				}
			}
			stop()
		}
	}()
	return watched, func() {
		cause(context.Canceled)
		<-done
	}
}

// mediaType returns the media type of a header in lower case, without
// parameters.
func mediaType(h http.Header) string {
	v := h["Content-Type"]
	if len(v) == 0 {
		return ""
	}
	t, _, _ := strings.Cut(v[0], ";")
	return strings.ToLower(strings.TrimSpace(t))
}

func isGRPC(h http.Header) bool {
	t := mediaType(h)
	return t == "application/grpc" || strings.HasPrefix(t, "application/grpc+")
}

// noMarks is a stream whose messages are looked after elsewhere.
type noMarks struct{}

func (noMarks) pass([]byte)       {}
func (noMarks) next(p []byte) int { return len(p) }
func (noMarks) at() bool          { return true }

// sseMarks finds the empty line between two events.
type sseMarks struct {
	begun bool    // something was written
	tail  [4]byte // the last bytes
}

func (m *sseMarks) pass(p []byte) {
	for _, c := range p[max(0, len(p)-len(m.tail)):] {
		m.tail = [4]byte{m.tail[1], m.tail[2], m.tail[3], c}
	}
	m.begun = m.begun || len(p) > 0
}

func (m *sseMarks) at() bool {
	t := m.tail[:]
	return !m.begun || bytes.HasSuffix(t, []byte("\n\n")) || bytes.HasSuffix(t, []byte("\r\r")) || bytes.HasSuffix(t, []byte("\r\n\r\n"))
}

func (m *sseMarks) next(p []byte) int {
	look := *m
	for i := range p {
		if look.pass(p[i : i+1]); look.at() {
			return i + 1
		}
	}
	return len(p)
}

// endingEvent is the last event of a stream whose token has ended.
func endingEvent(why *oauth.Error) []byte {
	data, err := json.Marshal(refusal{Error: why.Code, Description: why.Description})
	if err != nil { // strings always encode
		data = nil
	}
	return append(append([]byte("event: error\ndata: "), data...), "\n\n"...)
}

// grpcMarks counts the length-prefixed messages of gRPC: a byte, a length of
// four bytes, and as many bytes.
type grpcMarks struct {
	head [5]byte
	have int    // of head
	left uint64 // of the message
}

func (m *grpcMarks) pass(p []byte) {
	for len(p) > 0 {
		if m.left > 0 {
			n := min(m.left, uint64(len(p)))
			m.left -= n
			p = p[n:]
			continue
		}
		n := copy(m.head[m.have:], p)
		m.have += n
		p = p[n:]
		if m.have == len(m.head) {
			m.have = 0
			m.left = uint64(m.head[1])<<24 | uint64(m.head[2])<<16 | uint64(m.head[3])<<8 | uint64(m.head[4])
		}
	}
}

func (m *grpcMarks) at() bool { return m.left == 0 && m.have == 0 }

func (m *grpcMarks) next(p []byte) int {
	look := *m
	for i := 0; i < len(p); {
		n := 1
		if look.left > 0 {
			n = int(min(look.left, uint64(len(p)-i))) //nolint:gosec // at most len(p)
		}
		look.pass(p[i : i+n])
		if i += n; look.at() {
			return i
		}
	}
	return len(p)
}
