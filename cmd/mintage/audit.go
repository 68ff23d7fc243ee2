package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
)

// auditCommand is mintage audit.
func (a *app) auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "The audit log: who changed what, whether it is as it was written, and a copy of it",
		Example: `  mintage audit list --tenant prod --since 7d --action client
  mintage audit verify
  mintage audit export > audit.ndjson`,
		Args: nounArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	a.serverFlags(cmd)
	a.tenantFlag(cmd)
	a.outputFlags(cmd)
	cmd.AddCommand(a.auditListCommand(), a.auditVerifyCommand(), a.auditExportCommand())
	return cmd
}

// auditFlags narrow the audit log.
type auditFlags struct {
	actor, action, target, via, since, until string
}

func (f *auditFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.actor, "actor", "", "only changes by this client or operator, by id, or by an operator's address")
	fl.StringVar(&f.action, "action", "", "only this action, such as client.create, or those of a noun: client")
	fl.StringVar(&f.target, "target", "", "only changes of the object with this id")
	fl.StringVar(&f.via, "via", "", "only changes made with this: api, cli, apply, console or server")
	fl.StringVar(&f.since, "since", "", "only changes since then: an instant, a day, or how long ago")
	fl.StringVar(&f.until, "until", "", "only changes before then")
}

func (f *auditFlags) filter(now time.Time) (adminclient.AuditFilter, error) {
	filter := adminclient.AuditFilter{Actor: f.actor, Action: f.action, Target: f.target, Via: f.via}
	var err error
	filter.Since, filter.Until, err = instants(f.since, f.until, now)
	return filter, err
}

