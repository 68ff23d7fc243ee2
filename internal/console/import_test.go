package console_test

import (
	"maps"
	"net/url"
	"regexp"
	"testing"
)

// TestImport takes over clients of another server: first the plan, then all of
// them or none.
func TestImport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	source := `{"clients": [{"clientId": "robot", "name": "<b>Robot", "secret": "brought-from-keycloak-0123456789", "serviceAccountsEnabled": true, "defaultClientScopes": ["orders"]},
		{"clientId": "masked", "secret": "**********", "serviceAccountsEnabled": true}, {"clientId": "web", "publicClient": true}]}`
	form := url.Values{"format": {"keycloak"}, "source": {source}, "api": {"https://old.example"}}
	w.get(t, owner, "/console/t/hotel/import").want(t, 200, "Import clients", "Doorkeeper")
	plan := w.post(t, owner, "/console/t/hotel/import", form)
	plan.want(t, 200, "1 with their secret, 1 need a new one, 1 skipped", "&lt;b&gt;Robot", "does not use client credentials", "3 to add")
	hash := regexp.MustCompile(`name="hash" value="([^"]+)"`).FindStringSubmatch(plan.Body)[1]
	if _, err := w.manager.Client(t.Context(), "hotel", "robot"); err == nil {
		t.Error("the client is there before the plan was applied")
	}
	for name, change := range map[string]url.Values{
		"no plan":      {"hash": {""}},
		"another plan": {"hash": {"x"}},
		"no API":       {"hash": {hash}, "api": {""}},
		"no source":    {"hash": {hash}, "source": {"{}"}},
		"no format":    {"hash": {hash}, "format": {"auth0"}},
	} {
		bad := url.Values{"format": form["format"], "source": form["source"], "api": form["api"]}
		maps.Copy(bad, change)
		if r := w.post(t, owner, "/console/t/hotel/import/apply", bad); r.Code != 422 && r.Code != 400 {
			t.Errorf("%s: got %d", name, r.Code)
		}
	}
	w.post(t, reader, "/console/t/hotel/import", form).want(t, 403)
	w.post(t, ada, "/console/t/hotel/import", form).want(t, 404)
	form.Set("hash", hash)
	w.post(t, owner, "/console/t/hotel/import/apply", form).want(t, 303)
	robot, err := w.manager.Client(t.Context(), "hotel", "robot")
	if err != nil || len(robot.Secrets) != 1 || robot.Secrets[0].Name != "imported" {
		t.Fatalf("got %+v, %v; want a client with its secret", robot, err)
	}
	masked, err := w.manager.Client(t.Context(), "hotel", "masked")
	if err != nil || len(masked.Secrets) != 0 {
		t.Errorf("got %+v, %v; want a client without a secret", masked, err)
	}
}
