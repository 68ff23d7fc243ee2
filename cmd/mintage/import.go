package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/internal/importer"
	"github.com/mintage-auth/mintage/internal/yamlfile"
)

// importFlags are the flags of mintage import.
type importFlags struct {
	from, dir string
	plan      bool
	opts      importer.Options
}

// importCommand is mintage import.
func (a *app) importCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Declare the clients of another server as a file for mintage apply",
		Long: `Read what another server says of its clients, and write a folder for mintage diff
and mintage apply: tenants.yaml, and a file for each secret or hash (mode 0600).
Ids stay as they are. Nothing is sent anywhere, and no server is changed.`,
		Example: `  mintage import cognito --from describe.json --tenant prod --plan
  mintage import keycloak --from realm.json --tenant prod --api https://api.example --dir imported`,
		Args: nounArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, format := range importer.Formats() {
		cmd.AddCommand(a.importFrom(format))
	}
	return cmd
}

// importSources says what is read of each kind of server.
func importSources() map[importer.Format]string {
	return map[importer.Format]string{
		importer.Cognito: `Read the answers of aws cognito-idp describe-user-pool-client for each client and
describe-resource-server or list-resource-servers, one after the other in a file.`,
		importer.Doorkeeper: `Read the table oauth_applications as CSV with the names of its columns, or from a
dump of PostgreSQL (pg_dump --data-only).`,
		importer.Hydra: `Read the clients as Ory Hydra's admin API lists them, which has no secrets, or the
rows of its table hydra_client as JSON, which have their hashes.`,
		importer.Keycloak: `Read a realm as kc.sh export writes it, with secrets; in a partial export they are
masked, and its clients need new ones.`,
		importer.Passport: `Read the table oauth_clients as CSV with the names of its columns, or from a dump of
PostgreSQL (pg_dump --data-only). Its clients may have every scope of the API.`,
	}
}

func (a *app) importFrom(format importer.Format) *cobra.Command {
	var f importFlags
	name := string(format)
	cmd := &cobra.Command{
		Use:   name + " --from FILE --tenant NAME",
		Short: "Declare the clients of " + strings.ToUpper(name[:1]) + name[1:],
		Long:  importSources()[format],
		Example: fmt.Sprintf(`  mintage import %[1]s --from source --tenant prod --api https://api.example --plan
  mintage import %[1]s --from source --tenant prod --api https://api.example --dir imported
  mintage diff -f imported`, name),
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.importClients(format, f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.from, "from", "", "file with the source; -: standard input")
	fl.StringVar(&f.opts.Tenant, "tenant", "", "tenant that they become clients of")
	fl.StringVar(&f.opts.Issuer, "issuer", "", "declare the tenant too, with this issuer and the old token path")
	fl.StringVar(&f.opts.API, "api", "", "identifier of the API that scopes belong to which name none")
	fl.StringVar(&f.dir, "dir", "imported", "folder to make")
	fl.BoolVar(&f.plan, "plan", false, "say what would be imported, and write nothing")
	if format == importer.Doorkeeper || format == importer.Passport {
		fl.BoolVar(&f.opts.SHA256, "sha256", false, "the secrets are stored as SHA-256")
	}
	a.outputFlags(cmd)
	_ = cmd.MarkFlagRequired("from")
	_ = cmd.MarkFlagRequired("tenant")
	return cmd
}

func (a *app) importClients(format importer.Format, f importFlags) error {
	in := a.stdin
	if f.from != "-" {
		file, err := os.Open(f.from)
		if err != nil {
			return &failure{code: exitUsage, what: "the source cannot be read", why: err.Error(), fix: "--from FILE"}
		}
		defer file.Close() //nolint:errcheck // it was only read
		in = file
	}
	r, err := importer.Read(format, in, f.opts)
	if err != nil {
		return &failure{code: exitUsage, what: "nothing was imported", why: err.Error(), fix: "mintage import " + string(format) + " --help"}
	}
	if !f.plan {
		if err := writeImport(f.dir, r); err != nil {
			return err
		}
	}
	out := result{doc: r.Clients, head: []string{"client", "name", "outcome", "why"}}
	for _, c := range r.Clients {
		out.name = append(out.name, c.ID)
		out.rows = append(out.rows, []string{c.ID, c.Name, string(c.Outcome), c.Why})
	}
	if err := a.print(out); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "%d clients: %d with their secret, %d need a new one, %d skipped\n",
		len(r.Clients), r.Count(importer.Imported), r.Count(importer.NewSecret), r.Count(importer.Skipped))
	if !f.plan {
		fmt.Fprintf(a.stderr, "wrote %s and %d secrets beside it.  next: mintage diff -f %[3]s && mintage apply -f %[3]s\n",
			filepath.Join(f.dir, "tenants.yaml"), len(r.Files), f.dir)
	}
	return nil
}

// writeImport makes a folder with the declared state and its secrets: all of
// them, or nothing.
func writeImport(dir string, r *importer.Result) error {
	doc, err := json.Marshal(r.State)
	if err != nil {
		return err
	}
	text, err := yamlfile.FromJSON(doc)
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		code, fix := exitFailed, "name another folder with --dir"
		if errors.Is(err, fs.ErrExist) {
			code = exitConflict
		}
		return &failure{code: code, what: "nothing was imported", why: err.Error(), fix: fix}
	}
	err = os.Mkdir(filepath.Join(dir, "secrets"), 0o700)
	for i := 0; i < len(r.Files) && err == nil; i++ {
		err = writeNew(filepath.Join(dir, filepath.FromSlash(r.Files[i].Path)), []byte(r.Files[i].Content.Reveal()))
	}
	if err == nil { // the last, so that there is none without its secrets
		err = writeNew(filepath.Join(dir, "tenants.yaml"), text)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the import: %w", err), os.RemoveAll(dir))
	}
	return nil
}
