package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"
	"text/tabwriter"
	"text/template"

	"github.com/itchyny/gojq"
	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/yamlfile"
)

// result is what a command found or made: the JSON document, which is the
// admin API's, and how people see it.
type result struct {
	doc  any
	text string      // people's form where it is no table; it then stands for the rows
	head []string    // titles of the columns; with them the table form has one row a line
	rows [][]string  // cells, in the order of head; without head: pairs of a label and a text
	name []string    // for -o name: one a line
	env  [][2]string // for -o env: NAME, value
	note string      // for people at a terminal, on stderr after the data
}

// wholeList fetches a list in as few pages as there can be.
var wholeList = adminclient.List{Limit: 200}

// listed prints what a list has: for each its name, and its cells under head.
func listed[T any](a *app, head []string, items iter.Seq2[*T, error], row func(*T) (name string, cells []string)) error {
	docs, r := []*T{}, result{head: head}
	for item, err := range items {
		if err != nil {
			return err
		}
		name, cells := row(item)
		docs, r.name, r.rows = append(docs, item), append(r.name, name), append(r.rows, cells)
	}
	r.doc = docs
	return a.print(r)
}

// outputEnv marks the commands that print credentials, and so know -o env.
const outputEnv = "output-env"

// outputSarif is a form of output, and marks the commands that print findings.
const outputSarif = "sarif"

// checkOutput refuses a form of output that does not exist before anything is
// done: what a command prints may be a secret that is shown once.
func (a *app) checkOutput(cmd *cobra.Command) error {
	f := &a.flags
	document := f.json || f.jq != "" || f.template != ""
	if f.jq != "" && f.template != "" || document && f.output != "" && f.output != "json" {
		return usage("several forms of output are asked for", "one of --output, --jq and --template")
	}
	switch f.output {
	case "", "json", "yaml", "table", "name":
	case "env":
		if cmd.Annotations[outputEnv] == "" {
			return usage(cmd.CommandPath()+" prints nothing that belongs into the environment", "-o json")
		}
	case outputSarif:
		if cmd.Annotations[outputSarif] == "" {
			return usage(cmd.CommandPath()+" prints no findings", "-o json")
		}
	default:
		return usage(fmt.Sprintf("unknown output %q", f.output), "json, yaml, table, name or env")
	}
	if _, err := gojq.Parse(f.jq); f.jq != "" && err != nil {
		return usage("--jq: "+err.Error(), "--jq .items")
	}
	if _, err := parseTemplate(f.template); err != nil {
		return usage(err.Error(), "--template '{{.client_id}}'")
	}
	return nil
}

// tabular reports whether what is printed are the rows of a table, for a person
// or with tabs between.
func (a *app) tabular() bool {
	f := &a.flags
	return !f.json && f.jq == "" && f.template == "" && (f.output == "" || f.output == "table")
}

// print writes r in the form that the flags ask for. Without any, people get a
// table and programs get the same cells separated by tabs.
func (a *app) print(r result) error {
	switch {
	case a.flags.jq != "":
		return a.printJQ(r.doc)
	case a.flags.template != "":
		return a.printTemplate(r.doc)
	case a.flags.json, a.flags.output == "json":
		return writeJSON(a.stdout, r.doc)
	case a.flags.output == "yaml":
		return a.printYAML(r.doc)
	}
	if err := a.printText(r); err != nil {
		return err
	}
	if r.note != "" {
		fmt.Fprintln(a.stderr, r.note)
	}
	return nil
}

// printText prints the forms that are no documents.
func (a *app) printText(r result) error {
	var lines []string
	switch form := a.flags.output; {
	case form == "name":
		lines = r.name
	case form == "env":
		// Our values need no quoting: they are printable and have no space.
		for _, kv := range r.env {
			lines = append(lines, kv[0]+"="+kv[1])
		}
	case r.text != "":
		_, err := io.WriteString(a.stdout, r.text)
		return err
	case form == "table", a.terminal:
		return writeTable(a.stdout, r)
	default:
		for _, row := range r.rows {
			lines = append(lines, strings.Join(clean(row), "\t"))
		}
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(a.stdout, line); err != nil {
			return err
		}
	}
	return nil
}

// printOnce prints what cannot be had again. When the form that was asked for
// fails, the whole document is printed in its place.
func (a *app) printOnce(r result) error {
	err := a.print(r)
	if err != nil {
		_ = writeJSON(a.stdout, r.doc) // the error below is the one that counts
	}
	return err
}

// writeJSON writes v indented. An empty list is [].
func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (a *app) printYAML(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	y, err := yamlfile.FromJSON(b)
	if err != nil {
		return err
	}
	_, err = a.stdout.Write(y)
	return err
}

// writeTable aligns the cells in columns.
func writeTable(w io.Writer, r result) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(r.head) > 0 && len(r.rows) > 0 {
		fmt.Fprintln(tw, strings.Join(r.head, "\t"))
	}
	for _, row := range r.rows {
		fmt.Fprintln(tw, strings.Join(clean(row), "\t"))
	}
	return tw.Flush()
}

// clean takes out of cells what would break a line or drive a terminal.
func clean(cells []string) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 {
				return ' '
			}
			return r
		}, c)
	}
	return out
}

// generic returns v as maps, slices and plain values, as its JSON says.
func generic(v any) (any, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	var g any
	if err := json.Unmarshal(b, &g); err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return g, nil
}

func (a *app) printJQ(v any) error {
	query, err := gojq.Parse(a.flags.jq)
	if err != nil {
		return err
	}
	g, err := generic(v)
	if err != nil {
		return err
	}
	for it := query.Run(g); ; {
		out, ok := it.Next()
		if !ok {
			return nil
		}
		switch out := out.(type) {
		case error:
			return usage("--jq: "+out.Error(), "look at the document with -o json")
		case string:
			fmt.Fprintln(a.stdout, out)
		default:
			if err := writeJSON(a.stdout, out); err != nil {
				return err
			}
		}
	}
}

func parseTemplate(text string) (*template.Template, error) {
	return template.New("--template").Option("missingkey=error").Parse(text)
}

func (a *app) printTemplate(v any) error {
	t, err := parseTemplate(a.flags.template)
	if err != nil {
		return err
	}
	g, err := generic(v)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, g); err != nil {
		return usage(err.Error(), "look at the document with -o json")
	}
	fmt.Fprintln(a.stdout, strings.TrimSuffix(b.String(), "\n"))
	return nil
}
