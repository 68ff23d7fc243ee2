package people_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/people"
)

// op is an OpenID provider.
type op struct {
	*httptest.Server
	key *ecdsa.PrivateKey
	now func() time.Time

	mu        sync.Mutex
	nonce     string
	challenge string
	claims    func(map[string]any) // changes what it says
	tokens    int
}

func newOP(t *testing.T) *op {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &op{key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"ES256"}, "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		point, _ := key.PublicKey.Bytes()
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]any{
			"kty": "EC", "crv": "P-256", "kid": "k1", "alg": "ES256", "use": "sig", "x": b64(point[1:33]), "y": b64(point[33:]),
		}}})
	})
	mux.HandleFunc("POST /token", p.token)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// token trades a code, once it has seen that who asks knows the verifier and the
// secret.
func (p *op) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	id, password, _ := r.BasicAuth()
	if id != "console" || password != "s3cret" || r.FormValue("code") != "good" || b64(sum[:]) != p.challenge ||
		r.FormValue("redirect_uri") != consoleURL+people.OIDCCallback {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	p.tokens++
	claims := map[string]any{
		"iss": p.URL, "aud": "console", "sub": "u1", "nonce": p.nonce, "iat": p.now().Unix(), "exp": p.now().Add(time.Minute).Unix(),
		"email": "Ada@Provider.example", "email_verified": true, "name": "Ada",
	}
	if p.claims != nil {
		p.claims(claims)
	}
	signer, _ := jose.NewSigner(p.key, jose.ES256, "k1", nil)
	payload, _ := json.Marshal(claims)
	signed, _ := signer.AppendSign(nil, payload)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": string(signed)})
}

func (p *op) provider() *people.Provider {
	return &people.Provider{Name: "Example ID", Issuer: p.URL, ClientID: "console", ClientSecret: "s3cret"}
}

