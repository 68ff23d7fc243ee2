package server_test

import (
	"slices"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/server"
)

// kids returns the kids in a JWKS, after as many fetches as it takes to see n.
func (r *running) kids(path string, n int) []string {
	r.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		var kids []string
		list, _ := r.get(r.public + path + "/.well-known/jwks.json").json(r.t)["keys"].([]any)
		for _, k := range list {
			if m, ok := k.(map[string]any); ok {
				kid, _ := m["kid"].(string)
				kids = append(kids, kid)
			}
		}
		if len(kids) == n {
			return kids
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%d keys in the JWKS, want %d", len(kids), n)
		}
	}
}

// KY-04 and KY-06: a server that finds a key 90 days old publishes the next one
// by itself, and signs with the old one for as long as caches may not have it.
func TestKeysRotateByThemselves(t *testing.T) {
	t.Parallel()
	first := start(t, server.Config{})
	first.token("/oauth2/token")
	before := first.kids("", 2)
	addr := first.srv.PublicAddr().String()
	first.stop()
	later := start(t, server.Config{
		Data: first.data, Listen: addr, Now: func() time.Time { return time.Now().Add(keys.DefaultPeriod + time.Hour) },
	})
	after := later.kids("", 2*len(before))
	for _, kid := range before {
		if !slices.Contains(after, kid) {
			t.Errorf("the key %s is published no more", kid)
		}
	}
	if !slices.Contains(before, after[0]) { // the first one signs
		t.Errorf("%s signs already", after[0])
	}
	if !later.active(later.token("/oauth2/token")) {
		t.Error("a new token is not active")
	}
}
