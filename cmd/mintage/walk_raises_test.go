package main

import (
	"context"
	"encoding/base64"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/server"
	"github.com/mintage-auth/mintage/internal/store"
)

// raises says for each reason how a request comes to have it, and returns the
// trace id of the answer.
func (w *walk) raises() map[string]func() string {
	all := map[string]func() string{}
	for _, some := range []map[string]func() string{w.malformed(), w.refused(), w.unproven(), w.assertions(), w.proofs(), w.nearlyRight(), w.tokens(), w.limits(), w.faults()} {
		maps.Copy(all, some)
	}
	return all
}

// asks sends one request and returns its trace id.
func (w *walk) asks(a ask) func() string {
	return func() string {
		trace, _, _ := w.send(a)
		return trace
	}
}

func (w *walk) app(more ...string) func() string {
	return w.asks(ask{body: w.form("prod", "app", more...)})
}

func (w *walk) malformed() map[string]func() string {
	return map[string]func() string{
		"param.ignored":   w.app("scaope", "read"),
		"param.missing":   w.app("grant_type", ""),
		"param.repeated":  w.app("scope", "read", "scope", "both"),
		"param.malformed": w.asks(ask{path: "/access-token", contentType: "application/json", body: `{"grant_type":"client_credentials","client_id":7}`}),
		"body.type":       w.asks(ask{contentType: "text/plain", body: "grant_type=client_credentials"}),
		"body.malformed":  w.asks(ask{body: "grant_type=client_credentials&scope=%zz"}),

		"request.too_large": w.asks(ask{body: strings.Repeat("x", 1<<17)}),
		"request.method":    w.asks(ask{method: http.MethodGet}),
		"request.not_https": w.asks(ask{insecure: true, body: w.form("prod", "app")}),
		"request.not_found": w.asks(ask{method: http.MethodGet, path: "/nothing"}),
		"query.credentials": w.asks(ask{query: w.form("prod", "app")}),
		"grant.unsupported": w.asks(ask{body: "grant_type=password&client_id=app"}),
	}
}

func (w *walk) refused() map[string]func() string {
	return map[string]func() string{
		"grant.not_allowed":   w.asks(ask{body: w.form("prod", "no-grant")}),
		"client.disabled":     w.asks(ask{body: w.form("prod", "off")}),
		"ip.not_allowed":      w.asks(ask{body: w.form("prod", "elsewhere")}),
		"dialect.not_allowed": w.asks(ask{path: "/oauth/token", body: w.form("prod", "rfc-only")}),

		"scope.unknown":     w.app("scope", "nothing"),
		"scope.not_granted": w.app("scope", "write"),
		"scope.empty":       w.asks(ask{body: w.form("prod", "two")}),
		"scope.malformed":   w.app("scope", `a"b`),
		"scope.ambiguous":   w.asks(ask{body: w.form("prod", "two", "scope", "both")}),
		"resource.unknown":  w.app("resource", "https://nothing.example"),
		"resource.several":  w.asks(ask{body: w.form("prod", "all", "resource", "https://a.example", "resource", "https://b.example")}),
	}
}

// unproven are requests of nobody, and with secrets that are over.
func (w *walk) unproven() map[string]func() string {
	hour := time.Hour
	return map[string]func() string{
		"client.unknown":       w.asks(ask{body: w.with("nobody", "whatever it is")}),
		"auth.missing":         w.asks(ask{body: "grant_type=client_credentials"}),
		"auth.basic_malformed": w.asks(ask{header: map[string]string{"Authorization": "Basic !"}, body: "grant_type=client_credentials"}),
		"auth.two_methods":     w.asks(ask{header: basic("app", w.secrets["prod/app"]), body: w.form("prod", "app")}),
		"secret.mismatch":      w.asks(ask{body: w.with("app", "nothing like it at all")}),
		"secret.expired": func() string {
			secret := w.addSecret("prod", "aging", w.name("short"), time.Second)
			w.ahead.Add(int64(3 * time.Second))
			return w.asks(ask{body: w.with("aging", secret)})()
		},
		"secret.revoked": func() string {
			name := w.name("revoked")
			secret := w.addSecret("prod", "aging", name, 90*24*time.Hour)
			w.must(w.srv.Manager().RevokeSecret(w.Context(), manage.Server(), "prod", "aging", name, true))
			return w.asks(ask{body: w.with("aging", secret)})()
		},
		"secret.paused": func() string {
			name := w.name("paused")
			secret := w.addSecret("prod", "aging", name, 90*24*time.Hour)
			_, err := w.srv.Manager().BrownOut(w.Context(), manage.Server(), "prod", "aging", name, hour)
			w.must(err)
			return w.asks(ask{body: w.with("aging", secret)})()
		},
		"secret.expiring": func() string {
			return w.asks(ask{body: w.with("aging", w.addSecret("prod", "aging", w.name("dying"), 9*24*time.Hour))})()
		},
		"secret.retired": func() string {
			old := w.addSecret("prod", "rotated", w.name("old"), 300*24*time.Hour)
			over := time.Second
			_, err := w.srv.Manager().RotateSecret(w.Context(), manage.Server(), "prod", "rotated", manage.Rotation{Overlap: &over})
			w.must(err)
			w.ahead.Add(int64(3 * time.Second))
			return w.asks(ask{body: w.with("rotated", old)})()
		},
	}
}

// name returns a name that no secret has yet.
func (w *walk) name(stem string) string { return stem + " " + strconv.FormatInt(w.callers.Add(1), 10) }

