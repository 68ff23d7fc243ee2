package config

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Database says which database a server has. Without a URL it is SQLite, a file
// in the data directory.
type Database struct {
	URL              string // postgres://…; it may hold a password
	URLFile          string // a file that holds the URL
	MaxConnections   int
	StatementTimeout time.Duration
}

// maxURLFile bounds what is read of a file that holds a URL, in bytes.
const maxURLFile = 64 << 10

func databaseSettings() []Setting {
	return []Setting{
		{
			Path: "database.url", Usage: "postgres:// URL of the database; default SQLite in data", flag: "database", secret: true,
			set: func(s *Server, v string) error { return setDatabaseURL(&s.Database.URL, v) },
		},
		{
			Path: "database.url_file", Usage: "file that holds the URL of the database", path: true,
			set: func(s *Server, v string) error { s.Database.URLFile = v; return nil },
		},
		{
			Path: "database.max_connections", Default: "20", Usage: "connections to PostgreSQL that this process takes at most",
			set: func(s *Server, v string) error { return setConnections(&s.Database.MaxConnections, v) },
		},
		{
			Path: "database.statement_timeout", Default: "10s", Usage: "how long a statement may take on PostgreSQL",
			set: func(s *Server, v string) error { return setDuration(&s.Database.StatementTimeout, v) },
		},
		{
			Path: "store", Usage: "sqlite or postgres; default by whether the database has a URL",
			set: func(s *Server, v string) error { return setWord(&s.Store, v, StoreSQLite, StorePostgres) },
		},
	}
}

// setDatabaseURL refuses what it cannot read without repeating it.
func setDatabaseURL(dst *string, v string) error {
	*dst = v
	if v == "" {
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return errors.New("write a URL such as postgres://mintage@db.example.com/mintage?sslmode=verify-full")
	}
	return nil
}

func setConnections(dst *int, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 4 || n > 1000 {
		return errors.New("write a number from 4 to 1000")
	}
	*dst = n
	return nil
}

// shown is the URL of a database without its password.
func shown(value string) string {
	u, err := url.Parse(value)
	if err != nil {
		return "(hidden)"
	}
	if q := u.Query(); q.Has("password") {
		q.Set("password", "xxxxx")
		u.RawQuery = q.Encode()
	}
	return u.Redacted()
}

// hasPassword reports whether a URL holds one.
func hasPassword(value string) bool {
	u, err := url.Parse(value)
	if err != nil {
		return false
	}
	_, inUser := u.User.Password()
	return inUser || u.Query().Has("password")
}

// readDatabase reads the URL from its file, and says which store the settings
// make.
func (s *Server) readDatabase() error {
	if s.Database.URL != "" && s.Database.URLFile != "" {
		return s.refusal("database.url_file", " and database.url are both set: keep one")
	}
	if s.Database.URLFile != "" {
		v, err := readURLFile(s.Database.URLFile)
		if err != nil {
			return s.refusal("database.url_file", ": "+err.Error())
		}
		s.Database.URL = v
	}
	switch {
	case s.Store == "" && s.Database.URL != "":
		s.Store = StorePostgres
	case s.Store == "":
		s.Store = StoreSQLite
	case s.Store == StorePostgres && s.Database.URL == "":
		return s.refusal("store", " needs database.url or database.url_file")
	case s.Store == StoreSQLite && s.Database.URL != "":
		return s.refusal("store", " is a file in the data directory, but database.url names a server: leave out one of both")
	}
	return nil
}

func readURLFile(name string) (string, error) {
	data, err := readBounded(name, maxURLFile)
	if err != nil {
		return "", err
	}
	v := strings.TrimSpace(string(data))
	if v == "" {
		return "", errors.New("the file is empty")
	}
	var checked string
	if err := setDatabaseURL(&checked, v); err != nil {
		return "", fmt.Errorf("in the file: %w", err)
	}
	return checked, nil
}
