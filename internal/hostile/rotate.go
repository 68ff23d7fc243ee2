package hostile

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
)

// Keys rotates signing keys; a manage.Manager does.
type Keys interface {
	SigningKeys(ctx context.Context, tenant string) ([]*mintage.SigningKey, error)
	RotateKey(ctx context.Context, by manage.By, tenant, alg string, wait time.Duration) (*mintage.SigningKey, error)
}

// RotateKeys makes each tenant sign with new keys at once, which verifiers that
// keep the key set learn of from a token. The old ones still verify.
func (f *Front) RotateKeys(ctx context.Context, ks Keys, tenants ...string) error {
	for _, tenant := range tenants {
		have, err := ks.SigningKeys(ctx, tenant)
		if err != nil {
			return err
		}
		var algs []string
		for _, k := range have {
			if k.State(f.Now()) == mintage.KeyActive && !slices.Contains(algs, k.Alg) {
				algs = append(algs, k.Alg)
			}
		}
		for _, alg := range algs {
			if _, err := ks.RotateKey(ctx, manage.Server(), tenant, alg, 0); err != nil {
				return fmt.Errorf("hostile rotation: %w", err)
			}
		}
	}
	return nil
}

// Run rotates keys as often as the Hostility says, until ctx ends.
func (f *Front) Run(ctx context.Context, log *slog.Logger, ks Keys, tenants ...string) {
	for {
		every, changed := f.rotation()
		var due <-chan time.Time
		if every > 0 {
			due = time.After(every)
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-due:
			if err := f.RotateKeys(ctx, ks, tenants...); err != nil && ctx.Err() == nil {
				log.LogAttrs(ctx, slog.LevelError, "the keys could not be rotated", slog.Any("err", err))
			}
		}
	}
}

// rotation returns how often keys rotate, and what is closed when that changes.
func (f *Front) rotation() (time.Duration, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	return f.h.RotateKeysEvery, f.changed
}