// visit is the browser's way to the provider: what it comes back with.
func (w *world) visit(t *testing.T, p *op, j people.Journey) (kept string, back url.Values) {
	t.Helper()
	to, kept, err := w.StartOIDC(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("redirect_uri") != consoleURL+people.OIDCCallback || q.Get("nonce") == "" {
		t.Errorf("the provider is asked %v", q)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.nonce, p.challenge, p.claims = q.Get("nonce"), q.Get("code_challenge"), nil
	return kept, url.Values{"code": {"good"}, "state": {q.Get("state")}}
}

func newWorldWithOP(t *testing.T) (*world, *op) {
	t.Helper()
	p := newOP(t)
	w := newWorld(t, p.provider())
	p.now = func() time.Time { return w.now }
	return w, p
}

func TestOIDC(t *testing.T) {
	t.Parallel()
	w, p := newWorldWithOP(t)
	ctx := t.Context()
	link, err := w.manager.SetupLink(ctx)
	if err != nil {
		t.Fatal(err)
	}
	kept, back := w.visit(t, p, people.Journey{Token: link.Token, Next: "/console/"})
	got, err := w.FinishOIDC(ctx, kept, back, from("192.0.2.1"))
	if err != nil {
		t.Fatalf("%v\n%s", err, w.log.String())
	}
	v := w.viewer(t, got.Cookie)
	if v.Operator.Role != mintage.RoleOwner || v.Operator.Email != "ada@provider.example" || v.Operator.Name != "Ada" || got.Next != "/console/" {
		t.Errorf("got %+v", v.Operator)
	}
	kept, back = w.visit(t, p, people.Journey{})
	got, err = w.FinishOIDC(ctx, kept, back, from("192.0.2.1"))
	if err != nil {
		t.Fatal(err)
	}
	if s := w.viewer(t, got.Cookie).Session; s.Method != "oidc" || s.OperatorID != v.Operator.ID {
		t.Errorf("got %+v", s)
	}
	// Another person at the provider is nobody here, whatever their address.
	kept, back = w.visit(t, p, people.Journey{})
	p.claims = func(c map[string]any) { c["sub"] = "u2" }
	if _, err := w.FinishOIDC(ctx, kept, back, from("192.0.2.1")); !errors.Is(err, people.ErrSignIn) {
		t.Errorf("another subject with the same address: %v", err)
	}
	if w.OIDCName() != "Example ID" {
		t.Errorf("it is called %q", w.OIDCName())
	}
}

func TestOIDCRefusals(t *testing.T) {
	t.Parallel()
	w, p := newWorldWithOP(t)
	ctx := t.Context()
	link, err := w.manager.SetupLink(ctx)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := w.visit(t, p, people.Journey{})
	for name, change := range map[string]func(kept *string, back url.Values){
		"another state":    func(_ *string, back url.Values) { back.Set("state", "x") },
		"no state":         func(_ *string, back url.Values) { back.Del("state") },
		"another browser":  func(kept *string, _ url.Values) { *kept = other },
		"no browser":       func(kept *string, _ url.Values) { *kept = "" },
		"a changed cookie": func(kept *string, _ url.Values) { *kept = "B" + (*kept)[1:] },
		"another issuer":   func(_ *string, back url.Values) { back.Set("iss", "https://evil.example") },
		"a wrong code":     func(_ *string, back url.Values) { back.Set("code", "stolen") },
		"refused":          func(_ *string, back url.Values) { back.Set("error", "access_denied") },
		"two states":       func(_ *string, back url.Values) { back.Add("state", "x") },
		"another verifier": func(*string, url.Values) { p.challenge = "x" },
		"another nonce":    func(*string, url.Values) { p.nonce = "x" },
		"audience":         func(*string, url.Values) { p.claims = func(c map[string]any) { c["aud"] = "other" } },
		"issuer":           func(*string, url.Values) { p.claims = func(c map[string]any) { c["iss"] = "https://evil.example" } },
		"two audiences, and for another": func(*string, url.Values) {
			p.claims = func(c map[string]any) { c["aud"] = []string{"other", "another"} }
		},
		"no nonce": func(*string, url.Values) { p.claims = func(c map[string]any) { delete(c, "nonce") } },
		"expired": func(*string, url.Values) {
			p.claims = func(c map[string]any) { c["exp"] = w.now.Add(-time.Hour).Unix() }
		},
		"nobody": func(*string, url.Values) { p.claims = func(c map[string]any) { c["sub"] = "" } },
	} {
		w.now = w.now.Add(time.Minute) // the bound of guesses
		kept, back := w.visit(t, p, people.Journey{Token: link.Token})
		change(&kept, back)
		if _, err := w.FinishOIDC(ctx, kept, back, from("192.0.2.1")); !errors.Is(err, people.ErrSignIn) {
			t.Errorf("%s: %v", name, err)
		}
	}
	kept, back := w.visit(t, p, people.Journey{Token: link.Token})
	w.now = w.now.Add(10 * time.Minute)
	if _, err := w.FinishOIDC(ctx, kept, back, from("192.0.2.1")); !errors.Is(err, people.ErrSignIn) {
		t.Errorf("ten minutes later: %v", err)
	}
	// An address that the provider did not verify is nobody's.
	for name, change := range map[string]func(map[string]any){
		"not verified": func(c map[string]any) { c["email_verified"] = false }, "not said to be": func(c map[string]any) { delete(c, "email_verified") },
		"not there": func(c map[string]any) { delete(c, "email") },
	} {
		w.now = w.now.Add(time.Minute)
		kept, back := w.visit(t, p, people.Journey{Token: link.Token})
		p.claims = change
		if got, err := w.FinishOIDC(ctx, kept, back, from("192.0.2.1")); len(mintage.FieldErrors(err)) != 1 || got != nil && got.Cookie != "" {
			t.Errorf("an address that is %s: %+v, %v", name, got, err)
		}
	}
	// None of them used the link up.
	kept, back = w.visit(t, p, people.Journey{Token: link.Token})
	if _, err := w.FinishOIDC(ctx, kept, back, from("192.0.2.1")); err != nil {
		t.Error(err)
	}
	p.Close()
	if _, _, err := w.StartOIDC(ctx, people.Journey{}); err != nil {
		t.Errorf("a provider that was known and is away: %v", err)
	}
	if _, _, err := newWorld(t, nil).StartOIDC(ctx, people.Journey{}); !gone(err) {
		t.Errorf("without a provider: %v", err)
	}
	if _, _, err := newWorld(t, p.provider()).StartOIDC(ctx, people.Journey{}); err == nil || errors.Is(err, people.ErrSignIn) {
		t.Errorf("a provider that does not answer: %v", err)
	}
}

// An account is added by its owner, while signed in, and by nothing else.
func TestOIDCLink(t *testing.T) {
	t.Parallel()
	w, p := newWorldWithOP(t)
	_, cookie := w.first(t)
	ctx, v := t.Context(), w.viewer(t, cookie)
	kept, back := w.visit(t, p, people.Journey{})
	p.claims = func(c map[string]any) { c["email"] = v.Operator.Email }
	if _, err := w.FinishOIDC(ctx, kept, back, from("192.0.2.1")); !errors.Is(err, people.ErrSignIn) {
		t.Errorf("an account that nobody added, with an operator's address: %v", err)
	}
	kept, back = w.visit(t, p, people.Journey{Session: v.Session.ID, Next: "/console/account"})
	got, err := w.FinishOIDC(ctx, kept, back, from("192.0.2.1"))
	if err != nil || got.Cookie != "" || got.Next != "/console/account" {
		t.Fatalf("got %+v, %v", got, err)
	}
	kept, back = w.visit(t, p, people.Journey{})
	if _, err := w.FinishOIDC(ctx, kept, back, from("192.0.2.1")); err != nil {
		t.Error(err)
	}
	kept, back = w.visit(t, p, people.Journey{Session: v.Session.ID})
	if err := w.SignOut(ctx, v, from("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.FinishOIDC(ctx, kept, back, from("192.0.2.1")); !errors.Is(err, people.ErrSignIn) {
		t.Errorf("for a session that has ended: %v", err)
	}
}

// AD-18: the provider is asked where it is configured, and where it sends us is
// nobody's to say.
func TestOIDCFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	asked := false
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	t.Cleanup(inside.Close)
	p := httptest.NewServer(http.RedirectHandler(inside.URL, http.StatusFound))
	t.Cleanup(p.Close)
	w := newWorld(t, &people.Provider{Name: "Elsewhere", Issuer: p.URL, ClientID: "console"})
	if _, _, err := w.StartOIDC(t.Context(), people.Journey{}); err == nil || asked {
		t.Errorf("a redirect was followed: %v, %v", err, asked)
	}
}
