package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/config"
	"github.com/mintage-auth/mintage/internal/server"
)

// initFlags say what mintage init writes.
type initFlags struct {
	dir, issuer, store string
}

// initCommand is mintage init.
func (a *app) initCommand() *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init --issuer URL",
		Short: "Write server.yaml, tenants.yaml and a master key for a new server",
		Long: `Write what a new server needs: server.yaml with its settings, tenants.yaml with
one production tenant, and data/master.key, which everything in the database is
sealed under. Nothing that exists is overwritten: where one of the files is there,
nothing is written.`,
		Example: `  mintage init --issuer https://auth.example.com
  mintage init --issuer https://auth.example.com --store postgres --dir /etc/mintage`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.init(f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.issuer, "issuer", "", "issuer identifier: the https URL below which the server answers")
	fl.StringVar(&f.store, "store", config.StoreSQLite, "sqlite or postgres")
	fl.StringVar(&f.dir, "dir", ".", "folder to write to")
	_ = cmd.MarkFlagRequired("issuer")
	return cmd
}

// newFile is a file that init writes.
type newFile struct {
	name string
	text string // empty: the master key
}

func (a *app) init(f initFlags) error {
	if f.store != config.StoreSQLite && f.store != config.StorePostgres {
		return usage(fmt.Sprintf("unknown store %q", f.store), "--store sqlite or --store postgres")
	}
	if err := (&mintage.Tenant{ID: "production", Issuer: f.issuer}).Validate(); err != nil {
		return usage(fmt.Sprintf("the issuer %q: %v", f.issuer, err), "--issuer https://auth.example.com")
	}
	key := filepath.Join(f.dir, "data", "master.key")
	files := []newFile{
		{filepath.Join(f.dir, "server.yaml"), serverFile(f.store)}, {filepath.Join(f.dir, "tenants.yaml"), tenantsFile(f.issuer)}, {name: key},
	}
	for _, file := range files {
		if _, err := os.Lstat(file.name); !errors.Is(err, fs.ErrNotExist) {
			return &failure{
				code: exitConflict, what: "nothing was written", why: file.name + " exists, or cannot be looked at", fix: "name another folder with --dir",
			}
		}
	}
	if err := os.MkdirAll(filepath.Dir(key), 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	var wrote []string
	for _, file := range files {
		if err := file.write(); err != nil {
			return fmt.Errorf("write %s: %w", file.name, err)
		}
		wrote = append(wrote, file.name)
	}
	settings := files[0].name
	fmt.Fprintf(a.stdout, "wrote %s\n", strings.Join(wrote, ", "))
	fmt.Fprintf(a.stderr, "Keep a copy of %s elsewhere: without it the database is of no use.\n", key)
	if f.store == config.StorePostgres {
		fmt.Fprintf(a.stderr, "Say in %s where the database is.\n", settings)
	}
	fmt.Fprintf(a.stderr, "next: mintage serve --config %s, and then: mintage apply -f %s && mintage doctor\n", settings, files[1].name)
	return nil
}

// write writes the file, which must not exist, for its owner alone.
func (f *newFile) write() error {
	if f.text == "" {
		return server.CreateMasterKey(f.name)
	}
	out, err := os.OpenFile(f.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // #nosec G304 -- the caller's own file
	if err != nil {
		return err
	}
	_, err = out.WriteString(f.text)
	return errors.Join(err, out.Sync(), out.Close())
}

func serverFile(store string) string {
	text := `# How the server runs; docs/reference/configuration.md has every setting.
listen: 127.0.0.1:9400         # tokens; put TLS in front or here, with tls
admin_listen: 127.0.0.1:9401   # administration: loopback, or with admin_tls
# tls: { cert: tls/cert.pem, key: tls/key.pem }
# behind_proxy: [10.0.0.0/8]   # proxies in front that end TLS
data: data                     # master.key and admin.json, and the database where it is SQLite
`
	if store == config.StorePostgres {
		text += "store: postgres\ndatabase:\n  url_file: data/database.url   # holds postgres://USER@HOST/NAME?sslmode=verify-full with the password, mode 0600\n"
	}
	return text
}

func tenantsFile(issuer string) string {
	return fmt.Sprintf(`# What the server serves; docs/reference/tenants-yaml.md has every member.
apiVersion: mintage/v1
tenants:
  - id: production
    issuer: %q
    protected: true
resource_servers: []   # your APIs and their scopes
clients: []            # or: mintage client create
`, issuer)
}
