package secret

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
)

// Verify returns the secret of the client that the candidate is, which is live
// at now. Otherwise the error is an *Error that says whether it is none of
// them or one that is paused, has expired or was revoked; or it wraps ErrBusy,
// when a slow hash would have been needed and there was no slot; or it is our
// own trouble: no secret matches and one of them has a hash that cannot be read.
//
// Every secret is looked at. Slow hashes are run only when no fast hash and
// nothing remembered shows a live secret that matches.
func (h *Hasher) Verify(
	ctx context.Context, tenant, client string, secrets []mintage.Secret, candidate string, now time.Time,
) (*mintage.Secret, error) {
	return h.VerifyFrom(ctx, netip.Addr{}, tenant, client, secrets, candidate, now)
}

// VerifyFrom is Verify for a candidate that came from an address, which says
// whose turn it is when slow hashes have to wait.
func (h *Hasher) VerifyFrom(
	ctx context.Context, from netip.Addr, tenant, client string, secrets []mintage.Secret, candidate string, now time.Time,
) (*mintage.Secret, error) {
	return h.verify(ctx, asker{tenant: tenant, client: client, from: from}, secrets, candidate, now)
}

// VerifyLast is VerifyFrom for what was refused already and nobody's answer
// waits for. Its slow hashes wait with the guesses whatever the address, and
// what comes out says nothing about that.
func (h *Hasher) VerifyLast(
	ctx context.Context, from netip.Addr, tenant, client string, secrets []mintage.Secret, candidate string, now time.Time,
) (*mintage.Secret, error) {
	return h.verify(ctx, asker{tenant: tenant, client: client, from: from, guess: true}, secrets, candidate, now)
}

func (h *Hasher) verify(
	ctx context.Context, who asker, secrets []mintage.Secret, candidate string, now time.Time,
) (*mintage.Secret, error) {
	v := verification{
		h: h, asker: who, secrets: secrets, candidate: candidate, now: now, want: h.hashGenerated(candidate),
	}
	v.fast()
	if err := v.slow(ctx); err != nil {
		return nil, err
	}
	if v.ran && !who.guess {
		h.slots.judge(who.from, v.live == nil && v.dead == nil)
	}
	switch {
	case v.live != nil && v.live.Paused(now):
		return nil, &Error{reason: ReasonPaused, SecretID: v.live.ID}
	case v.live != nil:
		return v.live, nil
	case v.dead != nil:
		return nil, &Error{reason: whyDead(v.dead), SecretID: v.dead.ID}
	case v.broken != nil:
		return nil, v.broken
	}
	return nil, &Error{reason: ReasonMismatch}
}

// Unguessable returns the live secret of the client that the candidate is, if
// no slow hash has to show it and nobody could have guessed it: one that we
// generated, or a long one of many characters. Otherwise it returns nil, which
// says nothing of the candidate. It takes no slot, and as long for a client
// without secrets as for one with a generated secret.
func (h *Hasher) Unguessable(tenant, client string, secrets []mintage.Secret, candidate string, now time.Time) *mintage.Secret {
	if len(secrets) == 0 {
		secrets = h.nobody
	}
	v := verification{
		h: h, asker: asker{tenant: tenant, client: client},
		secrets: secrets, candidate: candidate, now: now, want: h.hashGenerated(candidate),
	}
	v.fast()
	if v.live == nil || v.live.Paused(now) || !strings.HasPrefix(v.live.Hash, generatedPrefix) && !rich(candidate) {
		return nil
	}
	return v.live
}

// rich reports whether a secret is beyond guessing over a network, where a
// thousand million guesses a day are very many.
func rich(s string) bool {
	const length, distinct = 20, 10
	var seen [256]bool
	n := 0
	for i := range len(s) {
		if !seen[s[i]] {
			seen[s[i]] = true
			n++
		}
	}
	return len(s) >= length && n >= distinct
}

func whyDead(s *mintage.Secret) string {
	switch {
	case !s.Revoked.IsZero():
		return ReasonRevoked
	case !s.Retiring.IsZero():
		return ReasonRetired
	}
	return ReasonExpired
}

// VerifyNobody does the work of Verify for a client with a generated secret
// and returns what it returns for a wrong one. It is for clients that do not
// exist, so that the time tells nobody (RFC 6749 §10.10).
func (h *Hasher) VerifyNobody(ctx context.Context, candidate string) error {
	_, err := h.Verify(ctx, "", "", h.nobody, candidate, time.Time{})
	return err
}

