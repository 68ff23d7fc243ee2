package console_test

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/console"
	"github.com/mintage-auth/mintage/internal/manage"
)

var nextPage = regexp.MustCompile(`href="(/console/t/hotel/clients\?[^"]*after=[^"]*)"`)

// TestManyClients: of a tenant with more clients than are kept in memory the
// pages show the same, from the database.
func TestManyClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.configure(t, func(cfg *console.Config) { cfg.IndexedClients = 50 })
	for i := range 52 {
		w.client(t, "hotel", "", fmt.Sprintf("Client %03d", i))
	}
	ours := w.client(t, "hotel", "acme", "Front desk")
	if _, err := w.manager.UpdateClient(t.Context(), manage.Server(), "hotel", ours.Client.ID, 0, func(c *mintage.Client) error {
		c.Disabled, c.Labels = true, map[string]string{"team": "desk"}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	first := w.get(t, owner, "/console/t/hotel/clients")
	first.want(t, 200, "53 clients", "Client 000", "Client 049", "name or id")
	first.lacks(t, "Client 050", "First page")
	next := nextPage.FindStringSubmatch(first.Body)
	if next == nil {
		t.Fatal("there is no next page")
	}
	last := w.get(t, owner, html.UnescapeString(next[1]))
	last.want(t, 200, "Client 050", "Front desk", "First page")
	last.lacks(t, "Client 049", "Next page")
	w.get(t, owner, "/console/t/hotel/clients?after=nonsense").want(t, 200, "Client 000")
	for query, want := range map[string]string{
		"q=FRONT": "1 of 53", "status=disabled": "1 of 53", "label=team%3Ddesk": "1 of 53", "organization=acme": "1 of 53", "unused=90": "0 of 53",
		"status=no-secret": "0 of 53", "api=https%3A%2F%2Fnone.example": "0 of 53",
	} {
		w.get(t, owner, "/console/t/hotel/clients?"+query).want(t, 200, want)
	}
	sorted := w.get(t, owner, "/console/t/hotel/clients?sort=-name")
	if a, b := strings.Index(sorted.Body, "Front desk"), strings.Index(sorted.Body, "Client 051"); a < 0 || b < a {
		t.Errorf("from Z: Front desk at %d, Client 051 at %d", a, b)
	}
	theirs := w.get(t, ada, "/console/t/hotel/clients")
	theirs.want(t, 200, "Front desk", "1 client")
	theirs.lacks(t, "Client 000")
	w.get(t, ada, "/console/t/hotel/clients?organization=zenith").want(t, 200, "0 of 1")
	if n := strings.Count(w.get(t, owner, "/console/t/hotel/clients.csv").Body, "\n"); n != 54 {
		t.Errorf("the file has %d lines, want 54", n)
	}
	w.get(t, owner, "/console/t/hotel/overview").want(t, 200, ">53<", "With so many clients", "status=no-secret", "expires=30")
	w.get(t, owner, "/console/t/hotel/config").want(t, 200, "so many that they are not listed")
	w.get(t, owner, "/console/t/hotel/apis").want(t, 200, ">53<")
	w.get(t, owner, "/console/t/hotel/organizations").want(t, 200, "Acme")
	if err := w.manager.DeleteClient(t.Context(), manage.Server(), "hotel", ours.Client.ID, 0); err != nil {
		t.Fatal(err)
	}
	w.get(t, owner, "/console/t/hotel/clients").want(t, 200, "52 clients")
}
