// Package profile keeps what the command line knows of servers: profiles, which
// people may edit, in ~/.config/mintage/config.yaml, and the session of each, which
// is a secret, in ~/.local/state/mintage.
//
// One thing is always true of it: a file is there whole, as it was or as it is to
// be, and a session can be read by its owner alone.
//
//   - profile.go: profiles and the file that has them
//   - session.go: sessions
package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/mintage-auth/mintage/internal/yamlfile"
)

// DefaultName is the profile of somebody who names none.
const DefaultName = "default"

// Profile is how commands reach one server. What is empty is not said.
type Profile struct {
	URL             string // of the admin listener
	Tenant          string // that commands are about
	CredentialsFile string // of a client, instead of a session
}

// File is what the file of profiles says.
type File struct {
	Default  string // profile of who names none; empty: DefaultName
	Profiles map[string]Profile
}

// Dirs are where the files are.
type Dirs struct{ Config, State string }

// DirsOf returns where the files are, by the environment (XDG Base Directory
// Specification: a relative path there counts for nothing). Home is where people
// have theirs.
func DirsOf(env func(string) string, home string) Dirs {
	at := func(name string, otherwise ...string) string {
		if dir := env(name); filepath.IsAbs(dir) {
			return filepath.Join(dir, "mintage")
		}
		return filepath.Join(append(append([]string{home}, otherwise...), "mintage")...)
	}
	return Dirs{Config: at("XDG_CONFIG_HOME", ".config"), State: at("XDG_STATE_HOME", ".local", "state")}
}

// ConfigFile is the file of profiles.
func (d Dirs) ConfigFile() string { return filepath.Join(d.Config, "config.yaml") }

// Read reads the file of profiles. One that is not there says nothing.
func (d Dirs) Read() (*File, error) {
	data, err := os.ReadFile(d.ConfigFile())
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(strings.TrimSpace(string(data))) == 0 {
		return &File{}, nil
	}
	if err != nil {
		return nil, err
	}
	return Parse(d.ConfigFile(), data)
}

// Parse reads a file of profiles, whose name is for errors.
func Parse(name string, data []byte) (*File, error) {
	y, err := yamlfile.Parse(name, data)
	if err != nil {
		return nil, err
	}
	f := &File{Profiles: map[string]Profile{}}
	y.Root().Object(yamlfile.Fields{
		"default": func(n yamlfile.Node) { f.Default = checked(n, CheckName) },
		"profiles": func(n yamlfile.Node) {
			n.Entries(func(name string, child yamlfile.Node) {
				if err := CheckName(name); err != nil {
					child.KeyErrorf("%v", err)
					return
				}
				f.Profiles[name] = readProfile(child)
			})
		},
	})
	if err := y.Err(); err != nil {
		return nil, err
	}
	return f, nil
}

func readProfile(n yamlfile.Node) (p Profile) {
	n.Object(yamlfile.Fields{
		"url":              func(n yamlfile.Node) { p.URL = strings.TrimRight(checked(n, CheckURL), "/") },
		"tenant":           func(n yamlfile.Node) { p.Tenant, _ = n.Text() },
		"credentials_file": func(n yamlfile.Node) { p.CredentialsFile, _ = n.Text() },
	})
	return p
}

// checked reads a text that check lets pass.
func checked(n yamlfile.Node, check func(string) error) string {
	s, ok := n.Text()
	if !ok {
		return ""
	}
	if err := check(s); err != nil {
		n.Errorf("%v", err)
		return ""
	}
	return s
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// CheckName refuses what is no name of a profile: it is part of a file's name.
func CheckName(name string) error {
	if !nameForm.MatchString(name) {
		return fmt.Errorf("a profile has a name of up to 63 letters, digits, dots, dashes and underscores, not %.80q", name)
	}
	return nil
}

// CheckURL refuses what is no URL of an admin listener: https, or http on this
// machine, since a session travels there.
func CheckURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("write the URL of the admin listener, such as https://admin.auth.example.com")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("the URL of the admin listener has no user, no query and no fragment")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return errors.New("use https: over plain http, others on the way could read the session")
	}
	return nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// Keep writes that a profile is at a URL, and is the default from now on. What
// else the file says stays, comments included; a file that says so already is not
// touched.
func (d Dirs) Keep(name, at string) error {
	f, err := d.Read()
	if err != nil {
		return err
	}
	if f.Default == name && f.Profiles[name].URL == at {
		return nil
	}
	data, err := os.ReadFile(d.ConfigFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if data, err = yamlfile.Set(data, name, "default"); err != nil {
		return err
	}
	if data, err = yamlfile.Set(data, at, "profiles", name, "url"); err != nil {
		return err
	}
	return replace(d.ConfigFile(), data)
}

// replace writes a file whole, mode 0600, in a directory of mode 0700 if it is
// made.
func replace(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	out, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(out.Name())
		}
	}()
	_, err = out.Write(data)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	return os.Rename(out.Name(), path)
}
