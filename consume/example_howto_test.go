package consume_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/consume/promobserver"
	"github.com/mintage-auth/mintage/consume/slogobserver"
)

// What docs/howto/use-the-go-client.md shows: TestHowTo holds the page to it.
func Example() {
	s, stop := server()
	defer stop()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	secretFile := filepath.Join(dir, "client-secret")
	if err := os.WriteFile(secretFile, []byte(s.ClientSecret), 0o600); err != nil {
		panic(err)
	}
	tokenURL, clientID, apiURL := s.TokenURL, s.ClientID, s.APIURL

	src := &consume.Source{Fetcher: &consume.ClientCredentials{
		TokenURL:   tokenURL,
		ClientID:   clientID,
		Secret:     consume.SecretFile(secretFile),
		Scope:      []string{"orders/read"},
		HTTPClient: &http.Client{Timeout: 10 * time.Second},
	}}
	defer src.Close()
	client := &http.Client{Transport: &consume.Transport{
		Source:  src,
		Origins: []string{apiURL},
	}}
	res, err := client.Get(apiURL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = res.Body.Close() }()
	fmt.Println(res.StatusCode)
	// Output:
	// 200
}

func Example_errors() {
	src := &consume.Source{Fetcher: fetcherFunc(func() (*consume.Token, error) {
		return nil, &consume.Error{Status: http.StatusServiceUnavailable}
	})}
	defer src.Close()
	_, _ = src.Token(context.Background())

	_, err := src.Token(context.Background())
	if later, ok := errors.AsType[*consume.BackoffError](err); ok {
		fmt.Println("wait for the next try:", time.Until(later.RetryAt) < time.Second)
	}
	if refused, ok := errors.AsType[*consume.Error](err); ok {
		fmt.Println("what the server said:", refused.Status, refused.Code, refused.Temporary())
	}
	// Output:
	// wait for the next try: true
	// what the server said: 503  true
}

func Example_observers() {
	registry := prometheus.NewRegistry()
	log := slog.New(slog.DiscardHandler)
	billing := &consume.Source{Fetcher: fetcherFunc(func() (*consume.Token, error) {
		return &consume.Token{Value: "2YotnFZFEjr1zCsicMWpAA"}, nil
	})}
	orders := &consume.Source{Fetcher: billing.Fetcher}

	metrics := promobserver.New()
	registry.MustRegister(metrics)
	billing.Observer = metrics.Observer("billing", billing)
	orders.Observer = &slogobserver.Observer{Log: log, Name: "orders"}

	defer billing.Close()
	defer orders.Close()
	_, err := billing.Token(context.Background())
	fmt.Println(err)
	// Output:
	// <nil>
}
