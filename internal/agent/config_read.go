package agent

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/internal/relay"
	"github.com/mintage-auth/mintage/internal/yamlfile"
)

// maxFile bounds agent.yaml, in bytes.
const maxFile = 1 << 20

// Load reads a file. The error tells all that is wrong with it.
func Load(path string) (*Config, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s: the file is larger than %d KiB", path, maxFile>>10)
	}
	return Parse(path, data)
}

// Parse reads the text of a file. Paths in it are relative to its folder.
func Parse(name string, data []byte) (*Config, error) {
	f, err := yamlfile.Parse(name, data)
	if err != nil {
		return nil, err
	}
	r := &reader{config: &Config{}, dir: filepath.Dir(name)}
	r.root(f.Root())
	if err := f.Err(); err != nil {
		return nil, err
	}
	return r.config, nil
}

// reader reads one file.
type reader struct {
	config *Config
	dir    string
	stdin  bool     // a secret comes from standard input
	after  []func() // checks that want the whole file
}

func (r *reader) root(n yamlfile.Node) {
	c := r.config
	var listen, status, upstreams yamlfile.Node
	n.Object(yamlfile.Fields{
		"listen":          func(n yamlfile.Node) { listen = n; c.Listen = oneOrMore(n) },
		"status_listen":   func(n yamlfile.Node) { status = n; c.StatusListen = text(n) },
		"hosts":           func(n yamlfile.Node) { c.Hosts = oneOrMore(n) },
		"allow_uids":      r.uids,
		"access_key":      func(n yamlfile.Node) { c.AccessKey = r.secret(n, "access_key") },
		"log":             r.log,
		"upstreams":       func(n yamlfile.Node) { upstreams = n; r.upstreams(n) },
		"token_endpoints": r.endpoints,
		"danger_listen_beyond_loopback": func(n yamlfile.Node) {
			c.DangerListenBeyondLoopback = boolean(n)
		},
	})
	if len(c.Listen) == 0 && listen.IsZero() {
		c.Listen = []string{DefaultListen}
	}
	if len(c.Upstreams)+len(c.TokenEndpoints) == 0 && upstreams.IsZero() {
		n.Errorf("there is nothing to do: name upstreams, or token_endpoints, or both")
	}
	c.checkListen(listen, status)
	for _, check := range r.after {
		check()
	}
}

func (r *reader) uids(n yamlfile.Node) {
	list, ok := n.Texts()
	if !ok {
		return
	}
	for _, s := range list {
		uid, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			n.Errorf("%s is no user id: write numbers, as id -u prints them", strconv.Quote(s))
			return
		}
		r.config.AllowUIDs = append(r.config.AllowUIDs, uint32(uid))
	}
}

func (r *reader) log(n yamlfile.Node) {
	n.Object(yamlfile.Fields{
		"level": func(n yamlfile.Node) {
			if err := r.config.LogLevel.UnmarshalText([]byte(text(n))); err != nil {
				n.Errorf("the level is debug, info, warn or error")
			}
		},
		"format": func(n yamlfile.Node) {
			switch text(n) {
			case "json":
			case "text":
				r.config.LogText = true
			default:
				n.Errorf("the format is json or text")
			}
		},
	})
}

func (r *reader) upstreams(n yamlfile.Node) {
	n.Entries(func(name string, n yamlfile.Node) {
		u := &UpstreamConfig{Name: name}
		if why := badName(name); why != "" {
			n.KeyErrorf("%s", why)
			return
		}
		r.config.Upstreams = append(r.config.Upstreams, u)
		r.upstream(n, u)
	})
}

