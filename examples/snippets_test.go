package examples_test

import (
	"os"
	"strings"
	"testing"
)

// TestSnippets: what the pages show is what the folders have.
func TestSnippets(t *testing.T) {
	t.Parallel()
	for folder, files := range map[string][]string{
		"nginx": {"gateway.yaml", "nginx.conf"}, "caddy": {"gateway.yaml", "Caddyfile"}, "traefik": {"gateway.yaml", "dynamic.yaml"},
		"envoy": {"gateway.yaml", "envoy.yaml"}, "haproxy": {"haproxy.cfg"},
	} {
		page, err := os.ReadFile("../docs/howto/protect-behind-" + folder + ".md")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			file, err := os.ReadFile("front-" + folder + "/" + name)
			if err != nil {
				t.Fatal(err)
			}
			var want strings.Builder
			for line := range strings.Lines(string(file)) {
				want.WriteString(strings.TrimRight("   "+line, " \n") + "\n")
			}
			if !strings.Contains(string(page), want.String()) && !strings.Contains(string(page), string(file)) {
				t.Errorf("docs/howto/protect-behind-%s.md does not show front-%s/%s as it is", folder, folder, name)
			}
		}
	}
}
