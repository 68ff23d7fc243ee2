package gateway_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/gateway"
)

const goodConfig = `listen: 127.0.0.1:9410
audience: https://api.example
issuers:
  - issuer: https://auth.example
trusted_proxies: [10.0.0.0/8, 192.0.2.1]
bounds: { body: 2MiB, body_timeout: 20s }
limits: { connections: 0, failures_per_address: { rate: 10/m, burst: 40 } }
upstreams:
  - { name: loyalty, url: "http://127.0.0.1:9000", health: /healthz }
routes:
  - path: /priv/v1/apps/{api_key}/users/{user_id}
    methods: GET
    upstream: loyalty
    scopes: openid
    client_rate: 100/s
  - name: files
    host: files.example
    path: [/files, "/files/{rest...}"]
    upstream: http://127.0.0.1:9001
    rate: { rate: 60/m, burst: 7 }
    mode: observe
    body: 1GiB
`

func TestReadConfig(t *testing.T) {
	t.Parallel()
	c, err := gateway.ParseConfig("gateway.yaml", []byte(goodConfig))
	if err != nil {
		t.Fatal(err)
	}
	users, files := c.Routes[0], c.Routes[1]
	if users.Name != "GET,HEAD /priv/v1/apps/{api_key}/users/{user_id}" && users.Name != "GET /priv/v1/apps/{api_key}/users/{user_id}" {
		t.Errorf("name %q", users.Name)
	}
	if !slices.Equal(users.Methods, []string{"GET", "HEAD"}) || !slices.Equal(users.Scopes, []string{"openid"}) || users.Mode != gateway.Enforce ||
		users.Body != 2<<20 || users.BodyTimeout != 20*time.Second || users.ClientRate != (gateway.Rate{Count: 100, Per: time.Second, Burst: 100}) || !users.PreserveHost {
		t.Errorf("got %+v", users)
	}
	if files.Rate != (gateway.Rate{Count: 60, Per: time.Minute, Burst: 7}) || files.Body != 1<<30 || len(files.Paths) != 2 {
		t.Errorf("got %+v", files)
	}
	if c.ForUpstream("http://127.0.0.1:9001") == nil || c.Issuers[0].Profile != "rfc9068" || c.Bounds.Header != 32<<10 || len(c.TrustedProxies) != 2 {
		t.Errorf("got %+v", c)
	}
}

// TestLimitsConfig: 0 is no limit, and what is left out has one.
func TestLimitsConfig(t *testing.T) {
	t.Parallel()
	const line = "limits: { connections: 0, failures_per_address: { rate: 10/m, burst: 40 } }\n"
	for text, want := range map[string]gateway.Limits{
		line: {Connections: -1, AddressConnections: 1000, AddressFailures: gateway.Rate{Count: 10, Per: time.Minute, Burst: 40}},
		"":   {Connections: 20_000, AddressConnections: 1000, AddressFailures: gateway.Rate{Count: 60, Per: time.Minute, Burst: 300}},
		"limits: { connections_per_address: 5, failures_per_address: 0 }\n": {
			Connections: 20_000, AddressConnections: 5, AddressFailures: gateway.Rate{Count: -1},
		},
	} {
		c, err := gateway.ParseConfig("gateway.yaml", []byte(strings.Replace(goodConfig, line, text, 1)))
		if err != nil || c.Limits != want {
			t.Errorf("%q: got %+v, %v, want %+v", text, c, err, want)
		}
	}
}

