package clientauth

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/clientkeys"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/replay"
	"github.com/mintage-auth/mintage/oauth"
)

// assertionMethod is a signed assertion (RFC 7523 §2.2).
var assertionMethod = method{
	name: oauth.AuthPrivateKeyJWT, needs: oauth.AuthPrivateKeyJWT, find: findAssertion, refuse: refuseParameter,
}

// How far the times of an assertion may be from ours.
const (
	assertionLeeway = 10 * time.Second // of two clocks
	assertionLife   = 5 * time.Minute  // from now on: for so long its jti is kept
)

// purpose keeps the jti of assertions apart from all else that is used once.
const purpose = "client assertion"

// Keys finds the public keys of clients.
type Keys interface {
	// Keys returns the keys of c. One named kid is looked for where the client
	// publishes its keys, if that was not done a moment ago. Keys that cannot be
	// had now are clientkeys.ErrUnavailable; any other error is trouble of ours.
	Keys(ctx context.Context, c *mintage.Client, kid string) ([]*jose.Key, error)
}

// Replays lets each thing pass once; see replay.Guard.
type Replays interface {
	// Once is replay.ErrUsed where id has passed before, on whatever node. Any
	// other error is trouble of ours.
	Once(ctx context.Context, id [32]byte, expires time.Time) error
}

// findAssertion looks for client_assertion and client_assertion_type. One that
// is in the URL, where logs and proxies see it, is refused in every dialect: no
// family of old clients does that.
func findAssertion(r *Request) (*claim, *oauth.Error) {
	switch {
	case r.QueryAssertion:
		return nil, refuseQuery()
	case r.Assertion == "" && r.AssertionType == "":
		return nil, nil
	}
	return &claim{signed: true}, nil
}

// proveAssertion proves the claim that is an assertion, and fills in res. All
// that can be wrong with it is answered alike.
func (a *Authenticator) proveAssertion(ctx context.Context, t *mintage.Tenant, r *Request, c *claim, res *Result) error {
	err := a.checkAssertion(ctx, t, r, res)
	if why, ok := errors.AsType[reasoned](err); ok {
		return c.method.refuse(why.Reason(), err)
	}
	return err
}

// checkAssertion checks an assertion in the order of the work that it makes. Its
// jti is spent last: one that is refused for anything else can be corrected.
func (a *Authenticator) checkAssertion(ctx context.Context, t *mintage.Tenant, r *Request, res *Result) error {
	as, err := readAssertion(r)
	if err != nil {
		return err
	}
	res.ClientID = as.client
	client, err := a.assertedBy(ctx, t, as)
	if err != nil {
		return err
	}
	if err := a.checkSignature(ctx, client, as); err != nil {
		return err
	}
	now := a.Now()
	weak, err := as.checkAudience(t, client, now)
	if err != nil {
		return err
	}
	if err := as.checkTimes(now); err != nil {
		return err
	}
	switch {
	case client.Disabled:
		return reasonError("client.disabled")
	case !allowed(client, r.Peer):
		return reasonError("ip.not_allowed")
	}
	if err := a.spend(ctx, client, as); err != nil {
		return err
	}
	res.Client, res.Weak = client, weak
	return nil
}

// assertedBy returns the client that an assertion says it is of. Where there is
// none that may authenticate so, it takes the time of a signature.
func (a *Authenticator) assertedBy(ctx context.Context, t *mintage.Tenant, as *assertion) (*mintage.Client, error) {
	client, err := a.lookUp(ctx, t, as.client)
	switch {
	case errors.Is(err, mintage.ErrNotFound):
		as.verifyNobody()
		return nil, reasonError("client.unknown")
	case err != nil:
		return nil, troubled(err)
	case !client.AuthenticatesBy(oauth.AuthPrivateKeyJWT), a.Keys == nil, a.Replays == nil:
		as.verifyNobody()
		return nil, reasonError("auth.method_not_allowed")
	}
	return client, nil
}

// checkSignature tries the registered keys of the client (RFC 7523 §3(9)): the
// one that the assertion names, or all where it names none. What else the header
// says of keys is not looked at.
func (a *Authenticator) checkSignature(ctx context.Context, client *mintage.Client, as *assertion) error {
	alg, kid := as.jws.Alg, as.jws.KeyID
	if !slices.Contains(mintage.AssertionAlgs(), string(alg)) {
		return assertionError{"assertion.alg", "the assertion is signed by an algorithm that no client may use"}
	}
	keys, err := a.Keys.Keys(ctx, client, kid)
	switch {
	case errors.Is(err, clientkeys.ErrUnavailable):
		as.verifyNobody()
		return assertionError{"assertion.keys_unavailable", err.Error()}
	case err != nil:
		return oauth.ServerError(err)
	}
	named, tried := false, false
	for _, k := range keys {
		if kid != "" && k.ID() != kid {
			continue
		}
		named = true
		if k, err = k.WithAlg(alg); err != nil {
			continue // the key is for another algorithm
		}
		tried = true
		if as.jws.Verify(k) == nil {
			return nil
		}
	}
	switch {
	case tried && kid != "":
		return assertionError{"assertion.signature", "the signature is not by the key that the assertion names"}
	case named && !tried && kid != "":
		return assertionError{"assertion.alg", "the key that the assertion names is for another algorithm"}
	case !tried:
		as.verifyNobody()
	}
	return assertionError{"assertion.key_unknown", "none of the client's keys is the one that signed"}
}

// spend uses up the jti of an assertion for as long as it could be sent again
// (RFC 7523 §3(7)).
func (a *Authenticator) spend(ctx context.Context, client *mintage.Client, as *assertion) error {
	id := replay.ID(purpose, client.Tenant, client.ID, as.id)
	err := a.Replays.Once(ctx, id, as.expires.Add(assertionLeeway+time.Second))
	switch {
	case errors.Is(err, replay.ErrUsed):
		return assertionError{"assertion.replayed", "the jti of the assertion was used before"}
	case err != nil:
		return troubled(err)
	}
	return nil
}
