package admin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
)

// TestLargeState plans a file with more values than the strict reader takes
// from strangers.
func TestLargeState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	type object = map[string]any
	var clients []object
	for i := range 2000 {
		clients = append(clients, object{
			"id": fmt.Sprintf("client-%04d", i), "name": fmt.Sprintf("Client %d", i), "tenants": []string{"hotel"},
			"secrets": []object{{"name": "main", "generate": true}}, "labels": object{"team": "billing"},
		})
	}
	state, err := json.Marshal(object{"apiVersion": "mintage/v1", "clients": clients})
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(adminclient.StateRequest{Source: "large.yaml", State: state})
	if err != nil {
		t.Fatal(err)
	}
	r := w.do(t, ask{method: "POST", path: "/state/plan", token: w.token(t, mintage.BuiltInTenant, mintage.AllScopes), body: string(body)})
	var plan adminclient.StatePlan
	if err := json.Unmarshal([]byte(r.Body), &plan); r.StatusCode != http.StatusOK || err != nil || len(plan.Generate) != 2000 {
		t.Errorf("%d, %d secrets to generate, %v: %.200s", r.StatusCode, len(plan.Generate), err, r.Body)
	}
}
