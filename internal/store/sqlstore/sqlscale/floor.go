package sqlscale

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"time"
)

// CreatePostgres makes a database of this name on a PostgreSQL server.
func CreatePostgres(ctx context.Context, server, name string) error {
	d, err := Open(ctx, server)
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // the statement counts
	_, err = d.tx.ExecContext(ctx, `CREATE DATABASE `+name)
	return err
}

// CreateFloor makes a table with rows as narrow as those of stored tokens, for
// WriteFloor.
func (d *Database) CreateFloor(ctx context.Context) error {
	_, err := d.tx.ExecContext(ctx, `CREATE TABLE floor (
		token_key BYTEA PRIMARY KEY, shape BIGINT NOT NULL, jti BYTEA NOT NULL, issued BIGINT NOT NULL, expires BIGINT NOT NULL)`)
	return err
}

// WriteFloor writes n rows in one commit as fast as PostgreSQL takes them, by
// unnest: what writing tokens can be compared with.
func (d *Database) WriteFloor(ctx context.Context, n int) error {
	now := time.Now()
	keys, jtis := make([][]byte, n), make([][]byte, n)
	shapes, issued, expires := make([]int64, n), make([]int64, n), make([]int64, n)
	for i := range n {
		keys[i] = make([]byte, 38)
		binary.BigEndian.PutUint64(keys[i], uint64(now.UnixMilli())<<16)
		_, _ = rand.Read(keys[i][6:])
		jtis[i] = append([]byte("u"), keys[i][6:22]...)
		shapes[i], issued[i], expires[i] = 1, now.Unix(), now.Unix()+3600
	}
	_, err := d.tx.ExecContext(ctx, `INSERT INTO floor (token_key, shape, jti, issued, expires)
		SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bytea[], $4::bigint[], $5::bigint[])`, keys, shapes, jtis, issued, expires)
	return err
}
