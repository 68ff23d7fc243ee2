package secret

import (
	"context"
	"net/netip"
)

// decoyPassword is a hash of nothing that anybody knows, so that a check for
// somebody who has no password costs the same.
const decoyPassword = broughtPrefix + "MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY" // #nosec G101 -- of no password

// CheckPassword reports whether a person's password is the one of a hash that
// HashBrought returned; an empty hash is nobody's, and costs the same. Who and
// from say whose turn it is when slots are short: the error wraps ErrBusy then.
// What was right is not remembered, and how often somebody may be wrong is for
// the caller to bound.
func (h *Hasher) CheckPassword(ctx context.Context, hash, candidate, who string, from netip.Addr) (bool, error) {
	known := hash != ""
	if !known {
		hash = decoyPassword
	}
	if len(candidate) > MaxLength {
		candidate = candidate[:MaxLength+1] // longer than any is; its cost is bounded
	}
	check, err := parseArgon2id(hash)
	if err != nil {
		return false, err
	}
	taken, err := h.slots.take(ctx, asker{client: who, from: from})
	if err != nil {
		return false, err
	}
	right := check.matches(candidate) && known && len(candidate) <= MaxLength
	h.slots.release(taken)
	return right, nil
}
