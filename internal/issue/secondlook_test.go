package issue_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/clientauth"
	"github.com/mintage-auth/mintage/internal/issue"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
)

// owners looks in the fixture's database, as the server does.
type owners struct{ *fixture }

func (o owners) SecretOwner(ctx context.Context, candidate string) (*mintage.SecretOwner, error) {
	return o.store.SecretOwner(ctx, o.hasher.HashGenerated(candidate))
}

func (o owners) ClientTenants(ctx context.Context, id string, limit int) ([]string, error) {
	return o.store.ClientTenants(ctx, id, limit)
}

// looking returns a fixture whose second looks are kept, those that found nothing
// and those that were not made as the empty string.
func looking(t *testing.T) (*fixture, func() []string) {
	t.Helper()
	var mu sync.Mutex
	var found []string
	f := newFixture(t)
	g := f.with(t, func(h *issue.Handler) {
		h.Owners = owners{f}
		h.Found = func(trace string, x issue.Finding) {
			mu.Lock()
			defer mu.Unlock()
			if !strings.HasPrefix(trace, "req_") {
				t.Errorf("a look at the request %q", trace)
			}
			found = append(found, strings.TrimSpace(fmt.Sprint(x.Reason, " ", x.OwnerTenant, " ", x.OwnerClient)))
		}
	})
	return g, func() []string {
		g.Wait()
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(found)
	}
}

func basic(id, s string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+s))
}

// cutOff is in the form of our secrets, and shorter.
const cutOff = "mint_test_0123456789abcdefghijABCDEFGHIJ0123456789abc"

