package turns

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// AnswerSize is what the backend answers, in bytes.
const AnswerSize = 490

// load keeps connections busy for a while and returns how many answers came.
// Every one must be a 200 of the backend's size.
func (s *Server) load(ctx context.Context, connections int, length time.Duration) (int, error) {
	end := time.Now().Add(length)
	counts, errs := make([]int, connections), make([]error, connections)
	var wg sync.WaitGroup
	for i := range connections {
		wg.Go(func() { counts[i], errs[i] = s.one(ctx, end) })
	}
	wg.Wait()
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum, errors.Join(errs...)
}

// one is one connection: a request is sent when the answer before it is read.
func (s *Server) one(ctx context.Context, end time.Time) (int, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(end.Add(30 * time.Second))
	request := []byte("GET " + s.Path + " HTTP/1.1\r\nHost: " + s.Addr + "\r\nUser-Agent: bench\r\nAccept: */*\r\nAuthorization: " + s.authorization() + "\r\n" + s.Header + "\r\n")
	size := AnswerSize
	if s.NoBody {
		size = 0
	}
	r := bufio.NewReaderSize(c, 8<<10)
	n := 0
	for ; n == 0 || time.Now().Before(end); n++ {
		if _, err := c.Write(request); err != nil {
			return n, err
		}
		if err := answered(r, size); err != nil {
			return n, err
		}
	}
	return n, nil
}

// answered reads one answer.
func answered(r *bufio.Reader, size int) error {
	status, err := r.ReadString('\n')
	if err != nil {
		return err
	}
	length := 0
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(":")); len(name) == 14 && strings.EqualFold(string(name), "Content-Length") {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	if _, err := io.CopyN(io.Discard, r, int64(length)); err != nil {
		return err
	}
	if !strings.Contains(status, " 200 ") || length != size {
		return fmt.Errorf("%s with %d bytes", strings.TrimSpace(status), length)
	}
	return nil
}

func (s *Server) authorization() string {
	if s.Authorization == "" {
		return "Bearer mine"
	}
	return s.Authorization
}
