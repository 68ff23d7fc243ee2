package mintage

import (
	"log/slog"
	"net/mail"
	"slices"
	"strings"
	"time"
)

// Operator is a person who administers: the whole server by a role, or their
// organizations by memberships, or both.
type Operator struct {
	ID    string // op_ and 16 base62 characters; never used again
	Email string // unique; as NormalEmail spells it
	Name  string // for people; may be empty
	// Role is what they may do over everything; empty: only what Memberships say.
	Role        Role
	Memberships []Membership // sorted by tenant and organization, each once
	Disabled    bool         // ends their sessions and keeps them from signing in

	// LastSignIn is a mark: writing it is no change of the operator. Zero: never.
	LastSignIn time.Time

	Version int64 // grows by one with each change; the ETag
	Created time.Time
	Updated time.Time
}

// Membership makes an operator a member of an organization, who sees and
// changes only what belongs to it.
type Membership struct {
	Tenant, Organization string
	Role                 Role // RoleAdmin, RoleDeveloper or RoleViewer
}

// Member returns the membership in an organization; nil: there is none.
func (o *Operator) Member(tenant, organization string) *Membership {
	for i := range o.Memberships {
		if m := &o.Memberships[i]; m.Tenant == tenant && m.Organization == organization {
			return m
		}
	}
	return nil
}

// Role is what an operator may do, by name.
type Role string

// Roles, each of which includes those below it.
const (
	RoleOwner     Role = "owner"     // everything, operators and tenants included
	RoleAdmin     Role = "admin"     // what tenants hold; of an organization, its clients and members
	RoleDeveloper Role = "developer" // clients and their secrets
	RoleViewer    Role = "viewer"    // reading
)

// Roles returns the roles, the highest first.
func Roles() []Role { return []Role{RoleOwner, RoleAdmin, RoleDeveloper, RoleViewer} }

// CredentialKind is how an operator signs in.
type CredentialKind string

// Kinds of credentials.
const (
	CredentialPassword CredentialKind = "password" // with CredentialTOTP
	CredentialTOTP     CredentialKind = "totp"     // RFC 6238
	CredentialPasskey  CredentialKind = "passkey"  // WebAuthn
	CredentialOIDC     CredentialKind = "oidc"     // an account at an OpenID provider
	// CredentialRecovery is a code that stands in once for one of CredentialTOTP.
	CredentialRecovery CredentialKind = "recovery"
)

// OperatorCredential is one way in which an operator signs in.
type OperatorCredential struct {
	Operator string // identifier
	Kind     CredentialKind
	// ID is unique among those of its kind: the operator's own for a password and
	// a TOTP key, of which each has one; a passkey's credential id; provider and
	// subject of an account; the keyed hash of a recovery code.
	ID   string
	Name string // what its owner calls it; may be empty
	// Data is what a sign-in is checked with: a hash, a sealed key, or a public
	// key with its circumstances.
	Data []byte
	// Step only moves forward: the last time step of a TOTP key that was used.
	Step int64
	// Failures are the attempts that were wrong since the last that was right.
	Failures int64
	Created  time.Time
	LastUsed time.Time // zero: never
}

// LogValue shows nothing that helps to sign in.
func (c *OperatorCredential) LogValue() slog.Value {
	return slog.GroupValue(slog.String("operator", c.Operator), slog.String("kind", string(c.Kind)))
}

// MethodCommand is the Session.Method of a command line that was paired with a
// console.
const MethodCommand = "command"

// Session is one browser, or command line, in which an operator is signed in.
type Session struct {
	ID         string // SHA-256 of the cookie or token in hex, never that itself
	OperatorID string
	Method     string // how they signed in: password, recovery, passkey, oidc or MethodCommand
	// Tenant and Organization name the membership that the session works in;
	// empty: the operator's role over everything.
	Tenant, Organization string

	Created   time.Time
	LastSeen  time.Time // within a minute
	Expires   time.Time // whatever the use
	Address   string    // remote address of the sign-in, without the port
	UserAgent string    // of the sign-in
}