// TestSecondLook: what the operator learns of credentials that are nearly
// right, while the answer says nothing.
func TestSecondLook(t *testing.T) {
	t.Parallel()
	secretOrders := secretOf("orders")
	for _, tt := range []struct {
		name, auth string
		body       url.Values
		want       string
	}{
		{"line break in the body", "", url.Values{"client_id": {"orders"}, "client_secret": {secretOrders + "\n"}}, "auth.whitespace"},
		{"carriage return and line break", "", url.Values{"client_id": {"orders"}, "client_secret": {secretOrders + "\r\n"}}, "auth.whitespace"},
		{"line break within", "", url.Values{"client_id": {"orders"}, "client_secret": {secretOrders[:5] + "\n" + secretOrders[5:]}}, "auth.whitespace"},
		{"line break in Basic", basic("orders", secretOrders+"\n"), nil, "auth.whitespace"},
		{"blank before", basic("orders", "%20"+secretOrders), nil, "auth.whitespace"},
		{"quotes", "", url.Values{"client_id": {"orders"}, "client_secret": {`"` + secretOrders + `"`}}, "auth.whitespace"},
		{"typographic quotes", "", url.Values{"client_id": {"orders"}, "client_secret": {"“" + secretOrders + "”"}}, "auth.whitespace"},
		{"byte order mark", "", url.Values{"client_id": {"orders"}, "client_secret": {"\ufeff" + secretOrders}}, "auth.whitespace"},
		{"line break at the identifier", "", url.Values{"client_id": {"orders\n"}, "client_secret": {secretOrders}}, "auth.whitespace"},
		{"plus in a form, not encoded", "", url.Values{"client_id": {"percent"}, "client_secret": {strings.ReplaceAll(secretOf("percent"), "+", " ")}}, "auth.not_urlencoded"},
		{"encoded twice, body", "", url.Values{"client_id": {vectorID}, "client_secret": {url.QueryEscape(vectorSecret)}}, "auth.encoded_twice"},
		{"encoded twice, Basic", basic(url.QueryEscape(url.QueryEscape(vectorID)), url.QueryEscape(url.QueryEscape(vectorSecret))), nil, "auth.encoded_twice"},
		{"swapped", "", url.Values{"client_id": {secretOrders}, "client_secret": {"orders"}}, "auth.swapped"},
		{"swapped in Basic", basic(secretOrders, "orders"), nil, "auth.swapped"},
		{"cut off", "", url.Values{"client_id": {"orders"}, "client_secret": {cutOff}}, "secret.truncated"},
		{"mistyped", "", url.Values{"client_id": {"orders"}, "client_secret": {"MINT_TEST_" + strings.Repeat("a", 49)}}, "secret.truncated"},
		{"client of another tenant", "", url.Values{"client_id": {"stranger"}, "client_secret": {wrong}}, "client.other_tenant static stranger"},
		{"nothing to find", "", url.Values{"client_id": {"orders"}, "client_secret": {wrong}}, ""},
		{"nobody", "", url.Values{"client_id": {"nobody"}, "client_secret": {wrong}}, ""},
		{"expired is known", "", url.Values{"client_id": {"aged"}, "client_secret": {secretOf("aged")}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, found := looking(t)
			if tt.body == nil {
				tt.body = url.Values{}
			}
			tt.body.Set("grant_type", "client_credentials")
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth2/token", strings.NewReader(tt.body.Encode()))
			r.Host, r.RemoteAddr = "auth.example", "127.0.0.1:4"
			r.Header.Set("Content-Type", form)
			if tt.auth != "" {
				r.Header.Set("Authorization", tt.auth)
			}
			w := httptest.NewRecorder()
			f.ServeHTTP(w, r)
			if w.Code != 400 && w.Code != 401 || !strings.Contains(w.Body.String(), `"error_description":"client authentication failed"`) {
				t.Errorf("the answer is another one: %d %s", w.Code, w.Body)
			}
			if got := strings.Join(found(), ", "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if tt.want != "" && !strings.Contains(f.log.String(), `"msg":"second look"`) {
				t.Error("there is no line of it in the log")
			}
		})
	}
}

// Secrets that we made are known to their owner, whatever they are sent to.
func TestSecondLookOwner(t *testing.T) {
	t.Parallel()
	f, found := looking(t)
	own, foreign := secret.Generate(false), secret.Generate(true)
	for _, c := range []*mintage.Client{
		{Tenant: "acme", ID: "made-here", Name: "a", Secrets: []mintage.Secret{{ID: "s", Name: "s", Hash: f.hasher.HashGenerated(own)}}},
		{Tenant: "static", ID: "made-there", Name: "b", Secrets: []mintage.Secret{{ID: "s", Name: "s", Hash: f.hasher.HashGenerated(foreign)}}},
	} {
		must(t, f.store.Update(t.Context(), func(tx store.Tx) error { return tx.CreateClient(t.Context(), c) }))
	}
	f.tokens = append(f.tokens, own, foreign) // none may be in the log
	for _, s := range []string{own, " " + foreign, secret.Generate(false)} {
		f.post(t, "/oauth2/token", "", url.Values{"grant_type": {"client_credentials"}, "client_id": {"orders"}, "client_secret": {s}})
		f.Wait() // in order
	}
	want := "secret.other_client acme made-here, client.other_tenant static made-there, "
	if got := strings.Join(found(), ", "); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A line break pasted with a secret that only a slow hash can check is found
// too, even if this process has not seen the secret before.
func TestSecondLookImported(t *testing.T) {
	t.Parallel()
	f, found := looking(t)
	f.Auth = &clientauth.Authenticator{Clients: f.dir, Secrets: secret.New([]byte(strings.Repeat("p", 32))), Now: now} // slots of its own
	for _, s := range []string{"wrong", brought + "\n"} {
		f.post(t, "/oauth2/token", "", url.Values{"grant_type": {"client_credentials"}, "client_id": {"imported"}, "client_secret": {s}})
		f.Wait()
	}
	if got := strings.Join(found(), ", "); got != ", auth.whitespace" {
		t.Errorf("got %q", got)
	}
}

// A guesser gets few looks, and leaves some to others.
func TestSecondLookBounds(t *testing.T) {
	t.Parallel()
	f, found := looking(t)
	from := func(addr string) {
		f.Peer = func(*http.Request) issue.Peer { return issue.Peer{Addr: netip.MustParseAddr(addr)} }
		f.post(t, "/oauth2/token", "", url.Values{"grant_type": {"client_credentials"}, "client_id": {"orders"}, "client_secret": {cutOff}})
		f.Wait()
	}
	for range 20 {
		from("127.0.0.1")
	}
	looks := func() int { return len(slices.DeleteFunc(found(), func(s string) bool { return s == "" })) }
	if n := looks(); n != 3 {
		t.Errorf("%d looks for one address, want 3", n)
	}
	for i := range 20 {
		from(fmt.Sprintf("127.0.0.%d", i+2))
	}
	if n := looks(); n != 10 {
		t.Errorf("%d looks in a second, want 10", n)
	}
	if n := len(found()); n != 40 {
		t.Errorf("%d of 40 requests were told of", n)
	}
}

// Long identifiers that nobody has are cut: they may be secrets.
func TestLongIdentifiers(t *testing.T) {
	t.Parallel()
	f, _ := looking(t)
	pasted := "Zz" + strings.Repeat("9aB", 14)
	f.tokens = append(f.tokens, pasted)
	f.post(t, "/oauth2/token", "", url.Values{"grant_type": {"client_credentials"}, "client_id": {pasted}, "client_secret": {"x"}})
	f.Wait()
	if !strings.Contains(f.log.String(), `"client_id":"Zz9aB9…"`) {
		t.Errorf("log: %s", f.log)
	}
}
