package oauth2source_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/consume/oauth2source"
)

// servers are a token endpoint and an API.
func servers() (token, api *httptest.Server) {
	token = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"Bearer","expires_in":3600}`)
	}))
	api = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("Authorization") == "Bearer 2YotnFZFEjr1zCsicMWpAA")
	}))
	return token, api
}

func ExampleTokenSource() {
	token, api := servers()
	defer token.Close()
	defer api.Close()

	src := &consume.Source{Fetcher: &consume.ClientCredentials{
		TokenURL: token.URL, ClientID: "nightly-export", Secret: consume.SecretValue("correct-horse"), HTTPClient: &http.Client{},
	}}
	defer src.Close()
	client := &http.Client{Transport: &oauth2.Transport{Source: &oauth2source.TokenSource{Source: src}}}
	res, err := client.Get(api.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	fmt.Println(string(body), err)
	// Output:
	// true <nil>
}

func ExampleFetcher() {
	token, api := servers()
	defer token.Close()
	defer api.Close()

	config := &clientcredentials.Config{TokenURL: token.URL, ClientID: "nightly-export", ClientSecret: "correct-horse", AuthStyle: oauth2.AuthStyleInHeader}
	src := &consume.Source{Fetcher: oauth2source.Fetcher(config.Token)}
	defer src.Close()
	client := &http.Client{Transport: &consume.Transport{Source: src, Origins: []string{api.URL}}}
	res, err := client.Get(api.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	fmt.Println(string(body), err)
	// Output:
	// true <nil>
}
