package sqlstore

import (
	"crypto/sha256"
	"encoding/binary"
)

// shape is what stored tokens have in common. One row holds it for all of
// them.
type shape struct {
	tenant, client, subject string
	scope, audience         string // packed
	jkt                     string // thumbprint of the key that they are bound to; empty: none
}

// shapeDigest is the key by which a shape is found.
type shapeDigest [sha256.Size]byte

// digest is a SHA-256, since clients choose parts of a shape and two shapes
// must never share a row.
func (s *shape) digest() shapeDigest {
	b := make([]byte, 0, 256)
	parts := []string{s.tenant, s.client, s.subject, s.scope, s.audience, s.jkt}
	if s.jkt == "" { // as it was before tokens could be bound
		parts = parts[:5]
	}
	for _, part := range parts {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	return sha256.Sum256(b)
}
