package sqlstore

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/mintage-auth/mintage"
)

//nolint:gosec // a statement, no credentials
const findToken = `
	SELECT s.client_id, s.subject, s.scope, s.audience, s.jkt, k.jti, k.issued, k.expires
	FROM tokens AS k JOIN token_shapes AS s ON s.id = k.shape
	WHERE k.token_key = $1 AND s.tenant = $2`

// CreateToken implements store.Tokens. When ctx ends it no longer waits; the
// row may be written all the same.
func (s *Store) CreateToken(ctx context.Context, rec *mintage.TokenRecord) error {
	if err := s.tokens.create(ctx, newTokenRow(rec)); err != nil {
		return fmt.Errorf("stored token %q: %w", rec.JTI, err)
	}
	return nil
}

// Token implements store.Tokens.
func (s *Store) Token(ctx context.Context, tenant string, key [38]byte) (*mintage.TokenRecord, error) {
	rec, err := s.token(ctx, tenant, key)
	if err != nil {
		if late(ctx) && errors.Is(err, context.DeadlineExceeded) {
			err = errLate(err)
		}
		return nil, fmt.Errorf("stored token: %w", err)
	}
	return rec, nil
}

func (s *Store) token(ctx context.Context, tenant string, key [38]byte) (*mintage.TokenRecord, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx = s.engine.statement(ctx)
	stmt, err := s.find.prepared(ctx) //nolint:sqlclosecheck // kept for the next call
	if err != nil {
		return nil, err
	}
	rec := &mintage.TokenRecord{Tenant: tenant, Key: key}
	var scope, audience string
	var jti []byte
	err = stmt.QueryRowContext(ctx, key[:], tenant).Scan(&rec.ClientID, &rec.Subject, &scope, &audience, &rec.KeyThumbprint, &jti,
		instant{&rec.IssuedAt}, instant{&rec.Expires})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, mintage.ErrNotFound
	case err != nil:
		return nil, err
	}
	rec.JTI = unpackJTI(jti)
	if rec.Scope, err = unpackList(scope); err != nil {
		return nil, err
	}
	if rec.Audience, err = unpackList(audience); err != nil {
		return nil, err
	}
	return rec, nil
}

// tokenRow is a token on its way to the disk. It shares no memory with the
// record that it was made of, which its owner may change once the call is over.
type tokenRow struct {
	key             []byte
	shape           shape
	digest          shapeDigest
	minutes         minutes
	jti             []byte
	issued, expires int64
	done            chan error // receives the outcome once
}

func (r *tokenRow) outcome() chan error { return r.done }

func newTokenRow(rec *mintage.TokenRecord) *tokenRow {
	key := rec.Key
	r := &tokenRow{
		key: key[:],
		shape: shape{
			tenant:   rec.Tenant,
			client:   rec.ClientID,
			subject:  rec.Subject,
			scope:    packList(rec.Scope),
			audience: packList(rec.Audience),
			jkt:      rec.KeyThumbprint,
		},
		jti:     packJTI(rec.JTI),
		issued:  rec.IssuedAt.Unix(),
		expires: rec.Expires.Unix(),
		done:    make(chan error, 1),
	}
	r.digest = r.shape.digest()
	r.minutes = minutesOf(rec)
	return r
}

// A stored jti begins with one of these.
const (
	jtiUUID = 'u' // then its 16 bytes
	jtiText = 't' // then the text
)

// packJTI halves the usual form, a UUID in lower case (RFC 9562 §4).
func packJTI(s string) []byte {
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
		b, err := hex.AppendDecode([]byte{jtiUUID}, []byte(s[:8]+s[9:13]+s[14:18]+s[19:23]+s[24:]))
		if err == nil && unpackJTI(b) == s {
			return b
		}
	}
	return append([]byte{jtiText}, s...)
}

// unpackJTI reads what packJTI wrote.
func unpackJTI(b []byte) string {
	switch {
	case len(b) == 0:
		return ""
	case b[0] == jtiUUID && len(b) == 17:
		h := hex.EncodeToString(b[1:])
		return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	}
	return string(b[1:])
}

// packList writes a list with spaces between its items, or as JSON where that
// has another reading.
func packList(list []string) string {
	if len(list) == 0 {
		return ""
	}
	for i, s := range list {
		if s == "" || strings.Contains(s, " ") || i == 0 && s[0] == '[' {
			b, err := json.Marshal(list)
			if err == nil {
				return string(b)
			}
		}
	}
	return strings.Join(list, " ")
}

// unpackList reads what packList wrote.
func unpackList(s string) ([]string, error) {
	switch {
	case s == "":
		return nil, nil
	case s[0] != '[':
		return strings.Split(s, " "), nil
	}
	var list []string
	if err := json.Unmarshal([]byte(s), &list); err != nil {
		return nil, fmt.Errorf("list in a row: %w", err)
	}
	return list, nil
}

// preparedQuery is a statement that is prepared when it is first used.
type preparedQuery struct {
	db   *sql.DB
	text string

	mu   sync.Mutex
	stmt *sql.Stmt
}

func (q *preparedQuery) prepared(ctx context.Context) (*sql.Stmt, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stmt != nil {
		return q.stmt, nil
	}
	stmt, err := q.db.PrepareContext(ctx, q.text)
	if err != nil {
		return nil, err
	}
	q.stmt = stmt
	return stmt, nil
}

func (q *preparedQuery) close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stmt == nil {
		return nil
	}
	return q.stmt.Close()
}
