package people

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
)

// Provider is an OpenID provider by which people may sign in.
type Provider struct {
	Name         string // on the button
	Issuer       string
	ClientID     string
	ClientSecret string
	Transport    http.RoundTripper // nil: http.DefaultTransport
}

// LogValue shows nothing secret.
func (p *Provider) LogValue() slog.Value { return slog.StringValue(p.Issuer) }

// OIDCCallback is where a provider sends people back to, below the console's
// URL.
const OIDCCallback = "/sign-in/oidc/callback"

const (
	// providerTimeout bounds one request to the provider, and maxAnswer what is
	// read of an answer, in bytes.
	providerTimeout = 10 * time.Second
	maxAnswer       = 1 << 20
)

// provider asks an OpenID provider.
type provider struct {
	*Provider
	redirect string
	client   *http.Client

	mu    sync.Mutex
	known *oidc.Provider // nil: not asked yet
}

func newProvider(p *Provider, base string) *provider {
	if p == nil {
		return nil
	}
	via := p.Transport
	if via == nil {
		via = http.DefaultTransport
	}
	return &provider{Provider: p, redirect: base + OIDCCallback, client: &http.Client{
		Transport: bounded{via}, Timeout: providerTimeout,
		// The issuer is configured; where it points otherwise is nobody's to say.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// bounded cuts answers off.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return resp, nil
}

// discover reads the provider's metadata, once it answers.
func (p *provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known != nil {
		return p.known, nil
	}
	// Its keys are read later, by the context of now.
	known, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.Issuer)
	if err != nil {
		return nil, fmt.Errorf("the OpenID provider: %w", err)
	}
	p.known = known
	return known, nil
}

func (p *provider) config(known *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: known.Endpoint(), RedirectURL: p.redirect,
		Scopes: []string{oidc.ScopeOpenID, "email", "profile"},
	}
}

// OIDCName returns what the provider is called; empty: there is none.
func (s *Service) OIDCName() string {
	if s.provider == nil {
		return ""
	}
	return s.provider.Name
}

// Journey is why somebody goes to the provider: to sign in; with a Token, to
// accept an invitation; with a Session, to add the account to those by which its
// operator signs in.
type Journey struct {
	Token   string
	Person  Person
	Session string
	Next    string // page to go to afterwards
}

// voyage is what the browser keeps meanwhile.
type voyage struct {
	Journey
	State, Nonce, Verifier string
}

// StartOIDC returns where to send the browser, and what it keeps meanwhile in a
// cookie. Nothing is stored here.
func (s *Service) StartOIDC(ctx context.Context, j Journey) (to, kept string, err error) {
	if s.provider == nil {
		return "", "", fmt.Errorf("an OpenID provider: %w", mintage.ErrNotFound)
	}
	known, err := s.provider.discover(ctx)
	if err != nil {
		return "", "", err
	}
	const entropy = 43 // base62 digits: 256 bits
	v := voyage{Journey: j, State: secret.Random(entropy), Nonce: secret.Random(entropy), Verifier: oauth2.GenerateVerifier()}
	if kept, err = seal(s, "oidc", v); err != nil {
		return "", "", err
	}
	to = s.provider.config(known).AuthCodeURL(v.State, oidc.Nonce(v.Nonce), oauth2.S256ChallengeOption(v.Verifier))
	return to, kept, nil
}

// Arrival is how a journey ended.
type Arrival struct {
	Cookie string // of the session; empty: none was begun
	Next   string
}

// FinishOIDC takes what the provider sent the browser back with. The error is
// ErrSignIn when it does not prove who somebody is, or they are nobody here.
func (s *Service) FinishOIDC(ctx context.Context, kept string, query url.Values, f From) (*Arrival, error) {
	if wait := s.throttle.wait(f, "", s.Now()); wait > 0 {
		return nil, &WaitError{wait}
	}
	a, err := s.finishOIDC(ctx, kept, query, f)
	if errors.Is(err, mintage.ErrNotFound) {
		s.throttle.failed(f, "", s.Now())
		s.Log.LogAttrs(ctx, slog.LevelWarn, "a sign-in by an OpenID provider was refused",
			slog.String("reason", err.Error()), slog.String("remote_ip", f.Address), slog.String("trace_id", f.TraceID))
		return nil, ErrSignIn
	}
	return a, err
}

