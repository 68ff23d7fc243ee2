package clientauth

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/limit"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/oauth"
)

// Request is all of a request that client authentication looks at. A parameter
// without a value is empty, as if it were left out (RFC 6749 §3.2).
type Request struct {
	Authorization []string // the values of the header

	ClientID, Secret         string // parameters of the body
	Assertion, AssertionType string // client_assertion and client_assertion_type, likewise

	QueryClientID, QuerySecret string
	QueryAssertion             bool
	// QueryAllowed says that the dialect reads the query.
	QueryAllowed bool

	Peer netip.Addr // who asks, for Client.AllowFrom
}

// Result says who sent a request. Where Authenticate fails it holds what the
// request claimed, for the log, and Client and Secret are nil.
type Result struct {
	Client *mintage.Client
	Secret *mintage.Secret // the one of Client that was shown

	ClientID string // as claimed: anything at all
	Method   string
	// Raw says that only credentials read without form-decoding were right.
	Raw bool
	// Weak are the rungs of the ladder that the request needed.
	Weak []mintage.Rung
}

// Clients finds clients. An unknown one is mintage.ErrNotFound.
type Clients interface {
	Client(ctx context.Context, tenant, id string) (*mintage.Client, error)
}

// Secrets checks a candidate against the stored secrets of a client in time
// that depends on neither. A candidate that is not the client's, or not any
// more, is a *secret.Error; any other error is trouble of ours.
type Secrets interface {
	// VerifyFrom is told the address that asks, for whose turn it is where slow
	// hashes wait; too many that wait are secret.ErrBusy.
	VerifyFrom(ctx context.Context, from netip.Addr, tenant, client string, secrets []mintage.Secret, candidate string, now time.Time) (*mintage.Secret, error)
	// VerifyLast is VerifyFrom for what nobody's answer waits for: it takes no
	// turn of anybody who has not guessed wrong.
	VerifyLast(ctx context.Context, from netip.Addr, tenant, client string, secrets []mintage.Secret, candidate string, now time.Time) (*mintage.Secret, error)
	// Unguessable returns the secret that the candidate is if that takes no slow
	// hash to know and nobody could have guessed it, else nil. It takes as long
	// without secrets as with one.
	Unguessable(tenant, client string, secrets []mintage.Secret, candidate string, now time.Time) *mintage.Secret
	// VerifyNobody costs what VerifyFrom costs for a wrong secret, and returns what
	// it returns. It is for clients that do not exist.
	VerifyNobody(ctx context.Context, candidate string) error
}

// Authenticator checks requests against registered clients. It is safe for
// concurrent use.
type Authenticator struct {
	Clients Clients
	Secrets Secrets
	Now     func() time.Time

	// Keys and Replays are for clients that sign assertions; nil: no assertion is
	// taken.
	Keys    Keys
	Replays Replays

	// Guesses bounds wrong credentials; nil: nobody does.
	Guesses *limit.Guesses

	// Outdated is told of a secret that was right and is kept under a hash that
	// should be replaced, with the secret itself. It must not block. Nil: nobody
	// is told.
	Outdated func(tenant, client string, s *mintage.Secret, candidate string)
}

// Authenticate returns the client that r proves. The error is always an
// *oauth.Error.
func (a *Authenticator) Authenticate(ctx context.Context, t *mintage.Tenant, r *Request) (Result, error) {
	claims, err := find(r)
	if err != nil {
		return Result{ClientID: r.ClientID}, err
	}
	switch len(claims) {
	case 0: // RFC 6749 §5.2: no client authentication included
		return Result{ClientID: r.ClientID}, refuseMissing()
	case 1:
		return a.one(ctx, t, r, claims[0])
	}
	return a.several(ctx, t, r, claims)
}

// one checks the only claim of a request.
func (a *Authenticator) one(ctx context.Context, t *mintage.Tenant, r *Request, c *claim) (Result, error) {
	res := Result{Method: c.method.name, ClientID: r.ClientID}
	if c.signed { // not by a function in method: res would move to the heap for all
		err := a.proveAssertion(ctx, t, r, c, &res)
		return res, err
	}
	res.ClientID = c.readings[0].id
	if res.ClientID == "" && c.method != &basicMethod {
		return res, oauth.InvalidRequest("param.missing", "client_id is missing")
	}
	if err := a.prove(ctx, t, r, c, &res); err != nil {
		return res, err
	}
	if c.method.rung == "" {
		return res, nil
	}
	if res.Client.Rung(c.method.rung, a.Now()) == mintage.LadderRefuse {
		res.Client, res.Secret = nil, nil
		return res, refuseQuery()
	}
	res.Weak = append(res.Weak, c.method.rung)
	return res, nil
}

