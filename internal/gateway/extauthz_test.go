package gateway_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/mintage-auth/mintage/internal/gateway"
	"github.com/mintage-auth/mintage/mintagetest"
)

// extAuthzClient is Envoy's generated client of a forward auth listener.
func extAuthzClient(t *testing.T, g *gateway.Gateway) auth.AuthorizationClient {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: g.ForwardAuth(), Protocols: new(http.Protocols)}
	s.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return auth.NewAuthorizationClient(conn)
}

// check is what Envoy asks about a request.
func check(method, path string, headers map[string]string) *auth.CheckRequest {
	all := map[string]string{":method": method, ":path": path, ":authority": "api.example", "user-agent": "curl/8.5.0"}
	maps.Copy(all, headers)
	return &auth.CheckRequest{Attributes: &auth.AttributeContext{
		Source: &auth.AttributeContext_Peer{Address: &core.Address{Address: &core.Address_SocketAddress{
			SocketAddress: &core.SocketAddress{Address: "203.0.113.7", PortSpecifier: &core.SocketAddress_PortValue{PortValue: 1234}},
		}}},
		Request: &auth.AttributeContext_Request{Http: &auth.AttributeContext_HttpRequest{
			Id: "1", Method: method, Path: path, Host: "api.example", Scheme: "https", Protocol: "HTTP/2", Headers: all,
		}},
	}}
}

// TestExtAuthz asks with Envoy's generated client.
func TestExtAuthz(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	client := extAuthzClient(t, newGateway(t, is.config(frontRoutes()...), gateway.Deps{}))
	good, stranger := "Bearer "+is.token("read", nil), strangers(is)
	for _, tt := range []struct {
		name, method, path string
		headers            map[string]string
		status             int // 0: it may pass
		error, challenge   string
	}{
		{"good", "GET", "/orders/7?x=1", map[string]string{"authorization": good}, 0, "", ""},
		{"none", "GET", "/orders/7", nil, 401, "invalid_token", "Bearer realm="},
		{"forged", "GET", "/orders/7", map[string]string{"authorization": good[:len(good)-6] + "AAAAAA"}, 401, "invalid_token", `error="invalid_token"`},
		{"audience", "GET", "/orders/7", map[string]string{"authorization": "Bearer " + is.token("read", map[string]any{"aud": "x"})}, 401, "invalid_token", ""},
		{"expired", "GET", "/orders/7", map[string]string{"authorization": "Bearer " + is.token("read", map[string]any{"exp": 1})}, 401, "invalid_token", `error="invalid_token"`},
		{"a stranger's key", "GET", "/orders/7", map[string]string{"authorization": "Bearer " + stranger}, 401, "invalid_token", `error="invalid_token"`},
		{"scope", "POST", "/orders/7", map[string]string{"authorization": good}, 403, "insufficient_scope", `scope="write"`},
		{"two tokens", "GET", "/orders/7", map[string]string{"authorization": good + "," + good}, 400, "invalid_request", ""},
		{"public", "GET", "/status", nil, 0, "", ""},
		{"unknown", "GET", "/nothing", nil, 404, "not_found", ""},
		{"path", "GET", "/status/../orders/7", nil, 400, "invalid_request", ""},
		{"what a caller says", "GET", "/orders/7", map[string]string{"x-forwarded-uri": "/status", "x-original-uri": "/status"}, 401, "invalid_token", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			res, err := client.Check(t.Context(), check(tt.method, tt.path, tt.headers))
			if err != nil {
				t.Fatal(err)
			}
			if tt.status == 0 {
				if res.GetStatus().GetCode() != 0 || res.GetOkResponse() == nil {
					t.Fatalf("refused: %v", res)
				}
				return
			}
			no := res.GetDeniedResponse()
			if no == nil || int(no.GetStatus().GetCode()) != tt.status || res.GetStatus().GetCode() == 0 {
				t.Fatalf("got %v, want %d", res, tt.status)
			}
			var body map[string]string
			if err := json.Unmarshal([]byte(no.GetBody()), &body); err != nil || body["error"] != tt.error {
				t.Errorf("body %q, want error %s", no.GetBody(), tt.error)
			}
			if c := header(no.GetHeaders(), "www-authenticate"); !strings.Contains(c, tt.challenge) {
				t.Errorf("challenge %q, want %q in it", c, tt.challenge)
			}
		})
	}
}

// strangers is a token as is makes them, with its kid, signed by the key of
// another issuer.
func strangers(is *authServer) string {
	is.tb.Helper()
	own := is.signer.Swap(newSigner(is.tb, "k1"))
	defer is.signer.Store(own)
	return is.token("read", nil)
}

