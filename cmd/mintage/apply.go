package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/secret"
)

// applyFlags are the flags of apply and diff.
type applyFlags struct {
	file        string
	planFile    string
	allowDelete bool
	exitCode    bool
}

func (a *app) applyCommand() *cobra.Command {
	var f applyFlags
	cmd := &cobra.Command{
		Use:   "apply -f FILE|DIR",
		Short: "Make the server serve what a file declares",
		Long: `Show what a file, or a folder of files, would change, and change it: all of it or
nothing. What is not in the file keeps its value, and nothing is removed unless
the file says prune. Secrets are read from where the file says, and generated
ones are written to their files before the server learns of them.

A change of a protected tenant, a removal, and objects that another file declared
before ask first. The same file again changes nothing.`,
		Example: `  mintage apply -f tenants.yaml
  mintage apply -f tenants.yaml --yes
  mintage diff -f tenants.yaml -o json > plan.json && mintage apply -f tenants.yaml --plan plan.json --yes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.apply(cmd.Context(), f) },
	}
	a.stateFlags(cmd, &f)
	_ = cmd.MarkFlagRequired("file")
	cmd.Flags().StringVar(&f.planFile, "plan", "", "apply only if the plan is still the one in this file, which diff -o json wrote")
	a.writeFlags(cmd)
	return cmd
}

// stateFlags adds the flags that apply and diff share.
func (a *app) stateFlags(cmd *cobra.Command, f *applyFlags) {
	fl := cmd.Flags()
	fl.StringVarP(&f.file, "file", "f", "", "file, or folder of files, with the declared state")
	fl.BoolVar(&f.allowDelete, "allow-delete", false, "let prune remove objects of protected tenants too")
	a.serverFlags(cmd)
	a.outputFlags(cmd)
}

// declaration is a file on its way to the server.
type declaration struct {
	parsed   *apply.Parsed
	resolved *apply.State
	api      *adminclient.Client
	request  adminclient.StateRequest
	doc      *adminclient.StatePlan // what the server would do
	plan     *apply.Plan            // the same
}

// declare reads the file and asks the server what it would change. The file is
// checked before anything is sent.
func (a *app) declare(ctx context.Context, f applyFlags) (*declaration, error) {
	parsed, err := apply.Parse(f.file)
	if err != nil {
		return nil, invalidFile(f.file, err)
	}
	d := &declaration{parsed: parsed}
	d.resolved, err = apply.Resolve(ctx, parsed.State, apply.ResolveOptions{LookupEnv: os.LookupEnv})
	if err != nil {
		return nil, invalidFile(f.file, parsed.Locate(err))
	}
	if d.api, err = a.connect("apply"); err != nil {
		return nil, err
	}
	d.request = adminclient.StateRequest{Source: parsed.Source, AllowDelete: f.allowDelete}
	if d.request.State, err = json.Marshal(d.resolved); err != nil {
		return nil, fmt.Errorf("encode the declared state: %w", err)
	}
	if d.doc, err = d.api.PlanState(ctx, d.request); err != nil {
		return nil, d.locate(f.file, err)
	}
	d.plan, err = planOf(d.doc)
	return d, err
}

// planOf returns the plan in a document of the admin API.
func planOf(doc *adminclient.StatePlan) (*apply.Plan, error) {
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("encode the plan: %w", err)
	}
	var p apply.Plan
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	return &p, nil
}

// invalidFile says what is wrong with a file, each with its line.
func invalidFile(name string, err error) error {
	if _, ok := errors.AsType[*failure](err); ok {
		return err
	}
	return &failure{code: exitUsage, what: name + " is not valid, and nothing was changed", why: err.Error()}
}

// locate puts what the server says of a member of the state at its place in
// the file.
func (d *declaration) locate(name string, err error) error {
	p, ok := errors.AsType[*adminclient.Problem](err)
	if !ok || len(p.Errors) == 0 {
		return err
	}
	var fields []error
	for _, e := range p.Errors {
		fields = append(fields, &mintage.FieldError{Pointer: strings.TrimPrefix(e.Pointer, "/state"), Message: e.Detail})
	}
	return &failure{
		code: exitUsage, what: name + " is not valid, and nothing was changed",
		why: d.parsed.Locate(errors.Join(fields...)).Error(), trace: p.TraceID,
	}
}

// apply plans, asks, makes secrets and applies exactly what was planned.
func (a *app) apply(ctx context.Context, f applyFlags) error {
	saved, err := a.savedPlan(f.planFile)
	if err != nil {
		return err
	}
	d, err := a.declare(ctx, f)
	if err != nil {
		return err
	}
	if saved != "" && saved != d.plan.Hash {
		return &failure{
			code: exitConflict, what: "the plan is no longer the one in " + f.planFile,
			why: "the file or the server changed since", fix: "mintage diff -f " + f.file,
		}
	}
	if d.plan.Empty() || a.flags.dryRun {
		return a.printPlan(d.doc, d.plan)
	}
	if err := a.confirmPlan(d); err != nil {
		return err
	}
	if len(d.plan.Generate) > 0 {
		made, err := apply.Generate(ctx, d.parsed.State, d.resolved, d.plan.Generate, apply.GenerateOptions{
			New: secret.Generate, WellFormed: secret.WellFormed, Hint: secret.Hint,
		})
		if err != nil {
			return invalidFile(f.file, d.parsed.Locate(err))
		}
		if d.request.State, err = json.Marshal(made); err != nil {
			return fmt.Errorf("encode the declared state: %w", err)
		}
	}
	d.request.Hash = d.plan.Hash
	doc, err := d.api.ApplyState(ctx, d.request)
	if err != nil {
		return d.locate(f.file, err)
	}
	done, err := planOf(doc)
	if err != nil {
		return err
	}
	if err := a.printPlan(doc, done); err != nil {
		return err
	}
	fmt.Fprintln(a.stderr, "applied "+f.file)
	return nil
}

// savedPlan returns the hash of a plan that diff wrote.
func (a *app) savedPlan(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	const longest = 64 << 20
	data, err := a.readInput(path, longest)
	var doc adminclient.StatePlan
	if err == nil {
		err = json.Unmarshal(data, &doc)
	}
	switch {
	case err != nil:
		return "", &failure{code: exitUsage, what: path + " is no plan", why: err.Error(), fix: "mintage diff -f FILE -o json > " + path}
	case doc.Hash == "":
		return "", usage(path+" is no plan", "mintage diff -f FILE -o json > "+path)
	}
	return doc.Hash, nil
}

// confirmPlan asks before production changes, before anything is removed, and
// before one file takes over what another declared.
func (a *app) confirmPlan(d *declaration) error {
	var does []string
	if removed := d.plan.Count(apply.OpRemove); removed > 0 {
		does = append(does, fmt.Sprintf("This removes %d objects.", removed))
	} else if d.plan.Protected {
		does = append(does, "This changes a protected tenant.")
	}
	for _, m := range d.plan.Moves() {
		does = append(does, "This takes over from another file: "+m.String()+".")
	}
	if len(does) == 0 {
		return nil
	}
	if !a.flags.yes && a.flags.confirm == "" {
		fmt.Fprint(a.stderr, apply.Render(d.plan))
	}
	return a.confirmed(danger{does: strings.Join(does, " "), name: d.parsed.Source})
}

// printPlan prints a plan as people read it, or the document.
func (a *app) printPlan(doc *adminclient.StatePlan, p *apply.Plan) error {
	r := result{doc: doc}
	for _, c := range p.Changes {
		r.name = append(r.name, c.Tenant+"/"+c.Kind+"/"+c.ID)
	}
	if len(p.Changes) > 0 {
		r.text = apply.Render(p)
	}
	if p.Empty() {
		r.text += "no changes\n"
	}
	return a.print(r)
}
