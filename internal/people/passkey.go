package people

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// relyingParty is the server as authenticators know it.
type relyingParty struct{ *webauthn.WebAuthn }

// newRelyingParty makes the relying party of the console at base: passkeys
// belong to its host name. An authenticator knows no addresses, so that a
// console on a loopback one is reached as localhost.
func newRelyingParty(base string) (*relyingParty, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("passkeys need the console's URL, not %q", base)
	}
	host := u.Hostname()
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsLoopback() {
		host = "localhost"
	}
	origin := u.Scheme + "://" + host
	if port := u.Port(); port != "" {
		origin += ":" + port
	}
	w, err := webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: "Mintage", RPOrigins: []string{origin},
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
		AttestationPreference: protocol.PreferNoAttestation,
	})
	if err != nil {
		return nil, fmt.Errorf("passkeys: %w", err)
	}
	return &relyingParty{w}, nil
}

// PasskeyStart is the first step of a ceremony.
type PasskeyStart struct {
	Options json.RawMessage `json:"options"` // for navigator.credentials
	Sealed  string          `json:"sealed"`  // to come back with the answer
}

// person is a user as the library knows them.
type person struct {
	id, email, name string
	credentials     []webauthn.Credential
}

// WebAuthnID implements webauthn.User.
func (p *person) WebAuthnID() []byte { return []byte(p.id) }

// WebAuthnName implements webauthn.User.
func (p *person) WebAuthnName() string { return p.email }

// WebAuthnDisplayName implements webauthn.User.
func (p *person) WebAuthnDisplayName() string {
	if p.name == "" {
		return p.email
	}
	return p.name
}

// WebAuthnCredentials implements webauthn.User.
func (p *person) WebAuthnCredentials() []webauthn.Credential { return p.credentials }

// StartSignIn begins a sign-in by passkey. Whoever asks need not say who they
// are: the passkey does.
func (s *Service) StartSignIn() (*PasskeyStart, error) {
	options, session, err := s.relying.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, err
	}
	return s.started("sign-in", options, session)
}

func (s *Service) started(purpose string, options any, session any) (*PasskeyStart, error) {
	b, err := json.Marshal(options)
	if err != nil {
		return nil, err
	}
	text, err := seal(s, "passkey/"+purpose, session)
	return &PasskeyStart{Options: b, Sealed: text}, err
}

// SignInByPasskey begins a session for whoever has a passkey; answer is what the
// browser returned. Errors as those of SignIn.
func (s *Service) SignInByPasskey(ctx context.Context, sealed string, answer []byte, f From) (cookie string, err error) {
	if wait := s.throttle.wait(f, "", s.Now()); wait > 0 {
		return "", &WaitError{wait}
	}
	cookie, err = s.signInByPasskey(ctx, sealed, answer, f)
	if refusal, ok := errors.AsType[*protocol.Error](err); ok || errors.Is(err, mintage.ErrNotFound) || errors.Is(err, mintage.ErrExists) {
		reason := err.Error()
		if ok {
			reason = refusal.Details
		}
		s.throttle.failed(f, "", s.Now())
		s.Log.LogAttrs(ctx, slog.LevelWarn, "a sign-in by passkey was refused",
			slog.String("reason", reason), slog.String("remote_ip", f.Address), slog.String("trace_id", f.TraceID))
		return "", ErrSignIn
	}
	return cookie, err
}

func (s *Service) signInByPasskey(ctx context.Context, sealed string, answer []byte, f From) (string, error) {
	session, expires, err := unseal[webauthn.SessionData](s, "passkey/sign-in", sealed)
	if err != nil {
		return "", err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return "", fmt.Errorf("the answer of the passkey is malformed: %w", mintage.ErrNotFound)
	}
	var o *mintage.Operator
	var kept *mintage.OperatorCredential
	find := func(rawID, handle []byte) (webauthn.User, error) {
		var err error
		if kept, err = s.Store.OperatorCredential(ctx, mintage.CredentialPasskey, passkeyID(rawID)); err != nil {
			return nil, err
		}
		if o, err = s.Store.Operator(ctx, kept.Operator); err != nil {
			return nil, err
		}
		p, err := personOf(o, kept)
		if err == nil && string(handle) != o.ID {
			err = errors.New("the passkey names another operator")
		}
		return p, err
	}
	_, used, err := s.relying.ValidatePasskeyLogin(find, session, parsed)
	if err != nil {
		return "", err
	}
	if used.Authenticator.CloneWarning {
		return "", fmt.Errorf("operator %s: the passkey's counter went back, as a copy's does: %w", o.ID, mintage.ErrNotFound)
	}
	data, err := json.Marshal(used)
	if err != nil {
		return "", err
	}
	return s.begin(ctx, o, "passkey", f, func(tx store.Tx) error {
		if err := tx.SpendChallenge(ctx, hashOf(session.Challenge), expires); err != nil {
			return err
		}
		ok, err := tx.UseOperatorCredential(ctx, kept, 0, data, s.now())
		if err == nil && !ok {
			return fmt.Errorf("operator %s: the passkey was removed: %w", o.ID, mintage.ErrNotFound)
		}
		return err
	})
}

