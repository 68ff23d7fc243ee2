// Package apply is the declared state: what tenants.yaml says, and the plan
// that takes the live state there.
//
// One thing is always true: the plan is a pure function of the live nouns, the
// declared state and the time. What is not written in the file keeps its
// value, lists of scopes and grants are complete, nothing is removed unless
// the file says prune, and no secret is in a plan, a log line or an error.
//
// The steps, in the order in which they are taken, and by whom:
//
//	command  Parse     parse.go, parse_*.go   file or folder → State, errors with line and caret
//	command  Resolve   resolve.go             env and file references → values
//	server   MakePlan  plan.go, plan_*.go     live and State → Plan
//	command  Render    render.go, move.go     Plan → the text of mintage diff
//	command  Generate  generate.go            new secrets, written to their files before anything else happens
//	server   Outcome   outcome.go             Plan → the nouns to write, in the order to write them
//
// state.go and validate.go hold the State and what can be said about it
// without looking at the live one; duration.go and sensitive.go its scalars.
package apply