func (s *Service) finishOIDC(ctx context.Context, kept string, query url.Values, f From) (*Arrival, error) {
	if s.provider == nil {
		return nil, fmt.Errorf("an OpenID provider: %w", mintage.ErrNotFound)
	}
	v, _, err := unseal[voyage](s, "oidc", kept)
	if err != nil {
		return nil, err
	}
	id, err := s.identity(ctx, &v, query)
	if err != nil {
		return nil, err
	}
	c := &mintage.OperatorCredential{Kind: mintage.CredentialOIDC, ID: id.issuer + " " + id.subject, Name: id.email}
	switch {
	case v.Session != "":
		return &Arrival{Next: v.Next}, s.link(ctx, v.Session, c, f)
	case v.Token != "":
		cookie, err := s.acceptByOIDC(ctx, &v, id, c, f)
		return &Arrival{Cookie: cookie, Next: v.Next}, err
	}
	known, err := s.Store.OperatorCredential(ctx, c.Kind, c.ID)
	if err != nil {
		return nil, err
	}
	o, err := s.Store.Operator(ctx, known.Operator)
	if err != nil {
		return nil, err
	}
	cookie, err := s.begin(ctx, o, "oidc", f, func(tx store.Tx) error {
		ok, err := tx.UseOperatorCredential(ctx, known, 0, nil, s.now())
		if err == nil && !ok {
			return fmt.Errorf("operator %s: the account was removed: %w", o.ID, mintage.ErrNotFound)
		}
		return err
	})
	return &Arrival{Cookie: cookie, Next: v.Next}, err
}

// identity is who somebody is at the provider.
type identity struct{ issuer, subject, email, name string }

// identity trades the code for who somebody is. What is wrong with it is
// mintage.ErrNotFound; a provider that does not answer is an error of ours.
func (s *Service) identity(ctx context.Context, v *voyage, query url.Values) (*identity, error) {
	no := func(why string) (*identity, error) { return nil, fmt.Errorf("%s: %w", why, mintage.ErrNotFound) }
	for _, values := range query {
		if len(values) > 1 {
			return no("a parameter of the answer is repeated")
		}
	}
	// RFC 9207 §2.4: an answer of another issuer is none.
	if iss := query.Get("iss"); iss != "" && iss != s.provider.Issuer {
		return no("the answer is from another issuer")
	}
	if subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(v.State)) != 1 {
		return no("the answer is to another question")
	}
	if query.Get("error") != "" || query.Get("code") == "" {
		return no("the provider said no")
	}
	known, err := s.provider.discover(ctx)
	if err != nil {
		return nil, err
	}
	ctx = oidc.ClientContext(ctx, s.provider.client)
	tok, err := s.provider.config(known).Exchange(ctx, query.Get("code"), oauth2.VerifierOption(v.Verifier))
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.Response.StatusCode < http.StatusInternalServerError {
		return no("the provider refused the code")
	}
	if err != nil {
		return nil, errors.New("the OpenID provider did not trade the code for a token")
	}
	raw, _ := tok.Extra("id_token").(string)
	idt, err := known.Verifier(&oidc.Config{ClientID: s.provider.ClientID, Now: s.Now}).Verify(ctx, raw)
	if err != nil {
		return no("the ID token is not good")
	}
	if subtle.ConstantTimeCompare([]byte(idt.Nonce), []byte(v.Nonce)) != 1 {
		return no("the ID token is for another question")
	}
	var claims struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
		Name     string `json:"name"`
	}
	if err := idt.Claims(&claims); err != nil || idt.Subject == "" {
		return no("the ID token says not who it is")
	}
	id := &identity{issuer: idt.Issuer, subject: idt.Subject, name: claims.Name}
	if claims.Verified {
		id.email = mintage.NormalEmail(claims.Email)
	}
	return id, nil
}

// link adds an account to those of an operator whose session began the journey.
func (s *Service) link(ctx context.Context, session string, c *mintage.OperatorCredential, f From) error {
	ses, err := s.Store.Session(ctx, session)
	if err != nil {
		return err
	}
	o, err := s.Store.Operator(ctx, ses.OperatorID)
	if err != nil {
		return err
	}
	v := &Viewer{Operator: o, Session: ses}
	switch {
	case o.Disabled || !v.place():
		return fmt.Errorf("the operator may not sign in: %w", mintage.ErrNotFound)
	case !s.Fresh(v):
		return ErrStale
	}
	return s.addCredential(ctx, v, c, f)
}

// acceptByOIDC carries out an invitation for somebody with an account at the
// provider. The link is what invites them, so that the address at the provider
// may be another one; it is theirs where the invitation says none.
func (s *Service) acceptByOIDC(ctx context.Context, v *voyage, id *identity, c *mintage.OperatorCredential, f From) (string, error) {
	i, err := s.Invitation(ctx, v.Token, f)
	if err != nil {
		return "", err
	}
	p := v.Person
	if p.Email == "" {
		p.Email = id.email
	}
	if p.Name == "" && mintage.ValidateName(id.name) == nil {
		p.Name = id.name
	}
	operator, email := s.accepted(i, p)
	if err := mintage.Under("/email", mintage.ValidateEmail(email)); err != nil {
		return "", err
	}
	return s.accept(ctx, v.Token, operator, p, []*mintage.OperatorCredential{c}, "oidc", f)
}
