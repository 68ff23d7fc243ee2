package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/oauth"
)

// follower is a client that may follow the revocations of its tenant.
type follower struct {
	*running
	id, secret string
	issuer     string
	token      string
	at         string // URL of the feed
	host       string // Host header; empty: that of the URL
}

// follower makes a client in a tenant and gets its token at issuer.
func (r *running) follower(tenant, issuer string, scopes ...string) *follower {
	r.t.Helper()
	made, err := r.srv.Manager().CreateClient(r.t.Context(), manage.Server(), &mintage.Client{
		Tenant: tenant, Name: "Gateway", Grants: []mintage.Grant{{ResourceServer: mintage.AdminResource, Scopes: scopes}},
	}, manage.NewSecret{})
	if err != nil {
		r.t.Fatal(err)
	}
	f := &follower{running: r, id: made.Client.ID, secret: made.Secret, issuer: issuer, at: r.public + "/oauth2/revocations"}
	f.token = f.fresh()
	return f
}

// fresh gets a token.
func (f *follower) fresh() string {
	req, err := http.NewRequestWithContext(context.WithoutCancel(f.t.Context()), http.MethodPost, f.issuer+"/oauth2/token", strings.NewReader(grant.Encode()))
	if err != nil {
		f.t.Error(err)
		return ""
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(f.id, f.secret)
	res, err := f.client.Do(req)
	if err != nil {
		return "" // the server has ended
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	var doc struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&doc); err != nil || res.StatusCode != http.StatusOK {
		f.t.Errorf("token of the follower: %d, %v", res.StatusCode, err)
	}
	return doc.Token
}

func (f *follower) request(query string, header ...string) *http.Request {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, f.at+query, http.NoBody)
	if err != nil {
		f.t.Fatal(err)
	}
	req.Host = f.host
	req.Header.Set("Authorization", "Bearer "+f.token)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return req
}

// list asks for a document.
func (f *follower) list(query string) oauth.Revocations {
	f.t.Helper()
	a := f.do(f.request(query))
	var doc oauth.Revocations
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil || a.status != http.StatusOK {
		f.t.Fatalf("%s: %d %s: %v", query, a.status, a.body, err)
	}
	return doc
}

// event is one of a stream, with when it came.
type event struct {
	id  string
	doc oauth.Revocations
	at  time.Time
}

// stream follows until the stream ends, which closes the channel.
func (f *follower) stream(header ...string) <-chan event {
	f.t.Helper()
	ctx, cancel := context.WithCancel(f.t.Context())
	req := f.request("", append(header, "Accept", "text/event-stream")...).WithContext(ctx)
	res, err := (&http.Client{}).Do(req)
	if err != nil {
		cancel()
		f.t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		cancel()
		f.t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	events := make(chan event, 100)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(events)
		e := event{}
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			field, value, _ := strings.Cut(lines.Text(), ": ")
			switch {
			case field == "id":
				e.id = value
			case field == "data":
				e.at = time.Now()
				if err := json.Unmarshal([]byte(value), &e.doc); err != nil {
					f.t.Errorf("%v in %q", err, value)
				}
			case field == "" && value == "" && e.doc.Cursor != "":
				events <- e
				e = event{}
			}
		}
		_ = res.Body.Close()
	})
	f.t.Cleanup(func() { cancel(); wg.Wait() })
	return events
}

// next waits for an event.
func next(t *testing.T, events <-chan event) event {
	t.Helper()
	select {
	case e, ok := <-events:
		if !ok {
			t.Fatal("the stream ended")
		}
		return e
	case <-time.After(10 * time.Second):
		t.Fatal("no event")
	}
	return event{}
}

// ended waits until a stream ends.
func ended(t *testing.T, events <-chan event) {
	t.Helper()
	patience := time.After(10 * time.Second)
	for {
		select {
		case _, ok := <-events:
			if !ok {
				return
			}
		case <-patience:
			t.Fatal("the stream did not end")
		}
	}
}

// jti returns the identifier of a token.
func (r *running) jti(token string) string {
	r.t.Helper()
	a := r.post(r.public+"/oauth2/introspect", url.Values{"token": {token}})
	id, _ := a.json(r.t)["jti"].(string)
	if id == "" {
		r.t.Fatalf("introspection: %d %s", a.status, a.body)
	}
	return id
}

func (r *running) revoke(token string) {
	r.t.Helper()
	if a := r.post(r.public+"/oauth2/revoke", url.Values{"token": {token}}); a.status != http.StatusOK {
		r.t.Fatalf("revoke: %d %s", a.status, a.body)
	}
}