func (r *reader) upstream(n yamlfile.Node, u *UpstreamConfig) {
	var at, token yamlfile.Node
	n.Object(yamlfile.Fields{
		"url":               func(n yamlfile.Node) { at = n; u.URL = parseURL(n) },
		"protocol":          func(n yamlfile.Node) { u.Protocol = relay.Protocol(oneOf(n, "auto", "http1", "h2c")) },
		"ca_file":           func(n yamlfile.Node) { u.CAFile = r.path(n) },
		"cert_file":         func(n yamlfile.Node) { u.Certificate.File = r.path(n) },
		"cert_key_file":     func(n yamlfile.Node) { u.Certificate.KeyFile = r.path(n) },
		"forward_proxy":     func(n yamlfile.Node) { u.ForwardProxy = boolean(n) },
		"danger_plain_http": func(n yamlfile.Node) { u.DangerPlainHTTP = boolean(n) },
		"connect_timeout":   func(n yamlfile.Node) { u.ConnectTimeout = duration(n) },
		"answer_timeout":    func(n yamlfile.Node) { u.AnswerTimeout = duration(n) },
		"max_replay":        func(n yamlfile.Node) { u.MaxReplay = int64(number(n, maxReplay)) },
		"token":             func(n yamlfile.Node) { token = n; r.token(n, &u.Token) },
	})
	if token.IsZero() && n.IsObject() {
		n.KeyErrorf("%s has no token: say how one is got, with token_url, client_id and client_secret", u.Name)
	}
	u.Certificate.check(n)
	u.check(at)
}

// maxReplay bounds max_replay: it is memory for each request under way.
const maxReplay = 64 << 20

func (r *reader) token(n yamlfile.Node, t *TokenConfig) {
	fields := yamlfile.Fields{
		"preset":        func(n yamlfile.Node) { t.Preset = oneOf(n, vendors()...) },
		"base":          func(n yamlfile.Node) { t.Base = strings.TrimSuffix(text(n), "/") },
		"token_url":     func(n yamlfile.Node) { t.TokenURL = text(n) },
		"client_id":     func(n yamlfile.Node) { t.ClientID = r.plain(n) },
		"client_secret": func(n yamlfile.Node) { t.Secret = r.secret(n, "client_secret") },
		"auth": func(n yamlfile.Node) {
			t.Auth = oneOf(n, "basic", "basic_raw", "post", "json", "query", "private_key_jwt", "tls_client_auth")
		},
		"key_file":          func(n yamlfile.Node) { t.KeyFile = r.path(n) },
		"key_id":            func(n yamlfile.Node) { t.KeyID = text(n) },
		"issuer":            func(n yamlfile.Node) { t.Issuer = text(n) },
		"cert_file":         func(n yamlfile.Node) { t.Certificate.File = r.path(n) },
		"cert_key_file":     func(n yamlfile.Node) { t.Certificate.KeyFile = r.path(n) },
		"scope":             func(n yamlfile.Node) { t.Scope = words(n) },
		"resource":          func(n yamlfile.Node) { t.Resource = oneOrMore(n) },
		"audience":          func(n yamlfile.Node) { t.Audience = oneOrMore(n) },
		"ca_file":           func(n yamlfile.Node) { t.CAFile = r.path(n) },
		"danger_plain_http": func(n yamlfile.Node) { t.DangerPlainHTTP = boolean(n) },
		"life":              func(n yamlfile.Node) { t.Life = duration(n) },
		"grace":             func(n yamlfile.Node) { t.Grace = duration(n) },
		"wait":              func(n yamlfile.Node) { t.Wait = duration(n) },
		"fetch_timeout":     func(n yamlfile.Node) { t.FetchTimeout = duration(n) },
		"max_waiting":       func(n yamlfile.Node) { t.MaxWaiting = number(n, maxWaiting) },
		"keep_fresh":        func(n yamlfile.Node) { t.KeepFresh = boolean(n) },
	}
	if n.Object(fields) {
		t.check(n)
	}
}

// maxWaiting bounds max_waiting: each is a request that is held open.
const maxWaiting = 1_000_000

func (r *reader) endpoints(n yamlfile.Node) {
	n.Entries(func(path string, n yamlfile.Node) {
		e := &EndpointConfig{Path: path}
		r.config.TokenEndpoints = append(r.config.TokenEndpoints, e)
		n.Object(yamlfile.Fields{
			"url":               func(n yamlfile.Node) { e.URL = text(n) },
			"headers":           func(n yamlfile.Node) { e.Headers = oneOrMore(n) },
			"ca_file":           func(n yamlfile.Node) { e.CAFile = r.path(n) },
			"danger_plain_http": func(n yamlfile.Node) { e.DangerPlainHTTP = boolean(n) },
			"life":              func(n yamlfile.Node) { e.Life = duration(n) },
			"refused_for":       func(n yamlfile.Node) { e.RefusedFor = duration(n) },
			"timeout":           func(n yamlfile.Node) { e.Timeout = duration(n) },
			"max_waiting":       func(n yamlfile.Node) { e.MaxWaiting = number(n, maxWaiting) },
		})
		if n.IsObject() {
			r.after = append(r.after, func() { e.check(n, r.config.Upstreams) })
		}
	})
}

