package explain

import (
	"fmt"
	"slices"
	"strings"
)

// kind says who sees a reason.
type kind int

const (
	kindRefusal  kind = iota // of a tenant's endpoints: the OAuth error code is answered
	kindFound                // by the second look: the operator's alone
	kindWarning              // the request is served
	kindAdmin                // of the admin API: the code itself is answered
	kindVerifier             // of whoever checks an access token
	kindToken                // the same, and of introspection
	kindProof                // of the token endpoint, and of whoever checks an access token
	kindGateway              // of mintage gateway, which is not the server
	kindAgent                // of mintage agent, likewise
	kindReserved             // no release raises it yet
)

// seen says for each kind who sees the reason and where.
var seen = map[kind]string{
	kindRefusal: "The caller sees the OAuth error code and a description that does not say more than it may know. The code above is for the " +
		"operator: in the log line, in the request log, as the label `reason` of the metrics.",
	kindFound: "Nobody but the operator. The caller gets the same answer as for any wrong credentials, in the same time. A second look, after the " +
		"answer, finds it: in the log line `second look` with the same trace id, and in the request log. At most ten looks are made in a second.",
	kindWarning: "The request is served. The operator sees the code among the notes of the log line, in the request log and in " +
		"`mintage_warnings_total`; where the caller can do something, the answer has it in the header `Mintage-Warning`.",
	kindAdmin: "Callers of the admin API: it is the `code` of the problem document. The operator sees it in the log line too.",
	kindVerifier: "Whoever checks the token: the resource server, `mintage token verify`, `mintage token introspect`, and the admin API, " +
		"which checks its own tokens so. The caller of an API sees the OAuth error code.",
	kindToken: "Whoever checks the token: the resource server, `mintage token verify`, `mintage token introspect`, and the admin API, " +
		"which checks its own tokens so. Introspection answers that the token is not active, and says no more; for the operator the code is in the " +
		"log line, in the request log and in `mintage_introspections_total`.",
	kindProof: "The client that asks for a token, or the caller of an API: it sees the OAuth error code and what is wrong. At the token endpoint " +
		"the code above is for the operator too: in the log line, in the request log, as the label `reason` of the metrics.",
	kindGateway: "The caller of the gateway sees the status, an OAuth error code and a description. The operator sees the code as `reason` in the " +
		"gateway's access log and in `mintage_gateway_requests_total`.",
	kindAgent:    "The program that asks the agent: it is the `code` of the answer. The operator sees it in the agent's log and metrics.",
	kindReserved: "Nobody yet: the code is reserved, and no release raises it.",
}

// Page returns the documentation page of r, as Markdown.
func (r Reason) Page() string {
	k, reproduce := circumstances(r.Code)
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n", r.Code, r.Cause)
	if r.Cure != "" {
		fmt.Fprintf(&b, "\n## What to do\n\n%s\n", r.Cure)
	}
	fmt.Fprintf(&b, "\n## Who sees it\n\n%s\n", seen[k])
	if reproduce != "" {
		fmt.Fprintf(&b, "\n## How to reproduce\n\n%s\n", reproduce)
	}
	switch {
	case k == kindGateway:
		b.WriteString("\n## How to find who it is\n\n```sh\njq 'select(.reason == \"" + r.Code + "\")' gateway.log\n```\n")
	case r.OfRequest():
		b.WriteString("\n## How to find who it is\n\n```sh\nmintage explain TRACE_ID\nmintage log list --reason " + r.Code + "\n```\n")
	}
	b.WriteString("\n[All reasons](../../reference/reasons.md)\n")
	return b.String()
}

// OfRequest reports whether a request to a tenant's endpoints can have the
// reason, so that mintage explain tells of it by the trace id of the answer.
func (r Reason) OfRequest() bool {
	k, _ := circumstances(r.Code)
	return r.Code != "ok" && slices.Contains([]kind{kindRefusal, kindFound, kindWarning, kindToken, kindProof}, k)
}

// Reserved reports whether the code is kept for a later release, and so raised
// by nothing.
func (r Reason) Reserved() bool {
	k, _ := circumstances(r.Code)
	return k == kindReserved
}

// circumstances returns who sees a reason and how to bring it about.
func circumstances(code string) (kind, string) {
	c, ok := reproductions[code]
	if !ok {
		return kindReserved, ""
	}
	return c.kind, c.text
}
