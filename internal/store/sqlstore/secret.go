package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// secretRow is a secret and whose it is.
type secretRow struct {
	client string
	mintage.Secret
}

func scanSecret(row scanner) (secretRow, error) {
	var s secretRow
	err := row.Scan(&s.client, &s.ID, &s.Name, &s.Hash, &s.Digest, &s.Hint, &s.CreatedBy, instant{&s.Created},
		instant{&s.Expires}, instant{&s.Revoked}, instant{&s.LastUsed}, instant{&s.Exposed},
		instant{&s.Retiring}, instant{&s.PreviousExpires}, optional{&s.Successor}, instant{&s.PausedUntil},
		optional{&s.LastUsedFrom}, instant{&s.Announced})
	return s, err
}

func (t *tx) createSecret(ctx context.Context, c *mintage.Client, position int, s *mintage.Secret) error {
	_, err := t.exec(ctx, `
		INSERT INTO client_secrets (tenant, client, id, position, name, hash, digest, hint, created_by,
			created, expires, revoked, last_used, exposed,
			retiring, previous_expires, successor, paused_until, last_used_from, announced)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`,
		c.Tenant, c.ID, s.ID, position, s.Name, s.Hash, s.Digest, s.Hint, s.CreatedBy,
		seconds(s.Created), seconds(s.Expires), seconds(s.Revoked), seconds(s.LastUsed), seconds(s.Exposed),
		seconds(s.Retiring), seconds(s.PreviousExpires), text(s.Successor), seconds(s.PausedUntil),
		text(s.LastUsedFrom), seconds(s.Announced))
	if err != nil {
		return fmt.Errorf("secret %q: %w", s.ID, err)
	}
	return nil
}

// marks are what is written of secrets beside changes of their clients.
type marks struct {
	id                           string
	lastUsed, exposed, announced time.Time
	from                         string
}

func scanMarks(row scanner) (marks, error) {
	var m marks
	err := row.Scan(&m.id, instant{&m.lastUsed}, optional{&m.from}, instant{&m.exposed}, instant{&m.announced})
	return m, err
}

// replaceSecrets writes the secrets of c in place of those stored. Whoever
// changes a client may have read it before a mark was written: that stays.
func (t *tx) replaceSecrets(ctx context.Context, c *mintage.Client) error {
	stored, err := all(ctx, t.session, scanMarks, `
		SELECT id, last_used, last_used_from, exposed, announced FROM client_secrets
		WHERE tenant = $1 AND client = $2`, c.Tenant, c.ID)
	if err != nil {
		return err
	}
	if _, err := t.exec(ctx, `DELETE FROM client_secrets WHERE tenant = $1 AND client = $2`, c.Tenant, c.ID); err != nil {
		return err
	}
	for i := range c.Secrets {
		s := &c.Secrets[i]
		for _, m := range stored {
			if m.id == s.ID {
				m.keep(s)
			}
		}
		if err := t.createSecret(ctx, c, i, s); err != nil {
			return err
		}
	}
	return nil
}

// keep moves the marks of s forward to those of m.
func (m *marks) keep(s *mintage.Secret) {
	if m.lastUsed.After(s.LastUsed) {
		s.LastUsed, s.LastUsedFrom = m.lastUsed, m.from
	}
	if m.exposed.After(s.Exposed) {
		s.Exposed = m.exposed
	}
	if m.announced.After(s.Announced) {
		s.Announced = m.announced
	}
}

// Announce implements store.ClientWriter.
func (t *tx) Announce(ctx context.Context, tenant, client, secret string, at time.Time) (bool, error) {
	n, err := t.exec(ctx, `
		UPDATE client_secrets SET announced = $4
		WHERE tenant = $1 AND client = $2 AND id = $3 AND (announced IS NULL OR announced < $4)`,
		tenant, client, secret, at.Unix())
	if err != nil {
		return false, fmt.Errorf("secret %q of client %q: %w", secret, client, err)
	}
	return n > 0, nil
}

func scanExpiring(row scanner) (*store.ExpiringSecret, error) {
	e := new(store.ExpiringSecret)
	err := row.Scan(&e.Tenant, &e.Client, &e.ClientName, &e.ID, &e.Name, &e.Hint, &e.CreatedBy, instant{&e.Created},
		instant{&e.Expires}, instant{&e.LastUsed}, optional{&e.LastUsedFrom}, instant{&e.Retiring}, instant{&e.Announced})
	return e, err
}

// ExpiringSecrets implements store.Clients.
func (s session) ExpiringSecrets(ctx context.Context, p store.ExpiryPage) ([]*store.ExpiringSecret, error) {
	list, err := all(ctx, s, scanExpiring, `
		SELECT s.tenant, s.client, c.name, s.id, s.name, s.hint, s.created_by, s.created, s.expires,
			s.last_used, s.last_used_from, s.retiring, s.announced
		FROM client_secrets AS s JOIN clients AS c ON c.tenant = s.tenant AND c.id = s.client
		WHERE s.expires IS NOT NULL AND s.revoked IS NULL AND s.expires <= $5
			AND (s.expires, s.tenant, s.client, s.id) > ($1, $2, $3, $4) AND c.disabled = FALSE
		ORDER BY s.expires, s.tenant, s.client, s.id LIMIT $6`,
		p.After.Expires.Unix(), p.After.Tenant, p.After.Client, p.After.ID, p.Until.Unix(), limit(store.Page{Limit: p.Limit}))
	if err != nil {
		return nil, fmt.Errorf("expiring secrets: %w", err)
	}
	return list, nil
}

// MarkUsed implements store.Upkeep.
func (s *Store) MarkUsed(ctx context.Context, uses []store.SecretUse) error {
	err := s.write(ctx, func(ses session) error {
		for i := range uses {
			u := &uses[i]
			_, err := ses.exec(ctx, `
				UPDATE client_secrets SET last_used = $4, last_used_from = $5
				WHERE tenant = $1 AND client = $2 AND id = $3 AND (last_used IS NULL OR last_used < $4)`,
				u.Tenant, u.Client, u.Secret, u.At.Unix(), text(u.From))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("last use of secrets: %w", err)
	}
	return nil
}

// MarkExposed implements store.Upkeep.
func (s *Store) MarkExposed(ctx context.Context, tenant, client, secret string, at time.Time) error {
	err := s.write(ctx, func(ses session) error {
		n, err := ses.exec(ctx, `
			UPDATE client_secrets SET exposed = $4
			WHERE tenant = $1 AND client = $2 AND id = $3 AND (exposed IS NULL OR exposed < $4)`,
			tenant, client, secret, at.Unix())
		if err != nil || n > 0 {
			return err
		}
		n, err = one(ctx, ses, number, `
			SELECT COUNT(*) FROM client_secrets WHERE tenant = $1 AND client = $2 AND id = $3`, tenant, client, secret)
		return mustTouch(n, err)
	})
	if err != nil {
		return fmt.Errorf("secret %q of client %q: %w", secret, client, err)
	}
	return nil
}