// several checks a request with more than one claim (RFC 6749 §2.3). It is
// refused with one and the same answer unless all claims agree, are right, and
// the client's ladder lets it through.
func (a *Authenticator) several(ctx context.Context, t *mintage.Tenant, r *Request, claims []*claim) (Result, error) {
	agreed := same(claims)
	res := Result{Method: MethodSeveral, ClientID: r.ClientID}
	if len(claims[0].readings) > 0 {
		res.ClientID = claims[0].readings[0].id
	}
	if len(agreed) == 0 {
		return res, refuseSeveral()
	}
	err := a.prove(ctx, t, r, &claim{method: claims[0].method, readings: agreed}, &res)
	if oe, ok := errors.AsType[*oauth.Error](err); ok && oe.Code != "invalid_client" {
		return res, err // trouble of ours
	}
	if err != nil {
		return res, refuseSeveral()
	}
	weak := []mintage.Rung{mintage.RungTwoMethods}
	for _, c := range claims {
		if !permits(res.Client, c.method) {
			res.Client, res.Secret = nil, nil
			return res, refuseSeveral()
		}
		if c.method.rung != "" {
			weak = append(weak, c.method.rung)
		}
	}
	for _, rung := range weak {
		if res.Client.Rung(rung, a.Now()) == mintage.LadderRefuse {
			res.Client, res.Secret = nil, nil
			return res, refuseSeveral()
		}
	}
	res.Weak = weak
	return res, nil
}

// prove tries the readings of a claim in order and fills in res. Whatever
// fails, it is one failure, and the answer does not say what failed.
func (a *Authenticator) prove(ctx context.Context, t *mintage.Tenant, r *Request, c *claim, res *Result) error {
	if done, err := a.proveAtOnce(ctx, t, r, c, res); done || err != nil {
		return err
	}
	attempt := limit.Attempt{
		Tenant: t.ID, Client: c.readings[0].id, From: r.Peer, Candidate: c.readings[0].secret, Now: a.Now(),
	}
	verdict := a.Guesses.Judge(&attempt)
	if verdict.Wait > 0 {
		return refuseGuess(verdict.Wait)
	}
	reason, cause := "", error(nil)
	for _, rd := range c.readings {
		client, found, err := a.check(ctx, t, c.method, rd, r.Peer)
		if err == nil {
			a.Guesses.Proved(&attempt)
			res.Client, res.Secret, res.ClientID, res.Raw = client, found, rd.id, rd.raw
			return nil
		}
		why, ok := errors.AsType[reasoned](err)
		if !ok {
			return err
		}
		if rank(why.Reason()) >= rank(reason) {
			reason, cause = why.Reason(), err
			res.ClientID = rd.id
		}
	}
	a.Guesses.Failed(&attempt, verdict)
	return c.method.refuse(reason, cause)
}

// proveAtOnce proves a claim by a secret that nobody can guess. Such a client
// is served whatever others guess, and costs no look at the guesses.
func (a *Authenticator) proveAtOnce(ctx context.Context, t *mintage.Tenant, r *Request, c *claim, res *Result) (bool, error) {
	now := a.Now()
	for _, rd := range c.readings {
		client, err := a.lookUp(ctx, t, rd.id)
		var secrets []mintage.Secret
		switch {
		case err == nil && permits(client, c.method):
			secrets = client.Secrets
		case err == nil: // no secret of it counts
		case !errors.Is(err, mintage.ErrNotFound):
			return false, troubled(err)
		}
		found := a.Secrets.Unguessable(t.ID, rd.id, secrets, rd.secret, now)
		if found == nil || client.Disabled || !allowed(client, r.Peer) {
			continue
		}
		a.accept(t, client, found, rd.secret)
		res.Client, res.Secret, res.ClientID, res.Raw = client, found, rd.id, rd.raw
		return true, nil
	}
	return false, nil
}

// accept tells of a hash that should be replaced.
func (a *Authenticator) accept(t *mintage.Tenant, client *mintage.Client, found *mintage.Secret, candidate string) {
	if a.Outdated != nil && secret.Upgradable(found.Hash, candidate) {
		a.Outdated(t.ID, client.ID, found, candidate)
	}
}

