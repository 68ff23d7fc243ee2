package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// credentialsFile is the name of the administrator's credentials in the data
// directory.
const credentialsFile = "admin.json"

// Credentials are what a command needs to administer the server, as the file
// that MINTAGE_CREDENTIALS_FILE names holds them.
type Credentials struct {
	URL      string `json:"url"` // the admin URL
	ClientID string `json:"client_id"`
	Secret   string `json:"client_secret"`
}

// String hides the secret.
func (c Credentials) String() string { return c.ClientID + " at " + c.URL }

// writePrivateJSON writes v as JSON to a new file of mode 0600 that is on disk
// when it returns. A file that is there already is replaced: what it holds
// cannot be a secret that still opens anything, since its writer comes here
// only when it has just made a new one.
func writePrivateJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	tmp := path + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write %s: %w", path, err)
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // #nosec G304 -- in our own data directory
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(append(data, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// syncDir makes a rename in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir) // #nosec G304 -- our own data directory
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
