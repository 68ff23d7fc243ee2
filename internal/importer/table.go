package importer

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mintage-auth/mintage/internal/apply"
)

// row is one row of a table, by the names of its columns.
type row map[string]string

// readTable calls fn with each row of a table, which is CSV with a first line
// of names, or the COPY of the table in a dump of PostgreSQL.
func readTable(data []byte, table string, fn func(row) error) error {
	if bytes.Contains(data, []byte("\nCOPY ")) || bytes.HasPrefix(data, []byte("COPY ")) {
		return readCopy(data, table, fn)
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	names, err := r.Read()
	if err != nil {
		return errors.New("it is no CSV with the names of the columns in its first line")
	}
	for n := 2; ; n++ {
		values, err := r.Read()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil: // what the library says of a line does not show it
			return fmt.Errorf("the row %d: %w", n, err)
		}
		if err := fn(rowOf(names, values)); err != nil {
			return err
		}
	}
}

func rowOf(names, values []string) row {
	r := row{}
	for i := range min(len(names), len(values)) {
		r[strings.ToLower(strings.TrimSpace(names[i]))] = values[i]
	}
	return r
}

// readCopy finds COPY schema.table (a, b) FROM stdin; and reads its lines to \.
func readCopy(data []byte, table string, fn func(row) error) error {
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, MaxSize)
	var names []string
	for lines.Scan() {
		line := lines.Text()
		switch {
		case names == nil:
			names = copyNames(line, table)
		case line == `\.`:
			return nil
		default:
			values := strings.Split(line, "\t")
			if len(values) != len(names) {
				return fmt.Errorf("a row of %s has %d columns, not %d", table, len(values), len(names))
			}
			for i := range values {
				values[i] = unescape(values[i])
			}
			if err := fn(rowOf(names, values)); err != nil {
				return err
			}
		}
	}
	if names == nil {
		return errors.New("the dump has no table " + table)
	}
	return errors.New("the dump breaks off in the table " + table)
}

// copyNames returns the columns of a line that begins the COPY of a table, nil
// for another line.
func copyNames(line, table string) []string {
	rest, ok := strings.CutPrefix(line, "COPY ")
	head, tail, found := strings.Cut(rest, " (")
	list, _, closed := strings.Cut(tail, ") FROM stdin;")
	if !ok || !found || !closed {
		return nil
	}
	if i := strings.LastIndexByte(head, '.'); i >= 0 {
		head = head[i+1:]
	}
	if strings.Trim(head, `"`) != table {
		return nil
	}
	names := strings.Split(list, ",")
	for i := range names {
		names[i] = strings.Trim(strings.TrimSpace(names[i]), `"`)
	}
	return names
}

// unescape reads a value of COPY's text form. The null \N is empty.
func unescape(s string) string {
	if s == `\N` {
		return ""
	}
	return strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n", `\r`, "\r", `\b`, "\b", `\f`, "\f", `\v`, "\v").Replace(s)
}

// yes reports whether a column is true, as CSV and SQL write it.
func yes(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "1", "t", "true", "yes":
		return true
	}
	return false
}

// tableSecret reads the secret of a row. Bcrypt shows itself; SHA-256 has to be
// said.
func (b *builder) tableSecret(f *found, value string) {
	f.secret = apply.Sensitive(value)
	switch {
	case value == "":
	case b.opts.SHA256:
		f.secret, f.hashed = "sha256:"+apply.Sensitive(strings.ToLower(value)), true
	case strings.HasPrefix(value, "$2"):
		f.hashed = true
	}
}