func (w *walk) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func basic(id, secret string) map[string]string {
	return map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))}
}

// nearlyRight are credentials that the second look sees through.
func (w *walk) nearlyRight() map[string]func() string {
	app, special := w.secrets["prod/app"], w.secrets["prod/special"]
	twice := url.QueryEscape(url.QueryEscape(special))
	return map[string]func() string{
		"client.other_tenant": w.asks(ask{body: w.with("twin-app", w.secrets["twin/twin-app"])}),
		"auth.not_urlencoded": w.asks(ask{body: "grant_type=client_credentials&client_id=special&client_secret=" + strings.NewReplacer("%", "%25").Replace(special)}),
		"auth.encoded_twice":  w.asks(ask{body: "grant_type=client_credentials&client_id=special&client_secret=" + twice}),
		"auth.whitespace":     w.asks(ask{body: w.with("app", app+"\n")}),
		"auth.swapped":        w.asks(ask{body: w.with(app, "app")}),
		"secret.truncated":    w.asks(ask{body: w.with("app", app[:len(app)-1])}),
		"secret.other_client": w.asks(ask{body: w.with("app", w.secrets["prod/two"])}),
	}
}

// tokens are what introspection finds wrong, and another client's revocation.
func (w *walk) tokens() map[string]func() string {
	own := func() string { return w.token("/oauth2/token", w.form("prod", "app")) }
	revoke := func(client, token string) string {
		trace, _, _ := w.send(ask{path: "/oauth2/revoke", body: w.form("prod", client, "grant_type", "", "token", token)})
		return trace
	}
	return map[string]func() string{
		"token.malformed": func() string { return w.introspect("a.b.c") },
		"token.unknown":   func() string { return w.introspect("a-word-that-is-no-token") },
		"token.signature": func() string {
			token := own()
			at := strings.LastIndex(token, ".") + 20
			flipped := "A"
			if token[at] == 'A' {
				flipped = "B"
			}
			return w.introspect(token[:at] + flipped + token[at+1:])
		},
		"token.kid_unknown": func() string { return w.introspect(w.token("/twin/oauth2/token", w.form("twin", "twin-app"))) },
		"token.audience":    func() string { return w.introspect(w.token("/oauth2/token", w.form("prod", "two", "scope", "read"))) },
		"token.expired": func() string {
			token := own()
			w.ahead.Add(int64(2 * time.Hour))
			return w.introspect(token)
		},
		"token.revoked": func() string {
			token := own()
			revoke("app", token)
			return w.introspect(token)
		},
		"token.other_client": func() string { return revoke("two", own()) },
		"token.issuer": func() string {
			token := w.token("/moving/oauth2/token", w.form("moving", "app"))
			_, err := w.srv.Manager().UpdateTenant(w.Context(), manage.Server(), "moving", 0, func(t *mintage.Tenant) error {
				t.Issuer = w.public + "/moved"
				return nil
			})
			w.must(err)
			return w.asks(ask{path: "/moved/oauth2/introspect", body: w.form("moving", "app", "grant_type", "", "token", token)})()
		},
	}
}

func (w *walk) limits() map[string]func() string {
	return map[string]func() string{
		"limit.client": func() string {
			w.asks(ask{body: w.form("prod", "limited")})()
			return w.asks(ask{body: w.form("prod", "limited")})()
		},
		"limit.ip": func() string {
			proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			w.must(w.srv.Reload(server.Live{BehindProxy: proxies, RequestsPerMinute: 2}))
			defer func() { w.must(w.srv.Reload(server.Live{BehindProxy: proxies})) }()
			return w.attempts(5, http.StatusTooManyRequests, func(int) ask { return ask{from: "203.0.113.1", body: w.form("prod", "app")} })
		},
		"limit.guess": func() string {
			return w.attempts(30, http.StatusTooManyRequests, func(i int) ask { return ask{from: "203.0.113.2", body: w.with("app", guess(i))} })
		},
		"secret.busy": func() string {
			return w.attempts(150, http.StatusTooManyRequests, func(i int) ask { return ask{body: w.with("imported", guess(i))} })
		},
	}
}

// faults are ours.
func (w *walk) faults() map[string]func() string {
	return map[string]func() string{
		"internal": w.asks(ask{header: map[string]string{"X-Break": "1"}, body: w.form("prod", "app")}),
		"key.unavailable": func() string { // RSA keys take a while
			state := `{"apiVersion": "mintage/v1", "tenants": [{"id": "twin", "token_paths": {"/oauth2/token": "rfc", "/cognito": "cognito"}}]}`
			w.apply(state, manage.Declared{Source: "later", KeysLater: true})
			return w.asks(ask{path: "/twin/cognito", body: w.form("twin", "twin-app")})()
		},
		// Another process holds the database for longer than a stored token waits.
		"store.unavailable": func() string {
			held, release := make(chan struct{}), make(chan struct{})
			ctx, done := context.WithCancel(w.Context())
			defer done()
			holds := make(chan error, 1)
			go func() {
				holds <- w.store.Update(ctx, func(store.Tx) error {
					close(held)
					<-release
					return nil
				})
			}()
			<-held
			trace, status, _ := w.send(ask{path: "/oauth/token", body: w.form("prod", "app")})
			if status != http.StatusServiceUnavailable {
				w.Errorf("TE-30: a database that is away is %d", status)
			}
			close(release)
			w.must(<-holds)
			return trace
		},
	}
}
