package mintagetest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/mintagetest"
	"github.com/mintage-auth/mintage/oauth"
)

// T stands for the *testing.T of a test, which examples have not got.
type T struct{ clean []func() }

func (*T) Helper()                      {}
func (*T) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }
func (t *T) Cleanup(f func())           { t.clean = append(t.clean, f) }

func (t *T) end() {
	for _, f := range slices.Backward(t.clean) {
		f()
	}
}

// source returns what gets tokens for the client of s.
func source(s *mintagetest.Server) *consume.ClientCredentials {
	return &consume.ClientCredentials{
		TokenURL: s.TokenURL, ClientID: s.ClientID, Secret: consume.SecretValue(s.ClientSecret), HTTPClient: s.Client(),
	}
}

// get calls an API with a token and prints the status.
func get(s *mintagetest.Server, url, token string) int {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		panic(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := s.Client().Do(r)
	if err != nil {
		panic(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

func ExampleNew() {
	t := &T{} // in a test: its *testing.T
	defer t.end()

	s := mintagetest.New(t, mintagetest.Options{Scopes: []string{"invoices.read"}, Life: time.Minute})

	tok, err := source(s).Token(context.Background())
	fmt.Println(tok, err)
	fmt.Println(get(s, s.APIURL, tok.Value))
	// Output:
	// Bearer (hidden) for invoices.read <nil>
	// 200
}

// Tokens with any claims are for tests of an API.
func ExampleServer_Token() {
	t := &T{} // in a test: its *testing.T
	defer t.end()
	s := mintagetest.New(t, mintagetest.Options{Audience: "https://invoices.example"})

	keys := &enforce.RemoteKeySet{URL: s.JWKSURL, Client: s.Client()}
	defer keys.Close()
	v := &enforce.Verifier{Issuers: &enforce.Issuer{Name: s.Issuer, Keys: keys}, Audience: "https://invoices.example"}
	for _, o := range []mintagetest.TokenOptions{
		{Claims: map[string]any{"sub": "alice"}},
		{Life: -time.Minute},
		{Claims: map[string]any{"aud": "https://other.example"}},
		{Type: "JWT"},
	} {
		tok, err := v.Verify(context.Background(), s.Token(o))
		if refused, ok := errors.AsType[*oauth.Error](err); ok {
			fmt.Println(refused.Reason)
			continue
		}
		fmt.Println(tok.Subject)
	}
	// Output:
	// alice
	// token.expired
	// token.audience
	// token.malformed
}

// A client has to deal with a good token that the API refuses.
func ExampleServer_Hostile() {
	t := &T{} // in a test: its *testing.T
	defer t.end()
	s := mintagetest.New(t, mintagetest.Options{})

	s.Hostile(mintagetest.Hostility{RefusePercent: 5})
	tok, _ := source(s).Token(context.Background())
	fmt.Println(get(s, s.APIURL, tok.Value))
	tok, _ = source(s).Token(context.Background()) // the answer to a refusal is good
	fmt.Println(get(s, s.APIURL, tok.Value))

	s.Hostile(mintagetest.Hostility{UnavailablePercent: 100, RetryAfter: 2 * time.Second})
	_, err := source(s).Token(context.Background())
	if e, ok := errors.AsType[*consume.Error](err); ok {
		fmt.Println(e.Status, e.RetryAfter)
	}
	// Output:
	// 401
	// 200
	// 503 2s
}

func ExampleServer_Stats() {
	t := &T{} // in a test: its *testing.T
	defer t.end()
	s := mintagetest.New(t, mintagetest.Options{})

	_, _ = source(s).Token(context.Background())
	s.Hostile(mintagetest.Hostility{ResetPercent: 100})
	_, _ = source(s).Token(context.Background())
	st := s.Stats()
	fmt.Println(st.TokenRequests, st.Tokens, st.Resets)
	fmt.Println(s.Requests())
	// Output:
	// 2 1 1
	// 2
}

func ExampleServer_Refuse() {
	t := &T{} // in a test: its *testing.T
	defer t.end()
	s := mintagetest.New(t, mintagetest.Options{Format: mintagetest.Stored})

	tok, _ := source(s).Token(context.Background())
	fmt.Println(get(s, s.APIURL, tok.Value))
	s.Refuse(tok.Value)
	fmt.Println(get(s, s.APIURL, tok.Value))
	// Output:
	// 200
	// 401
}

func ExampleServer_Revoke() {
	t := &T{} // in a test: its *testing.T
	defer t.end()
	s := mintagetest.New(t, mintagetest.Options{})

	tok, _ := source(s).Token(context.Background())
	s.Revoke(tok.Value)
	fmt.Println(get(s, s.APIURL, tok.Value))
	// Output:
	// 401
}

func ExampleServer_RotateKeys() {
	t := &T{} // in a test: its *testing.T
	defer t.end()
	s := mintagetest.New(t, mintagetest.Options{})

	old := s.Token(mintagetest.TokenOptions{})
	s.RotateKeys()
	fmt.Println(get(s, s.APIURL, old), get(s, s.APIURL, s.Token(mintagetest.TokenOptions{})))
	// Output:
	// 200 200
}

func ExampleServer_Stop() {
	t := &T{} // in a test: its *testing.T
	defer t.end()
	s := mintagetest.New(t, mintagetest.Options{})

	s.Stop()
	_, err := source(s).Token(context.Background())
	fmt.Println(err != nil)
	s.Start()
	_, err = source(s).Token(context.Background())
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}

func ExampleServer_AddClient() {
	t := &T{} // in a test: its *testing.T
	defer t.end()
	s := mintagetest.New(t, mintagetest.Options{})

	reader := s.AddClient(mintagetest.ClientOptions{Scopes: []string{"orders/read"}, Life: 10 * time.Second})
	src := source(s)
	src.ClientID, src.Secret = reader.ID, consume.SecretValue(reader.Secret)
	fmt.Println(src.Token(context.Background()))
	// Output:
	// Bearer (hidden) for orders/read <nil>
}

func ExampleServer_RotateSecret() {
	t := &T{} // in a test: its *testing.T
	defer t.end()
	s := mintagetest.New(t, mintagetest.Options{})

	src := source(s)
	fresh := s.RotateSecret(s.ClientID)
	_, err := src.Token(context.Background())
	if e, ok := errors.AsType[*consume.Error](err); ok {
		fmt.Println(e.Code)
	}
	src.Secret = consume.SecretValue(fresh)
	_, err = src.Token(context.Background())
	fmt.Println(err)
	// Output:
	// invalid_client
	// <nil>
}

// The API can be any handler.
func ExampleServer_API() {
	t := &T{} // in a test: its *testing.T
	defer t.end()
	s := mintagetest.New(t, mintagetest.Options{})

	api := httptest.NewServer(s.API(http.NotFoundHandler(), "orders/read"))
	defer api.Close()
	fmt.Println(get(s, api.URL, s.Token(mintagetest.TokenOptions{})))
	fmt.Println(get(s, api.URL, s.Token(mintagetest.TokenOptions{Claims: map[string]any{"scope": "orders/write"}})))
	fmt.Println(get(s, api.URL, "no-token"))
	// Output:
	// 404
	// 403
	// 401
}
