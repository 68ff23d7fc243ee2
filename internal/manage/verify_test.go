package manage_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
)

// verified returns what VerifyAudit says.
func (w *world) verified(t *testing.T, known *manage.Head) (manage.Head, string) {
	t.Helper()
	head, broken, err := w.VerifyAudit(t.Context(), known)
	if err != nil {
		t.Fatal(err)
	}
	if broken == nil {
		return head, ""
	}
	return head, broken.Why
}

// rename makes n rows of the audit log.
func (w *world) rename(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		if _, err := w.UpdateResourceServer(t.Context(), admin(), "hotel", "https://api.example", 0, manage.OnlyUnused, func(rs *mintage.ResourceServer) error {
			rs.Name = "api-" + strconv.Itoa(i)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// AD-20: an edited row is found, a removed one, two that changed places, rows
// cut off at the end, and a whole chain that was written anew.
func TestAuditChain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, statement, want string }{
		{"an edited action", `UPDATE audit_events SET action = 'client.read' WHERE seq = 4`, "row 4, or its hash, is not as it was written"},
		{"an edited time", `UPDATE audit_events SET time = time + 1 WHERE seq = 4`, "row 4, or its hash, is not as it was written"},
		{"an edited person", `UPDATE audit_events SET actor_email = 'eve@example.com' WHERE seq = 2`, "row 2, or its hash, is not as it was written"},
		{"what it was before taken away", `UPDATE audit_events SET members_before = NULL WHERE seq = 6`, "row 6, or its hash, is not as it was written"},
		{"a value moved to the next column", `UPDATE audit_events SET target = target || name, name = '' WHERE seq = 5`, "row 5, or its hash, is not as it was written"},
		{"a removed row", `DELETE FROM audit_events WHERE seq = 4`, "there is no row between 3 and 5"},
		{"the first row removed", `DELETE FROM audit_events WHERE seq = 1`, "there is no row between 0 and 2"},
		{"rows cut off", `DELETE FROM audit_events WHERE seq >= 7`, "rows 7 to 8 are missing at the end"},
		{"swapped rows", `UPDATE audit_events SET seq = CASE seq WHEN 4 THEN -5 ELSE -4 END WHERE seq IN (4, 5);
			UPDATE audit_events SET seq = -seq WHERE seq < 0`, "row 4, or its hash, is not as it was written"},
		{"a hash taken away", `UPDATE audit_events SET hash = NULL WHERE seq = 4`, "row 4 has no hash: an older version wrote it, or somebody took it away"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			w := open(t, dir)
			w.hotel(t, "hotel")
			w.rename(t, 8-len(w.events(t)))
			head, why := w.verified(t, nil)
			if head.Seq != 8 || why != "" {
				t.Fatalf("untouched: row %d, %q; want 8 rows that are right", head.Seq, why)
			}
			sqltest.Exec(t, dir, tt.statement)
			if now, why := w.verified(t, nil); why != tt.want || now.Seq >= 8 {
				t.Errorf("good up to row %d, %q; want %q", now.Seq, why, tt.want)
			}
		})
	}
}

// A chain that is whole but another one is found by a head that somebody noted.
func TestAuditHead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := open(t, dir)
	w.hotel(t, "hotel")
	w.rename(t, 3)
	noted, _ := w.verified(t, nil)
	if again, err := manage.ParseHead(noted.String()); err != nil || again.String() != noted.String() {
		t.Errorf("%s read back is %s, %v", noted, again, err)
	}
	w.rename(t, 2)
	if _, why := w.verified(t, &noted); why != "" {
		t.Errorf("the log grew: %q", why)
	}
	// Who edits a row and takes all hashes away has the server link them anew.
	sqltest.Exec(t, dir, `UPDATE audit_events SET name = 'nobody' WHERE seq = 2; UPDATE audit_events SET hash = NULL`)
	w.rename(t, 1)
	if _, why := w.verified(t, nil); why != "" {
		t.Errorf("a chain written anew is whole: %q", why)
	}
	if _, why := w.verified(t, &noted); !strings.Contains(why, "another hash than was noted") {
		t.Errorf("against the head that was noted: %q", why)
	}
	ahead := manage.Head{Seq: 1000, Hash: noted.Hash}
	if _, why := w.verified(t, &ahead); !strings.Contains(why, "before the one that was noted") {
		t.Errorf("a head beyond the end: %q", why)
	}
}

// Rows that an older version wrote, before the chain or in the middle of a
// rolling upgrade, are linked by the next one that is written.
func TestAuditLinksOldRows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := open(t, dir)
	w.hotel(t, "hotel")
	w.rename(t, 4)
	sqltest.Exec(t, dir, `UPDATE audit_events SET hash = NULL`)
	w.rename(t, 1)
	if head, why := w.verified(t, nil); why != "" || head.Seq != w.last(t).Seq {
		t.Errorf("linked up to row %d of %d, %q", head.Seq, w.last(t).Seq, why)
	}
	sqltest.Exec(t, dir, `UPDATE audit_events SET hash = NULL WHERE seq > 5`)
	w.rename(t, 1)
	if head, why := w.verified(t, nil); why != "" || head.Seq != w.last(t).Seq {
		t.Errorf("linked from the middle up to row %d of %d, %q", head.Seq, w.last(t).Seq, why)
	}
}

func FuzzParseHead(f *testing.F) {
	f.Add("1:" + strings.Repeat("0a", 32))
	f.Add("18231:9F")
	f.Fuzz(func(t *testing.T, s string) {
		if h, err := manage.ParseHead(s); err == nil && h.String() != s {
			t.Errorf("%q reads as %q", s, h)
		} else if err != nil && (h.Seq != 0 || h.Hash != nil) {
			t.Errorf("%q fails and returns %v", s, h)
		}
	})
}
