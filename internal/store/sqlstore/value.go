package sqlstore

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// seconds is how a time is stored: whole seconds, NULL for the zero time.
func seconds(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.Unix(), Valid: !t.IsZero()}
}

// instant reads what seconds wrote.
type instant struct{ t *time.Time }

// Scan implements sql.Scanner.
func (i instant) Scan(v any) error {
	var n sql.NullInt64
	if err := n.Scan(v); err != nil {
		return err
	}
	*i.t = time.Time{}
	if n.Valid {
		*i.t = time.Unix(n.Int64, 0).UTC()
	}
	return nil
}

// text is how an optional string is stored: NULL for the empty one, where a
// unique or foreign key must not see it.
func text(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

// optional reads what text wrote.
type optional struct{ s *string }

// Scan implements sql.Scanner.
func (o optional) Scan(v any) error {
	var n sql.NullString
	if err := n.Scan(v); err != nil {
		return err
	}
	*o.s = n.String
	return nil
}

// document writes and reads a value as JSON text.
type document struct{ v any }

// encode returns v as JSON text.
func encode(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode settings: %w", err)
	}
	return string(b), nil
}

// Scan implements sql.Scanner.
func (d document) Scan(v any) error {
	var s string
	switch v := v.(type) {
	case string:
		s = v
	case []byte:
		s = string(v)
	default:
		return fmt.Errorf("settings column holds a %T", v)
	}
	if err := json.Unmarshal([]byte(s), d.v); err != nil {
		return fmt.Errorf("decode settings: %w", err)
	}
	return nil
}

// optionalDocument reads a document that may be NULL, which leaves the value as
// it is.
type optionalDocument struct{ v any }

// Scan implements sql.Scanner.
func (d optionalDocument) Scan(v any) error {
	if v == nil {
		return nil
	}
	return document(d).Scan(v)
}

// limit is the LIMIT of a page.
func limit(p store.Page) int64 {
	if p.Limit <= 0 {
		return math.MaxInt64
	}
	return int64(p.Limit)
}

// tokenSettings is mintage.TokenSettings as JSON.
type tokenSettings struct {
	Format   mintage.TokenFormat   `json:"format,omitempty"`
	Alg      string                `json:"alg,omitempty"`
	Claims   mintage.ClaimsProfile `json:"claims,omitempty"`
	Lifetime int64                 `json:"lifetime,omitempty"` // seconds
}

func newTokenSettings(t mintage.TokenSettings) tokenSettings {
	return tokenSettings{Format: t.Format, Alg: t.Alg, Claims: t.Claims, Lifetime: wholeSeconds(t.Lifetime)}
}

func (t tokenSettings) settings() mintage.TokenSettings {
	return mintage.TokenSettings{Format: t.Format, Alg: t.Alg, Claims: t.Claims, Lifetime: duration(t.Lifetime)}
}

func wholeSeconds(d time.Duration) int64 { return int64(d / time.Second) }

func duration(seconds int64) time.Duration { return time.Duration(seconds) * time.Second }
