package agent_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/agent"
	"github.com/mintage-auth/mintage/internal/relay"
)

const whole = `
listen: [127.0.0.1:7070, unix:/run/agent/sock]
status_listen: 0.0.0.0:7071
hosts: [agent]
allow_uids: [1000, 0]
access_key: { file: key }
log: { level: debug, format: text }
upstreams:
  orders:
    url: https://api.example/v1
    protocol: http1
    ca_file: /etc/ca.pem
    connect_timeout: 2s
    answer_timeout: 10s
    max_replay: 1000
    token:
      token_url: https://auth.example/oauth2/token
      client_id: app
      client_secret: { file: secret }
      auth: post
      scope: [a b, c]
      resource: https://api.example
      audience: [x]
      ca_file: ca.pem
      life: 1h
      grace: 5m
      wait: 3s
      fetch_timeout: 4s
      max_waiting: 10
      keep_fresh: true
  legacy:
    url: http://10.0.0.1:8080/
    forward_proxy: true
    danger_plain_http: true
    token: { token_url: "http://10.0.0.1/t", client_id: b, client_secret: { stdin: true }, danger_plain_http: true }
  only-a-token:
    token: { token_url: https://auth.example/t, client_id: c, client_secret: { env: SECRET } }
token_endpoints:
  /oauth2/token: { url: https://auth.example/oauth2/token, headers: [x-tenant], life: 10m, refused_for: 5s, timeout: 3s, max_waiting: 5 }
`

