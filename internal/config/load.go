package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage/internal/yamlfile"
)

// maxFile bounds server.yaml, in bytes.
const maxFile = 1 << 20

// Sources is where settings come from. A flag beats a variable, a variable the
// file, and the file the default.
type Sources struct {
	File    string            // path of server.yaml; empty: none
	Environ []string          // NAME=value, as os.Environ has it
	Flags   map[string]string // by the name of the flag, without hyphens; only those that were given
}

// Origin says where the value of a setting came from.
type Origin struct {
	Path  string // of the setting
	Value string
	From  string // such as --listen, MINTAGE_LISTEN, server.yaml:3 or default
}

// Load reads the settings. The error tells all that is wrong.
func Load(src Sources) (*Server, error) {
	l := &loader{server: &Server{origins: map[string]Origin{}, places: map[string]yamlfile.Node{}}, sources: src}
	for _, s := range Settings() {
		l.put(s, s.Default, "default", nil)
	}
	l.file()
	l.environ()
	l.flags()
	if err := errors.Join(l.errs...); err != nil {
		return nil, err
	}
	if err := errors.Join(l.server.readDatabase(), l.server.readOIDC(), l.server.validate()); err != nil {
		return nil, err
	}
	return l.server, nil
}

// Origins returns where each value came from, in the order of Settings.
func (s *Server) Origins() []Origin {
	var all []Origin
	for _, setting := range Settings() {
		all = append(all, s.origins[setting.Path])
	}
	return all
}

// Changes compares the settings of a server that began with start and went on
// with s: live are the paths of those that next changes while it runs, restart
// those that it changes only at the next start.
func (s *Server) Changes(start, next *Server) (live, restart []string) {
	for _, setting := range Settings() {
		is, will := s, setting.Live
		if group, _, nested := strings.Cut(setting.Path, "."); nested && will && group != "log" {
			// Where TLS is switched on or off, the listener has to begin anew.
			pair := map[string][2]TLS{"tls": {start.TLS, next.TLS}, "admin_tls": {start.AdminTLS, next.AdminTLS}}[group]
			will = pair[0].On() == pair[1].On()
		}
		if !will {
			is = start
		}
		switch {
		case is.origins[setting.Path].Value == next.origins[setting.Path].Value:
		case will:
			live = append(live, setting.Path)
		default:
			restart = append(restart, setting.Path)
		}
	}
	return live, restart
}

// loader reads the sources in the order in which one beats the other.
type loader struct {
	server  *Server
	sources Sources
	errs    []error
}

// put sets s to value. Refuse reports what is wrong with it where that is a
// place in the file; nil means that from is the place.
func (l *loader) put(s Setting, value, from string, refuse func(error)) {
	if value != "" || from != "default" {
		if err := s.set(l.server, value); err != nil {
			if refuse != nil {
				refuse(err)
			} else {
				l.errs = append(l.errs, fmt.Errorf("%s: %w", from, err))
			}
			return
		}
	}
	if s.secret && value != "" {
		value = shown(value)
	}
	l.server.origins[s.Path] = Origin{Path: s.Path, Value: value, From: from}
	delete(l.server.places, s.Path) // what the file said counts no more
}

func (l *loader) file() {
	if l.sources.File == "" {
		return
	}
	data, err := readBounded(l.sources.File, maxFile)
	if err != nil {
		l.errs = append(l.errs, err)
		return
	}
	f, err := yamlfile.Parse(l.sources.File, data)
	if err != nil {
		l.errs = append(l.errs, err)
		return
	}
	f.Root().Object(l.fields())
	if err := f.Err(); err != nil {
		l.errs = append(l.errs, err)
	}
}

func readBounded(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: the file is larger than %d KiB", name, limit>>10)
	}
	return data, err
}

// fields reads the settings by their place in the file: tls.cert is the key
// cert of the object tls.
func (l *loader) fields() yamlfile.Fields {
	top, groups := yamlfile.Fields{}, map[string]yamlfile.Fields{}
	for _, s := range Settings() {
		read := func(n yamlfile.Node) { l.fromFile(s, n) }
		group, name, nested := strings.Cut(s.Path, ".")
		if !nested {
			top[s.Path] = read
			continue
		}
		if groups[group] == nil {
			groups[group] = yamlfile.Fields{}
		}
		groups[group][name] = read
	}
	for group, fields := range groups {
		top[group] = func(n yamlfile.Node) { n.Object(fields) }
	}
	return top
}

func (l *loader) fromFile(s Setting, n yamlfile.Node) {
	var value string
	if s.list && !n.Scalar() {
		list, ok := n.Texts()
		if !ok {
			return
		}
		value = strings.Join(list, ",")
	} else {
		text, ok := n.Text()
		if !ok {
			return
		}
		value = text
	}
	if s.path && value != "" && !filepath.IsAbs(value) {
		value = filepath.Join(filepath.Dir(l.sources.File), value)
	}
	l.put(s, value, n.Place(), func(err error) { n.Errorf("%s", err) })
	l.server.places[s.Path] = n
}

// notSettings are the variables of the command line and of the files that it
// writes. MINTAGE_CONFIG names the file itself.
var notSettings = []string{
	"MINTAGE_AGENT", "MINTAGE_AGENT_CONFIG", "MINTAGE_AGENT_KEY_FILE", "MINTAGE_CLIENT_ID", "MINTAGE_CLIENT_SECRET", "MINTAGE_CLIENT_SECRET_FILE", "MINTAGE_CONFIG", "MINTAGE_CREDENTIALS_FILE",
	"MINTAGE_DEBUG", "MINTAGE_NO_INPUT", "MINTAGE_PROFILE", "MINTAGE_TENANT", "MINTAGE_TOKEN", "MINTAGE_TOKEN_FILE", "MINTAGE_URL",
}

// fromKubernetes matches the variables that Kubernetes puts into every
// container for a service whose name begins with mintage.
var fromKubernetes = regexp.MustCompile(`^MINTAGE_([A-Z0-9_]+_)?(SERVICE_(HOST|PORT)|PORT)(_[A-Z0-9_]+)?$`)

// environ reads the variables, and refuses those that look like settings and
// are none: a misspelt one would be ignored in silence.
func (l *loader) environ() {
	given := map[string]string{}
	for _, kv := range l.sources.Environ {
		if name, value, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(name, "MINTAGE_") {
			given[name] = value
		}
	}
	for _, s := range Settings() {
		if value, ok := given[s.Env()]; ok {
			l.put(s, value, s.Env(), nil)
			delete(given, s.Env())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(notSettings, name) && !fromKubernetes.MatchString(name) {
			l.errs = append(l.errs, fmt.Errorf("%s: there is no such setting%s", name, yamlfile.Suggest(name, names(Setting.Env))))
		}
	}
}

func (l *loader) flags() {
	rest := maps.Clone(l.sources.Flags)
	for _, s := range Settings() {
		if value, ok := rest[s.Flag()]; ok {
			if s.secret && hasPassword(value) {
				l.errs = append(l.errs, fmt.Errorf(
					"--%s: all users of this machine can read a password in a command's arguments: use %s, %s_FILE or a .pgpass file", s.Flag(), s.Env(), s.Env()))
			}
			l.put(s, value, "--"+s.Flag(), nil)
			delete(rest, s.Flag())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		l.errs = append(l.errs, fmt.Errorf("--%s: there is no such setting%s", name, yamlfile.Suggest(name, names(Setting.Flag))))
	}
}

func names(of func(Setting) string) []string {
	var all []string
	for _, s := range Settings() {
		all = append(all, of(s))
	}
	return all
}
