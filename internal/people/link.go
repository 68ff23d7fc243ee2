package people

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
)

// LinkURL returns the address of a one-time link.
func (s *Service) LinkURL(l *manage.Link) string { return LinkURL(s.URL, l) }

// LinkURL returns the address of a one-time link in the console at base.
func LinkURL(base string, l *manage.Link) string {
	kind := "invitation"
	switch l.Kind {
	case mintage.InvitationSetup:
		kind = "setup"
	case mintage.InvitationRecover:
		kind = "recover"
	case mintage.InvitationInvite:
	}
	return base + "/" + kind + "/" + l.Token
}

// Enrolment is a TOTP key on its way to becoming somebody's. Nothing is stored
// of it: the page holds it sealed.
type Enrolment struct {
	Text   string // to type into an app
	URI    string // for an app on the same device
	Sealed string // for the form
}

// NewEnrolment draws a TOTP key for whoever has a link or is signed in. Whose
// says for whom: an invitation's or an operator's identifier.
func (s *Service) NewEnrolment(whose, email string) (*Enrolment, error) {
	key := newTOTPKey()
	defer clear(key)
	return s.enrolment(key, whose, email)
}

// SameEnrolment is the key of a form that has to be filled in again.
func (s *Service) SameEnrolment(sealed, whose, email string) (*Enrolment, error) {
	key, err := s.openEnrolment(sealed, whose)
	if err != nil {
		return s.NewEnrolment(whose, email)
	}
	defer clear(key)
	return s.enrolment(key, whose, email)
}

func (s *Service) enrolment(key []byte, whose, email string) (*Enrolment, error) {
	sealed, err := s.Vault.Seal(enrolPurpose(whose), key)
	if err != nil {
		return nil, err
	}
	return &Enrolment{
		Text: totpText(key), URI: totpURI(key, email, s.host()), Sealed: base64.RawURLEncoding.EncodeToString(sealed),
	}, nil
}

func (s *Service) openEnrolment(sealed, whose string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return nil, err
	}
	return s.Vault.Open(enrolPurpose(whose), b)
}

// host names the server in an app.
func (s *Service) host() string {
	u, err := url.Parse(s.URL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func enrolPurpose(whose string) string { return "enrolment/totp/" + whose }

// NewPassword is what somebody fills in to sign in by password and code.
type NewPassword struct {
	Password string
	Sealed   string // Enrolment.Sealed
	Code     string // of that key
}

// credentials makes what is kept of n for an operator. Errors about a field are
// *mintage.FieldError.
func (s *Service) credentials(ctx context.Context, n NewPassword, whose, operator, email, name string) ([]*mintage.OperatorCredential, error) {
	key, err := s.openEnrolment(n.Sealed, whose)
	if err != nil {
		return nil, &mintage.FieldError{Pointer: "/code", Message: "the page is too old: add the new key to your app, and enter its code"}
	}
	defer clear(key)
	step := totpStepOf(key, n.Code, s.Now())
	problem := checkPassword(n.Password, email, name)
	if step == 0 {
		problem = errors.Join(problem, &mintage.FieldError{
			Pointer: "/code", Message: "this is not the code that the app shows now for this key: check the clock of the device",
		})
	}
	if problem != nil {
		return nil, problem
	}
	hash, err := s.Secrets.HashBrought(ctx, n.Password)
	if err != nil {
		return nil, err
	}
	sealed, err := s.Vault.Seal(totpPurpose(operator), key)
	if err != nil {
		return nil, err
	}
	return []*mintage.OperatorCredential{
		{Kind: mintage.CredentialPassword, ID: operator, Data: []byte(hash)},
		{Kind: mintage.CredentialTOTP, ID: operator, Data: sealed, Step: step},
	}, nil
}

// Person is who accepts an invitation.
type Person struct{ Email, Name string }

// Invitation returns what a link is for. A link that is none counts as a wrong
// attempt; see SignIn for the errors.
func (s *Service) Invitation(ctx context.Context, token string, f From) (*mintage.Invitation, error) {
	if wait := s.throttle.wait(f, "", s.Now()); wait > 0 {
		return nil, &WaitError{wait}
	}
	i, err := s.Manager.InvitationOf(ctx, token)
	if errors.Is(err, mintage.ErrNotFound) {
		s.throttle.failed(f, "", s.Now())
	}
	return i, err
}

// AcceptByPassword carries out an invitation for somebody who will sign in by
// password and code, and signs them in.
func (s *Service) AcceptByPassword(ctx context.Context, token string, p Person, n NewPassword, f From) (cookie string, err error) {
	i, err := s.Invitation(ctx, token, f)
	if err != nil {
		return "", err
	}
	id, email := s.accepted(i, p)
	if err := mintage.Under("/email", mintage.ValidateEmail(email)); i.Email == "" && err != nil {
		return "", err
	}
	cs, err := s.credentials(ctx, n, i.ID, id, email, p.Name)
	if err != nil {
		return "", err
	}
	return s.accept(ctx, token, id, p, cs, "password", f)
}

// accepted returns who somebody is once they have accepted.
func (*Service) accepted(i *mintage.Invitation, p Person) (id, email string) {
	id, email = i.OperatorID, i.Email
	if id == "" {
		id = newOperatorID()
	}
	if email == "" {
		email = mintage.NormalEmail(p.Email)
	}
	return id, email
}

func newOperatorID() string {
	const length = 16 // base62 digits: an identifier is no secret
	return "op_" + secret.Random(length)
}

func (s *Service) accept(
	ctx context.Context, token, id string, p Person, cs []*mintage.OperatorCredential, method string, f From,
) (cookie string, err error) {
	o, err := s.Manager.Accept(ctx, f.by(), manage.Acceptance{Token: token, ID: id, Email: p.Email, Name: p.Name, Credentials: cs})
	if err != nil {
		return "", err
	}
	return s.begin(ctx, o, method, f, func(store.Tx) error { return nil })
}

// Join carries out an invitation for who is signed in.
func (s *Service) Join(ctx context.Context, token string, v *Viewer, f From) error {
	i, err := s.Invitation(ctx, token, f)
	if err != nil {
		return err
	}
	if i.Kind != mintage.InvitationInvite {
		return fmt.Errorf("an invitation for somebody who is signed in: %w", mintage.ErrNotFound)
	}
	_, err = s.Manager.Accept(ctx, f.by(), manage.Acceptance{Token: token, SignedIn: v.Operator.ID})
	return err
}
