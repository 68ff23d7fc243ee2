package config_test

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/config"
)

// TestDeployFiles: what deploy/ sets is a setting, by its variable.
func TestDeployFiles(t *testing.T) {
	t.Parallel()
	known := []string{"MINTAGE_CREDENTIALS_FILE"} // of the command line
	for _, s := range config.Settings() {
		known = append(known, "MINTAGE_"+strings.ToUpper(strings.ReplaceAll(s.Path, ".", "_")))
	}
	variable, found := regexp.MustCompile(`MINTAGE_[A-Z_]+`), 0
	root := os.DirFS("../../deploy")
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(root, path)
		for _, name := range variable.FindAllString(string(text), -1) {
			if found++; !slices.Contains(known, name) {
				t.Errorf("deploy/%s sets %s, which is no setting", path, name)
			}
		}
		return err
	})
	if err != nil || found == 0 {
		t.Errorf("%d variables, %v", found, err)
	}
}
