package oauth_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/oauth"
)

// everyError is one of each kind.
func everyError() []*oauth.Error {
	cause := errors.New("the cause")
	return []*oauth.Error{
		oauth.InvalidRequest("param.missing", "d"), oauth.RequestTooLarge("d"), oauth.HeaderTooLarge("d"), oauth.MethodNotAllowed("d"),
		oauth.InvalidClient("secret.mismatch", "d", cause), oauth.InvalidClientPost("secret.mismatch", "d", cause),
		oauth.UnauthorizedClient("grant.not_allowed", "d"), oauth.UnsupportedGrantType("d"), oauth.UnsupportedTokenType("d"),
		oauth.InvalidScope("scope.unknown", "d"), oauth.InvalidTarget("resource.unknown", "d"),
		oauth.InvalidToken("token.expired", "d", cause), oauth.InsufficientScope(oauth.NewScope("a")),
		oauth.TemporarilyUnavailable("store.unavailable", "d", cause), oauth.ServerError(cause), oauth.NotFound("d"),
	}
}

// TestErrors is TE-20 for what the package says by itself: codes and
// descriptions in the alphabet of RFC 6749 §5.2, and the cause in none of them.
func TestErrors(t *testing.T) {
	t.Parallel()
	for _, e := range everyError() {
		for _, s := range []string{e.Code, e.Description} {
			if s == "" || strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) >= 0 {
				t.Errorf("%s: %q", e.Code, s)
			}
			if strings.Contains(s, "cause") && e.Code != "server_error" {
				t.Errorf("%s: %q has the cause in it", e.Code, s)
			}
		}
		if e.Status < 400 || e.Status > 599 || e.Reason == "" {
			t.Errorf("%s: status %d, reason %q", e.Code, e.Status, e.Reason)
		}
		for _, part := range []string{e.Code, e.Reason, e.Description} {
			if !strings.Contains(e.Error(), part) {
				t.Errorf("%q lacks %q", e.Error(), part)
			}
		}
		if e.Cause != nil && (!errors.Is(e, e.Cause) || !strings.HasSuffix(e.Error(), ": the cause")) {
			t.Errorf("%q lacks its cause", e.Error())
		}
	}
}
