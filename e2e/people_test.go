package e2e_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestPeople runs people.mjs against a server: a passkey from a virtual
// authenticator, recovery codes, and a command line that is paired.
func TestPeople(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes a browser")
	}
	chromium, node := needs(t, "chromium"), needs(t, "node")
	if _, err := os.Stat("node_modules/playwright-core"); err != nil {
		missing(t, "e2e/node_modules")
	}
	w := open(t)
	cmd := exec.CommandContext(t.Context(), node, "people.mjs")
	// Passkeys belong to a name: the console is at localhost, as open has it.
	cmd.Env = append(os.Environ(),
		"CHROMIUM="+chromium, "SETUP_URL="+w.setup, "CONSOLE="+w.console, "ADMIN="+strings.TrimSuffix(w.console, "/console"))
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Run(); err != nil {
		t.Errorf("the walk failed: %v", err)
	}
}
