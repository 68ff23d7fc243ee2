package gateway_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/gateway"
)

// TestStrip is RS-09 and advisories 63 to 66: whatever the spelling, a caller
// cannot say who it is.
func TestStrip(t *testing.T) {
	t.Parallel()
	c := &gateway.Config{Routes: []*gateway.Route{route("all", "", "/")}, AccessLog: gateway.LogOff}
	c.Identity.Headers = gateway.IdentityHeaders{ClientID: "X-Caller", Subject: "X-Sub"}
	g := newGateway(t, c, gateway.Deps{})
	dropped := []string{
		"X-Caller", "x-caller", "X_Caller", "x_caller", "X.Caller", "X~caller", "X!Caller", "X-Sub",
		"X-Client-Id", "X_client_id", "X-Client_Id", "x-token-subject", "X_Token_Scope", "X-Token-Issuer", "X-Token.Id", "X-Internal-Token",
		"Forwarded", "X-Forwarded-For", "X_Forwarded_Proto", "X-Forwarded-Prefix", "X-Forwarded-Uri", "X-Original-Url", "X-Rewrite-Url",
		"Client-Cert", "X-SSL-Client-Cert", "X_SSL_Client_Cert", "X-Forwarded-Client-Cert",
		"Te", "Trailer", "Keep-Alive", "Proxy-Authorization", "Upgrade", "Transfer_Encoding", "Content_Length", "content.length", "Host_",
		"Authorization_", "Cookie.", "X-Http-Method-Override",
	}
	kept := []string{"X-Custom", "X_custom", "Content-Type", "Accept", "User-Agent", "Traceparent", "X-Client-Identity", "Xclientid", "Content-Length"}
	for _, list := range []struct {
		names []string
		gone  bool
	}{{dropped, true}, {kept, false}} {
		for _, name := range list.names {
			name = strings.TrimRight(name, "\x00")
			d := g.Decide(t.Context(), gateway.Call{Method: "GET", Host: "x", Path: "/", Header: http.Header{name: {"spoof"}}})
			want := list.gone && name != "Host_" && name != "Authorization_" && name != "Cookie." // other names altogether
			if got := slices.Contains(d.Strip, name); got != want {
				t.Errorf("%s: stripped: %t, want %t", name, got, want)
			}
		}
	}
}

// TestConnection is advisory 66: a caller cannot have headers removed that are
// not its own.
func TestConnection(t *testing.T) {
	t.Parallel()
	g := newGateway(t, &gateway.Config{Routes: []*gateway.Route{route("all", "", "/")}, AccessLog: gateway.LogOff}, gateway.Deps{})
	for value, allow := range map[string]bool{
		"keep-alive": true, "close": true, "Upgrade": true, "keep-alive, Upgrade": true, "X-Own": true, "te, trailer": true, ",": true,
		"X-Client-Id": false, "x-client-id": false, "close, X_Client_Id": false, "X-Forwarded-For": false, "authorization": false,
		"close,content-length": false, "Host": false, "Cookie": false, "Transfer-Encoding": false, "DPoP": false,
	} {
		d := g.Decide(t.Context(), gateway.Call{Method: "GET", Host: "x", Path: "/", Header: http.Header{"Connection": {"close", value}}})
		if d.Allow != allow {
			t.Errorf("Connection: %s: got %+v, want allowed: %t", value, d, allow)
		}
	}
}

// FuzzStrip: whatever names a caller makes up, the backend that reads names in
// the most careless way does not find an identity header among them.
func FuzzStrip(f *testing.F) {
	f.Add("X_Client_Id")
	f.Add("x-token.scope")
	g := newGateway(f, &gateway.Config{Routes: []*gateway.Route{route("all", "", "/")}, AccessLog: gateway.LogOff}, gateway.Deps{})
	careless := func(name string) string {
		return strings.Map(func(r rune) rune {
			switch {
			case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
				return r
			case 'A' <= r && r <= 'Z':
				return r + 'a' - 'A'
			}
			return '_'
		}, name)
	}
	identity := []string{"x_client_id", "x_token_subject", "x_token_scope", "x_token_issuer", "x_token_id", "x_forwarded_for"}
	f.Fuzz(func(t *testing.T, name string) {
		d := g.Decide(t.Context(), gateway.Call{Method: "GET", Host: "x", Path: "/", Header: http.Header{name: {"spoof"}}})
		if slices.Contains(identity, careless(name)) && !slices.Contains(d.Strip, name) {
			t.Fatalf("%q gets through", name)
		}
	})
}