// check says whether one reading is right. An error that is not reasoned is an
// *oauth.Error: trouble of ours, which says nothing about the client.
func (a *Authenticator) check(ctx context.Context, t *mintage.Tenant, m *method, rd reading, peer netip.Addr) (*mintage.Client, *mintage.Secret, error) {
	now := a.Now()
	client, err := a.lookUp(ctx, t, rd.id)
	switch {
	case errors.Is(err, mintage.ErrNotFound):
		return nil, nil, a.nobody(ctx, rd.secret, "client.unknown")
	case err != nil:
		return nil, nil, troubled(err)
	case !permits(client, m):
		return nil, nil, a.nobody(ctx, rd.secret, "auth.method_not_allowed")
	case len(client.Secrets) == 0:
		return nil, nil, a.nobody(ctx, rd.secret, "secret.mismatch")
	}
	found, err := a.Secrets.VerifyFrom(ctx, peer, t.ID, client.ID, client.Secrets, rd.secret, now)
	switch {
	case err != nil:
		return nil, nil, ours(err)
	case client.Disabled:
		return nil, nil, reasonError("client.disabled")
	case !allowed(client, peer):
		return nil, nil, reasonError("ip.not_allowed")
	}
	a.accept(t, client, found, rd.secret)
	return client, found, nil
}

// nobody takes the time of a client with a secret, and fails for the reason.
func (a *Authenticator) nobody(ctx context.Context, candidate, reason string) error {
	err := a.Secrets.VerifyNobody(ctx, candidate)
	if _, expected := errors.AsType[reasoned](err); expected {
		return reasonError(reason)
	}
	return ours(err)
}

// ours leaves the errors of a wrong secret as they are, and turns all others
// into what a client is told of our trouble.
func ours(err error) error {
	if _, ok := errors.AsType[reasoned](err); ok {
		return err
	}
	if errors.Is(err, secret.ErrBusy) {
		return oauth.TooManyRequests("secret.busy", "too many secrets wait to be checked: ask again in a few seconds", err)
	}
	return oauth.ServerError(err)
}

// lookUp finds a client by an identifier that somebody sent. One that no client
// can have is not looked up.
func (a *Authenticator) lookUp(ctx context.Context, t *mintage.Tenant, id string) (*mintage.Client, error) {
	if !ValidClientID(id) {
		return nil, mintage.ErrNotFound
	}
	return a.Clients.Client(ctx, t.ID, id)
}

// Match returns the client and the secret that a pair opens, nil when it opens
// none. It is for a pair that peer has sent in vain, and says nothing to it: a
// slow hash that it takes comes after all that somebody waits for.
func (a *Authenticator) Match(ctx context.Context, t *mintage.Tenant, peer netip.Addr, id, candidate string) (*mintage.Client, *mintage.Secret) {
	if len(candidate) > MaxSecret {
		return nil, nil
	}
	client, err := a.lookUp(ctx, t, id)
	if err != nil {
		return nil, nil
	}
	found, err := a.Secrets.VerifyLast(ctx, peer, t.ID, client.ID, client.Secrets, candidate, a.Now())
	if err != nil {
		return nil, nil
	}
	return client, found
}

// ValidClientID reports whether a client can have id: printable ASCII without
// a colon, at most MaxClientID bytes.
func ValidClientID(id string) bool {
	for i := range len(id) {
		if c := id[i]; c < 0x20 || c > 0x7e || c == ':' {
			return false
		}
	}
	return id != "" && len(id) <= MaxClientID
}

// permits reports whether a client may authenticate by a method that takes a
// secret.
func permits(c *mintage.Client, m *method) bool {
	return len(c.AuthMethods) == 0 || slices.Contains(c.AuthMethods, m.needs)
}

func allowed(c *mintage.Client, peer netip.Addr) bool {
	for _, network := range c.AllowFrom {
		if network.Contains(peer) {
			return true
		}
	}
	return len(c.AllowFrom) == 0
}

// reasoned is an error that a wrong credential causes.
type reasoned interface {
	error
	Reason() string
}

// reasonError is a failure that needs no more words than its code.
type reasonError string

func (e reasonError) Error() string  { return string(e) }
func (e reasonError) Reason() string { return string(e) }

// rank orders reasons by how much they tell the operator, since of two readings
// one is often an identifier that nobody has.
func rank(reason string) int {
	switch reason {
	case "":
		return 0
	case "client.unknown":
		return 1
	case "secret.mismatch":
		return 2
	}
	return 3
}
