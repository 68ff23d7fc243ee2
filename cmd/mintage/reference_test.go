package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

const referenceDir = "../../docs/reference/cli"

// TestReference holds docs/reference/cli to the commands: a page each, which
// -update rewrites.
func TestReference(t *testing.T) {
	t.Parallel()
	want := map[string][]byte{}
	for _, cmd := range commands(new(app).root()) {
		want[pageName(cmd)] = referencePage(cmd)
	}
	if *update {
		writeReference(t, want)
	}
	files, err := filepath.Glob(referenceDir + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if _, ok := want[filepath.Base(name)]; !ok {
			t.Errorf("%s is about no command: run make update", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		got, err := os.ReadFile(filepath.Join(referenceDir, name))
		if err != nil || !bytes.Equal(got, want[name]) {
			t.Errorf("docs/reference/cli/%s is not what the command says of itself (%v): run make update", name, err)
		}
	}
}

func writeReference(t *testing.T, pages map[string][]byte) {
	t.Helper()
	if err := os.RemoveAll(referenceDir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(referenceDir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, page := range pages {
		if err := os.WriteFile(filepath.Join(referenceDir, name), page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCommands holds what every command has: a line, an example that begins
// with the command itself, and a refusal of arguments that nothing reads.
func TestCommands(t *testing.T) {
	t.Parallel()
	for _, cmd := range commands(new(app).root()) {
		switch path := cmd.CommandPath(); {
		case cmd.Short == "":
			t.Errorf("%s has no line that says what it does", path)
		case !strings.Contains(cmd.Example, path):
			t.Errorf("%s has no example of itself", path)
		case cmd.Args == nil:
			t.Errorf("%s takes any arguments", path)
		case strings.HasSuffix(cmd.Short, "."):
			t.Errorf("%s: its line ends in a full stop", path)
		}
	}
}

// commands returns cmd and those below it, but for help and its topics.
func commands(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() && c.Name() != "help" {
			all = append(all, commands(c)...)
		}
	}
	return all
}

func pageName(cmd *cobra.Command) string {
	return strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".md"
}

func referencePage(cmd *cobra.Command) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\n%s.\n", cmd.CommandPath(), cmd.Short)
	if cmd.Long != "" {
		fmt.Fprintf(&b, "\n%s\n", prose(cmd.Long))
	}
	section := func(title, text string) {
		if text = strings.TrimRight(text, "\n"); text != "" {
			fmt.Fprintf(&b, "\n## %s\n\n```text\n%s\n```\n", title, text)
		}
	}
	section("Examples", strings.ReplaceAll("\n"+cmd.Example, "\n  ", "\n")[1:])
	if cmd.HasAvailableSubCommands() {
		fmt.Fprint(&b, "\n## Commands\n\n")
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() && c.Name() != "help" {
				fmt.Fprintf(&b, "- [%s](%s): %s\n", c.CommandPath(), pageName(c), c.Short)
			}
		}
		return b.Bytes()
	}
	section("Usage", cmd.UseLine())
	cmd.InitDefaultHelpFlag()
	section("Flags", cmd.NonInheritedFlags().FlagUsages())
	section("Flags of "+cmd.Parent().CommandPath(), cmd.InheritedFlags().FlagUsages())
	return b.Bytes()
}

// prose keeps the paragraphs of a text, and what is indented in it as it is.
func prose(text string) string {
	var out []string
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if strings.Contains("\n"+block, "\n\t") || strings.Contains("\n"+block, "\n  ") {
			block = "```text\n" + block + "\n```"
		}
		out = append(out, block)
	}
	return strings.Join(out, "\n\n")
}
