package people_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/people"
)

// authenticator is a phone or a key, and the browser before it.
type authenticator struct {
	id, user []byte
	key      *ecdsa.PrivateKey
	counter  uint32
	origin   string
	rpID     string
	noUser   bool // it does not ask for a PIN, a finger or a face
}

func newAuthenticator(t *testing.T) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authenticator{id: make([]byte, 16), key: key, origin: "http://localhost:9401", rpID: "localhost"}
	_, _ = rand.Read(a.id)
	return a
}

// options is what a page passes to navigator.credentials.
type options struct {
	PublicKey struct {
		Challenge        string `json:"challenge"`
		RPID             string `json:"rpId"`
		UserVerification string `json:"userVerification"`
		User             struct {
			ID string `json:"id"`
		} `json:"user"`
		AuthenticatorSelection struct {
			UserVerification string `json:"userVerification"`
			ResidentKey      string `json:"residentKey"`
		} `json:"authenticatorSelection"`
	} `json:"publicKey"`
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// data is the authenticator data, with more behind it.
func (a *authenticator) data(more []byte) []byte {
	a.counter++
	rp := sha256.Sum256([]byte(a.rpID))
	const present, verified, attested = 1, 4, 64
	flags := byte(present | verified)
	if a.noUser {
		flags = present
	}
	if more != nil {
		flags |= attested
	}
	out := append(rp[:], flags)
	out = binary.BigEndian.AppendUint32(out, a.counter)
	return append(out, more...)
}

func (a *authenticator) client(kind, challenge string) []byte {
	b, _ := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.origin, "crossOrigin": false})
	return b
}

// create answers navigator.credentials.create.
func (a *authenticator) create(t *testing.T, start *people.PasskeyStart) []byte {
	t.Helper()
	var o options
	if err := json.Unmarshal(start.Options, &o); err != nil {
		t.Fatal(err)
	}
	if s := o.PublicKey.AuthenticatorSelection; s.UserVerification != "required" || s.ResidentKey != "required" {
		t.Errorf("the authenticator is asked for %+v", s)
	}
	user, err := base64.RawURLEncoding.DecodeString(o.PublicKey.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	a.user = user
	point, err := a.key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	cose, err := webauthncbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		t.Fatal(err)
	}
	more := append(make([]byte, 16), 0, byte(len(a.id)))
	more = append(append(more, a.id...), cose...)
	object, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": a.data(more)})
	if err != nil {
		t.Fatal(err)
	}
	return a.answer(map[string]any{
		"clientDataJSON": b64(a.client("webauthn.create", o.PublicKey.Challenge)), "attestationObject": b64(object),
	})
}

func (a *authenticator) answer(response map[string]any) []byte {
	b, _ := json.Marshal(map[string]any{"id": b64(a.id), "rawId": b64(a.id), "type": "public-key", "response": response})
	return b
}

