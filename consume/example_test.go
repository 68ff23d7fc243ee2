package consume_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/mintage-auth/mintage/consume"
)

// tokenEndpoint stands for an authorization server.
func tokenEndpoint() *httptest.Server {
	var n atomic.Int64
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, secret, _ := r.BasicAuth(); secret != "correct-horse" {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":"invalid_client","error_description":"Client authentication failed.","trace_id":"req_1"}`)
			return
		}
		fmt.Fprintf(w, `{"access_token":"2YotnFZFEjr1zCsicMWp%02d","token_type":"Bearer","expires_in":3600,"scope":%q}`, n.Add(1), r.FormValue("scope"))
	}))
}

func ExampleClientCredentials() {
	server := tokenEndpoint()
	defer server.Close()

	src := &consume.ClientCredentials{
		TokenURL:   server.URL,
		ClientID:   "nightly-export",
		Secret:     consume.SecretValue("correct-horse"),
		Scope:      []string{"orders.read"},
		HTTPClient: &http.Client{},
	}
	tok, err := src.Token(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tok) // shows no secret
	fmt.Println(tok.Expired(time.Now()), tok.Expired(time.Now().Add(time.Hour)))
	// Output:
	// Bearer (hidden) for orders.read
	// false true
}

func ExampleError() {
	server := tokenEndpoint()
	defer server.Close()

	src := &consume.ClientCredentials{
		TokenURL:   server.URL,
		ClientID:   "nightly-export",
		Secret:     consume.SecretValue("wrong"),
		HTTPClient: &http.Client{},
	}
	_, err := src.Token(context.Background())
	if e, ok := errors.AsType[*consume.Error](err); ok {
		fmt.Println(e.Code, e.TraceID, e.Temporary())
	}
	fmt.Println(err)
	// Output:
	// invalid_client req_1 false
	// token request: 401: invalid_client: Client authentication failed. (trace id req_1)
}

func ExampleSecretFile() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "client-secret")
	if err := os.WriteFile(file, []byte("correct-horse\n"), 0o600); err != nil {
		panic(err)
	}
	server := tokenEndpoint()
	defer server.Close()

	src := &consume.ClientCredentials{
		TokenURL:   server.URL,
		ClientID:   "nightly-export",
		Secret:     consume.SecretFile(file), // read again for each token
		HTTPClient: &http.Client{},
	}
	tok, err := src.Token(context.Background())
	fmt.Println(len(tok.Header()), err)
	// Output:
	// 29 <nil>
}

func ExampleAuth() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Header.Get("Content-Type"))
		fmt.Fprint(w, `{"token_type":"Bearer","expires_in":86400,"access_token":"2YotnFZFEjr1zCsicMWpAA"}`)
	}))
	defer server.Close()

	src := &consume.ClientCredentials{
		TokenURL:   server.URL + "/access-token",
		ClientID:   "b4460113-f097-49ae-9225-f741a7bf07ed",
		Secret:     consume.SecretValue("correct-horse"),
		Auth:       consume.JSON, // the server reads nothing else
		HTTPClient: &http.Client{},
	}
	_, err := src.Token(context.Background())
	fmt.Println(err)
	// Output:
	// application/json
	// <nil>
}
