package store

import (
	"context"
	"time"

	"github.com/mintage-auth/mintage"
)

// Operators reads operators, whole: with their memberships.
type Operators interface {
	Operator(ctx context.Context, id string) (*mintage.Operator, error)           // ErrNotFound
	OperatorByEmail(ctx context.Context, email string) (*mintage.Operator, error) // ErrNotFound
	// Operators lists the operators; see OperatorQuery.
	Operators(ctx context.Context, q OperatorQuery) ([]*mintage.Operator, error)
}

// OperatorQuery asks for a part of the operators: the members of an
// organization, or all when it names none.
type OperatorQuery struct {
	Tenant, Organization string
	Role                 mintage.Role // over everything; empty: any
	// ByEmail sorts by the address instead of the identifier; After is one then.
	ByEmail bool
	Page
}

// OperatorWriter writes operators; versions as TenantWriter. What belongs to a
// deleted operator goes with it.
type OperatorWriter interface {
	CreateOperator(ctx context.Context, o *mintage.Operator) error // ErrExists, by identifier or by e-mail address; ErrNotFound: an organization
	UpdateOperator(ctx context.Context, o *mintage.Operator) error // ErrNotFound, ErrExists
	DeleteOperator(ctx context.Context, id string) error           // ErrNotFound
}

// OperatorCredentials reads how operators sign in.
type OperatorCredentials interface {
	OperatorCredential(ctx context.Context, kind mintage.CredentialKind, id string) (*mintage.OperatorCredential, error) // ErrNotFound
	// OperatorCredentials returns those of an operator, sorted by kind and
	// identifier.
	OperatorCredentials(ctx context.Context, operator string) ([]*mintage.OperatorCredential, error)
}

// OperatorCredentialWriter writes how operators sign in. None of it is a change
// of the operator.
type OperatorCredentialWriter interface {
	CreateOperatorCredential(ctx context.Context, c *mintage.OperatorCredential) error // ErrExists; ErrNotFound: the operator
	// DeleteOperatorCredential deletes one of that operator's. ErrNotFound.
	DeleteOperatorCredential(ctx context.Context, operator string, kind mintage.CredentialKind, id string) error
	// UseOperatorCredential moves Step forward to step, sets LastUsed and Data and
	// ends the Failures; nil data leaves Data as it is. It reports false, and
	// writes nothing, when Step is there or further already and step is not zero.
	UseOperatorCredential(ctx context.Context, c *mintage.OperatorCredential, step int64, data []byte, at time.Time) (bool, error)
	// FailOperatorCredential adds one to Failures and returns what they are now.
	// ErrNotFound.
	FailOperatorCredential(ctx context.Context, kind mintage.CredentialKind, id string) (int64, error)
}

// Invitations reads one-time links.
type Invitations interface {
	Invitation(ctx context.Context, id string) (*mintage.Invitation, error)         // ErrNotFound
	InvitationByHash(ctx context.Context, hash string) (*mintage.Invitation, error) // ErrNotFound
	Invitations(ctx context.Context, page Page) ([]*mintage.Invitation, error)
}

// InvitationWriter writes one-time links. Those into an organization, or to an
// operator, go with it.
type InvitationWriter interface {
	CreateInvitation(ctx context.Context, i *mintage.Invitation) error // ErrExists; ErrNotFound: the organization or operator
	DeleteInvitation(ctx context.Context, id string) error             // ErrNotFound: of those who use one at once, one gets nil
}

// Sessions reads who is signed in where.
type Sessions interface {
	Session(ctx context.Context, id string) (*mintage.Session, error) // ErrNotFound
	// Sessions returns those of an operator, the newest first.
	Sessions(ctx context.Context, operator string) ([]*mintage.Session, error)
}

// SessionWriter writes who is signed in where.
type SessionWriter interface {
	// CreateSession writes s and sets the operator's LastSignIn. It is ErrNotFound
	// when the operator is not there or disabled, also when that happens at the
	// same moment.
	CreateSession(ctx context.Context, s *mintage.Session) error
	// MoveSession has a session work in another membership.
	MoveSession(ctx context.Context, id, tenant, organization string) error // ErrNotFound
	DeleteSession(ctx context.Context, id string) error                     // ErrNotFound
	DeleteSessions(ctx context.Context, operator string) error              // none is no error
}

// Pairings reads command lines that wait to be signed in.
type Pairings interface {
	Pairing(ctx context.Context, id string) (*mintage.Pairing, error)         // ErrNotFound
	PairingByHash(ctx context.Context, hash string) (*mintage.Pairing, error) // ErrNotFound
}

// PairingWriter writes them.
type PairingWriter interface {
	CreatePairing(ctx context.Context, p *mintage.Pairing) error // ErrExists
	// DecidePairing writes OperatorID, Tenant, Organization, Denied and Expires of
	// a pairing that nobody decided yet. ErrNotFound: it is gone, or was decided,
	// also at the same moment; or the operator is gone.
	DecidePairing(ctx context.Context, p *mintage.Pairing) error
	DeletePairing(ctx context.Context, id string) error // ErrNotFound: of those who use one at once, one gets nil
	// DeletePairings deletes those that an operator signed in and that nobody has
	// come for; none is no error.
	DeletePairings(ctx context.Context, operator string) error
}

// ChallengeWriter keeps what was used once.
type ChallengeWriter interface {
	// SpendChallenge notes that a challenge was used, which matters until it
	// expires. ErrExists: it was used before, or is at the same moment.
	SpendChallenge(ctx context.Context, id string, expires time.Time) error
}

// PeopleUpkeep is what is done beside the use cases.
type PeopleUpkeep interface {
	// TouchSession sets LastSeen, forward only. A session that is gone stays gone.
	TouchSession(ctx context.Context, id string, at time.Time) error
	// SweepPeople deletes at most limit each of the sessions that expired before
	// now or were last seen before idle, of the invitations, pairings and spent
	// challenges that expired before now, and says how many it deleted in all.
	SweepPeople(ctx context.Context, now, idle time.Time, limit int) (int, error)
}
