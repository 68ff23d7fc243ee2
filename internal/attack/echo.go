package attack

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxHead  = 1 << 20 // bytes of a request's head
	maxBody  = 8 << 20 // bytes of a request's body
	idleEcho = 30 * time.Second
	maxSeen  = 10_000 // requests that are kept for Take
)

// Echo is an API that answers with what reached it. It reads requests byte by
// byte and says what is ambiguous about them. It is safe for concurrent use.
type Echo struct {
	// Log gets a line of JSON for each request; nil: none.
	Log io.Writer
	// Discard keeps nothing for Take.
	Discard bool

	mu   sync.Mutex
	seen []Seen
}

// echoed is the body of an answer, with a mark by which it is known.
type echoed struct {
	Mark bool `json:"mintage_attack_echo"`
	Seen
}

// Take returns the requests since the last call.
func (e *Echo) Take() ([]Seen, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	seen := e.seen
	e.seen = nil
	return seen, nil
}

// Serve answers the connections of l until ctx ends, and closes l.
func (e *Echo) Serve(ctx context.Context, l net.Listener) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		wg.Go(func() {
			end := context.AfterFunc(ctx, func() { _ = conn.Close() })
			defer end()
			e.converse(conn)
		})
	}
}

// converse answers the requests of one connection in turn.
func (e *Echo) converse(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	r := bufio.NewReaderSize(conn, 64<<10)
	for {
		_ = conn.SetDeadline(time.Now().Add(idleEcho))
		s, whole, err := ReadSeen(r, conn)
		if err != nil {
			return
		}
		// A body that a gateway gave up half-way is no request. One that cannot
		// be read is: the gateway passed it on.
		if whole || len(s.Ambiguous) > 0 {
			e.keep(s)
		}
		if !answerEcho(conn, s, whole) {
			return
		}
	}
}

// ReadSeen reads one request, whatever it is like, and asks for its body where
// that waits to be asked for. It reports false when the body did not come as
// the head says: then nothing behind it can be told apart. The error says that
// there is no request.
func ReadSeen(r *bufio.Reader, w io.Writer) (s Seen, whole bool, err error) {
	head, err := readHead(r)
	if err != nil {
		return s, false, err
	}
	s = parseHead(head)
	if strings.EqualFold(strings.Join(s.Header("Expect"), ""), "100-continue") {
		if _, err := io.WriteString(w, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return s, false, err
		}
	}
	return s, s.readBody(r), nil
}

func (e *Echo) keep(s Seen) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.Discard && len(e.seen) < maxSeen {
		e.seen = append(e.seen, s)
	}
	if e.Log == nil {
		return
	}
	if line, err := json.Marshal(s); err == nil {
		_, _ = e.Log.Write(append(line, '\n'))
	}
}

// answerEcho writes the answer, and reports whether another request may follow.
func answerEcho(w io.Writer, s Seen, whole bool) bool {
	body, err := json.Marshal(echoed{Mark: true, Seen: s})
	if err != nil {
		return false
	}
	stay := whole && s.Proto == "HTTP/1.1" && !strings.EqualFold(strings.Join(s.Header("Connection"), ","), "close")
	connection := "close"
	if stay {
		connection = "keep-alive"
	}
	_, err = fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: %s\r\n\r\n", len(body), connection)
	if err == nil && s.Method != "HEAD" {
		_, err = w.Write(body)
	}
	return err == nil && stay
}

// readHead reads up to an empty line, whatever ends the lines.
func readHead(r *bufio.Reader) ([]byte, error) {
	var head []byte
	for {
		line, err := r.ReadSlice('\n')
		head = append(head, line...)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) || len(head) > maxHead {
			return nil, errors.Join(err, io.ErrUnexpectedEOF)
		}
		if err == nil && len(bytes.TrimRight(line, "\r\n")) == 0 {
			if len(head) == len(line) {
				head = head[:0] // empty lines before a request
				continue
			}
			return head, nil
		}
	}
}

// readBody reads what the head says follows.
func (s *Seen) readBody(r *bufio.Reader) bool {
	switch lengths := s.Header("Content-Length"); {
	case len(s.Header("Transfer-Encoding")) > 0:
		return s.readChunks(r)
	case len(lengths) > 0:
		n, err := strconv.Atoi(lengths[0])
		if err != nil || n < 0 || n > maxBody {
			return false
		}
		got, err := io.CopyN(io.Discard, r, int64(n))
		s.Body = int(got)
		return err == nil
	}
	return true
}

func (s *Seen) readChunks(r *bufio.Reader) bool {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return false
		}
		size, ok := s.chunkSize(line)
		if !ok || s.Body+size > maxBody {
			return false
		}
		if size == 0 {
			break
		}
		if n, err := io.CopyN(io.Discard, r, int64(size)); err != nil {
			s.Body += int(n)
			return false
		}
		s.Body += size
		if line, err = r.ReadSlice('\n'); err != nil || string(line) != "\r\n" {
			s.note("a chunk is longer than its size")
			return false
		}
	}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return true
		}
		s.Trailers = append(s.Trailers, line)
	}
}
