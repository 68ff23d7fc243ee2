package enforce

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// eventStream is the media type of server-sent events (WHATWG HTML §9.2).
const eventStream = "text/event-stream"

// errLongEvent says that an event is longer than it may be.
var errLongEvent = errors.New("an event of the stream is too long")

// event is one event of a stream, or a comment that says that it lives.
type event struct {
	name, id string
	data     []byte // nil: none
}

// eventReader reads server-sent events.
type eventReader struct {
	r      *bufio.Reader
	limit  int // bytes of one event
	lastCR bool
}

func newEventReader(r io.Reader, limit int) *eventReader {
	return &eventReader{r: bufio.NewReader(r), limit: limit}
}

// next returns the next event or comment. An event that the stream ends within
// does not count.
func (e *eventReader) next() (event, error) {
	var ev event
	size, some := 0, false
	for {
		line, err := e.line(e.limit - size)
		if err != nil {
			return event{}, err
		}
		size += len(line)
		switch {
		case len(line) == 0:
			if some {
				ev.data = bytes.TrimSuffix(ev.data, []byte("\n"))
				return ev, nil
			}
		case line[0] == ':':
			if !some {
				return event{}, nil
			}
		default:
			some = true
			ev.field(line)
		}
	}
}

func (ev *event) field(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "event":
		ev.name = string(value)
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			ev.id = string(value)
		}
	case "data":
		ev.data = append(append(ev.data, value...), '\n')
	}
}

// line returns a line without its end: LF, CR or both.
func (e *eventReader) line(limit int) ([]byte, error) {
	var line []byte
	for {
		c, err := e.r.ReadByte()
		if err != nil {
			return nil, err
		}
		switch {
		case c == '\n' && e.lastCR && len(line) == 0:
			e.lastCR = false // the other half of the end before
			continue
		case c == '\n':
			e.lastCR = false
			return line, nil
		case c == '\r':
			e.lastCR = true
			return line, nil
		}
		e.lastCR = false
		if len(line) >= limit {
			return nil, errLongEvent
		}
		line = append(line, c)
	}
}