// TestConfigErrors: what is wrong is told with its place, and nothing is
// ignored.
func TestConfigErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ old, new, want string }{
		{"audience: https://api.example", "", "audience is missing"},
		{"audience:", "danger_any_audience: true\naudience:", "exclude one another"},
		{"    scopes: openid", "    scope: openid", "gateway.yaml:14:5: unknown key scope: did you mean scopes?\n      scope: openid\n      ^"},
		{"issuers:\n  - issuer: https://auth.example\n", "", "issuers is missing"},
		{"https://auth.example", "http://auth.example", "gateway.yaml:4:5: issuer: the URL must be https"},
		{"/files/{rest...}", "/files/{rest...}/x", "gateway.yaml:16:5: path /files/{rest...}/x"},
		{"methods: GET", "methods: get", `"get" is no method`},
		{"methods: GET", "methods: [GET, CONNECT]", `"CONNECT" is no method`},
		{"upstream: loyalty", "upstream: loyality", "there is no upstream loyality: did you mean loyalty?"},
		{"http://127.0.0.1:9001", "ftp://127.0.0.1:9001", "upstream ftp://127.0.0.1:9001: the url begins with"},
		{"http://127.0.0.1:9000", "http://u:p@127.0.0.1:9000", "no user"},
		{"100/s", "100", "write a rate"},
		{"mode: observe", "mode: observ", "did you mean observe?"},
		{"2MiB", "2MB", "write a size"},
		{"connections: 0", "connections: -1", "write a whole number from 0"},
		{"{ rate: 10/m, burst: 40 }", "10", "write a rate"},
		{"10.0.0.0/8", "10.0.0.1/8", "write an address"},
		{"files.example", "files.example:80", "without a port"},
		{"scopes: openid", `scopes: "a b"`, "is no scope"},
		{"    scopes: openid", "    public: true", "a public route asks for no token"},
		{"name: files", "name: files\n    strip_prefix: /file", "strip_prefix /file is not the beginning"},
		{"listen: 127", "admin_listen: 0.0.0.0:9411\nlisten: 127", "it needs admin_tls"},
		{"listen: 127.0.0.1:9410", "listen: 127.0.0.1", "is no address"},
		{"listen: 127.0.0.1:9410", "tls: { cert: a.pem }", "TLS needs both cert and key"},
		{"  - issuer: https://auth.example", "  - { issuer: https://auth.example, revocations: { url: https://auth.example/r } }", "revocations needs"},
		{"[/files, \"/files/{rest...}\"]", "/priv/v1/{x}/{api_key}/users/{user_id}", ""},
		{"host: files.example\n    path: [/files, \"/files/{rest...}\"]", "path: /priv/v1/{x}/k/users/{user_id}", "neither is more specific"},
		{"audience:", "resource: https://api.example/#x\naudience:", "without query and fragment"},
		{"body: 1GiB", "body: 1GiB\n    streams_outlive_token: maybe", "true or false"},
	} {
		if !strings.Contains(goodConfig, tt.old) {
			t.Fatalf("%q is not in the file", tt.old)
		}
		_, err := gateway.ParseConfig("gateway.yaml", []byte(strings.Replace(goodConfig, tt.old, tt.new, 1)))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %s", tt.new, err, tt.want)
		}
	}
}

// TestParseRoute is the route of the command line.
func TestParseRoute(t *testing.T) {
	t.Parallel()
	r, err := gateway.ParseRoute("/api=http://127.0.0.1:9000", []string{"x"})
	if err != nil || !slices.Equal(r.Paths, []string{"/api", "/api/{rest...}"}) || r.Upstream != "http://127.0.0.1:9000" {
		t.Errorf("got %+v, %v", r, err)
	}
	if r, err = gateway.ParseRoute("/=http://127.0.0.1:9000", nil); err != nil || !slices.Equal(r.Paths, []string{"/{rest...}"}) {
		t.Errorf("got %+v, %v", r, err)
	}
	for _, bad := range []string{"", "/api=", "=http://x", "/api=127.0.0.1:9000"} {
		if _, err := gateway.ParseRoute(bad, nil); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

// FuzzParseConfig: a configuration is whole or none.
func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(goodConfig))
	f.Add([]byte("routes: [{path: /, public: true}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := gateway.ParseConfig("f.yaml", data)
		if err != nil {
			if c != nil {
				t.Error("a Config beside an error")
			}
			return
		}
		if err := c.Validate(); err != nil {
			t.Errorf("passes when it is read and not after: %v", err)
		}
		if c.Audience == "" && !c.AnyAudience {
			for _, r := range c.Routes {
				if !r.Public {
					t.Error("a route without an audience")
				}
			}
		}
	})
}
