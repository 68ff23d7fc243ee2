package mint

import (
	"context"
	"fmt"
	"time"
)

// payloadSize is what nearly all payloads fit into, in bytes.
const payloadSize = 1 << 10

// mintJWT signs (RFC 9068). No row is written.
func (m *Minter) mintJWT(ctx context.Context, o *order) error {
	p, ok := profiles[o.az.Token.Claims]
	if !ok {
		return fmt.Errorf("unknown claims profile %q", o.az.Token.Claims)
	}
	ring, err := m.Rings.Ring(ctx, o.az.Tenant.ID)
	if err != nil {
		return fmt.Errorf("keys of tenant %q: %w", o.az.Tenant.ID, away(err))
	}
	key, err := ring.Signer(o.az.Token.Alg, o.now)
	if err != nil {
		return fmt.Errorf("tenant %q: %w", o.az.Tenant.ID, err)
	}
	signer, err := key.Prepared(string(o.az.Token.Claims), p.header)
	if err != nil {
		return err
	}
	payload, err := p.append(make([]byte, 0, payloadSize), o)
	if err != nil {
		return err
	}
	began := time.Time{}
	if m.Signed != nil {
		began = time.Now()
	}
	value, err := signer.AppendSign(nil, payload)
	if err != nil {
		return err
	}
	if m.Signed != nil {
		m.Signed(key.Alg, time.Since(began))
	}
	o.tok.Value, o.tok.Alg = string(value), key.Alg
	return nil
}
