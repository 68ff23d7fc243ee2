// Package lint grades a tenant: what is allowed and yet better otherwise, such
// as secrets without an end and clients that nobody uses.
//
// One thing is always true of it: it changes nothing and reads only what it is
// given, the documents of the admin API.
//
//   - lint.go: what is graded, findings, and their order
//   - rules.go: the table of rules
//   - sarif.go: findings as SARIF 2.1.0
package lint

import (
	"cmp"
	"slices"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
)

// Input is a tenant and what belongs to it.
type Input struct {
	Tenant          *adminclient.Tenant
	ResourceServers []*adminclient.ResourceServer
	Clients         []*adminclient.RegisteredClient
	Now             time.Time
}

// Level is how much a finding matters.
type Level string

// Levels, by the words of SARIF.
const (
	Note    Level = "note"
	Warning Level = "warning"
	Error   Level = "error"
)

// Levels returns all levels, least first.
func Levels() []Level { return []Level{Note, Warning, Error} }

// AtLeast reports whether l matters as much as other.
func (l Level) AtLeast(other Level) bool {
	return slices.Index(Levels(), l) >= slices.Index(Levels(), other)
}

// Finding is one thing that a rule found.
type Finding struct {
	Rule    string `json:"rule"`
	Level   Level  `json:"level"`
	Tenant  string `json:"tenant"`
	Kind    string `json:"kind"` // tenant, resource_server or client
	ID      string `json:"id"`
	Name    string `json:"name,omitempty"`
	Message string `json:"message"`
	Cure    string `json:"cure"`
}

// Grade returns what the rules find, worst first.
func Grade(in Input) []Finding {
	findings := []Finding{}
	for _, r := range rules {
		r.check(&in, func(kind, id, name, message string) {
			findings = append(findings, Finding{
				Rule: r.ID, Level: r.Level, Tenant: in.Tenant.ID, Kind: kind, ID: id, Name: name, Message: message, Cure: r.Cure,
			})
		})
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(
			slices.Index(Levels(), b.Level)-slices.Index(Levels(), a.Level),
			cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID),
		)
	})
	return findings
}