// get answers navigator.credentials.get.
func (a *authenticator) get(t *testing.T, start *people.PasskeyStart) []byte {
	t.Helper()
	var o options
	if err := json.Unmarshal(start.Options, &o); err != nil {
		t.Fatal(err)
	}
	if o.PublicKey.UserVerification != "required" || o.PublicKey.RPID != "localhost" {
		t.Errorf("the authenticator is asked for %+v", o.PublicKey)
	}
	data, client := a.data(nil), a.client("webauthn.get", o.PublicKey.Challenge)
	hash := sha256.Sum256(client)
	sum := sha256.Sum256(append(data[:len(data):len(data)], hash[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, a.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return a.answer(map[string]any{
		"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(sig), "userHandle": b64(a.user),
	})
}

// signInBy signs in by an authenticator.
func (w *world) signInBy(t *testing.T, a *authenticator) (cookie string, err error) {
	t.Helper()
	start, err := w.StartSignIn()
	if err != nil {
		t.Fatal(err)
	}
	return w.SignInByPasskey(t.Context(), start.Sealed, a.get(t, start), from("192.0.2.1"))
}

func TestPasskey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	_, cookie := w.first(t)
	ctx, v, a := t.Context(), w.viewer(t, cookie), newAuthenticator(t)
	start, err := w.StartPasskey(ctx, v)
	if err != nil {
		t.Fatal(err)
	}
	answer := a.create(t, start)
	for name, try := range map[string]func() error{
		"not ours":           func() error { return w.AddPasskey(ctx, v, "AAAA", "Phone", answer, from("")) },
		"no answer":          func() error { return w.AddPasskey(ctx, v, start.Sealed, "Phone", []byte(`{}`), from("")) },
		"a name of two rows": func() error { return w.AddPasskey(ctx, v, start.Sealed, "Pho\nne", answer, from("")) },
		"another origin": func() error {
			b := newAuthenticator(t)
			b.origin = "https://evil.example"
			return w.AddPasskey(ctx, v, start.Sealed, "Phone", b.create(t, start), from(""))
		},
		"nobody asked": func() error {
			b := newAuthenticator(t)
			b.noUser = true
			return w.AddPasskey(ctx, v, start.Sealed, "Phone", b.create(t, start), from(""))
		},
	} {
		if err := try(); len(mintage.FieldErrors(err)) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.AddPasskey(ctx, v, start.Sealed, "Phone", answer, from("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	second, err := w.signInBy(t, a)
	if err != nil {
		t.Fatalf("%v\n%s", err, w.log.String())
	}
	if got := w.viewer(t, second); got.Operator.ID != v.Operator.ID || got.Session.Method != "passkey" {
		t.Errorf("got %+v", got.Session)
	}
	list, err := w.Credentials(ctx, v.Operator.ID)
	if err != nil || len(list) != 2 || list[0].Kind != mintage.CredentialPasskey || list[0].Name != "Phone" || list[0].LastUsed.IsZero() || list[0].Data != nil {
		t.Errorf("credentials %+v (%v)", list[0], err)
	}
	// With a passkey the password is not the last way any more.
	if err := w.RemoveCredential(ctx, v, mintage.CredentialPassword, v.Operator.ID, from("192.0.2.1")); err != nil {
		t.Error(err)
	}
}

func TestPasskeyRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	_, cookie := w.first(t)
	ctx, v, a := t.Context(), w.viewer(t, cookie), newAuthenticator(t)
	start, err := w.StartPasskey(ctx, v)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.AddPasskey(ctx, v, start.Sealed, "", a.create(t, start), from("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	refused := func(name string, change func(*authenticator)) {
		t.Helper()
		b := *a
		change(&b)
		w.now = w.now.Add(30 * time.Second) // the bound of guesses
		if _, err := w.signInBy(t, &b); !errors.Is(err, people.ErrSignIn) {
			t.Errorf("%s: %v", name, err)
		}
		a.counter = max(a.counter, b.counter)
	}
	refused("another origin", func(b *authenticator) { b.origin = "https://evil.example" })
	refused("another relying party", func(b *authenticator) { b.rpID = "evil.example" })
	refused("another key", func(b *authenticator) { b.key = newAuthenticator(t).key })
	refused("another passkey", func(b *authenticator) { b.id = newAuthenticator(t).id })
	refused("another user", func(b *authenticator) { b.user = []byte("op_somebody") })
	refused("nobody was asked", func(b *authenticator) { b.noUser = true })

	in, err := w.StartSignIn()
	if err != nil {
		t.Fatal(err)
	}
	answer := a.get(t, in)
	if _, err := w.SignInByPasskey(ctx, in.Sealed, answer, from("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.SignInByPasskey(ctx, in.Sealed, answer, from("192.0.2.1")); !errors.Is(err, people.ErrSignIn) {
		t.Errorf("the same answer again: %v", err)
	}
	refused("a copy, whose counter is behind", func(b *authenticator) { b.counter = 1 })
	late, err := w.StartSignIn()
	if err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(10 * time.Minute)
	if _, err := w.SignInByPasskey(ctx, late.Sealed, a.get(t, late), from("192.0.2.1")); !errors.Is(err, people.ErrSignIn) {
		t.Errorf("ten minutes later: %v", err)
	}
	// A registration is not taken for a sign-in.
	if _, err := w.SignInByPasskey(ctx, start.Sealed, a.get(t, late), from("192.0.2.1")); !errors.Is(err, people.ErrSignIn) {
		t.Errorf("what a registration began: %v", err)
	}
}

// The first owner may have a passkey and no password.
func TestSetupByPasskey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ctx, a := t.Context(), newAuthenticator(t)
	link, err := w.manager.SetupLink(ctx)
	if err != nil {
		t.Fatal(err)
	}
	p := people.Person{Email: "Ada@example.com", Name: "Ada"}
	start, err := w.StartPasskeyByLink(ctx, link.Token, p, from("192.0.2.1"))
	if err != nil {
		t.Fatal(err)
	}
	answer := a.create(t, start)
	cookie, err := w.AcceptByPasskey(ctx, link.Token, start.Sealed, people.Person{Name: "Ada"}, answer, from("192.0.2.1"))
	if err != nil {
		t.Fatal(err)
	}
	v := w.viewer(t, cookie)
	if v.Operator.Email != "ada@example.com" || v.Operator.Role != mintage.RoleOwner || string(a.user) != v.Operator.ID {
		t.Errorf("got %+v, the passkey is of %s", v.Operator, a.user)
	}
	if _, err := w.AcceptByPasskey(ctx, link.Token, start.Sealed, p, answer, from("192.0.2.1")); !gone(err) {
		t.Errorf("the link again: %v", err)
	}
	if _, err := w.signInBy(t, a); err != nil {
		t.Error(err)
	}
}
