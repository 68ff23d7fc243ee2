// Package replay keeps what may be used once from being used twice, on whatever
// node: the jti of client assertions (RFC 7523 §3) and of DPoP proofs (RFC 9449
// §11.1).
package replay

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// ErrUsed says that something was used before, or is at the same moment.
var ErrUsed = errors.New("it was used before")

// ID names a thing that may be used once in a tenant, by its purpose and what
// tells it from others of that purpose. Different arguments give different IDs,
// which are of one size and tell nothing of them.
func ID(purpose, tenant string, parts ...string) [32]byte {
	h := sha256.New()
	for _, s := range append([]string{purpose, tenant}, parts...) {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(s)))
		_, _ = h.Write(length[:])
		_, _ = h.Write([]byte(s))
	}
	return [32]byte(h.Sum(nil))
}

// Guard lets everything pass once. It is safe for concurrent use.
type Guard struct {
	Store store.Replays
}

// Once returns nil to one of all who ask for this id before it expires, once
// that is on disk, and ErrUsed to all others. Any other error is trouble of the
// store, and says nothing: what was asked for must not be accepted then.
func (g *Guard) Once(ctx context.Context, id [32]byte, expires time.Time) error {
	err := g.Store.Spend(ctx, id, expires)
	if errors.Is(err, mintage.ErrExists) {
		return ErrUsed
	}
	return err
}
