package profile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// Session is who a profile is signed in as.
type Session struct {
	URL     string    `json:"url"` // the one server that the token is for
	Token   string    `json:"session_token"`
	Email   string    `json:"email"`
	Tenant  string    `json:"tenant"` // that it is confined to; mintage: none
	Expires time.Time `json:"expires_at"`
}

// LogValue shows nothing secret.
func (s *Session) LogValue() slog.Value { return slog.StringValue(s.Email + " at " + s.URL) }

// SessionFile is where the session of a profile is.
func (d Dirs) SessionFile(name string) string {
	return filepath.Join(d.State, "sessions", name+".json")
}

// Session reads the session of a profile. The error wraps fs.ErrNotExist when
// there is none.
func (d Dirs) Session(name string) (*Session, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	path := d.SessionFile(name)
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode(); !mode.IsRegular() || mode.Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("others can read or change %s: it has mode %04o; chmod 600 %[1]s, or sign in again", path, mode.Perm())
	}
	data, err := os.ReadFile(path) // #nosec G304 -- below the state directory, by a checked name
	if err != nil {
		return nil, err
	}
	s := new(Session)
	if err := json.Unmarshal(data, s); err != nil || s.Token == "" || CheckURL(s.URL) != nil {
		return nil, fmt.Errorf("%s is not as mintage login wrote it: sign in again", path)
	}
	return s, nil
}

// WriteSession keeps the session of a profile.
func (d Dirs) WriteSession(name string, s *Session) error {
	if err := errors.Join(CheckName(name), CheckURL(s.URL)); err != nil {
		return err
	}
	data, err := json.MarshalIndent(s, "", "  ") // #nosec G117 -- this is the file of the secret
	if err != nil {
		return err
	}
	return replace(d.SessionFile(name), append(data, '\n'))
}

// ForgetSession deletes the session of a profile; none is no error.
func (d Dirs) ForgetSession(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	err := os.Remove(d.SessionFile(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
