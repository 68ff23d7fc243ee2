package admin

import (
	"net/http"
	"strings"
)

// rules are the reasons for which single operations refuse, beside those that
// their form brings with it.
var rules = map[string]string{
	"start-pairing":          "limit.ip",
	"redeem-pairing":         "limit.ip",
	"create-tenant":          "token.other_tenant object.exists",
	"update-tenant":          "token.other_tenant object.built_in",
	"delete-tenant":          "token.other_tenant object.built_in object.in_use tenant.protected",
	"create-resource-server": "object.exists object.built_in",
	"update-resource-server": "object.exists object.built_in object.in_use scope.not_granted",
	"delete-resource-server": "object.built_in object.in_use scope.not_granted",
	"add-scope":              "object.exists object.built_in object.changed",
	"update-scope":           "object.built_in",
	"remove-scope":           "object.built_in object.in_use scope.not_granted",
	"create-organization":    "object.exists object.built_in",
	"update-organization":    "object.built_in",
	"delete-organization":    "object.in_use",
	"create-client":          "scope.not_granted organization.not_granted organization.limit",
	"update-client":          "scope.not_granted organization.not_granted admin.last",
	"delete-client":          "scope.not_granted admin.last",
	"add-secret":             "scope.not_granted object.exists secret.limit",
	"rotate-secret":          "scope.not_granted object.exists secret.limit secret.rotating",
	"revoke-secret":          "scope.not_granted secret.last admin.last",
	"complete-rotation":      "scope.not_granted secret.not_rotating secret.last",
	"cancel-rotation":        "scope.not_granted secret.not_rotating secret.last",
	"pause-secret":           "scope.not_granted secret.expired secret.last",
	"revoke-token":           "key.active",
	"plan-state":             "token.other_tenant scope.not_granted object.built_in object.in_use tenant.protected",
	"apply-state":            "token.other_tenant scope.not_granted object.built_in object.in_use tenant.protected object.changed key.unavailable",
	"verify-audit":           "token.other_tenant",
	"list-operators":         "token.other_tenant",
	"show-operator":          "token.other_tenant",
	"update-operator":        "token.other_tenant scope.not_granted object.exists operator.last_owner",
	"delete-operator":        "token.other_tenant scope.not_granted operator.last_owner",
	"recover-operator":       "token.other_tenant scope.not_granted",
	"list-sessions":          "token.other_tenant",
	"end-sessions":           "token.other_tenant scope.not_granted",
	"end-session":            "token.other_tenant scope.not_granted",
	"list-invitations":       "token.other_tenant",
	"create-invitation":      "token.other_tenant scope.not_granted object.exists",
	"delete-invitation":      "token.other_tenant scope.not_granted",
}

// reasons returns the codes with which an operation may be refused: those that
// its form brings with it, and those of its rules.
func (op *operation) reasons() []string {
	var codes []string
	add := func(list string) { codes = append(codes, strings.Fields(list)...) }
	if op.Scope != "" || op.AnyCaller {
		add("token.missing token.malformed token.expired token.signature token.issuer token.audience token.revoked session.ended limit.ip")
	}
	if op.Scope != "" {
		add("token.scope")
	}
	add("param.malformed param.repeated")
	if strings.Contains(op.Path, "{") {
		add("object.not_found")
	}
	if len(op.media) > 0 {
		add("body.type body.malformed request.too_large object.invalid")
	}
	if op.Method == http.MethodPatch || op.Method == http.MethodDelete {
		add("object.changed")
	}
	if op.once() {
		add("idempotency.running idempotency.reused idempotency.done")
	}
	add(rules[op.ID])
	add("store.unavailable internal")
	return codes
}
