package people

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// A recovery code stands in once for the code of an app that is lost. It is no
// way in of its own: it goes with the password.
const (
	// recoveryCodes is how many are made at a time.
	recoveryCodes = 10
	// recoveryBytes is how many random bytes one has: 80 bits, which nobody
	// guesses, in 16 characters, which somebody types.
	recoveryBytes = 10
)

// newRecoveryCode draws a code: four groups of four letters and digits.
func newRecoveryCode() string {
	var b [recoveryBytes]byte
	rand.Read(b[:])
	text := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
	return text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:]
}

// plainRecoveryCode returns a code as it is hashed, whatever way it was typed;
// empty: it is none.
func plainRecoveryCode(typed string) string {
	s := strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(strings.TrimSpace(typed)))
	b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(s)
	if err != nil || len(b) != recoveryBytes {
		return ""
	}
	return s
}

// IsRecoveryCode reports whether what somebody typed has the form of a recovery
// code. It says nothing about whose it is.
func IsRecoveryCode(typed string) bool { return plainRecoveryCode(typed) != "" }

// recoveryID is how a code of an operator is found: a keyed hash, so that whoever
// has the database alone cannot try codes out.
func (s *Service) recoveryID(operator, plain string) string {
	return hex.EncodeToString(s.Secrets.Digest("recovery code of " + operator + " " + plain))
}

// RecoveryCodesLeft returns how many codes an operator has left.
func (s *Service) RecoveryCodesLeft(ctx context.Context, operator string) (int, error) {
	list, err := s.Store.OperatorCredentials(ctx, operator)
	n := 0
	for _, c := range list {
		if c.Kind == mintage.CredentialRecovery {
			n++
		}
	}
	return n, err
}

// RecoveryCodes are codes that their owner sees once.
type RecoveryCodes []string

// LogValue shows nothing secret.
func (c RecoveryCodes) LogValue() slog.Value {
	return slog.StringValue(strconv.Itoa(len(c)) + " recovery codes")
}

// NewRecoveryCodes makes codes for the viewer, in the place of those that they
// had. It is mintage.ErrNotFound when they have no password.
func (s *Service) NewRecoveryCodes(ctx context.Context, v *Viewer, f From) (RecoveryCodes, error) {
	if !s.Fresh(v) {
		return nil, ErrStale
	}
	o := v.Operator
	codes, rows := make(RecoveryCodes, recoveryCodes), make([]*mintage.OperatorCredential, recoveryCodes)
	for i := range codes {
		codes[i] = newRecoveryCode()
		rows[i] = &mintage.OperatorCredential{
			Operator: o.ID, Kind: mintage.CredentialRecovery, ID: s.recoveryID(o.ID, plainRecoveryCode(codes[i])), Created: s.now(),
		}
	}
	what := map[string]string{"codes": strconv.Itoa(recoveryCodes)}
	err := s.Manager.ChangeCredentials(ctx, v.person(f), o, "recovery_codes", what, func(tx store.Tx) error {
		if _, err := tx.OperatorCredential(ctx, mintage.CredentialPassword, o.ID); err != nil {
			return err
		}
		if err := dropRecoveryCodes(ctx, tx, o.ID); err != nil {
			return err
		}
		for _, c := range rows {
			if err := tx.CreateOperatorCredential(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// dropRecoveryCodes deletes all that an operator has.
func dropRecoveryCodes(ctx context.Context, tx store.Tx, operator string) error {
	list, err := tx.OperatorCredentials(ctx, operator)
	if err != nil {
		return err
	}
	for _, c := range list {
		if c.Kind != mintage.CredentialRecovery {
			continue
		}
		if err := tx.DeleteOperatorCredential(ctx, operator, c.Kind, c.ID); err != nil {
			return err
		}
	}
	return nil
}

// secondProof says what marks the second proof of a sign-in as used: the code of
// an app, or a recovery code in its place. It is mintage.ErrNotFound when the code
// is wrong.
func (s *Service) secondProof(ctx context.Context, operator, code string) (use func(store.Tx) error, err error) {
	plain := plainRecoveryCode(code)
	if plain == "" {
		step, totp, err := s.checkCode(ctx, operator, code)
		if err != nil {
			return nil, err
		}
		return func(tx store.Tx) error {
			used, err := tx.UseOperatorCredential(ctx, totp, step, nil, s.now())
			if err == nil && !used {
				err = fmt.Errorf("operator %s: the code was used before: %w", operator, mintage.ErrNotFound)
			}
			return err
		}, nil
	}
	id := s.recoveryID(operator, plain)
	if _, err := s.Store.OperatorCredential(ctx, mintage.CredentialRecovery, id); err != nil {
		return nil, fmt.Errorf("operator %s: the recovery code is wrong, or was used: %w", operator, err)
	}
	return func(tx store.Tx) error {
		err := tx.DeleteOperatorCredential(ctx, operator, mintage.CredentialRecovery, id) // of those who use it at once, one does
		if errors.Is(err, mintage.ErrNotFound) {
			err = fmt.Errorf("operator %s: the recovery code was used: %w", operator, mintage.ErrNotFound)
		}
		return err
	}, nil
}