// verification is one call of Verify.
type verification struct {
	h *Hasher
	asker
	secrets   []mintage.Secret
	candidate string
	now       time.Time
	want      generatedHash // hash of the candidate if it was generated

	pending    []pending
	live, dead *mintage.Secret // what matched
	broken     error
	ran        bool // a slow hash
}

// pending is a secret whose slow hash has to be run.
type pending struct {
	secret *mintage.Secret
	check  checker
	scheme string
}

// fast looks at all secrets as far as that takes no slow hash, and collects
// those for which it does.
func (v *verification) fast() {
	for i := range v.secrets {
		s := &v.secrets[i]
		if strings.HasPrefix(s.Hash, generatedPrefix) {
			v.found(s, v.generated(s.Hash))
			continue
		}
		scheme, bare, ok := schemeOf(s.Hash)
		if !ok {
			v.unreadable(s, errScheme)
			continue
		}
		check, err := scheme.parse(bare)
		switch {
		case err != nil:
			v.unreadable(s, err)
		case !scheme.slow:
			v.found(s, check.matches(v.candidate))
		default:
			known, match := v.recall(s, check)
			v.found(s, match)
			if !known {
				v.pending = append(v.pending, pending{secret: s, check: check, scheme: scheme.name})
			}
		}
	}
}

// generated compares a stored hash of a generated secret in constant time.
func (v *verification) generated(stored string) bool {
	var have generatedHash
	return copy(have[:], stored) == len(stored) && len(stored) == len(have) &&
		subtle.ConstantTimeCompare(have[:], v.want[:]) == 1
}

func (v *verification) unreadable(s *mintage.Secret, err error) {
	v.broken = fmt.Errorf("secret %q of client %q: stored hash: %w", s.ID, v.client, err)
}

// found notes a match. Of several a live one counts, and best one that is not
// paused.
func (v *verification) found(s *mintage.Secret, match bool) {
	switch {
	case !match:
	case s.Live(v.now):
		if v.live == nil || v.live.Paused(v.now) {
			v.live = s
		}
	case v.dead == nil:
		v.dead = s
	}
}

// slow runs the slow hashes of the pending secrets: of all that are live, while
// no live one is known to match, then of the others, while none at all is. A
// secret that expired may have been added again, so a match of one that is
// dead spares no live one.
func (v *verification) slow(ctx context.Context) error {
	if v.live != nil || len(v.candidate) > MaxLength {
		return nil
	}
	var dead []pending
	for _, p := range v.pending {
		if !p.secret.Live(v.now) {
			dead = append(dead, p)
			continue
		}
		if err := v.run(ctx, p); err != nil {
			return err
		}
	}
	if v.live != nil || v.dead != nil {
		return nil
	}
	for _, p := range dead {
		if err := v.run(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// run runs one slow hash.
func (v *verification) run(ctx context.Context, p pending) error {
	taken, err := v.h.slots.take(ctx, v.asker)
	if err != nil {
		return err
	}
	// Of many first requests at once, one pays and the others find it here.
	known, match := v.recall(p.secret, p.check)
	if !known {
		began := time.Now()
		match = p.check.matches(v.candidate)
		if v.h.Observe != nil {
			v.h.Observe(p.scheme, time.Since(began))
		}
	}
	v.h.slots.release(taken)
	switch {
	case known:
	case match:
		v.ran = true
		v.h.right.put(v.identity(p.secret), v.mac(p.check))
	default:
		v.ran = true
		v.h.wrong.put(v.wrong(p.secret, p.check), struct{}{})
	}
	v.found(p.secret, match)
	return nil
}

// recall answers from memory. There is one right candidate to each hash, so
// another one than that remembered is wrong, and costs no slow hash either.
func (v *verification) recall(s *mintage.Secret, check checker) (known, match bool) {
	right, known := v.h.right.get(v.identity(s))
	if !known {
		_, wrong := v.h.wrong.get(v.wrong(s, check))
		return wrong, false
	}
	got := v.mac(check)
	return true, subtle.ConstantTimeCompare(right[:], got[:]) == 1
}

func (v *verification) identity(s *mintage.Secret) identity {
	return identity{tenant: v.tenant, client: v.client, secret: s.ID, hash: s.Hash}
}

func (v *verification) mac(check checker) [32]byte {
	return mac(v.h.keys.remember[:], check.input(v.candidate))
}

// wrong is what is remembered of a candidate that is not the secret.
func (v *verification) wrong(s *mintage.Secret, check checker) [32]byte {
	return mac(v.h.keys.remember[:], strings.Join([]string{v.tenant, v.client, s.ID, s.Hash, check.input(v.candidate)}, "\x00"))
}