// personOf returns an operator with passkeys as the library knows them.
func personOf(o *mintage.Operator, cs ...*mintage.OperatorCredential) (*person, error) {
	p := &person{id: o.ID, email: o.Email, name: o.Name}
	for _, c := range cs {
		if c.Kind != mintage.CredentialPasskey {
			continue
		}
		var k webauthn.Credential
		if err := json.Unmarshal(c.Data, &k); err != nil {
			return nil, fmt.Errorf("a passkey of operator %q: %w", o.ID, err)
		}
		p.credentials = append(p.credentials, k)
	}
	return p, nil
}

func passkeyID(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// registration is what the browser keeps while a passkey is made.
type registration struct {
	Session  webauthn.SessionData
	Operator string // identifier of whoever gets it
	Email    string
}

// startRegistration begins to make a passkey for p.
func (s *Service) startRegistration(p *person, purpose string) (*PasskeyStart, error) {
	var have []protocol.CredentialDescriptor
	for _, c := range p.credentials {
		have = append(have, c.Descriptor())
	}
	options, session, err := s.relying.BeginRegistration(p, webauthn.WithExclusions(have))
	if err != nil {
		return nil, err
	}
	return s.started(purpose, options, registration{*session, p.id, p.email})
}

// finishRegistration returns the passkey that the browser made. A
// *mintage.FieldError says what is wrong.
func (s *Service) finishRegistration(purpose, sealed, name string, answer []byte) (*mintage.OperatorCredential, *registration, error) {
	wrong := func(text string) error { return &mintage.FieldError{Pointer: "/passkey", Message: text} }
	reg, _, err := unseal[registration](s, "passkey/"+purpose, sealed)
	if err != nil {
		return nil, nil, wrong("it took too long, or the page is an old one: try again")
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return nil, nil, wrong("the browser's answer could not be read: try again")
	}
	made, err := s.relying.CreateCredential(&person{id: reg.Operator, email: reg.Email}, reg.Session, parsed)
	if err != nil {
		return nil, nil, wrong("the passkey could not be checked: it must ask for a PIN, a finger or a face")
	}
	data, err := json.Marshal(made)
	if err != nil {
		return nil, nil, err
	}
	if name = strings.TrimSpace(name); name == "" {
		name = "Passkey"
	}
	if err := mintage.ValidateName(name); err != nil {
		return nil, nil, mintage.Under("/name", err)
	}
	return &mintage.OperatorCredential{
		Operator: reg.Operator, Kind: mintage.CredentialPasskey, ID: passkeyID(made.ID), Name: name, Data: data,
	}, &reg, nil
}

// StartPasskey begins to make a passkey for the viewer.
func (s *Service) StartPasskey(ctx context.Context, v *Viewer) (*PasskeyStart, error) {
	if !s.Fresh(v) {
		return nil, ErrStale
	}
	cs, err := s.Store.OperatorCredentials(ctx, v.Operator.ID)
	if err != nil {
		return nil, err
	}
	p, err := personOf(v.Operator, cs...)
	if err != nil {
		return nil, err
	}
	return s.startRegistration(p, "operator/"+v.Operator.ID)
}

// AddPasskey keeps the passkey that the viewer's browser made.
func (s *Service) AddPasskey(ctx context.Context, v *Viewer, sealed, name string, answer []byte, f From) error {
	if !s.Fresh(v) {
		return ErrStale
	}
	c, _, err := s.finishRegistration("operator/"+v.Operator.ID, sealed, name, answer)
	if err != nil {
		return err
	}
	return s.addCredential(ctx, v, c, f)
}

// StartPasskeyByLink begins to make the passkey of whoever has a link.
func (s *Service) StartPasskeyByLink(ctx context.Context, token string, p Person, f From) (*PasskeyStart, error) {
	i, err := s.Invitation(ctx, token, f)
	if err != nil {
		return nil, err
	}
	id, email := s.accepted(i, p)
	if err := mintage.Under("/email", mintage.ValidateEmail(email)); err != nil {
		return nil, err
	}
	return s.startRegistration(&person{id: id, email: email, name: p.Name}, "link/"+i.ID)
}

// AcceptByPasskey carries out an invitation for somebody who signs in by the
// passkey that their browser made, and signs them in.
func (s *Service) AcceptByPasskey(ctx context.Context, token, sealed string, p Person, answer []byte, f From) (cookie string, err error) {
	i, err := s.Invitation(ctx, token, f)
	if err != nil {
		return "", err
	}
	c, reg, err := s.finishRegistration("link/"+i.ID, sealed, "", answer)
	if err != nil {
		return "", err
	}
	p.Email = reg.Email
	return s.accept(ctx, token, reg.Operator, p, []*mintage.OperatorCredential{c}, "passkey", f)
}
