package examples_test

import (
	"os/exec"
	"testing"
)

// TestWebFrameworks runs the tests of web-frameworks, a module of its own: enforce
// in front of chi, Echo and Gin.
func TestWebFrameworks(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds three frameworks")
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "./...")
	cmd.Dir = "web-frameworks"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
