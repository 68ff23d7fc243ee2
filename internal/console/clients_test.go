package console_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/console"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/usage"
)

func TestClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.get(t, owner, "/console/t/hotel/clients").want(t, 200, "No client yet", "Add Client")
	ours := w.client(t, "hotel", "acme", "Front desk")
	w.client(t, "hotel", "zenith", "Loyalty")
	w.client(t, "other", "", "Elsewhere")
	all := w.get(t, owner, "/console/t/hotel/clients")
	all.want(t, 200, "Front desk", "Loyalty", "2 clients", ours.Client.ID)
	all.lacks(t, "Elsewhere")
	theirs := w.get(t, ada, "/console/t/hotel/clients")
	theirs.want(t, 200, "Front desk", "1 client")
	theirs.lacks(t, "Loyalty", "Zenith", "urn:mintage:admin")
	w.get(t, owner, "/console/t/hotel/clients?q=FRONT").want(t, 200, "Front desk", "1 of 2")
	w.get(t, owner, "/console/t/hotel/clients?q="+ours.Client.ID).want(t, 200, "Front desk")
	w.get(t, owner, "/console/t/hotel/clients?organization=zenith").want(t, 200, "Loyalty", "1 of 2")
	w.get(t, owner, "/console/t/hotel/clients?status=disabled").want(t, 200, "No client is like that")
	w.get(t, owner, "/console/t/hotel/clients?unused=90").want(t, 200, "0 of 2")
	w.get(t, owner, "/console/t/hotel/clients?page=7&sort=none&expires=x").want(t, 200, "2 clients")
	// The list follows what becomes of the clients.
	if _, err := w.manager.UpdateClient(t.Context(), manage.Server(), "hotel", ours.Client.ID, 0, func(c *mintage.Client) error {
		c.Name = "Back desk"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.get(t, owner, "/console/t/hotel/clients").want(t, 200, "Back desk")
	if err := w.manager.DeleteClient(t.Context(), manage.Server(), "hotel", ours.Client.ID, 0); err != nil {
		t.Fatal(err)
	}
	w.get(t, owner, "/console/t/hotel/clients").lacks(t, "Back desk")
}

func TestClientsSorts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, name := range []string{"Beta", "alpha", "Gamma"} {
		made := w.client(t, "hotel", "", name)
		if _, err := w.manager.AddSecret(t.Context(), manage.Server(), "hotel", made.Client.ID, manage.NewSecret{
			Name: "more", Lifetime: time.Duration(i+1) * 24 * time.Hour,
		}); err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(time.Second)
	}
	for sort, want := range map[string]string{
		"": "alpha Beta Gamma", "-name": "Gamma Beta alpha", "-created": "Gamma alpha Beta", "created": "Beta alpha Gamma",
		"expires": "Beta alpha Gamma", "-expires": "Gamma alpha Beta", "burn": "alpha Beta Gamma",
	} {
		page := w.get(t, owner, "/console/t/hotel/clients?sort="+sort)
		var got []string
		for _, part := range strings.Split(page.Body, "<strong>")[1:] {
			name, _, _ := strings.Cut(part, "<")
			got = append(got, name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("sorted by %q: got %v, want %s", sort, got, want)
		}
	}
}

func TestClientsLabelsAndUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ours, theirs := w.client(t, "hotel", "acme", "Ours"), w.client(t, "hotel", "zenith", "Theirs")
	for id, label := range map[string]string{ours.Client.ID: "desk", theirs.Client.ID: "export"} {
		if _, err := w.manager.UpdateClient(t.Context(), manage.Server(), "hotel", id, 0, func(c *mintage.Client) error {
			c.Labels = map[string]string{"team": label}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	narrowed := w.get(t, owner, "/console/t/hotel/clients?label=team%3Ddesk")
	narrowed.want(t, 200, "Ours", "1 of 2", `<option value="team=desk" selected>`, `<option value="team=export">`, "sort=-name",
		`aria-sort="ascending"`, "clients.csv?label=team%3Ddesk")
	narrowed.lacks(t, "<strong>Theirs", "Tokens 24 h") // nobody counts
	w.get(t, owner, "/console/t/hotel/clients.csv?label=team%3Ddesk").lacks(t, "Theirs")
	w.get(t, ada, "/console/t/hotel/clients").lacks(t, "team=export")

	sums := &countedUsage{Reports: usage.Reports{Store: w.manager.Store, Now: func() time.Time { return w.now }}}
	w.configure(t, func(cfg *console.Config) { cfg.Usage = sums })
	count := func(id, reason string, ago time.Duration, n int64) *mintage.UsageCount {
		return &mintage.UsageCount{Tenant: "hotel", ClientID: id, Reason: reason, Start: w.now.Add(-ago), Step: time.Minute, Count: n}
	}
	if err := w.manager.Store.AddUsage(t.Context(), []*mintage.UsageCount{
		count(ours.Client.ID, "", time.Hour, 1234), count(ours.Client.ID, "", 30*time.Hour, 99), count(ours.Client.ID, "secret.mismatch", time.Hour, 7),
		count(theirs.Client.ID, "", 2*time.Hour, 4),
	}); err != nil {
		t.Fatal(err)
	}
	w.get(t, owner, "/console/t/hotel/clients").want(t, 200, "1,234", `<span class="badge bad">7</span>`, "1234 tokens in 24 hours, at most 1234 in an hour",
		"4 tokens in 24 hours", `<rect class="c0" x="88" y="0" width="3" height="20"/>`)
	if sums.asked != 1 {
		t.Errorf("the page asked %d times for usage, want once", sums.asked)
	}
	member := w.get(t, ada, "/console/t/hotel/clients") // who sees what their own clients did
	member.want(t, 200, "Tokens 24 h")
	member.lacks(t, theirs.Client.ID)
}

// countedUsage counts how often it is asked.
type countedUsage struct {
	usage.Reports
	asked int
}

func (c *countedUsage) Sums(ctx context.Context, q usage.Query) ([]usage.Sum, error) {
	c.asked++
	return c.Reports.Sums(ctx, q)
}

func TestClientsPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 51 {
		w.client(t, "hotel", "", fmt.Sprintf("Client %03d", i))
	}
	w.get(t, owner, "/console/t/hotel/clients?q=client").want(t, 200, "Client 000", "Client 049", `href="/console/t/hotel/clients?page=2&amp;q=client"`)
	last := w.get(t, owner, "/console/t/hotel/clients?q=client&page=2")
	last.want(t, 200, "Client 050", "First page")
	last.lacks(t, "Client 049", "Next page")
}

func TestClientsCSV(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client(t, "hotel", "acme", "=HYPERLINK(1)")
	w.client(t, "hotel", "zenith", "Other")
	r := w.get(t, ada, "/console/t/hotel/clients.csv")
	r.want(t, 200, "client_id,name", ",'=HYPERLINK(1),acme,active,"+api)
	r.lacks(t, "Other")
	if got := r.Header.Get("Content-Disposition"); got != `attachment; filename="clients-hotel.csv"` {
		t.Errorf("got %q", got)
	}
}

func TestDisableClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine, foreign := w.client(t, "hotel", "acme", "Mine"), w.client(t, "hotel", "zenith", "Foreign")
	both := url.Values{"id": {mine.Client.ID, foreign.Client.ID}}
	w.post(t, ada, "/console/t/hotel/clients/disable", both).want(t, 404)
	if c, _ := w.manager.Client(t.Context(), "hotel", mine.Client.ID); c.Disabled {
		t.Error("half of it was done")
	}
	w.post(t, owner, "/console/t/hotel/clients/disable", both).want(t, 200, "Disable 2 clients", "Mine", "Foreign")
	if c, _ := w.manager.Client(t.Context(), "hotel", mine.Client.ID); c.Disabled {
		t.Error("it was done before anybody agreed")
	}
	both.Set("sure", "1")
	w.post(t, owner, "/console/t/hotel/clients/disable", both).want(t, 303)
	for _, m := range []*manage.Credentials{mine, foreign} {
		if c, _ := w.manager.Client(t.Context(), "hotel", m.Client.ID); !c.Disabled || c.DisabledReason == "" {
			t.Errorf("%s is not disabled", c.Name)
		}
	}
	live := w.client(t, "live", "", "Production")
	w.post(t, owner, "/console/t/live/clients/disable", url.Values{"id": {live.Client.ID}, "sure": {"1"}}).want(t, 422, "Nothing was changed", "This is production")
	w.post(t, owner, "/console/t/live/clients/disable", url.Values{"id": {live.Client.ID}, "confirm": {"live"}, "sure": {"1"}}).want(t, 303)
	w.get(t, owner, "/console/t/live/clients").want(t, 200, `class="production"`, "production")
}

// BenchmarkClients is the list of 10,000 clients: ux.md wants it within 100 ms.
func BenchmarkClients(b *testing.B) {
	w := newWorld(b)
	for i := range 10_000 {
		w.client(b, "hotel", "", fmt.Sprintf("Client %05d", i))
	}
	began := time.Now()
	w.get(b, owner, "/console/t/hotel/clients?q=99")
	first := time.Since(began)
	for b.Loop() {
		w.get(b, owner, "/console/t/hotel/clients?sort=-created")
	}
	b.ReportMetric(float64(first.Milliseconds()), "first-ms")
}
