package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/mintage-auth/mintage/internal/gateway"
)

// TestWouldRefuseHasRoom: the list of who would be refused has room for clients
// however many addresses call without a token, and keeps of the addresses those
// that call often.
func TestWouldRefuseHasRoom(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	g := newGateway(t, is.config(&gateway.Route{Name: "a", Paths: []string{"/a"}, Scopes: []string{"x"}, Mode: gateway.Observe}), gateway.Deps{})
	ask := func(from netip.Addr, h http.Header) {
		t.Helper()
		if d := g.Decide(t.Context(), gateway.Call{Method: "GET", Host: "x", Path: "/a", Header: h, RemoteAddr: from}); !d.Allow {
			t.Fatalf("%s: got %+v", from, d)
		}
	}
	regular := netip.MustParseAddr("192.0.2.1")
	ask(regular, http.Header{})
	ask(regular, http.Header{})
	scan := netip.MustParseAddr("2001:db8::1")
	for range 3000 {
		ask(scan, http.Header{})
		scan = scan.Next()
	}
	for i := range 20 {
		ask(regular, bearer(is.token("y", map[string]any{"client_id": fmt.Sprint("client-", i)})))
	}
	w := httptest.NewRecorder()
	g.AdminHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/gateway/v1/would-refuse", http.NoBody))
	var got struct {
		Items     []gateway.WouldRefuse `json:"items"`
		NotListed int64                 `json:"not_listed"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	clients, addresses, calls := 0, map[string]int64{}, got.NotListed
	for _, item := range got.Items {
		calls += item.Count
		if item.ClientID != "" {
			clients++
			continue
		}
		addresses[item.Address] = item.Count
	}
	if clients != 20 || addresses[regular.String()] != 2 || len(addresses) != 1000 || calls != 3022 {
		t.Errorf("%d clients, %d of the regular address, %d addresses, %d calls", clients, addresses[regular.String()], len(addresses), calls)
	}
}
