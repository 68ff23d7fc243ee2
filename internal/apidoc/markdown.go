package apidoc

import (
	"fmt"
	"strings"
)

// Markdown writes the reference as a page of the documentation.
func (r *Reference) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Admin API\n\n%s\n\n", r.Description)
	b.WriteString("Version " + r.Version + ". Made from [openapi.json](openapi.json) by `go test ./internal/apidoc -update`; the console shows the same under " +
		"`/console/reference`, and the server serves the document at `" + r.Prefix + "/openapi.json`.\n\n")
	b.WriteString(general)
	b.WriteString("\n| operation | | scope | organizations |\n|---|---|---|---|\n")
	for _, g := range r.Groups {
		for i := range g.Operations {
			op := &g.Operations[i]
			fmt.Fprintf(&b, "| [%s](#%s) | `%s %s` | %s | %s |\n", op.ID, op.ID, op.Method, op.Path, op.Needs(), yes(op.Member))
		}
	}
	for _, g := range r.Groups {
		fmt.Fprintf(&b, "\n## %s\n", g.Title)
		for i := range g.Operations {
			g.Operations[i].markdown(&b, r.Prefix)
		}
		for _, d := range g.Documents {
			fmt.Fprintf(&b, "\n### %s (%s)\n\n| member | type | | |\n|---|---|---|---|\n", d.Name, g.Title)
			for _, m := range d.Members {
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.Name, m.Type, m.Mode(), cell(m.Doc))
			}
		}
	}
	return b.String()
}

// general is what holds for all operations.
const general = `A request brings an access token for ` + "`urn:mintage:admin`" + ` with the scope that the operation needs, as ` + "`Authorization: Bearer`" + `
(RFC 6750). A body is JSON; unknown members, members given twice and names in another case are refused. Refusals are problem documents
(RFC 9457) with a ` + "`code`" + ` from the [table of reasons](reasons.md), a ` + "`trace_id`" + ` and pointers to the members that are wrong.

Lists have ` + "`items`" + ` and, unless they end there, ` + "`next`" + `: give it back as ` + "`cursor`" + `. An object has an ` + "`ETag`" + `, which a change may give
back as ` + "`If-Match`" + `: where somebody else was faster, it is refused with 412 and ` + "`object.changed`" + `. What creates or does something takes an
` + "`Idempotency-Key`" + `: see [how to send a request again](../howto/send-a-request-again.md).

Every operation that needs a token may be refused with ` + "`token.missing`, `token.malformed`, `token.expired`, `token.signature`, `token.issuer`, `token.audience`, `token.revoked`, `session.ended`, `token.scope`, `limit.ip`, `param.malformed`, `param.repeated`, `store.unavailable` and `internal`" + `; what else an operation may be
refused with is said there. The column organizations says whether it is there for a token of a client that an organization owns, which is told of nothing that
is not its organization's: see [how to let a customer automate](../howto/let-a-customer-automate.md).
`

func (op *Operation) markdown(b *strings.Builder, prefix string) {
	fmt.Fprintf(b, "\n### %s\n\n%s.\n\n`%s %s%s`", op.ID, op.Summary, op.Method, prefix, op.Path)
	switch {
	case !op.Token:
		b.WriteString(". No token is needed.\n")
	case op.Scope == "":
		b.WriteString(" with a token of any scope.\n")
	default:
		fmt.Fprintf(b, " with the scope `%s`.\n", op.Scope)
	}
	if len(op.Parameters) > 0 {
		b.WriteString("\n| parameter | in | type | | |\n|---|---|---|---|---|\n")
		for _, p := range op.Parameters {
			fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", p.Name, p.In, p.Type, p.Mode(), cell(p.Doc))
		}
	}
	b.WriteString("\n")
	if op.Body != "" {
		fmt.Fprintf(b, "Takes %s as %s. ", op.Body, strings.Join(op.Media, " or "))
	}
	for _, a := range op.Answers {
		fmt.Fprintf(b, "Answers %s", a.Status)
		if a.Document != "" {
			fmt.Fprintf(b, " with %s", a.Document)
		}
		for i, h := range a.Headers {
			fmt.Fprintf(b, "%s `%s`", map[bool]string{true: " and", false: ","}[i > 0 && i == len(a.Headers)-1], h.Name)
		}
		b.WriteString(". ")
	}
	if own := op.Own(); len(own) > 0 {
		fmt.Fprintf(b, "May be refused with `%s`.", strings.Join(own, "`, `"))
	}
	fmt.Fprintf(b, "\n\n```sh\n%s\n```\n", op.Curl)
}

// Common are the reasons for which any operation that needs a token may be
// refused.
var Common = strings.Fields(`token.missing token.malformed token.expired token.signature token.issuer token.audience token.revoked session.ended token.scope
	limit.ip param.malformed param.repeated store.unavailable internal`)

// Own are the reasons that the operation does not share with all others.
func (op *Operation) Own() (own []string) {
	for _, reason := range op.Reasons {
		if !strings.Contains(" "+strings.Join(Common, " ")+" ", " "+reason+" ") {
			own = append(own, reason)
		}
	}
	return own
}

// Mode says whether a member is required, or goes one way alone.
func (m *Member) Mode() string {
	var words []string
	if m.Required {
		words = append(words, "required")
	}
	if m.SendOnly {
		words = append(words, "never answered")
	}
	if m.ReadOnly {
		words = append(words, "read-only")
	}
	return strings.Join(words, ", ")
}

// Needs says which scope a caller needs.
func (op *Operation) Needs() string {
	switch {
	case !op.Token:
		return "no token"
	case op.Scope == "":
		return "any"
	}
	return "`" + op.Scope + "`"
}

func yes(b bool) string { //nolint:revive // it prints it
	if b {
		return "yes"
	}
	return ""
}

// cell keeps text within a cell of a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(text)
}
