package adminclient_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
)

func ExampleWithIdempotencyKey() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"client_id": "mc_cvO3NNQ9wCjnkGbA", "name": %s}`, r.Header.Get(adminclient.HeaderIdempotencyKey))
	}))
	defer srv.Close()

	// The key was written down before the request was sent, and is the same after
	// a crash.
	ctx := adminclient.WithIdempotencyKey(context.Background(), "export-2026-11-27")
	made, err := clientOf(srv).CreateClient(ctx, "production", adminclient.NewClient{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(made.Name)
	// Output: export-2026-11-27
}

// answer is how a request ends.
type answer struct {
	status       int
	header, body string
	err          error
}

// answering is a server that answers one request after the other, as told.
type answering struct {
	steps []answer
	keys  []string
}

func (a *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	step := a.steps[min(len(a.keys), len(a.steps)-1)]
	a.keys = append(a.keys, r.Header.Get(adminclient.HeaderIdempotencyKey))
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if string(body) != `{"name":"x"}` && string(body) != "{}" {
		return nil, fmt.Errorf("the body is %q", body)
	}
	if step.err != nil {
		return nil, step.err
	}
	h := http.Header{"Content-Type": {adminclient.ContentTypeProblem}}
	if name, value, ok := strings.Cut(step.header, ": "); ok {
		h.Set(name, value)
	}
	return &http.Response{StatusCode: step.status, Header: h, Body: io.NopCloser(strings.NewReader(step.body))}, nil
}

func answered(status int, header, body string) answer {
	return answer{status: status, header: header, body: body}
}

func lost(err error) answer { return answer{err: err} }

// An answer that is lost is asked for again under the same key, for a while; what
// was not sent, and what was refused, is not.
func TestRetry(t *testing.T) {
	t.Parallel()
	reset := &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}
	made := answered(201, "", `{"client_id":"mc_x"}`)
	down := answered(503, "Retry-After: 2", `{"code":"store.unavailable"}`)
	for _, tt := range []struct {
		name  string
		steps []answer
		sent  int
		took  time.Duration
		fails bool
	}{
		{"answered", []answer{made}, 1, 0, false},
		{"lost", []answer{lost(io.ErrUnexpectedEOF), made}, 2, 200 * time.Millisecond, false},
		{"lost twice", []answer{lost(reset), lost(io.EOF), made}, 3, 600 * time.Millisecond, false},
		{"lost for good", []answer{lost(reset)}, 3, 600 * time.Millisecond, true},
		{"still running", []answer{answered(409, "Retry-After: 1", `{"code":"idempotency.running"}`), made}, 2, time.Second, false},
		{"a proxy", []answer{answered(502, "", `<html>`), made}, 2, 200 * time.Millisecond, false},
		{"unavailable", []answer{down, made}, 2, 2 * time.Second, false},
		{"unavailable for long", []answer{answered(503, "Retry-After: 3600", `{}`)}, 3, 10 * time.Second, true},
		{"not reached", []answer{lost(&net.OpError{Op: "dial", Err: errors.New("refused")})}, 1, 0, true},
		{"refused", []answer{answered(409, "", `{"code":"object.exists"}`)}, 1, 0, true},
		{"failed", []answer{answered(500, "", `{"code":"internal"}`)}, 1, 0, true},
		{"no answer of ours", []answer{answered(200, "", `<html>`)}, 1, 0, true},
		{"too late", []answer{lost(context.DeadlineExceeded)}, 1, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := &answering{steps: tt.steps}
				c := &adminclient.Client{
					BaseURL: "http://admin.example", HTTP: &http.Client{Transport: a},
					Token: func(context.Context) (string, error) { return "x", nil },
				}
				began := time.Now()
				_, err := c.CreateClient(t.Context(), "a", adminclient.NewClient{ClientSettings: adminclient.ClientSettings{Name: "x"}})
				if (err != nil) != tt.fails || len(a.keys) != tt.sent || time.Since(began) != tt.took {
					t.Errorf("%v after %v and %d requests, want %v and %d", err, time.Since(began), len(a.keys), tt.took, tt.sent)
				}
				for _, key := range a.keys {
					if key != a.keys[0] || len(key) < 20 {
						t.Errorf("the keys are %q", a.keys)
					}
				}
			})
		})
	}
}

// What may be sent twice without harm has no key, and is sent once.
func TestNoRetry(t *testing.T) {
	t.Parallel()
	a := &answering{steps: []answer{lost(io.ErrUnexpectedEOF)}}
	c := &adminclient.Client{
		BaseURL: "http://admin.example", HTTP: &http.Client{Transport: a},
		Token: func(context.Context) (string, error) { return "x", nil },
	}
	_, err := c.UpdateClient(t.Context(), "a", "mc_x", adminclient.Patch{}, 1)
	if err == nil || len(a.keys) != 1 || a.keys[0] != "" {
		t.Errorf("%v after the keys %q", err, a.keys)
	}
}