func (a *app) auditListCommand() *cobra.Command {
	var f auditFlags
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List changes, newest first; of all tenants where none is named",
		Example: `  mintage audit list --action client --since 24h
  mintage audit list --target mc_4fXGQZr1tPq9sW2e -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := f.filter(time.Now())
			if err != nil {
				return err
			}
			return a.auditList(cmd.Context(), filter, limit)
		},
	}
	f.add(cmd)
	cmd.Flags().IntVar(&limit, "limit", 50, "how many at most; 0 is all")
	return cmd
}

func (a *app) auditList(ctx context.Context, filter adminclient.AuditFilter, limit int) error {
	api, err := a.connect("cli")
	if err != nil {
		return err
	}
	docs := []*adminclient.AuditEvent{}
	r := result{head: []string{"ROW", "TIME", "TENANT", "WHO", "VIA", "ACTION", "WHAT", "MEMBERS"}}
	for e, err := range api.AuditEvents(ctx, a.logTenant(), filter, adminclient.List{Limit: 200}) {
		if err != nil {
			return err
		}
		docs = append(docs, e)
		row := strconv.FormatInt(e.Seq, 10)
		r.name = append(r.name, row)
		r.rows = append(r.rows, []string{
			row, stamp(e.Time), cmp.Or(e.Tenant, "-"), cmp.Or(e.Actor.OperatorEmail, e.Actor.OperatorID, e.Actor.ClientID, "server"),
			e.Via, e.Action, cmp.Or(e.Name, e.Target, "-"), cmp.Or(changedMembers(e), "-"),
		})
		if len(docs) == limit {
			break
		}
	}
	r.doc = docs
	return a.print(r)
}

// changedMembers names the members that a change is about.
func changedMembers(e *adminclient.AuditEvent) string {
	names := map[string]bool{}
	for _, side := range []json.RawMessage{e.Before, e.After} {
		var members map[string]json.RawMessage
		if json.Unmarshal(side, &members) == nil {
			for name := range members {
				names[name] = true
			}
		}
	}
	return strings.Join(sortedKeys(names), " ")
}

func (a *app) auditExportCommand() *cobra.Command {
	var f auditFlags
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print changes as JSON, one a line, oldest first, of all tenants where none is named",
		Example: `  mintage audit export > audit.ndjson
  mintage audit export --since 24h --tenant prod`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := f.filter(time.Now())
			if err != nil {
				return err
			}
			filter.Oldest = true
			return a.auditExport(cmd.Context(), filter)
		},
	}
	f.add(cmd)
	return cmd
}

func (a *app) auditExport(ctx context.Context, filter adminclient.AuditFilter) error {
	api, err := a.connect("cli")
	if err != nil {
		return err
	}
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false) // the members are as they were linked
	for e, err := range api.AuditEvents(ctx, a.logTenant(), filter, adminclient.List{Limit: 200}) {
		if err != nil {
			return err
		}
		if err := enc.Encode(e); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) auditVerifyCommand() *cobra.Command {
	var head, file string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that no row of the audit log was changed, removed or moved",
		Long: `The server reads its whole audit log and checks the chain of hashes. The head
that the command prints belongs into another place: who can write to the
database can write a whole new chain, but not one that ends in a hash that
somebody noted before. With --file a whole export is checked, without a server.
Exit code 8: a row is not as it was written.`,
		Example: `  mintage audit verify
  mintage audit verify --head 18231:9f2c6a1b…
  mintage audit verify --file audit.ndjson`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v, err := a.auditVerification(cmd.Context(), file, head)
			if err != nil {
				return err
			}
			return a.auditVerified(v)
		},
	}
	cmd.Flags().StringVar(&head, "head", "", "a head that was noted before, ROW:HASH: the log must still hold it")
	cmd.Flags().StringVar(&file, "file", "", "check this export instead, which begins with row 1; - is standard input")
	return cmd
}

func (a *app) auditVerification(ctx context.Context, file, head string) (*adminclient.AuditVerification, error) {
	if file != "" {
		return a.verifyExport(file, head)
	}
	api, err := a.connect("cli")
	if err != nil {
		return nil, err
	}
	return api.VerifyAudit(ctx, head)
}

// auditVerified prints what was found.
func (a *app) auditVerified(v *adminclient.AuditVerification) error {
	head := fmt.Sprintf("%d:%s", v.Seq, v.Hash)
	rows := [][]string{{"verified to row", strconv.FormatInt(v.Seq, 10)}, {"head", head}}
	if !v.OK {
		rows = append(rows, []string{"wrong", v.Why})
	}
	if err := a.print(result{doc: v, rows: rows, name: []string{head}}); err != nil {
		return err
	}
	if !v.OK {
		return &failure{
			code: exitNo, what: fmt.Sprintf("the audit log is not what was written, from row %d on", v.Bad), why: v.Why,
			fix: "compare it with a backup or an export: docs/reference/audit-log.md",
		}
	}
	return nil
}

// verifyExport checks what mintage audit export wrote of all tenants.
func (a *app) verifyExport(file, head string) (*adminclient.AuditVerification, error) {
	var c mintage.Chain
	noted := head == ""
	v := &adminclient.AuditVerification{OK: true}
	err := a.eachLine(file, func(line []byte) error {
		e, err := exportedEvent(line)
		if err != nil {
			return usage(fmt.Sprintf("%s is no export of the audit log: %v", file, err), "mintage audit export > audit.ndjson")
		}
		err = c.Next(e)
		if broken, ok := errors.AsType[*mintage.BrokenChain](err); ok {
			v.OK, v.Bad, v.Why = false, broken.Seq, broken.Why
			return io.EOF
		}
		noted = noted || head == fmt.Sprintf("%d:%x", c.Seq, c.Hash)
		return nil
	})
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	v.Seq, v.Hash = c.Seq, hex.EncodeToString(c.Hash)
	if v.OK && !noted {
		v.OK, v.Bad, v.Why = false, c.Seq, "no row has the head that was noted"
	}
	return v, nil
}

// exportedEvent reads a line of an export back to what was linked.
func exportedEvent(line []byte) (*mintage.Event, error) {
	var d adminclient.AuditEvent
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return nil, err
	}
	hash, err := hex.DecodeString(d.Hash)
	if err != nil || d.Seq < 1 {
		return nil, errors.New("a line is no row")
	}
	e := &mintage.Event{
		Seq: d.Seq, Time: d.Time, Tenant: d.Tenant, Action: d.Action, Target: d.Target, Name: d.Name, Via: d.Via, TraceID: d.TraceID,
		Actor: mintage.Actor{
			Tenant: d.Actor.Tenant, ClientID: d.Actor.ClientID, OperatorID: d.Actor.OperatorID,
			OperatorEmail: d.Actor.OperatorEmail, Address: d.Actor.Address,
		},
		Before: d.Before, After: d.After,
	}
	if len(hash) > 0 {
		e.Hash = hash
	}
	return e, nil
}

// maxLine bounds a line of an export, in bytes: a change of declared state with
// all its members is well below.
const maxLine = 16 << 20

// eachLine reads a file, or standard input for -, line by line.
func (a *app) eachLine(path string, read func(line []byte) error) error {
	in := a.stdin
	if path != "-" {
		f, err := os.Open(path) // #nosec G304 -- the caller's own file
		if err != nil {
			return &failure{code: exitUsage, what: "the file cannot be read", why: err.Error(), fix: "name a file, or - for standard input"}
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if err := read(lines.Bytes()); err != nil {
			return err
		}
	}
	return lines.Err()
}
