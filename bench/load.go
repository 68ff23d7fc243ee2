package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// target is what is sent where: the requests take turns.
type target struct {
	addr     string // host:port
	requests [][]byte
	refused  bool // with 401 or 429, instead of answered with 200
	once     bool // each is sent once, however long that takes
}

// post writes a request with a form and Basic credentials. The identifier and
// the secret have no character that needs escaping.
func post(addr, path, id, secret string, form url.Values) []byte {
	body := form.Encode()
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Basic %s\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		path, addr, base64.StdEncoding.EncodeToString([]byte(id+":"+secret)), len(body), body)
}

// load is what one run of the generator did.
type load struct {
	answers  int
	took     time.Duration
	p50, p99 time.Duration
}

// rate returns answers in a second.
func (l load) rate() float64 { return float64(l.answers) / l.took.Seconds() }

// run keeps a number of connections busy for a while: each sends a request when
// the answer before it is read. Every answer must be the one that the target says.
func (t target) run(ctx context.Context, connections int, length time.Duration) (load, error) {
	began := time.Now()
	end := began.Add(length)
	if t.once {
		end = began.Add(time.Hour)
	}
	type result struct {
		times []time.Duration
		err   error
	}
	results := make([]result, connections)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			start, most := i*len(t.requests)/connections, -1
			if t.once {
				most = (i+1)*len(t.requests)/connections - start
			}
			results[i].times, results[i].err = t.one(ctx, start, most, end)
		})
	}
	wg.Wait()
	all := load{took: time.Since(began)}
	var times []time.Duration
	for _, r := range results {
		if r.err != nil {
			return load{}, r.err
		}
		times = append(times, r.times...)
	}
	if len(times) == 0 {
		return load{}, errors.New("no answer came in time")
	}
	slices.Sort(times)
	all.answers, all.p50, all.p99 = len(times), times[len(times)/2], times[len(times)*99/100]
	return all, nil
}

// one is one connection. Most is how many requests it sends, negative for any
// number until end.
func (t target) one(ctx context.Context, next, most int, end time.Time) ([]time.Duration, error) {
	c, err := dial(ctx, t.addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	times := make([]time.Duration, 0, 1<<14)
	for last := time.Now(); last.Before(end) && len(times) != most; next++ {
		status, body, err := c.roundTrip(t.requests[next%len(t.requests)])
		if err != nil {
			return nil, err
		}
		if t.refused != (status == 401 || status == 429) || !t.refused && status != 200 {
			return nil, fmt.Errorf("%s answered %d: %.300s", t.addr, status, body)
		}
		now := time.Now()
		times = append(times, now.Sub(last))
		last = now
	}
	return times, nil
}

// conn is a connection that knows as much HTTP as answers of servers have.
type conn struct {
	net.Conn
	r    *bufio.Reader
	body []byte
}

func dial(ctx context.Context, addr string) (*conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(time.Minute)) // a run is shorter
	return &conn{Conn: c, r: bufio.NewReaderSize(c, 8<<10)}, nil
}

// roundTrip sends a request and reads the answer. The body is valid until the
// next one.
func (c *conn) roundTrip(request []byte) (status int, body []byte, err error) {
	if _, err := c.Write(request); err != nil {
		return 0, nil, err
	}
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(line) < 12 {
		return 0, nil, fmt.Errorf("status line %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, err
	}
	length, err := c.header()
	if err != nil {
		return status, nil, err
	}
	if length < 0 {
		return status, c.body, c.chunks()
	}
	c.body = slices.Grow(c.body[:0], length)[:length]
	_, err = io.ReadFull(c.r, c.body)
	return status, c.body, err
}

// header reads to the end of the header and returns the length of the body, or
// less than zero when it comes in chunks.
func (c *conn) header() (int, error) {
	length := 0
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case len(line) == 0:
			return length, nil
		case len(name) == 14 && strings.EqualFold(string(name), "Content-Length"):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, err
			}
		case len(name) == 17 && strings.EqualFold(string(name), "Transfer-Encoding"):
			length = -1
		}
	}
}

// chunks reads a chunked body without trailers.
func (c *conn) chunks() error {
	c.body = c.body[:0]
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(strings.TrimSpace(line), 16, 24)
		if err != nil {
			return err
		}
		old := len(c.body)
		c.body = slices.Grow(c.body, int(n)+2)[:old+int(n)+2]
		if _, err := io.ReadFull(c.r, c.body[old:]); err != nil {
			return err
		}
		c.body = c.body[:old+int(n)]
		if n == 0 {
			return nil
		}
	}
}
