//go:build linux

package server_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/server"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqlfault"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
)

// onDisk starts a server whose SQLite database is on a disk that fails on
// purpose.
func onDisk(t *testing.T) (*running, *sqlfault.Disk) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if sqltest.URL(t, dir) != "" {
		t.Skip("PostgreSQL has its own disk")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	d, err := sqlfault.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Remove) // after the server has stopped
	return start(t, server.Config{Data: dir}), d
}

// statusOf asks for a token of the demo client.
func (r *running) statusOf(path string) (int, string) {
	r.t.Helper()
	a := r.post(r.public+path, grant)
	var body struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		r.t.Errorf("%d %q: %v", a.status, a.body, err)
	}
	return a.status, body.Token
}

// api returns a client of the admin API.
func (r *running) api() *adminclient.Client {
	r.t.Helper()
	raw, err := os.ReadFile(r.demo.Credentials)
	if err != nil {
		r.t.Fatal(err)
	}
	var cred struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal(raw, &cred); err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.admin+"/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(cred.ID), url.QueryEscape(cred.Secret))
	token, _ := r.do(req).json(r.t)["access_token"].(string)
	hasty := *r.client
	hasty.Transport = hurry{cmp.Or(hasty.Transport, http.DefaultTransport)}
	return &adminclient.Client{
		BaseURL: r.admin, HTTP: &hasty, Via: "test", Token: func(context.Context) (string, error) { return token, nil },
	}
}

// hurry hides Retry-After, for which the admin client would wait.
type hurry struct{ http.RoundTripper }

func (h hurry) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := h.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Header.Del("Retry-After")
	}
	return resp, err
}

// create makes a client by the admin API, and returns the status of the answer.
func create(ctx context.Context, api *adminclient.Client, name string) (int, error) {
	_, err := api.CreateClient(ctx, "demo", adminclient.NewClient{ClientSettings: adminclient.ClientSettings{
		Name: name, Grants: []adminclient.Grant{{ResourceServer: mintage.AdminResource, Scopes: []string{"tenants:read"}}},
	}})
	if p, ok := errors.AsType[*adminclient.Problem](err); ok {
		return p.Status, nil
	}
	return http.StatusCreated, err
}

// named counts the clients of a name.
func named(ctx context.Context, api *adminclient.Client, name string) (n int, err error) {
	for c, err := range api.Clients(ctx, "demo", adminclient.List{}) {
		if err != nil {
			return 0, err
		}
		if c.Name == name {
			n++
		}
	}
	return n, nil
}

// TestDiskFull is R4 of the fault plan: without space, JWTs are issued from what
// is cached, and all that needs a row is 503; with space again, all goes on, with
// no restart and nothing half done.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	r, d := onDisk(t)
	api := r.api()
	if status, _ := r.statusOf("/oauth2/token"); status != http.StatusOK {
		t.Fatalf("a JWT before: %d", status)
	}
	_, kept := r.statusOf("/oauth/token")
	d.Fill(true)
	for range 20 {
		if status, _ := r.statusOf("/oauth2/token"); status != http.StatusOK {
			t.Errorf("a JWT on a full disk: %d", status)
		}
		if status, token := r.statusOf("/oauth/token"); status != http.StatusServiceUnavailable || token != "" {
			t.Errorf("a stored token on a full disk: %d", status)
		}
	}
	if status, err := create(t.Context(), api, "full"); status != http.StatusServiceUnavailable || err != nil {
		t.Errorf("a client on a full disk: %d %v", status, err)
	}
	if !r.active(kept) {
		t.Error("a stored token of before is not active on a full disk")
	}
	if n, err := named(t.Context(), api, "full"); n != 0 || err != nil {
		t.Errorf("%d clients of a refused creation (%v)", n, err)
	}
	d.Fill(false)
	status, token := r.statusOf("/oauth/token")
	if status != http.StatusOK || !r.active(token) {
		t.Errorf("the first stored token with space again: %d", status)
	}
	if status, err := create(t.Context(), api, "full"); status != http.StatusCreated || err != nil {
		t.Errorf("a client with space again: %d %v", status, err)
	}
}

// TestDiskErrors is R3 at the front door: whichever call of the disk fails, and
// however, a request is answered with what is so or with 503, and the next one
// is served.
func TestDiskErrors(t *testing.T) {
	t.Parallel()
	r, d := onDisk(t)
	api := r.api()
	r.token("/oauth/token")
	refused, struck := 0, 0
	for _, fault := range []sqlfault.Fault{sqlfault.IOError, sqlfault.NoSpace, sqlfault.Torn, sqlfault.SyncLost} {
		for n := 1; n <= 7; n++ {
			d.Fail(n, fault)
			status, token := r.statusOf("/oauth/token")
			_, hit := d.Stop()
			if hit {
				struck++
			}
			switch {
			case status == http.StatusOK && !r.active(token):
				t.Errorf("fault %d at call %d: a token was handed out that is not there", fault, n)
			case status == http.StatusServiceUnavailable:
				refused++
			case status != http.StatusOK:
				t.Errorf("fault %d at call %d: %d", fault, n, status)
			}

			name := fmt.Sprintf("fault-%d-%d", fault, n)
			d.Fail(n, fault)
			status, err := create(t.Context(), api, name)
			if _, hit = d.Stop(); hit {
				struck++
			}
			got, listErr := named(t.Context(), api, name)
			switch {
			case err != nil || listErr != nil:
				t.Errorf("%s: %v %v", name, err, listErr)
			case status == http.StatusCreated && got != 1, got > 1:
				t.Errorf("%s: %d, and %d are there", name, status, got)
			case status == http.StatusServiceUnavailable:
				refused++
			case status != http.StatusCreated:
				t.Errorf("%s: %d", name, status)
			}
		}
	}
	if status, _ := r.statusOf("/oauth/token"); status != http.StatusOK {
		t.Errorf("a stored token in the end: %d", status)
	}
	if struck == 0 || refused == 0 {
		t.Errorf("%d calls failed and %d requests were refused: the test does not reach the disk", struck, refused)
	}
	t.Logf("%d calls failed, %d requests were answered 503, nothing was lost or served that is not there", struck, refused)
}
