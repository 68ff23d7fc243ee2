package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/yamlfile"
)

func (a *app) exportCommand() *cobra.Command {
	file := ""
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write what a tenant serves as a file for mintage apply",
		Long: `Write the declared state that makes an empty server serve what a tenant serves.
No secret leaves the server: each is a reference to a variable whose name begins
with TODO_, to be set, or replaced by generate: true.`,
		Example: `  mintage export --tenant prod > tenants.yaml
  mintage export --tenant prod -f tenants.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.export(cmd.Context(), file) },
	}
	a.serverFlags(cmd)
	a.tenantFlag(cmd)
	a.outputFlags(cmd)
	cmd.Flags().StringVarP(&file, "file", "f", "", "file to make, which must not be there; left out: standard output")
	return cmd
}

func (a *app) export(ctx context.Context, file string) error {
	api, tenant, err := a.tenantAPI(ctx)
	if err != nil {
		return err
	}
	doc, err := api.ExportState(ctx, tenant)
	if err != nil {
		return err
	}
	text, err := yamlfile.FromJSON(doc.State)
	if err != nil {
		return err
	}
	if file != "" {
		if err := writeNew(file, text); err != nil {
			return &failure{code: exitFailed, what: "the file cannot be written", why: err.Error(), fix: "name one that is not there yet"}
		}
		fmt.Fprintln(a.stderr, "wrote "+file)
		return nil
	}
	return a.print(result{doc: doc.State, text: string(text), name: []string{tenant}})
}

// compareTenants is mintage diff of two tenants.
func (a *app) compareTenants(ctx context.Context, with string, f applyFlags) error {
	api, tenant, err := a.tenantAPI(ctx)
	if err != nil {
		return err
	}
	doc, err := api.CompareTenants(ctx, tenant, with)
	if err != nil {
		return err
	}
	p, err := planOf(doc)
	if err != nil {
		return err
	}
	r := result{doc: doc, text: apply.RenderComparison(p, tenant, with)}
	for _, c := range p.Changes {
		r.name = append(r.name, c.Kind+"/"+c.ID)
	}
	if err := a.print(r); err != nil {
		return err
	}
	if f.exitCode && !p.Empty() {
		return silent(exitDifferent)
	}
	return nil
}

// writeNew writes a file that must not be there yet, readable for its owner
// alone.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // #nosec G304 -- the caller's own file
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
