package sqlstore_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/oauth"
)

// killPath names the database of TestKillChild.
const killPath = "MINTAGE_TEST_KILL_DATABASE"

// TestKill is R1 of the fault plan: whatever was acknowledged before a kill -9
// is there after it.
func TestKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mintage.db")
	var ledger []string
	for round := range 10 {
		ledger = append(ledger, killRound(t, path, round, 40*round+5)...)
		s := openFile(t, path)
		for _, line := range ledger {
			if err := check(t.Context(), s, line); err != nil {
				t.Errorf("round %d: acknowledged %s: %v", round, line, err)
			}
		}
		checkFeed(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // it only read
	var result string
	if err := db.QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&result); err != nil || result != "ok" {
		t.Errorf("integrity check: %s (%v)", result, err)
	}
	t.Logf("%d acknowledged writes in 10 kills", len(ledger))
}

// killRound runs a child that writes, kills it after so many acknowledgements,
// and returns all that it made.
func killRound(t *testing.T, path string, round, after int) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKillChild$", "-test.v")
	cmd.Env = append(os.Environ(), killPath+"="+path, fmt.Sprintf("MINTAGE_TEST_KILL_ROUND=%d", round))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		if err != nil { // half a line was not acknowledged
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			break
		}
		if ack, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "ack "); ok {
			lines = append(lines, ack)
		}
		if len(lines) == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || len(lines) < after {
		t.Errorf("round %d: the child ended by itself after %d lines", round, len(lines))
	}
	return lines
}

// TestKillChild writes until it is killed. It runs for TestKill alone.
func TestKillChild(t *testing.T) {
	path := os.Getenv(killPath)
	if path == "" {
		t.Skip("runs as the child of TestKill")
	}
	s := openFile(t, path)
	ctx, round := t.Context(), os.Getenv("MINTAGE_TEST_KILL_ROUND")
	err := s.Update(ctx, func(tx store.Tx) error {
		return tx.CreateTenant(ctx, &mintage.Tenant{ID: "t" + round, Issuer: "https://" + round})
	})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := range 100_000 {
				id := fmt.Sprintf("%s-%d-%d", round, w, i)
				kind, write := "token", func() error { return s.CreateToken(ctx, killToken("t"+round, id)) }
				if w == 0 {
					c := &mintage.Client{Tenant: "t" + round, ID: id, Secrets: []mintage.Secret{{ID: "s", Hash: id}}}
					kind, write = "client", func() error {
						return s.Update(ctx, func(tx store.Tx) error { return tx.CreateClient(ctx, c) })
					}
				}
				if err := write(); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				fmt.Printf("ack %s t%s %s\n", kind, round, id)
				mu.Unlock()
			}
		})
	}
	writers.Wait()
}

// check looks for what a line acknowledges.
func check(ctx context.Context, s store.Store, line string) error {
	f := strings.Fields(line)
	if len(f) != 3 {
		return fmt.Errorf("malformed line")
	}
	if f[0] == "token" {
		want := killToken(f[1], f[2])
		got, err := s.Token(ctx, f[1], want.Key)
		if err == nil && (got.JTI != want.JTI || got.ClientID != want.ClientID) {
			err = fmt.Errorf("got token %s of %s", got.JTI, got.ClientID)
		}
		return err
	}
	c, err := s.Client(ctx, f[1], f[2])
	if err == nil && (len(c.Secrets) != 1 || c.Secrets[0].Hash != f[2]) {
		err = fmt.Errorf("got secrets %v", c.Secrets)
	}
	return err
}

// checkFeed looks for gaps.
func checkFeed(t *testing.T, s store.Store) {
	t.Helper()
	last, err := s.LastChange(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.Changes(t.Context(), 0, int(last)+1)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(list)) != last || last > 0 && list[last-1].Seq != last {
		t.Errorf("%d changes, the last is %d", len(list), last)
	}
}

func killToken(tenant, id string) *mintage.TokenRecord {
	made := time.Unix(1_800_000_000, 0).UTC()
	rec := &mintage.TokenRecord{
		Tenant: tenant, JTI: id, ClientID: "client-" + id[len(id)-1:], Scope: oauth.NewScope("a"),
		IssuedAt: made, Expires: made.Add(time.Hour),
	}
	sum := sha256.Sum256([]byte(tenant + " " + id))
	binary.BigEndian.PutUint64(rec.Key[:8], uint64(made.UnixMilli())<<16)
	copy(rec.Key[6:], sum[:])
	return rec
}
