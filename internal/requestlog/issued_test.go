package requestlog_test

import (
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/requestlog"
)

func issued(trace, client, scope string) *requestlog.Issued {
	return &requestlog.Issued{
		TraceID: trace, Tenant: "acme", ClientID: client, ClientName: "The " + client, Dialect: "rfc", AuthMethod: "client_secret_basic",
		GrantType: "client_credentials", Address: netip.MustParseAddr("192.0.2.1"), ScopeGranted: []string{scope}, Status: 200,
	}
}

// Equal tokens of a minute are one record with a count, however many cores
// issue them; what differs in anything is a record of its own.
func TestIssued(t *testing.T) {
	t.Parallel()
	l, st, c := open(t)
	var cores sync.WaitGroup
	for core := range 4 {
		cores.Go(func() {
			for i := range 5 {
				l.Issued(issued(fmt.Sprintf("req_%d%02d", core, i), "one", "read"), c.Now())
			}
		})
	}
	cores.Wait()
	l.Issued(issued("req_5", "one", "write"), c.Now())
	l.Issued(issued("req_6", "two", "read"), c.Now())
	elsewhere := issued("req_7", "one", "read")
	elsewhere.Address = netip.MustParseAddr("2001:db8::1")
	l.Issued(elsewhere, c.Now())
	flush := func() {
		t.Helper()
		if err := l.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	flush()
	c.advance(10 * time.Second)
	l.Issued(issued("req_8", "one", "read"), c.Now()) // of the same minute, in another interval
	flush()
	c.advance(time.Minute)
	l.Issued(issued("req_9", "one", "read"), c.Now())
	flush()
	got := map[string]int{}
	for _, r := range records(t, st) {
		got[fmt.Sprintf("%s %s %s %s %s %d", r.Reason, r.ClientID, r.Address, r.ScopeGranted, r.Time.Format("15:04"), r.Count)]++
		if r.Error != "" || r.Status != 200 || r.ClientName != "The "+r.ClientID {
			t.Errorf("record %+v", r)
		}
	}
	want := []string{
		"ok one 192.0.2.1 read 12:00 21", "ok one 192.0.2.1 write 12:00 1", "ok two 192.0.2.1 read 12:00 1",
		"ok one 2001:db8::1 read 12:00 1", "ok one 192.0.2.1 read 12:01 1",
	}
	for _, w := range want {
		if got[w] != 1 {
			t.Errorf("no record %q in %v", w, got)
		}
	}
	if len(got) != len(want) {
		t.Errorf("records %v, want %q", got, want)
	}
	// A few of the others find the record that they share.
	found := 0
	for core := range 4 {
		for i := range 5 {
			if r, err := st.Request(t.Context(), "acme", fmt.Sprintf("req_%d%02d", core, i)); err == nil && r.Count == 21 {
				found++
			}
		}
	}
	if found < 2 || found > 5 {
		t.Errorf("%d trace ids find the record, want the first and up to 4", found)
	}
}

// Tokens of very many clients push no refusal out, and are bounded themselves.
func TestIssuedIsBounded(t *testing.T) {
	t.Parallel()
	st := &memory{}
	l := requestlog.New(st, func() time.Time { return start }, slog.New(slog.DiscardHandler))
	const clients = 5000
	for i := range clients {
		l.Issued(issued(fmt.Sprintf("req_%04d", i), fmt.Sprint(i), "read"), start)
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		l.Add(&mintage.RequestRecord{
			TraceID: fmt.Sprintf("req_r%03d", i), Tenant: "acme", Time: start, ClientID: fmt.Sprint(i), Address: "192.0.2.1", Endpoint: "token",
			Error: "invalid_client", Reason: "secret.mismatch",
		})
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused, issued, tokens := 0, 0, int64(0)
	for _, r := range st.written {
		if r.Error != "" {
			refused++
			continue
		}
		issued++
		tokens += r.Count
	}
	if refused != 100 || issued > 1100 || tokens != clients {
		t.Errorf("%d refusals, %d records of %d tokens; want 100, at most 1100, all %d", refused, issued, tokens, clients)
	}
}

// Who wants no tokens in the log has none.
func TestRefusedOnly(t *testing.T) {
	t.Parallel()
	l, st, c := open(t)
	l.RefusedOnly = true
	l.Issued(issued("req_1", "one", "read"), c.Now())
	l.Add(refused(c, "req_2", "x", "192.0.2.1", "secret.mismatch"))
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list := records(t, st); len(list) != 1 || list[0].TraceID != "req_2" {
		t.Errorf("records %+v, want the refusal alone", list)
	}
}

// Keep is how long records stay.
func TestKeep(t *testing.T) {
	t.Parallel()
	l, st, c := open(t)
	l.Keep = 2 * time.Hour
	l.Issued(issued("req_1", "one", "read"), c.Now())
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{time.Hour, 1}, {90 * time.Minute, 0}} {
		c.advance(step.after)
		if err := l.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(records(t, st)); n != step.want {
			t.Errorf("%d records, want %d", n, step.want)
		}
	}
}
