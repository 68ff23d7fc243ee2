package oauth2source_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/consume/oauth2source"
)

// The server's errors come through by their codes, so that a wrong secret is
// not sent over and over; the answer's body does not.
func TestFetcherErrors(t *testing.T) {
	t.Parallel()
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":"invalid_client","error_description":"no","x":"the-secret"}`)
	}))
	defer srv.Close()
	config := &clientcredentials.Config{TokenURL: srv.URL, ClientID: "a", ClientSecret: "the-secret", AuthStyle: oauth2.AuthStyleInHeader}
	src := &consume.Source{Fetcher: oauth2source.Fetcher(config.Token)}
	defer src.Close()
	for range 10 {
		_, err := src.Token(t.Context())
		e, ok := errors.AsType[*consume.Error](err)
		if !ok || e.Code != "invalid_client" || e.Status != 401 || e.RetryAfter != 7*time.Second || strings.Contains(err.Error(), "the-secret") {
			t.Errorf("got %v", err)
		}
	}
	if asked != 1 {
		t.Errorf("a wrong secret was sent %d times", asked)
	}
	other := errors.New("connection refused")
	if _, err := oauth2source.Fetcher(func(context.Context) (*oauth2.Token, error) { return nil, other }).Token(t.Context()); !errors.Is(err, other) {
		t.Errorf("got %v", err)
	}
}

type never struct{}

func (never) Token(ctx context.Context) (*consume.Token, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	for _, timeout := range []time.Duration{0, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			src := &consume.Source{Fetcher: never{}, FetchTimeout: time.Hour}
			defer src.Close()
			want := timeout
			if want == 0 {
				want = 30 * time.Second
			}
			began := time.Now()
			if _, err := (&oauth2source.TokenSource{Source: src, Timeout: timeout}).Token(); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != want {
				t.Errorf("got %v after %v, want %v", err, time.Since(began), want)
			}
		})
	}
}
