package attack

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// Log reads what an Echo elsewhere writes to a file.
type Log struct {
	file   *os.File
	lines  *bufio.Reader
	begun  []byte // of a line whose end is not written yet
	number int
}

// maxLogLine bounds a line of the log, in bytes.
const maxLogLine = 4 << 20

// OpenLog opens the file that an Echo writes, and passes over what is in it.
func OpenLog(name string) (*Log, error) {
	f, err := os.Open(name) //nolint:gosec // the user names it
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekEnd); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Log{file: f, lines: bufio.NewReader(f)}, nil
}

// Close closes the file.
func (l *Log) Close() error { return l.file.Close() }

// Take returns the requests since the last call.
func (l *Log) Take() ([]Seen, error) {
	var seen []Seen
	for {
		part, err := l.lines.ReadSlice('\n')
		l.begun = append(l.begun, part...)
		switch {
		case errors.Is(err, io.EOF):
			return seen, nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case len(l.begun) > maxLogLine:
			return nil, fmt.Errorf("%s: a line is longer than %d bytes", l.file.Name(), maxLogLine)
		case err != nil:
			continue
		}
		l.number++
		var s Seen
		if err := json.Unmarshal(l.begun, &s); err != nil {
			return nil, fmt.Errorf("%s: line %d is none of mintage attack --echo: %w", l.file.Name(), l.number, err)
		}
		l.begun = l.begun[:0]
		seen = append(seen, s)
	}
}