func TestParse(t *testing.T) {
	t.Parallel()
	c, err := agent.Parse("/etc/mintage/agent.yaml", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	u := c.Upstreams[0]
	for what, ok := range map[string]bool{
		"listen":         len(c.Listen) == 2 && c.StatusListen == "0.0.0.0:7071" && c.AccessKey.File == "/etc/mintage/key" && c.LogText,
		"uids":           len(c.AllowUIDs) == 2 && c.AllowUIDs[0] == 1000,
		"upstream":       u.Name == "orders" && u.URL.String() == "https://api.example/v1" && u.Protocol == relay.HTTP1 && u.MaxReplay == 1000,
		"timeouts":       u.ConnectTimeout == 2*time.Second && u.AnswerTimeout == 10*time.Second && u.Token.Wait == 3*time.Second,
		"secret":         u.Token.Secret.File == "/etc/mintage/secret" && u.Token.CAFile == "/etc/mintage/ca.pem" && u.CAFile == "/etc/ca.pem",
		"scope":          strings.Join(u.Token.Scope, ",") == "a,b,c" && u.Token.Resource[0] == "https://api.example",
		"legacy":         c.Upstreams[1].ForwardProxy && c.Upstreams[1].Token.Secret.Stdin,
		"without a url":  c.Upstreams[2].URL == nil && c.Upstreams[2].Token.Secret.Env == "SECRET",
		"token endpoint": c.TokenEndpoints[0].Headers[0] == "X-Tenant" && c.TokenEndpoints[0].RefusedFor == 5*time.Second,
	} {
		if !ok {
			t.Errorf("%s is not as the file says: %+v", what, c)
		}
	}
	if c, err := agent.Parse("a.yaml", []byte("token_endpoints: { /t: { url: https://a.example/t } }")); err != nil || c.Listen[0] != agent.DefaultListen {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestPresets: a vendor's name stands for how its endpoint is asked; what the
// file says wins.
func TestPresets(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][3]string{
		"preset: cognito, base: https://acme.example/":           {"https://acme.example/oauth2/token", "basic", ""},
		"preset: auth0, base: https://acme.example, audience: x": {"https://acme.example/oauth/token", "json", ""},
		"preset: myparcel":                                               {"https://auth.myparcel.com/access-token", "json", "*"},
		"preset: myparcel-sandbox, scope: a b":                           {"https://auth.sandbox.myparcel.com/access-token", "json", "a b"},
		"preset: sessionm, base: https://acme.example":                   {"https://acme.example/oauth/token", "query", ""},
		"preset: keycloak, base: https://a.example/realms/r, auth: post": {"https://a.example/realms/r/protocol/openid-connect/token", "post", ""},
	} {
		c, err := agent.Parse("a.yaml", []byte("upstreams: { a: { token: { "+text+", client_id: a, client_secret: { env: A } } } }"))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if tok := c.Upstreams[0].Token; tok.TokenURL != want[0] || tok.Auth != want[1] || strings.Join(tok.Scope, " ") != want[2] {
			t.Errorf("%s: %+v, want %v", text, tok, want)
		}
	}
}

// TestParseRefuses: what is wrong is said where it is, and a secret in the file
// is not shown.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	const token = "{ token_url: https://a.example/t, client_id: a, client_secret: { env: A } }"
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "the file is empty"},
		{"nothing to do", "log: { level: info }", "there is nothing to do"},
		{"unknown key", "upstreems: {}", "unknown key upstreems: did you mean upstreams?"},
		{"beyond loopback", "listen: 0.0.0.0:7070\nupstreams: { a: { token: " + token + " } }", "can be reached from other machines, and whoever reaches it is lent the tokens"},
		{"a name", "listen: myhost:7070\nupstreams: { a: { token: " + token + " } }", "can be reached from other machines"},
		{"all addresses", "listen: ':7070'\nupstreams: { a: { token: " + token + " } }", "can be reached from other machines"},
		{"no port", "listen: 127.0.0.1\nupstreams: { a: { token: " + token + " } }", "is no address"},
		{"a relative socket", "listen: unix:sock\nupstreams: { a: { token: " + token + " } }", "unix:/absolute/path"},
		{"twice", "listen: [127.0.0.1:1, 127.0.0.1:1]\nupstreams: { a: { token: " + token + " } }", "is there twice"},
		{"a secret in the file", "upstreams:\n  a:\n    token: { token_url: https://a.example/t, client_id: a, client_secret: hunter2 }", "no secret is written in this file"},
		{"a secret in a list", "upstreams:\n  a:\n    token: { token_url: https://a.example/t, client_id: a, client_secret: [hunter2] }", "no secret is written in this file"},
		{"a secret under an unknown key", "upstreams:\n  a:\n    token: { token_url: https://a.example/t, client_id: a, client_secret: { value: hunter2 } }", "unknown key value"},
		{"two places", "upstreams:\n  a:\n    token: { token_url: https://a.example/t, client_id: a, client_secret: { env: A, file: b } }", "a secret has one place"},
		{"stdin twice", "access_key: { stdin: true }\nupstreams:\n  a:\n    token: { token_url: https://a.example/t, client_id: a, client_secret: { stdin: true } }", "standard input holds one secret"},
		{"no token", "upstreams: { a: { url: https://a.example } }", "a has no token"},
		{"no secret", "upstreams: { a: { token: { token_url: https://a.example/t, client_id: a } } }", "client_secret is missing"},
		{"no client", "upstreams: { a: { token: { token_url: https://a.example/t, client_secret: { env: A } } } }", "client_id is missing"},
		{"a secret in the clear", "upstreams: { a: { token: { token_url: http://a.example/t, client_id: a, client_secret: { env: A } } } }", "the secret would cross the network in the clear"},
		{"a token in the clear", "upstreams: { a: { url: http://a.example, token: " + token + " } }", "the token would cross the network in the clear"},
		{"a proxy for https", "upstreams: { a: { url: https://a.example, forward_proxy: true, token: " + token + " } }", "forward_proxy is for upstreams of plain http"},
		{"h2c over TLS", "upstreams: { a: { url: https://a.example, protocol: h2c, token: " + token + " } }", "h2c is HTTP/2 without TLS"},
		{"another scheme", "upstreams: { a: { url: ftp://a.example, token: " + token + " } }", "begins with http:// or https://"},
		{"a reserved name", "upstreams: { metrics: { token: " + token + " } }", "/metrics is a path of the agent itself"},
		{"a name with a slash", "upstreams: { a/b: { token: " + token + " } }", "lower-case letters"},
		{"a dialect that is none", "upstreams: { a: { token: { token_url: https://a.example/t, client_id: a, client_secret: { env: A }, auth: jsn } } }", "did you mean json?"},
		{"a duration without a unit", "upstreams: { a: { answer_timeout: 5, token: " + token + " } }", "write a duration"},
		{"an endpoint on an upstream", "token_endpoints: { /a/token: { url: https://a.example/t } }\nupstreams: { a: { token: " + token + " } }", "/a belongs to the upstream a"},
		{"an endpoint on a path of ours", "token_endpoints: { /token/x: { url: https://a.example/t } }", "/token is a path of the agent itself"},
		{"an endpoint without a slash", "token_endpoints: { t: { url: https://a.example/t } }", "the key is the path"},
		{"an endpoint without a url", "token_endpoints: { /t: { life: 1h } }", "url is missing"},
		{"an endpoint in the clear", "token_endpoints: { /t: { url: http://a.example/t } }", "in the clear"},
		{"a header of the connection", "token_endpoints: { /t: { url: https://a.example/t, headers: [host] } }", "no header that can be passed on"},
		{"a vendor that is none", "upstreams: { a: { token: { preset: cognit, client_id: a, client_secret: { env: A } } } }", "did you mean cognito?"},
		{"a vendor without a base", "upstreams: { a: { token: { preset: cognito, client_id: a, client_secret: { env: A } } } }", "base is missing"},
		{"a vendor without an audience", "upstreams: { a: { token: { preset: auth0, base: https://a.example, client_id: a, client_secret: { env: A } } } }", "auth0 gives no token without audience"},
		{"a base in the clear", "upstreams: { a: { token: { preset: cognito, base: http://a.example, client_id: a, client_secret: { env: A } } } }", "in the clear"},
		{"a base without a preset", "upstreams: { a: { token: { base: https://a.example, token_url: https://a.example/t, client_id: a, client_secret: { env: A } } } }", "base goes with preset"},
		{"a signing client without a key", "upstreams: { a: { token: { token_url: https://a.example/t, client_id: a, auth: private_key_jwt, issuer: https://a.example } } }", "key_file is missing"},
		{"a signing client without an issuer", "upstreams: { a: { token: { token_url: https://a.example/t, client_id: a, auth: private_key_jwt, key_file: k } } }", "issuer is missing"},
		{"a signing client with a secret", "upstreams: { a: { token: { token_url: https://a.example/t, client_id: a, auth: private_key_jwt, issuer: https://a.example, key_file: k, client_secret: { env: A } } } }", "client_secret is not used"},
		{"a key without a use", "upstreams: { a: { token: { token_url: https://a.example/t, client_id: a, key_file: k, client_secret: { env: A } } } }", "go with auth: private_key_jwt"},
		{"a TLS client without a certificate", "upstreams: { a: { token: { token_url: https://a.example/t, client_id: a, auth: tls_client_auth } } }", "cert_file is missing"},
		{"a certificate without a key", "upstreams: { a: { token: { token_url: https://a.example/t, client_id: a, auth: tls_client_auth, cert_file: c } } }", "cert_file and cert_key_file go together"},
		{"a user name", "allow_uids: [root]\nupstreams: { a: { token: " + token + " } }", "no user id"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := agent.Parse("agent.yaml", []byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
				t.Fatalf("got %v\nwant %s", err, test.want)
			}
			if test.text != "" && !strings.Contains(err.Error(), "^") {
				t.Errorf("no caret: %v", err)
			}
		})
	}
}

// TestWatch sees a file that is replaced as editors and Kubernetes do.
func TestWatch(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "agent.yaml")
	if err := os.WriteFile(path, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	changed := make(chan struct{}, 10)
	ctx, cancel := context.WithCancel(t.Context())
	end := agent.Watch(ctx, path, func() { changed <- struct{}{} })
	t.Cleanup(func() { cancel(); end() })
	wait := func(what string) {
		t.Helper()
		select {
		case <-changed:
		case <-time.After(20 * time.Second):
			t.Fatalf("%s is not seen", what)
		}
	}
	if err := os.WriteFile(path, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	wait("a file that was written to")
	next := path + ".new"
	if err := errors.Join(os.WriteFile(next, []byte("three"), 0o600), os.Rename(next, path)); err != nil {
		t.Fatal(err)
	}
	wait("a file that was replaced")
}