// InvitationKind is what a one-time link is for.
type InvitationKind string

// Kinds of invitations.
const (
	InvitationSetup   InvitationKind = "setup"   // makes the first owner
	InvitationInvite  InvitationKind = "invite"  // makes an operator, or a member of one that is there
	InvitationRecover InvitationKind = "recover" // gives an operator other credentials
)

// Invitation is a link that works once, by which somebody becomes an operator.
type Invitation struct {
	ID   string // inv_ and 16 base62 characters
	Hash string // SHA-256 of what the link carries, in hex
	Kind InvitationKind

	Email string // whom it is for; empty for InvitationSetup
	Name  string
	Role  Role // over everything, or in the organization that is named
	// Tenant and Organization are set for a member.
	Tenant, Organization string
	OperatorID           string // whose credentials it gives; InvitationRecover alone

	CreatedBy string
	Created   time.Time
	Expires   time.Time
}

// LogValue shows nothing that helps to guess the link.
func (i *Invitation) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", i.ID), slog.String("kind", string(i.Kind)))
}

// Pairing is a command line that asks to be signed in, for as long as it waits.
type Pairing struct {
	ID   string // pair_ and 16 base62 characters: what the console's page is found by
	Hash string // SHA-256 in hex of what the command shows when it comes for its session
	Code string // words that the command and the console's page both show
	Host string // name of the machine, as the command says

	Address   string // remote address of the command, without the port
	UserAgent string // of the command

	// OperatorID is who signed it in, and Tenant and Organization are where: as of
	// a Session. Empty: nobody did yet.
	OperatorID           string
	Tenant, Organization string
	Denied               bool // somebody said no

	Created time.Time
	Expires time.Time
}

// Decided reports whether somebody said yes or no.
func (p *Pairing) Decided() bool { return p.Denied || p.OperatorID != "" }

// maxEmail is how long an address can be (RFC 5321 §4.5.3.1.3, without the
// angle brackets).
const maxEmail = 254

// NormalEmail returns s as operators are found by it: one address has one
// spelling.
func NormalEmail(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// ValidateEmail checks an address that NormalEmail returned. Letters outside
// ASCII are refused, since two that look the same must not be two operators.
func ValidateEmail(s string) error {
	a, err := mail.ParseAddress(s)
	switch {
	case s == "":
		return invalid("an e-mail address is required")
	case len(s) > maxEmail:
		return invalid("at most %d characters", maxEmail)
	case err != nil || a.Address != s || !printable(s) || strings.ContainsAny(s, " \"<>,"):
		return invalid("write one e-mail address, such as ada@example.com")
	case NormalEmail(s) != s:
		return invalid("write the address in lower case")
	}
	return nil
}

// Validate checks what an operator is by itself.
func (o *Operator) Validate() error {
	var p problems
	p.check("/email", ValidateEmail(o.Email))
	if o.Name != "" {
		p.check("/name", ValidateName(o.Name))
	}
	if o.Role != "" && !slices.Contains(Roles(), o.Role) {
		p.add("/role", "write owner, admin, developer or viewer, or leave it out")
	}
	for i, m := range o.Memberships {
		if m.Tenant == "" || m.Organization == "" {
			p.add(Pointer("memberships", i), "a membership names a tenant and an organization")
		}
		p.check(Pointer("memberships", i, "role"), ValidateMemberRole(m.Role))
		for _, other := range o.Memberships[:i] {
			if other.Tenant == m.Tenant && other.Organization == m.Organization {
				p.add(Pointer("memberships", i), "the organization is there twice")
			}
		}
	}
	return p.err()
}

// ValidateMemberRole checks a role in an organization.
func ValidateMemberRole(r Role) error {
	if r == RoleOwner || !slices.Contains(Roles(), r) {
		return invalid("write admin, developer or viewer")
	}
	return nil
}
