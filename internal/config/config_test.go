package config_test

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mintage-auth/mintage/internal/config"
)

func load(t *testing.T, file string, environ []string, flags map[string]string) (*config.Server, error) {
	t.Helper()
	src := config.Sources{Environ: environ, Flags: flags}
	if file != "" {
		src.File = filepath.Join(t.TempDir(), "server.yaml")
		if err := os.WriteFile(src.File, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config.Load(src)
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	got, err := load(t, "", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := &config.Server{
		Listen: "127.0.0.1:9400", AdminListen: "127.0.0.1:9401", Data: "data", Log: config.Log{Format: "json"},
		DrainTimeout: 10 * time.Second, KeyPeriod: 90 * 24 * time.Hour, RequestLog: config.RequestLog{Keep: 7 * 24 * time.Hour, Tokens: true}, Store: "sqlite",
		Database: config.Database{MaxConnections: 20, StatementTimeout: 10 * time.Second},
	}
	if d := cmp.Diff(want, got, cmpopts.IgnoreUnexported(config.Server{}), cmpopts.EquateComparable(netip.Prefix{})); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

const whole = `
listen: 0.0.0.0:443
admin_listen: "[::1]:9401"
admin_url: https://admin.example.com
data: /var/lib/mintage
tls:
  cert: tls/cert.pem
  key: /etc/tls/key.pem
admin_tls: { cert: a.pem, key: b.pem }
behind_proxy: [10.0.0.0/8, 192.0.2.7]
master_key_file: master.key
log: { level: debug, format: text }
docs_url: https://docs.example.com/auth/
drain_timeout: 1m
keys: { period: 30d }
request_log: { keep: 30d, tokens: off }
metrics: { client_label: [billing, printer] }
store: sqlite
`

func TestFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "server.yaml")
	if err := os.WriteFile(name, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := config.Load(config.Sources{File: name})
	if err != nil {
		t.Fatal(err)
	}
	want := &config.Server{
		Listen: "0.0.0.0:443", AdminListen: "[::1]:9401", AdminURL: "https://admin.example.com", Data: "/var/lib/mintage",
		TLS:           config.TLS{Cert: filepath.Join(dir, "tls", "cert.pem"), Key: "/etc/tls/key.pem"},
		AdminTLS:      config.TLS{Cert: filepath.Join(dir, "a.pem"), Key: filepath.Join(dir, "b.pem")},
		BehindProxy:   []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32")},
		MasterKeyFile: filepath.Join(dir, "master.key"), Log: config.Log{Level: slog.LevelDebug, Format: "text"},
		DocsURL: "https://docs.example.com/auth", DrainTimeout: time.Minute, KeyPeriod: 30 * 24 * time.Hour, ClientLabels: []string{"billing", "printer"}, RequestLog: config.RequestLog{Keep: 30 * 24 * time.Hour}, Store: "sqlite",
		Database: config.Database{MaxConnections: 20, StatementTimeout: 10 * time.Second},
	}
	if d := cmp.Diff(want, got, cmpopts.IgnoreUnexported(config.Server{}), cmpopts.EquateComparable(netip.Prefix{})); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestPrecedence: a flag beats a variable, a variable the file, the file the
// default; and each value says where it came from.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "server.yaml")
	if err := os.WriteFile(name, []byte("listen: 127.0.0.1:1\ndata: a\nlog:\n  level: warn\n  format: text\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := config.Load(config.Sources{
		File:    name,
		Environ: []string{"PATH=/bin", "MINTAGE_LISTEN=127.0.0.1:2", "MINTAGE_LOG_LEVEL=error", "MINTAGE_TLS_CERT=c.pem", "MINTAGE_TLS_KEY=k.pem", "MINTAGE_BEHIND_PROXY=10.0.0.0/8, 192.0.2.0/24"},
		Flags:   map[string]string{"listen": "127.0.0.1:3", "log-format": "json"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var origins []string
	for _, o := range got.Origins() {
		origins = append(origins, o.Path+"="+o.Value+" "+o.From)
	}
	want := []string{
		"listen=127.0.0.1:3 --listen", "admin_listen=127.0.0.1:9401 default", "admin_url= default", "console_listen= default", "console_url= default",
		"tls.cert=c.pem MINTAGE_TLS_CERT", "tls.key=k.pem MINTAGE_TLS_KEY", "admin_tls.cert= default", "admin_tls.key= default",
		"behind_proxy=10.0.0.0/8, 192.0.2.0/24 MINTAGE_BEHIND_PROXY",
		"oidc.issuer= default", "oidc.client_id= default", "oidc.client_secret_file= default", "oidc.name= default",
		"data=" + filepath.Join(filepath.Dir(name), "a") + " " + name + ":2", "master_key_file= default", "master_key_command= default", "log.level=error MINTAGE_LOG_LEVEL",
		"log.format=json --log-format", "docs_url= default", "drain_timeout=10s default", "request_log.keep=7d default", "request_log.tokens=on default", "keys.period=90d default", "jwks.networks= default", "metrics.client_label= default", "limits.requests_per_minute=0 default",
		"database.url= default", "database.url_file= default", "database.max_connections=20 default", "database.statement_timeout=10s default",
		"store= default",
	}
	if d := cmp.Diff(want, origins); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if got.Listen != "127.0.0.1:3" || got.Log.Level != slog.LevelError || got.Log.Format != "json" || len(got.BehindProxy) != 2 {
		t.Errorf("got %+v", got)
	}
}

// TestDatabaseURL: a password is read from a variable or a file, refused in an
// argument, and shown nowhere.
func TestDatabaseURL(t *testing.T) {
	t.Parallel()
	const hidden = "postgres://mintage:opensesame@db.example.com/mintage?sslmode=verify-full"
	file := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(file, []byte(hidden+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, src := range map[string]config.Sources{
		"variable": {Environ: []string{"MINTAGE_DATABASE_URL=" + hidden}},
		"file":     {Environ: []string{"MINTAGE_DATABASE_URL_FILE=" + file}},
	} {
		got, err := config.Load(src)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.Database.URL != hidden || got.Store != config.StorePostgres {
			t.Errorf("%s: got a %s store", name, got.Store)
		}
		for _, o := range got.Origins() {
			if strings.Contains(o.Value, "opensesame") {
				t.Errorf("%s: the password is shown", name)
			}
		}
	}
	for name, src := range map[string]config.Sources{
		"argument":  {Flags: map[string]string{"database": hidden}},
		"parameter": {Flags: map[string]string{"database": "postgres://db/mintage?password=opensesame"}},
		"form":      {Environ: []string{"MINTAGE_DATABASE_URL=host=db password=opensesame"}},
		"two":       {Environ: []string{"MINTAGE_DATABASE_URL=" + hidden, "MINTAGE_DATABASE_URL_FILE=" + file}},
		"sqlite":    {Environ: []string{"MINTAGE_DATABASE_URL=" + hidden, "MINTAGE_STORE=sqlite"}},
		"none":      {Environ: []string{"MINTAGE_STORE=postgres"}},
		"missing":   {Environ: []string{"MINTAGE_DATABASE_URL_FILE=" + file + "x"}},
	} {
		if _, err := config.Load(src); err == nil {
			t.Errorf("%s: was taken", name)
		} else if strings.Contains(err.Error(), "opensesame") {
			t.Errorf("%s: the error shows the password", name)
		}
	}
	got, err := config.Load(config.Sources{Flags: map[string]string{"database": "postgres://mintage@db.example.com/mintage"}})
	if err != nil || got.Store != config.StorePostgres {
		t.Errorf("a URL without a password as an argument: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, file string
		environ    []string
		flags      map[string]string
		want       string
	}{
		{"unknown key", "listen: 127.0.0.1:1\nlisten_admin: 127.0.0.1:2\n", nil, nil, "server.yaml:2:1: unknown key listen_admin\n  listen_admin: 127.0.0.1:2\n  ^"},
		{"misspelt key", "lissen: 127.0.0.1:1\n", nil, nil, "server.yaml:1:1: unknown key lissen: did you mean listen?\n  lissen: 127.0.0.1:1\n  ^"},
		{"unknown nested key", "tls: { cret: x }\n", nil, nil, "server.yaml:1:8: unknown key cret: did you mean cert?\n  tls: { cret: x }\n         ^"},
		{"flat for nested", "tls_cert: x\n", nil, nil, "server.yaml:1:1: unknown key tls_cert"},
		{"wrong kind", "tls: x\n", nil, nil, "server.yaml:1:6: an object is expected here"},
		{"twice", "data: a\ndata: b\n", nil, nil, "server.yaml:2:1: the key data is there twice"},
		{"address", "listen: 9400\n", nil, nil, "server.yaml:1:9: write host:port, such as 127.0.0.1:9400 or 0.0.0.0:443\n  listen: 9400\n          ^"},
		{"port", "listen: 127.0.0.1:99999\n", nil, nil, "the port is a number from 0 to 65535"},
		{"network", "behind_proxy: [10.0.0.1/8]\n", nil, nil, "has bits outside the network: write 10.0.0.0/8"},
		{"network of all for keys", "jwks: { networks: [0.0.0.0/0] }\n", nil, nil, "is everything"},
		{"network of all", "behind_proxy: 0.0.0.0/0\n", nil, nil, "is everybody"},
		{"level", "log: { level: loud }\n", nil, nil, "write debug, info, warn or error"},
		{"format", "log: { format: xml }\n", nil, nil, "write json or text"},
		{"store", "store: mysql\n", nil, nil, "write sqlite or postgres"},
		{"duration", "drain_timeout: 1.5s\n", nil, nil, "write a duration"},
		{"client label", "metrics: { client_label: [\"a:b\"] }\n", nil, nil, "\"a:b\" is no client id"},
		{"short request log", "request_log: { keep: 30m }\n", nil, nil, "write 1h to 366d"},
		{"no switch", "request_log: { tokens: maybe }\n", nil, nil, "write on or off"},
		{"short key period", "keys: { period: 1h }\n", nil, nil, "server.yaml:1:17: a key signs for at least 1d and at most 366d"},
		{"KY-06 long key period", "keys: { period: 367d }\n", nil, nil, "a key signs for at least 1d and at most 366d"},
		{"long duration", "drain_timeout: 2h\n", nil, nil, "at most 1h"},
		{"admin url", "admin_url: http://admin.example.com\n", nil, nil, "server.yaml:1:12: an issuer is an https URL"},
		{"docs url", "docs_url: ftp://x\n", nil, nil, "write an https URL"},
		{"empty data", "data: ''\n", nil, nil, "a value is needed here"},
		{"variable", "", []string{"MINTAGE_LISTEN=9400"}, nil, "MINTAGE_LISTEN: write host:port"},
		{"unknown variable", "", []string{"MINTAGE_LISTN=127.0.0.1:1"}, nil, "MINTAGE_LISTN: there is no such setting: did you mean MINTAGE_LISTEN?"},
		{"flag", "", nil, map[string]string{"drain-timeout": "soon"}, "--drain-timeout: write a duration"},
		{"unknown flag", "", nil, map[string]string{"lissen": "x"}, "--lissen: there is no such setting: did you mean listen?"},
		{"TL-05 half a certificate", "tls: { cert: a.pem }\n", nil, nil, "server.yaml:1:14: tls.cert DIR/a.pem: tls.cert and tls.key go together: set both or neither\n  tls: { cert: a.pem }\n               ^"},
		{"half a certificate by flag", "tls: { cert: a.pem }\n", nil, map[string]string{"tls-cert": "", "tls-key": "b.pem"}, "tls.key b.pem (--tls-key): tls.cert and tls.key go together"},
		{"template", "{{\n", nil, nil, "server.yaml:1:3: did not find expected node content\n  {{\n    ^"},
		{"no port", "listen: \"\\x01\"\n", nil, nil, "server.yaml:1:9: write host:port, such as 127.0.0.1:9400 or 0.0.0.0:443\n  listen: \"\\x01\"\n          ^"},
		{"control character", "listen: \"\x01\"\n", nil, nil, "server.yaml:1:10: the control character U+0001 is not allowed\n  listen: \"�\"\n           ^"},
		{"same address", "listen: 127.0.0.1:9401\n", nil, nil, "server.yaml:1:9: listen 127.0.0.1:9401 and admin_listen are the same address"},
		{"in the clear", "listen: 0.0.0.0:9400\n", nil, nil, "server.yaml:1:9: listen 0.0.0.0:9400 can be reached from other machines, and secrets would cross the network in the clear: set tls.cert and tls.key, or behind_proxy"},
		{"every address", "", nil, map[string]string{"listen": ":9400"}, "listen :9400 (--listen) can be reached"},
		{"a name", "listen: auth.example.com:9400\n", nil, nil, "can be reached from other machines"},
		{"admin in the clear", "admin_listen: 10.0.0.1:9401\nadmin_url: https://a.example\n", nil, nil, "set admin_tls.cert and admin_tls.key, or listen on 127.0.0.1"},
		{"a proxy is no TLS for admin", "admin_listen: 10.0.0.1:9401\nadmin_url: https://a.example\nbehind_proxy: [10.0.0.0/8]\n", nil, nil, "set admin_tls.cert"},
		{"admin without a URL", "admin_listen: 10.0.0.1:9401\nadmin_tls: { cert: a, key: b }\n", nil, nil, "set admin_url"},
		{"one address", "listen: 127.0.0.1:9401\n", nil, nil, "are the same address"},
		{"two errors", "listen: x\nstore: y\n", []string{"MINTAGE_DATA="}, nil, "write host:port"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := load(t, tt.file, tt.environ, tt.flags)
			if err == nil || got != nil {
				t.Fatalf("accepted: %+v", got)
			}
			text := strings.ReplaceAll(folder.ReplaceAllString(err.Error(), "DIR/"), "DIR/server.yaml", "server.yaml") // the folder is another each time
			if !strings.Contains(text, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", text, tt.want)
			}
			if tt.name == "two errors" && (!strings.Contains(text, "write sqlite") || !strings.Contains(text, "MINTAGE_DATA: a value is needed")) {
				t.Errorf("not all told:\n%s", text)
			}
		})
	}
	if _, err := config.Load(config.Sources{File: "testdata/none.yaml"}); err == nil {
		t.Error("a file that is missing is no file")
	}
}

var folder = regexp.MustCompile(`/[^\s():]*/\d{3}/`)

func TestAccepted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, file string
		environ    []string
	}{
		{"behind a proxy", "listen: 0.0.0.0:9400\nbehind_proxy: [10.0.0.0/8]\n", nil},
		{"TLS", "listen: :443\ntls: { cert: a, key: b }\n", nil},
		{"localhost", "listen: localhost:9400\nadmin_listen: '[::1]:9401'\n", nil},
		{"two ports that the system picks", "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n", nil},
		{"one proxy", "behind_proxy: 10.0.0.0/8\n", nil},
		{"variables of the command line", "", []string{"MINTAGE_URL=x", "MINTAGE_CREDENTIALS_FILE=y", "MINTAGE_CLIENT_SECRET=z"}},
		{"variables of Kubernetes", "", []string{"MINTAGE_PORT=tcp://10.0.0.1:9400", "MINTAGE_PORT_9400_TCP_ADDR=10.0.0.1", "MINTAGE_SERVICE_HOST=10.0.0.1", "MINTAGE_ADMIN_SERVICE_PORT_HTTPS=9401"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := load(t, tt.file, tt.environ, nil); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range config.Settings() {
		if seen[s.Env()] || seen[s.Flag()] || s.Usage == "" {
			t.Errorf("%s: %s, %s", s.Path, s.Env(), s.Flag())
		}
		seen[s.Env()], seen[s.Flag()] = true, true
	}
	if !seen["MINTAGE_TLS_CERT"] || !seen["admin-tls-key"] {
		t.Errorf("got %v", seen)
	}
}
