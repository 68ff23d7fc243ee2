package turns

import (
	"context"
	"os"
	"os/exec"
	"strings"
)

// LoadAverage is what /proc/loadavg says of the last minute.
func LoadAverage() string {
	raw, _ := os.ReadFile("/proc/loadavg")
	one, _, _ := strings.Cut(string(raw), " ")
	return one
}

// Commit is the commit of the tree, with a mark when it was changed.
func Commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--abbrev=12").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
