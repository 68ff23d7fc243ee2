package adminclient_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
)

func clientOf(srv *httptest.Server) *adminclient.Client {
	return &adminclient.Client{
		BaseURL: srv.URL + "/", HTTP: srv.Client(),
		Token: func(context.Context) (string, error) { return "the-token", nil },
	}
}

func Example() {
	// The server of the example answers with a client; yours is Mintage's admin
	// listener, and Token gets an access token for urn:mintage:admin there.
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"client_id": "mc_cvO3NNQ9wCjnkGbA", "name": "Nightly export", "client_secret": "mint_test_…"}`)
	}))
	defer srv.Close()
	c := &adminclient.Client{
		BaseURL: srv.URL,
		HTTP:    &http.Client{Timeout: 10 * time.Second},
		Token:   func(context.Context) (string, error) { return "eyJ…", nil },
	}

	made, err := c.CreateClient(context.Background(), "production", adminclient.NewClient{
		ClientSettings: adminclient.ClientSettings{
			Name:   "Nightly export",
			Grants: []adminclient.Grant{{ResourceServer: "https://api.example.com", Scopes: []string{"orders/read"}}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(made.ClientID) // made.ClientSecret is shown this once
	// Output: mc_cvO3NNQ9wCjnkGbA
}

func ExampleClient_Clients() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("cursor") == "" {
			fmt.Fprint(w, `{"items": [{"name": "Export"}, {"name": "Import"}], "next": "c1"}`)
			return
		}
		fmt.Fprint(w, `{"items": [{"name": "Print"}]}`)
	}))
	defer srv.Close()
	c := clientOf(srv)

	for client, err := range c.Clients(context.Background(), "production", adminclient.List{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(client.Name)
	}
	// Output:
	// Export
	// Import
	// Print
}

func ExampleProblem() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"title": "Not there.", "status": 404, "code": "object.not_found", "trace_id": "req_0123456789abcdef"}`)
	}))
	defer srv.Close()

	_, err := clientOf(srv).Tenant(context.Background(), "nowhere")
	if p := (*adminclient.Problem)(nil); errors.As(err, &p) && errors.Is(err, mintage.ErrNotFound) {
		fmt.Println(p.Code, p.TraceID)
	}
	// Output: object.not_found req_0123456789abcdef
}

func TestRequests(t *testing.T) {
	t.Parallel()
	var got string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = fmt.Sprintf("%s %s %q %q %q %q %s", r.Method, r.RequestURI, r.Header.Get("Authorization"), r.Header.Get("If-Match"),
			r.Header.Get("Content-Type"), r.Header.Get(adminclient.HeaderVia), body)
		fmt.Fprint(w, `{}`)
	}))
	defer srv.Close()
	c := clientOf(srv)
	c.Via = "cli"
	ctx := t.Context()
	for _, tt := range []struct {
		name string
		do   func() error
		want string
	}{
		{
			"identifiers are escaped",
			func() error { _, err := c.ResourceServer(ctx, "a", "https://api.example/x?y"); return err },
			`GET /admin/v1/tenants/a/resource-servers/https:%2F%2Fapi.example%2Fx%3Fy "Bearer the-token" "" "" "cli" `,
		},
		{
			"a patch and its version",
			func() error {
				_, err := c.UpdateClient(ctx, "a", "b", adminclient.Patch{"disabled": true}, 3)
				return err
			},
			`PATCH /admin/v1/tenants/a/clients/b "Bearer the-token" "\"3\"" "application/merge-patch+json" "cli" {"disabled":true}`,
		},
		{
			"the last secret",
			func() error { return c.RevokeSecret(ctx, "a", "b", "2026-11", true) },
			`DELETE /admin/v1/tenants/a/clients/b/secrets/2026-11?allow_last=true "Bearer the-token" "" "" "cli" `,
		},
		{
			"what is not set is not sent",
			func() error {
				_, err := c.CreateClient(ctx, "a", adminclient.NewClient{ClientSettings: adminclient.ClientSettings{Name: "x"}})
				return err
			},
			`POST /admin/v1/tenants/a/clients "Bearer the-token" "" "application/json" "cli" {"name":"x"}`,
		},
		{
			"a filter",
			func() error {
				for _, err := range c.Clients(ctx, "a", adminclient.List{Name: "x y", Limit: 7}) {
					return err
				}
				return nil
			},
			`GET /admin/v1/tenants/a/clients?limit=7&name=x+y "Bearer the-token" "" "" "cli" `,
		},
	} {
		if err := tt.do(); err != nil || got != tt.want {
			t.Errorf("%s: error %v\n got %s\nwant %s", tt.name, err, got, tt.want)
		}
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, contentType, body string
		status                  int
		is                      error
		says                    string
	}{
		{"exists", adminclient.ContentTypeProblem, `{"code":"object.exists","detail":"there is one"}`, 409, mintage.ErrExists, "there is one"},
		{"conflict", adminclient.ContentTypeProblem, `{"code":"object.changed","title":"changed"}`, 409, mintage.ErrConflict, "changed"},
		{"stale", adminclient.ContentTypeProblem, `{"code":"object.changed","title":"changed"}`, 412, mintage.ErrConflict, "changed"},
		{
			"members", adminclient.ContentTypeProblem + "; charset=utf-8",
			`{"title":"not valid","errors":[{"pointer":"/name","detail":"a name is required"},{"pointer":"","detail":"else"}]}`, 400, nil,
			"not valid; /name: a name is required; else",
		},
		{"a proxy", "text/html", `<h1>Bad Gateway</h1>`, 502, nil, "the server answered 502 Bad Gateway, and not as an admin API does"},
		{"a problem that is none", adminclient.ContentTypeProblem, `<h1>`, 404, mintage.ErrNotFound, "the server answered 404 Not Found, and not as an admin API does"},
		{"a success that is none", "text/html", `<h1>Welcome</h1>`, 200, nil, "did not answer as an admin API does"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tt.contentType)
				w.WriteHeader(tt.status)
				fmt.Fprint(w, tt.body)
			}))
			defer srv.Close()
			_, err := clientOf(srv).Tenant(t.Context(), "x")
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %s", err, tt.says)
			}
			for _, kind := range []error{mintage.ErrNotFound, mintage.ErrExists, mintage.ErrConflict} {
				if errors.Is(err, kind) != (kind == tt.is) { //nolint:errorlint // which of the three, not whether
					t.Errorf("%v is %v: %t", err, kind, errors.Is(err, kind))
				}
			}
		})
	}
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	if _, err := (&adminclient.Client{}).Tenant(t.Context(), "x"); err == nil {
		t.Error("a client without HTTP and Token works")
	}
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	c := clientOf(srv)
	broken := errors.New("no credentials")
	c.Token = func(context.Context) (string, error) { return "", broken }
	for _, err := range c.Tenants(t.Context(), adminclient.List{}) {
		if !errors.Is(err, broken) {
			t.Errorf("got %v, want the reason that there is no token", err)
		}
	}
}

// A default scope of none is something else than no default scope.
func TestDefaultScopeOnTheWire(t *testing.T) {
	t.Parallel()
	for want, scope := range map[string][]string{`{"name":"x"}`: nil, `{"name":"x","default_scope":[]}`: {}, `{"name":"x","default_scope":["*"]}`: {"*"}} {
		got, err := json.Marshal(adminclient.ClientSettings{Name: "x", DefaultScope: scope})
		if err != nil || string(got) != want {
			t.Errorf("%#v is %s, %v; want %s", scope, got, err, want)
		}
	}
}