// TestExtAuthzRevoked: a token that was revoked passes no longer, over gRPC and
// over HTTP.
func TestExtAuthzRevoked(t *testing.T) {
	t.Parallel()
	s := mintagetest.New(t, mintagetest.Options{})
	g := newGateway(t, ofMintage(s, &gateway.Route{Name: "a", Paths: []string{"/a"}}), gateway.Deps{FeedToken: feedTokens(s, s.APIID), Client: s.Client()})
	client, token := extAuthzClient(t, g), s.Token(mintagetest.TokenOptions{})
	over := func() (inGRPC, inHTTP int, body string) {
		res, err := client.Check(t.Context(), check("GET", "/a", map[string]string{"authorization": "Bearer " + token}))
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/ext-authz/a", nil)
		r.RemoteAddr, r.Header = "127.0.0.1:1", bearer(token)
		w := httptest.NewRecorder()
		g.ForwardAuth().ServeHTTP(w, r)
		return int(res.GetDeniedResponse().GetStatus().GetCode()), w.Code, res.GetDeniedResponse().GetBody()
	}
	await(t, "the token is accepted", func() bool {
		inGRPC, inHTTP, _ := over()
		return inGRPC == 0 && inHTTP == 200
	})
	s.Revoke(token)
	await(t, "the token is refused", func() bool {
		inGRPC, inHTTP, why := over()
		return inGRPC == 401 && inHTTP == 401 && strings.Contains(why, "the access token was revoked")
	})
}

func header(all []*core.HeaderValueOption, name string) string {
	for _, h := range all {
		if h.GetHeader().GetKey() == name {
			return h.GetHeader().GetValue()
		}
	}
	return ""
}

// TestExtAuthzIdentity is RS-09: what the caller says of itself is overwritten
// or removed, in every spelling, and its token stays with the gateway.
func TestExtAuthzIdentity(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	client := extAuthzClient(t, newGateway(t, is.config(frontRoutes()...), gateway.Deps{}))
	spoofed := map[string]string{
		"authorization": "Bearer " + is.token("read", nil), "x-client-id": "admin", "x_client_id": "admin", "x-client.id": "admin", "x_token-scope": "all",
		"x-internal-token": "admin",
	}
	res, err := client.Check(t.Context(), check("GET", "/orders/7", spoofed))
	if err != nil {
		t.Fatal(err)
	}
	ok := res.GetOkResponse()
	for name, want := range map[string]string{
		"x-client-id": "client-1", "x-token-subject": "client-1", "x-token-scope": "read", "x-token-issuer": is.URL, "x-token-id": "jti-1",
	} {
		if got := header(ok.GetHeaders(), name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if slices.Contains(ok.GetHeadersToRemove(), name) {
			t.Errorf("%s is set and removed", name)
		}
	}
	for _, h := range ok.GetHeaders() {
		if h.GetAppendAction() != core.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
			t.Errorf("%s is added beside the caller's", h.GetHeader().GetKey())
		}
	}
	for _, name := range []string{"x_client_id", "x-client.id", "x_token-scope", "x-internal-token", "authorization"} {
		if !slices.Contains(ok.GetHeadersToRemove(), name) {
			t.Errorf("%s is not removed: %v", name, ok.GetHeadersToRemove())
		}
	}
	// Where no token is needed nobody has an identity.
	if res, err = client.Check(t.Context(), check("GET", "/status", map[string]string{"x-client-id": "admin"})); err != nil {
		t.Fatal(err)
	}
	if ok := res.GetOkResponse(); ok == nil || len(ok.GetHeaders()) > 0 || !slices.Contains(ok.GetHeadersToRemove(), "x-client-id") {
		t.Errorf("public: %v", res)
	}
}

// TestExtAuthzCertificate: Envoy says which certificate the caller has.
func TestExtAuthzCertificate(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	bound, other := certificates(t)
	sum := sha256.Sum256(bound)
	token := "Bearer " + is.token("read", map[string]any{"cnf": map[string]any{"x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])}})
	client := extAuthzClient(t, newGateway(t, is.config(frontRoutes()...), gateway.Deps{}))
	for name, tt := range map[string]struct {
		der  []byte
		code int
	}{"bound": {bound, 0}, "other": {other, 401}, "none": {nil, 401}, "header alone": {nil, 401}} {
		in := check("GET", "/orders/7", map[string]string{"authorization": token, "client-cert": ":" + base64.StdEncoding.EncodeToString(bound) + ":"})
		if tt.der != nil {
			in.Attributes.Source.Certificate = url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tt.der})))
		}
		res, err := client.Check(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if got := int(res.GetDeniedResponse().GetStatus().GetCode()); got != tt.code {
			t.Errorf("%s: %d, want %d (%v)", name, got, tt.code, res)
		}
	}
}

