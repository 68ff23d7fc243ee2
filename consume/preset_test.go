package consume_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/mintagetest"
)

func TestPresets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		preset consume.Preset
		url    string
		auth   consume.Auth
	}{
		{consume.Cognito("https://acme.auth.eu-central-1.amazoncognito.com/"), "https://acme.auth.eu-central-1.amazoncognito.com/oauth2/token", consume.Basic},
		{consume.Auth0("https://acme.eu.auth0.com"), "https://acme.eu.auth0.com/oauth/token", consume.JSON},
		{consume.MyParcel(), "https://auth.myparcel.com/access-token", consume.JSON},
		{consume.MyParcelSandbox(), "https://auth.sandbox.myparcel.com/access-token", consume.JSON},
		{consume.SessionM("https://id.sessionm.example"), "https://id.sessionm.example/oauth/token", consume.Query},
		{consume.Keycloak("https://sso.example/realms/acme"), "https://sso.example/realms/acme/protocol/openid-connect/token", consume.Basic},
		{consume.Entra("https://login.microsoftonline.com/acme.example"), "https://login.microsoftonline.com/acme.example/oauth2/v2.0/token", consume.Post},
	} {
		c := tt.preset.Client("id", consume.SecretValue("secret"))
		if c.TokenURL != tt.url || c.Auth != tt.auth {
			t.Errorf("%s: got %s by %s, want %s by %s", tt.preset.Vendor, c.TokenURL, c.Auth, tt.url, tt.auth)
		}
		named, err := consume.PresetOf(tt.preset.Vendor)
		if err != nil || named.Path != tt.preset.Path {
			t.Errorf("%s: got %+v, %v", tt.preset.Vendor, named, err)
		}
		c.HTTPClient = &http.Client{Transport: answer(200, good)}
		_, err = c.Token(t.Context())
		for _, need := range tt.preset.Needs {
			if err == nil || !strings.Contains(err.Error(), need) {
				t.Errorf("%s without %s: got %v", tt.preset.Vendor, need, err)
			}
		}
		c.Scope, c.Audience = []string{"api"}, []string{"api"}
		if _, err = c.Token(t.Context()); err != nil {
			t.Errorf("%s: %v", tt.preset.Vendor, err)
		}
	}
	if len(consume.Presets()) != 7 {
		t.Errorf("%d presets, want 7", len(consume.Presets()))
	}
	if _, err := consume.PresetOf("okta"); err == nil || !strings.Contains(err.Error(), "keycloak") {
		t.Errorf("got %v, want one that names the presets", err)
	}
	c := consume.SessionM("").Client("id", consume.SecretValue("secret"))
	c.HTTPClient = &http.Client{}
	if _, err := c.Token(t.Context()); err == nil || !strings.Contains(err.Error(), "base") {
		t.Errorf("without a base: got %v", err)
	}
}

// inExample is what examples have instead of a *testing.T.
type inExample struct{ cleanups []func() }

func (*inExample) Helper()                           {}
func (*inExample) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (e *inExample) Cleanup(f func())                { e.cleanups = append(e.cleanups, f) }

// server starts a real issuer and an API; stop ends them.
func server() (s *mintagetest.Server, stop func()) {
	e := &inExample{}
	return mintagetest.New(e, mintagetest.Options{}), func() {
		for _, f := range slices.Backward(e.cleanups) {
			f()
		}
	}
}

// call prints the status of a call to the API with a token of c.
func call(s *mintagetest.Server, c *consume.ClientCredentials) {
	c.HTTPClient = s.Client()
	src := &consume.Source{Fetcher: c}
	defer src.Close()
	api := &http.Client{Transport: &consume.Transport{Source: src, Base: s.Client().Transport, Origins: []string{s.APIURL}}}
	res, err := api.Get(s.APIURL)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = res.Body.Close()
	fmt.Println(res.StatusCode)
}

func ExampleCognito() {
	s, stop := server() // stands for Cognito
	defer stop()

	c := consume.Cognito(s.CognitoIssuer).Client(s.ClientID, consume.SecretValue(s.ClientSecret))
	call(s, c)
	// Output:
	// 200
}

func ExampleAuth0() {
	s, stop := server() // stands for Auth0
	defer stop()

	c := consume.Auth0(s.Issuer).Client(s.ClientID, consume.SecretValue(s.ClientSecret))
	c.Audience = []string{s.Audience}
	call(s, c)
	// Output:
	// 200
}

func ExampleMyParcel() {
	s, stop := server() // stands for MyParcel.com
	defer stop()

	c := consume.MyParcel().At(s.Issuer).Client(s.ClientID, consume.SecretValue(s.ClientSecret))
	call(s, c)
	// Output:
	// 200
}

func ExampleMyParcelSandbox() {
	s, stop := server() // stands for MyParcel.com's sandbox
	defer stop()

	c := consume.MyParcelSandbox().At(s.Issuer).Client(s.ClientID, consume.SecretValue(s.ClientSecret))
	call(s, c)
	// Output:
	// 200
}

func ExampleSessionM() {
	s, stop := server() // stands for SessionM
	defer stop()

	c := consume.SessionM(s.Issuer).Client(s.ClientID, consume.SecretValue(s.ClientSecret))
	call(s, c)
	// Output:
	// 200
}

func ExampleKeycloak() {
	s, stop := server() // stands for Keycloak, but for its path
	defer stop()

	c := consume.Keycloak("https://sso.example/realms/acme").Client(s.ClientID, consume.SecretValue(s.ClientSecret))
	c.TokenURL = s.TokenURL
	call(s, c)
	// Output:
	// 200
}

func ExampleEntra() {
	s, stop := server() // stands for Entra, but for its path
	defer stop()

	c := consume.Entra("https://login.microsoftonline.com/acme.example").Client(s.ClientID, consume.SecretValue(s.ClientSecret))
	c.TokenURL = s.TokenURL
	c.Scope = []string{"orders/read"} // at Entra: api://orders/.default
	call(s, c)
	// Output:
	// 200
}

func ExamplePresets() {
	for _, p := range consume.Presets() {
		fmt.Println(p.Vendor, p.Auth, p.Needs)
	}
	// Output:
	// cognito basic []
	// auth0 json [Audience]
	// myparcel json []
	// myparcel-sandbox json []
	// sessionm query []
	// keycloak basic []
	// entra post [Scope]
}

func ExamplePresetOf() {
	s, stop := server()
	defer stop()

	p, err := consume.PresetOf("sessionm") // from a file
	if err != nil {
		fmt.Println(err)
		return
	}
	c := p.At(s.Issuer).Client(s.ClientID, consume.SecretValue(s.ClientSecret))
	c.HTTPClient = s.Client()
	tok, err := c.Token(context.Background())
	fmt.Println(tok, err)
	// Output:
	// Bearer (hidden) for orders/read orders/write <nil>
}
