package apply

import (
	"fmt"
	"slices"
	"strings"
)

// kindNames are what people call one object of a kind.
var kindNames = map[string]string{
	KindTenants: "tenant", KindOrganizations: "organization", KindResourceServers: "api", KindClients: "client",
}

var signs = map[Op]string{OpAdd: "+", OpChange: "~", OpRemove: "-", OpLeft: "-"}

// Render returns the plan as mintage diff prints it: a line for each object
// that is added (+), changed (~), removed or left (-), with a line for each
// member that changes, and the counts at the end. Tenants are named when the
// plan is about several.
func Render(p *Plan) string {
	return lines(p) + fmt.Sprintf("%d to add, %d to change, %d to remove.  secrets: %d touched\n",
		p.Count(OpAdd), p.Count(OpChange), p.Count(OpRemove), p.Secrets)
}

// RenderComparison returns what Compare found in the same form: what only the
// second tenant has (+), what only the first has (-), and what differs (~), the
// first tenant's value first.
func RenderComparison(p *Plan, from, to string) string {
	if p.Empty() {
		return fmt.Sprintf("%s and %s do not differ\n", from, to)
	}
	return lines(p) + fmt.Sprintf("%d only in %s, %d only in %s, %d different\n",
		p.Count(OpRemove), from, p.Count(OpAdd), to, p.Count(OpChange))
}

// lines returns the lines of a plan without the counts.
func lines(p *Plan) string {
	var rows [][3]string // sign and kind and name; path; change
	several := severalTenants(p)
	for _, c := range p.Changes {
		if c.Diffs = slices.DeleteFunc(slices.Clone(c.Diffs), Diff.moves); c.Op == OpChange && len(c.Diffs) == 0 {
			continue // it only moves, which a line at the end tells of all
		}
		head := signs[c.Op] + " " + kindNames[c.Kind] + " " + c.ID
		if several && c.Kind != KindTenants {
			head += " (" + c.Tenant + ")"
		}
		rows = append(rows, changeRows(head, c)...)
	}
	for _, m := range p.Moves() {
		rows = append(rows, [3]string{signs[OpChange] + " " + m.String()})
	}
	return table(rows)
}

// table aligns the columns of rows. A row of one column widens none.
func table(rows [][3]string) string {
	var widths [2]int
	for _, r := range rows {
		if r[1] != "" {
			widths[0] = max(widths[0], len([]rune(r[0])))
		}
		if r[2] != "" { // a line without a third column does not widen the second
			widths[1] = max(widths[1], len([]rune(r[1])))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		line := pad(r[0], widths[0]) + "  " + pad(r[1], widths[1]) + "  " + r[2]
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// Count returns how many objects the plan does op to.
func (p *Plan) Count(op Op) int {
	n := 0
	for _, c := range p.Changes {
		if c.Op == op {
			n++
		}
	}
	return n
}

func severalTenants(p *Plan) bool {
	for _, c := range p.Changes {
		if c.Tenant != p.Changes[0].Tenant {
			return true
		}
	}
	return false
}

func changeRows(head string, c Change) [][3]string {
	switch c.Op {
	case OpAdd:
		return [][3]string{{head, summary(c), ""}}
	case OpRemove:
		return [][3]string{{head, c.Note, ""}}
	case OpLeft:
		return [][3]string{{head, "would be left alone (" + c.Note + ")", ""}}
	case OpChange:
	}
	var rows [][3]string
	for _, d := range c.Diffs {
		rows = append(rows, [3]string{head, d.Path, d.String()})
		head = ""
	}
	return rows
}

// String returns the change without the path.
func (d Diff) String() string {
	switch {
	case d.Before == "":
		return "+ " + d.After
	case d.After == "":
		return "- " + d.Before
	}
	return d.Before + " → " + d.After
}

// summary says in one line what is added: what tells one object of its kind
// from the next.
func summary(c Change) string {
	var parts, where []string
	for _, d := range c.Diffs {
		first, rest, _ := strings.Cut(d.Path, ".")
		switch {
		case first == "issuer":
			where = append(where, d.After)
		case first == "scopes" && rest == "" && c.Kind == KindResourceServers, first == "name" && c.Kind == KindOrganizations,
			first == "grants" && strings.HasSuffix(rest, ".scopes"):
			parts = append(parts, d.After)
		case first == "aliases":
			parts = append(parts, "alias "+d.After)
		case first == "token_paths":
			parts = append(parts, rest+": "+d.After)
		case first == "secrets":
			parts = append(parts, "secret "+rest+": "+d.After)
		}
	}
	return strings.Join(slices.Concat(where, parts), ", ")
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-len([]rune(s))))
}