// TestExtAuthzUnlisted: nobody but a listed proxy is told anything.
func TestExtAuthzUnlisted(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	c := is.config(frontRoutes()...)
	p, err := gateway.ParsePrefix("192.0.2.0/24")
	if err != nil {
		t.Fatal(err)
	}
	c.ForwardAuth.Proxies = append(c.ForwardAuth.Proxies, p)
	client := extAuthzClient(t, newGateway(t, c, gateway.Deps{}))
	res, err := client.Check(t.Context(), check("GET", "/status", nil))
	if err != nil {
		t.Fatal(err)
	}
	if got := int(res.GetDeniedResponse().GetStatus().GetCode()); got != http.StatusForbidden {
		t.Errorf("got %v, want 403", res)
	}
}

// TestExtAuthzRecord holds that questions over gRPC are counted and logged as
// those over HTTP are, and that a route under warn tells the caller.
func TestExtAuthzRecord(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	c := is.config(frontRoutes()...)
	c.AccessLog, c.Routes[0].Mode = gateway.LogAll, gateway.Warn
	var log bytes.Buffer
	g := newGateway(t, c, gateway.Deps{Log: slog.New(slog.NewJSONHandler(&log, nil))})
	client := extAuthzClient(t, g)
	for _, tt := range []struct {
		method, token, warning, line string
	}{
		{"GET", is.token("read", nil), "", `"route":"read","decision":"allowed","reason":"ok","status":200`},
		{"GET", is.token("write", nil), "token.scope", `"route":"read","decision":"warned","reason":"token.scope","status":200`},
		{"POST", is.token("read", nil), "", `"route":"write","decision":"refused","reason":"token.scope","status":403`},
	} {
		res, err := client.Check(t.Context(), check(tt.method, "/orders/7?secret=hush", map[string]string{"authorization": "Bearer " + tt.token}))
		if err != nil {
			t.Fatal(err)
		}
		line := log.String()
		log.Reset()
		if got := header(res.GetOkResponse().GetResponseHeadersToAdd(), "mintage-warning"); got != tt.warning {
			t.Errorf("warning %q, want %q", got, tt.warning)
		}
		for _, want := range []string{tt.line, `"via":"ext_authz_grpc","front_request_id":"1","method":"` + tt.method + `","host":"api.example","path":"/orders/7"`, `"remote_ip":"203.0.113.7"`, `"user_agent":"curl/8.5.0"`} {
			if !strings.Contains(line, want) {
				t.Errorf("no %s in\n%s", want, line)
			}
		}
		if strings.Count(line, "\n") != 1 || strings.Contains(line, "eyJ") || strings.Contains(line, "hush") {
			t.Errorf("want one line without a token or query:\n%s", line)
		}
		if no := res.GetDeniedResponse(); no != nil {
			id := header(no.GetHeaders(), "x-request-id")
			if id == "" || !strings.Contains(line, id) || !strings.Contains(no.GetBody(), `"trace_id":"`+id+`"`) {
				t.Errorf("X-Request-Id %q is not that of the log and the body %s", id, no.GetBody())
			}
		}
	}
	w := httptest.NewRecorder()
	g.AdminHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", http.NoBody))
	for _, want := range []string{
		`mintage_gateway_requests_total{decision="allowed",reason="ok",route="read"} 1`,
		`mintage_gateway_requests_total{decision="warned",reason="token.scope",route="read"} 1`,
		`mintage_gateway_requests_total{decision="refused",reason="token.scope",route="write"} 1`,
		`mintage_gateway_request_duration_seconds_count{route="read"} 2`,
	} {
		if !strings.Contains(w.Body.String(), want+"\n") {
			t.Errorf("no %s", want)
		}
	}
}

// TestForwardAuthCounts holds that each question of a front is counted, those
// of strangers too.
func TestForwardAuthCounts(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	g := newGateway(t, is.config(frontRoutes()...), gateway.Deps{})
	for _, tt := range []struct{ peer, path, token string }{
		{"127.0.0.1:1", "/ext-authz/orders/7", is.token("read", nil)},
		{"127.0.0.1:1", "/ext-authz/orders/7", ""},
		{"192.0.2.1:1", "/ext-authz/orders/7", ""},
		{"127.0.0.1:1", "/forward-auth", ""},
		{"127.0.0.1:1", "/elsewhere", ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", tt.path, http.NoBody)
		r.RemoteAddr, r.Host = tt.peer, "api.example"
		if tt.token != "" {
			r.Header.Set("Authorization", "Bearer "+tt.token)
		}
		g.ForwardAuth().ServeHTTP(httptest.NewRecorder(), r)
	}
	w := httptest.NewRecorder()
	g.AdminHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", http.NoBody))
	for _, want := range []string{
		`{decision="allowed",reason="ok",route="read"} 1`, `{decision="refused",reason="token.missing",route="read"} 1`,
		`{decision="refused",reason="proxy.unlisted",route="none"} 1`, `{decision="refused",reason="proxy.request",route="none"} 1`,
		`{decision="refused",reason="route.unknown",route="none"} 1`,
	} {
		if !strings.Contains(w.Body.String(), "mintage_gateway_requests_total"+want+"\n") {
			t.Errorf("no %s", want)
		}
	}
}