// secret reads where a secret is.
func (r *reader) secret(n yamlfile.Node, what string) *SecretRef {
	n = n.Secretive()
	if !n.IsObject() {
		n.Refuse("no secret is written in this file: use %s: { file: PATH }, { env: NAME } or { stdin: true }", what)
		return nil
	}
	var s SecretRef
	n.Object(yamlfile.Fields{
		"file":  func(n yamlfile.Node) { s.File = r.path(n) },
		"env":   func(n yamlfile.Node) { s.Env = text(n) },
		"stdin": func(n yamlfile.Node) { s.Stdin = boolean(n) },
	})
	set := 0
	for _, is := range []bool{s.File != "", s.Env != "", s.Stdin} {
		if is {
			set++
		}
	}
	switch {
	case set != 1:
		n.Refuse("a secret has one place: { file: PATH }, { env: NAME } or { stdin: true }")
		return nil
	case s.Stdin && r.stdin:
		n.Errorf("standard input holds one secret, and another setting has it")
		return nil
	}
	r.stdin = r.stdin || s.Stdin
	return &s
}

// plain reads a text that may also come from the environment.
func (r *reader) plain(n yamlfile.Node) string {
	if !n.IsObject() {
		return text(n)
	}
	name := ""
	n.Object(yamlfile.Fields{"env": func(n yamlfile.Node) { name = text(n) }})
	value := os.Getenv(name)
	if name != "" && value == "" {
		n.Errorf("the variable %s is not set", name)
	}
	return value
}

// path reads a path, relative to the file's folder.
func (r *reader) path(n yamlfile.Node) string {
	p := text(n)
	if p != "" && !filepath.IsAbs(p) {
		p = filepath.Join(r.dir, p)
	}
	return p
}

func text(n yamlfile.Node) string {
	s, ok := n.Text()
	if ok && s == "" {
		n.Errorf("a value is missing")
	}
	return s
}

func boolean(n yamlfile.Node) bool {
	v, _ := n.Bool()
	return v
}

func duration(n yamlfile.Node) time.Duration {
	s, ok := n.Text()
	if !ok {
		return 0
	}
	d, err := yamlfile.ParseDuration(s)
	if err != nil {
		n.Errorf("%s", err)
	}
	return d
}

func number(n yamlfile.Node, most int) int {
	s, ok := n.Text()
	if !ok {
		return 0
	}
	v, err := strconv.Atoi(s)
	if err != nil || v < 1 || v > most {
		n.Errorf("a number from 1 to %d is expected here", most)
	}
	return v
}

func oneOf(n yamlfile.Node, known ...string) string {
	s, ok := n.Text()
	if !ok {
		return ""
	}
	if slices.Contains(known, s) {
		return s
	}
	n.Errorf("%s is not one of %s%s", strconv.Quote(s), strings.Join(known, ", "), yamlfile.Suggest(s, known))
	return ""
}

// oneOrMore reads a text or a list of texts.
func oneOrMore(n yamlfile.Node) []string {
	if n.Scalar() {
		return []string{text(n)}
	}
	list, _ := n.Texts()
	return list
}

// words is oneOrMore, and takes texts apart at spaces, as scopes are written.
func words(n yamlfile.Node) []string {
	var all []string
	for _, s := range oneOrMore(n) {
		all = append(all, strings.Fields(s)...)
	}
	return all
}

var errURL = errors.New("write a whole URL, such as https://api.example/v1")

func parseURL(n yamlfile.Node) *url.URL {
	s, ok := n.Text()
	if !ok {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		n.Errorf("%s", errURL)
		return nil
	}
	return u
}
