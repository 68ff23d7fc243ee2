package config_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/config"
)

// TestOIDC: a provider is said whole or not at all, and its secret is in a file.
func TestOIDC(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("opensesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"oidc-issuer": "https://id.example.com/", "oidc-client-id": "console", "oidc-client-secret-file": file}
	got, err := config.Load(config.Sources{Flags: all})
	if err != nil || got.OIDC.ClientSecret != "opensesame" || got.OIDC.Issuer != "https://id.example.com/" {
		t.Fatalf("got %+v (%v)", got, err)
	}
	for _, o := range got.Origins() {
		if strings.Contains(o.Value, "opensesame") {
			t.Errorf("%s shows the secret", o.Path)
		}
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for flag, value := range map[string]string{
		"oidc-issuer": "", "oidc-client-id": "", "oidc-client-secret-file": "",
		"oidc-issuer ": "http://id.example.com", "oidc-client-secret-file ": file + "x", "oidc-client-secret-file  ": empty,
	} {
		flags := maps.Clone(all)
		flags[strings.TrimSpace(flag)] = value
		if _, err := config.Load(config.Sources{Flags: flags}); err == nil || strings.Contains(err.Error(), "opensesame") {
			t.Errorf("%s %q: %v", flag, value, err)
		}
	}
}
